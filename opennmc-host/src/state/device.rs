//! What is believed of one UPS, and the events that follow from it.
//!
//! Pure: it is told what was heard, what became of the port and what time it is, and it opens nothing, logs nothing and
//! reads no clock. It knows NUT's names and no protocol, so that every driver feeds it alike. Whatever is to be judged
//! about a status before people are woken (debouncing, self tests, forced shutdown) belongs in here, behind the same
//! four functions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use apcsmart::Time;

use super::event::Severity;
use super::kinds::{self, EventKind, TOKENS};
use super::rules::Rules;
use super::snapshot::{Availability, Device, Kind, Variable};

/// The reading that carries the status tokens.
const STATUS: &str = "ups.status";
/// The reading that carries what the UPS complains about.
const ALARM: &str = "ups.alarm";
/// Readings that NUT clients also look for under the name of the device.
const DEVICE_COPIES: [(&str, &str); 3] =
    [("ups.mfr", "device.mfr"), ("ups.model", "device.model"), ("ups.serial", "device.serial")];
/// Readings that every event about the power carries along, when they are known. Nothing that would still be that of the
/// last time, such as the reason of a transfer, which the UPS is asked for later.
const EVENT_FIELDS: [&str; 3] = [STATUS, "battery.charge", "battery.runtime"];

/// What never changes about a device.
#[derive(Debug, Clone)]
pub struct Identity {
    /// As configured.
    pub name: String,
    /// As configured.
    pub description: Option<String>,
    /// The port as configured, for `driver.parameter.port`.
    pub port: String,
    /// NUT's `driver.name`.
    pub driver: &'static str,
}

/// Something that was learned about a device.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input {
    /// The port is open. Nothing was heard yet.
    PortOpened,
    /// The port could not be opened, or was open and is gone; the text says why.
    PortLost(String),
    /// What seems to be on the line instead of a UPS, for people.
    Diagnosis(String),
    /// A valid answer came in.
    Heard,
    /// A variable has this value now.
    Reading {
        /// NUT name.
        name: String,
        /// As NUT clients read it.
        value: String,
        /// Which values it takes.
        kind: Kind,
        /// Whether it can be set.
        settable: bool,
    },
    /// A variable is no longer known.
    Withdrawn(String),
    /// These are the commands the UPS takes, by NUT name.
    Commands(BTreeSet<String>),
    /// Every variable was read since the contact began. Of the names that were known before it, only these still are.
    Complete(BTreeSet<String>),
}

/// An event, before it has a wall-clock time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// Which kind.
    pub kind: &'static EventKind,
    /// Usually the kind's own.
    pub severity: Severity,
    /// Details by name.
    pub fields: Vec<(String, String)>,
}

/// What is believed of one UPS.
#[derive(Debug)]
pub struct DeviceState {
    identity: Identity,
    rules: Rules,
    availability: Availability,
    /// When the host began to look for the device.
    since: Time,
    heard: Option<Time>,
    /// When contact was lost, while it is.
    lost: Option<Time>,
    /// The status was confirmed since the contact began.
    status_known: bool,
    on_battery: bool,
    /// The last that was said about why there is no contact.
    diagnosis: Option<String>,
    variables: BTreeMap<String, Variable>,
    commands: BTreeSet<String>,
    happenings: VecDeque<Happening>,
    changed: bool,
}

impl DeviceState {
    /// A device that the host begins to look for at `now`.
    pub fn new(identity: Identity, rules: Rules, now: Time) -> DeviceState {
        DeviceState {
            identity,
            rules,
            availability: Availability::Waiting,
            since: now,
            heard: None,
            lost: None,
            status_known: false,
            on_battery: false,
            diagnosis: None,
            variables: BTreeMap::new(),
            commands: BTreeSet::new(),
            happenings: VecDeque::new(),
            changed: true,
        }
    }

    /// Takes in what was learned at `now`.
    ///
    /// Say [`Input::Heard`] before the readings that came with it: contact comes before what was learned by it.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        let first_of_these = self.happenings.len();
        match input {
            Input::PortOpened => self.status_known = false,
            Input::PortLost(reason) => self.lose(now, &reason),
            Input::Diagnosis(text) => self.diagnosis = Some(text),
            Input::Heard => self.heard = Some(now),
            Input::Reading { name, value, kind, settable } => {
                self.learn(name, Variable { value, kind, settable })
            }
            Input::Withdrawn(name) => self.forget(&name),
            Input::Commands(commands) => {
                self.changed |= self.commands != commands;
                self.commands = commands;
            }
            Input::Complete(known) => self.forget_all_but(&known),
        }
        self.go_live(now, first_of_these);
    }

    /// Call when the time of [`DeviceState::deadline`] has come; earlier or later does no harm.
    pub fn handle_timeout(&mut self, now: Time) {
        if now >= self.deadline() {
            let reason = self.diagnosis.clone();
            self.lose(now, reason.as_deref().unwrap_or("it does not answer"));
        }
    }

    /// When the silence has become too long, unless something is heard before.
    pub fn deadline(&self) -> Time {
        match self.availability {
            Availability::Live => self.heard.unwrap_or(self.since) + self.rules.stale_after,
            Availability::Waiting => self.since + self.rules.stale_after,
            Availability::Stale | Availability::Disconnected => Time::NEVER,
        }
    }

    /// The next event that nobody has taken yet.
    pub fn poll_happening(&mut self) -> Option<Happening> {
        self.happenings.pop_front()
    }

    /// Whether anything that [`DeviceState::device`] shows has changed since this was last asked. The time at which the
    /// UPS was last heard does not count.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The configured name.
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// When the UPS last gave a valid answer.
    pub fn heard(&self) -> Option<Time> {
        self.heard
    }

    /// How far the variables can be trusted.
    pub fn availability(&self) -> Availability {
        self.availability
    }

    /// The device as the next snapshot shows it.
    pub fn device(&self, generation: u64, heard_at_ms: Option<u64>) -> Device {
        let heard = matches!(self.availability, Availability::Live | Availability::Stale);
        Device {
            name: self.identity.name.clone(),
            description: self.identity.description.clone(),
            availability: self.availability,
            generation,
            heard_at_ms,
            variables: if heard { self.all_variables() } else { BTreeMap::new() },
            commands: if heard { self.commands.clone() } else { BTreeSet::new() },
        }
    }

    fn learn(&mut self, name: String, variable: Variable) {
        let before = self.variables.insert(name.clone(), variable);
        let after = &self.variables[&name];
        self.changed |= before.as_ref() != Some(after);
        let value = after.value.clone();
        let before = before.map(|variable| variable.value).unwrap_or_default();
        match name.as_str() {
            STATUS => {
                self.status_known = true;
                self.compare_status(&before, &value);
            }
            ALARM => self.compare_alarm(&before, &value),
            _ => {}
        }
    }

    fn forget(&mut self, name: &str) {
        // Without contact the last that was known stays on show, marked stale; a new contact tells what is still true.
        if self.lost.is_some() {
            return;
        }
        if let Some(gone) = self.variables.remove(name) {
            self.changed = true;
            if name == ALARM {
                self.compare_alarm(&gone.value, "");
            }
        }
    }

    fn forget_all_but(&mut self, known: &BTreeSet<String>) {
        let gone: Vec<String> =
            self.variables.keys().filter(|name| !known.contains(*name)).cloned().collect();
        for name in gone {
            self.forget(&name);
        }
    }

    /// Events follow from tokens that come and go. What the first status already says counts as having come, except
    /// that all is well.
    fn compare_status(&mut self, before: &str, after: &str) {
        let has = |status: &str, token: &str| status.split_ascii_whitespace().any(|word| word == token);
        if has(after, "OB") && !self.on_battery {
            self.on_battery = true;
            self.happen(&kinds::ON_BATTERY);
        }
        if has(after, "OL") && self.on_battery {
            self.on_battery = false;
            self.happen(&kinds::ON_LINE);
        }
        for (token, came, went) in TOKENS {
            match (has(before, token), has(after, token)) {
                (false, true) => self.happen(came),
                (true, false) => self.happen(went),
                _ => {}
            }
        }
    }

    fn compare_alarm(&mut self, before: &str, after: &str) {
        if before == after {
            return;
        }
        let kind = if after.is_empty() { &kinds::ALARM_CLEARED } else { &kinds::ALARM };
        let mut fields = self.power_fields();
        fields.insert(0, ("alarm".to_owned(), if after.is_empty() { before } else { after }.to_owned()));
        self.happenings.push_back(Happening { kind, severity: kind.severity, fields });
    }

    /// Contact is there when the UPS answers and its status is known: before that, clients would see a UPS without one.
    fn go_live(&mut self, now: Time, position: usize) {
        let since = self.lost.unwrap_or(self.since);
        let heard = self.heard.is_some_and(|heard| heard >= since);
        if self.availability == Availability::Live || !heard || !self.status_known {
            return;
        }
        let (kind, fields) = match self.lost.take() {
            Some(lost) => {
                (&kinds::COMM_RESTORED, vec![("away-s".to_owned(), now.since(lost).as_secs().to_string())])
            }
            None => (&kinds::COMM_ESTABLISHED, Vec::new()),
        };
        self.availability = Availability::Live;
        self.diagnosis = None;
        self.changed = true;
        self.happenings.insert(position, Happening { kind, severity: kind.severity, fields });
    }

    fn lose(&mut self, now: Time, reason: &str) {
        self.status_known = false;
        let (next, kind) = match self.availability {
            Availability::Live => (Availability::Stale, &kinds::COMM_LOST),
            Availability::Waiting => (Availability::Disconnected, &kinds::NO_COMM),
            Availability::Stale | Availability::Disconnected => return,
        };
        self.availability = next;
        self.lost = Some(now);
        self.changed = true;
        // On battery and out of sight is the worst case: nobody will hear of the low battery.
        let severity = if self.on_battery { Severity::Critical } else { kind.severity };
        let mut fields =
            vec![("reason".to_owned(), reason.to_owned()), ("port".to_owned(), self.identity.port.clone())];
        fields.extend(self.power_fields());
        self.happenings.push_back(Happening { kind, severity, fields });
    }

    fn happen(&mut self, kind: &'static EventKind) {
        let fields = self.power_fields();
        self.happenings.push_back(Happening { kind, severity: kind.severity, fields });
    }

    fn power_fields(&self) -> Vec<(String, String)> {
        let known = |name: &&str| {
            self.variables.get(*name).map(|variable| ((*name).to_owned(), variable.value.clone()))
        };
        EVENT_FIELDS.iter().filter_map(known).collect()
    }

    /// What the UPS said, and what NUT clients expect of a driver besides.
    fn all_variables(&self) -> BTreeMap<String, Variable> {
        let mut all = self.variables.clone();
        for (from, to) in DEVICE_COPIES {
            if let Some(variable) = self.variables.get(from) {
                all.entry(to.to_owned()).or_insert_with(|| fixed(&variable.value));
            }
        }
        // Words that NUT's own drivers use for the same.
        let state = if self.availability == Availability::Live { "quiet" } else { "reconnect.trying" };
        let own = [
            ("device.type", "ups"),
            ("driver.name", self.identity.driver),
            ("driver.version", env!("CARGO_PKG_VERSION")),
            ("driver.state", state),
            ("driver.parameter.port", &self.identity.port),
        ];
        all.extend(own.map(|(name, value)| (name.to_owned(), fixed(value))));
        all
    }
}

fn fixed(value: &str) -> Variable {
    Variable { value: value.to_owned(), kind: Kind::Text(0), settable: false }
}

#[cfg(test)]
mod tests;
