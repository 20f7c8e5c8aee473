//! What is believed of one UPS, and the events that follow from it.
//!
//! Pure: it is told what was heard, what was ordered, what became of the port and what time it is, and it opens nothing,
//! logs nothing and reads no clock. It knows NUT's names and no protocol, so that every driver feeds it alike. Its parts:
//! `contact` (is the UPS there), `judge` (what is believed of its status), `outages`, `energy` and `trend` (what is
//! counted), `derive` (what follows). Events follow from what is published and from nothing else: whoever compares two
//! statuses finds the same.

mod calendar;
mod calibration;
mod contact;
mod debounce;
mod derive;
mod energy;
mod judge;
mod outages;
mod publish;
mod self_test;
mod tell;
mod trend;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use apcsmart::Time;

use self::calendar::Calendar;
use self::contact::Contact;
use self::energy::Energy;
use self::judge::Judge;
use self::outages::Outages;
use self::self_test::Latched;
use self::trend::Trend;
use super::event::Severity;
use super::kinds::{self, EventKind, TOKENS};
use super::memory::{Memory, TestMemory};
use super::rules::Rules;
use super::snapshot::{Availability, Kind, Variable};

/// The reading that carries the status tokens.
const STATUS: &str = "ups.status";
/// The reading that carries what the UPS complains about.
const ALARM: &str = "ups.alarm";
/// Why the UPS last left mains.
const TRANSFER_REASON: &str = "input.transfer.reason";
/// A reason of transfer that is read within this time after an outage is that of the outage.
const REASON_ARRIVES: Duration = Duration::from_secs(12);

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
    /// A command was given to the UPS. Say so when it is sent: the effect may be seen before it is acknowledged.
    Order {
        /// NUT name, such as `test.battery.start`.
        command: String,
        /// When it was sent.
        at: Time,
    },
    /// Every machine on this UPS is to shut down now, or no longer.
    ForcedShutdown(bool),
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
    now: Time,
    contact: Contact,
    judge: Judge,
    calendar: Calendar,
    outages: Outages,
    outage_ended: Option<Time>,
    energy: Energy,
    charge_trend: Trend,
    runtime_trend: Trend,
    /// Whether the trends are those of a discharge.
    trend_on_battery: bool,
    forced: Forced,
    /// The loss of contact that a forced shutdown was already considered for: whoever takes it back has decided.
    loss_judged: Option<Time>,
    /// `ups.status` as clients read it, token by token.
    status: Vec<String>,
    /// The tokens of it whose coming was told.
    told: BTreeSet<&'static str>,
    /// `ups.on-battery` was told, and `ups.on-line` was not.
    on_battery: bool,
    /// The UPS's own complaint, as it was last told.
    alarm: Option<String>,
    /// Whether the UPS complains is known since the start.
    alarm_known: bool,
    serial: Option<String>,
    battery_date: Option<String>,
    /// As the UPS gives them.
    readings: BTreeMap<String, Variable>,
    /// What follows from them, see `publish`.
    derived: BTreeMap<&'static str, String>,
    refreshed: Time,
    /// Something that others follow from has changed since.
    dirty: bool,
    commands: BTreeSet<String>,
    happenings: VecDeque<Happening>,
    changed: bool,
    memory_changed: bool,
}

/// The forced shutdown.
#[derive(Debug, Default)]
struct Forced {
    set: bool,
    /// The UPS was on battery or off since it was set.
    outage: bool,
    /// Since when it is on line after that.
    on_line: Option<Time>,
    /// Contact was lost in an outage for so long that a rule has set it.
    lost_for: Option<Duration>,
}

impl DeviceState {
    /// A device that the host begins to look for at `now`.
    pub fn new(identity: Identity, rules: Rules, now: Time) -> DeviceState {
        DeviceState {
            identity,
            rules,
            now,
            contact: Contact::new(now),
            judge: Judge::new(now),
            calendar: Calendar::default(),
            outages: Outages::default(),
            outage_ended: None,
            energy: Energy::default(),
            charge_trend: Trend::default(),
            runtime_trend: Trend::default(),
            trend_on_battery: false,
            forced: Forced::default(),
            loss_judged: None,
            status: Vec::new(),
            told: BTreeSet::new(),
            on_battery: false,
            alarm: None,
            alarm_known: false,
            serial: None,
            battery_date: None,
            readings: BTreeMap::new(),
            derived: BTreeMap::new(),
            refreshed: now,
            dirty: true,
            commands: BTreeSet::new(),
            happenings: VecDeque::new(),
            changed: true,
            memory_changed: false,
        }
    }

    /// Takes over what was remembered before a restart. Call it before anything else.
    pub fn restore(&mut self, memory: Memory) {
        let overrule = memory.overruled_ms.map(Duration::from_millis);
        self.judge.restore(self.now, &memory.told, overrule);
        self.judge.restore_test(memory.test.map(|test| Latched { text: test.result, at_ms: test.at_ms }));
        self.outages.restore(self.now, memory.outages);
        self.energy.restore(memory.milliwatt_seconds);
        self.on_battery = memory.on_battery;
        self.alarm = memory.alarm;
        self.serial = memory.serial;
        self.battery_date = memory.battery_date;
        let outage = memory.forced_shutdown_outage;
        self.forced = Forced { set: memory.forced_shutdown, outage, ..Forced::default() };
        let tokens = TOKENS.iter().map(|(token, _, _)| *token);
        self.told = tokens.filter(|token| memory.told.iter().any(|told| told == token)).collect();
        self.touch();
    }

    /// What must not be forgotten over a restart.
    pub fn memory(&self) -> Memory {
        let overruled = self.judge.overrule_left(self.now);
        let latched = self.judge.test().latched();
        Memory {
            forced_shutdown: self.forced.set,
            forced_shutdown_outage: self.forced.outage,
            on_battery: self.on_battery,
            told: self.told.iter().map(|token| (*token).to_owned()).collect(),
            alarm: self.alarm.clone(),
            outages: self.outages.memory(self.now, &self.calendar),
            milliwatt_seconds: self.energy.milliwatt_seconds(),
            test: latched.map(|latched| TestMemory { result: latched.text.clone(), at_ms: latched.at_ms }),
            serial: self.serial.clone(),
            battery_date: self.battery_date.clone(),
            overruled_ms: overruled.and_then(|left| u64::try_from(left.as_millis()).ok()),
        }
    }

    /// Whether [`DeviceState::memory`] has changed since this was last asked so that it is worth storing. What grows all
    /// the time counts only now and then.
    pub fn take_memory_changed(&mut self) -> bool {
        let grown = self.energy.take_worth_storing();
        std::mem::take(&mut self.memory_changed) || grown
    }

    /// Judges by other rules from `now` on. What is under way goes on.
    pub fn set_rules(&mut self, now: Time, rules: Rules) {
        self.rules = rules;
        self.touch();
        self.settle(now, self.happenings.len());
    }

    /// It is `unix_ms` milliseconds since 1970. Say so again from time to time: clocks are set. Nothing is decided by it.
    pub fn set_calendar(&mut self, now: Time, unix_ms: u64) {
        self.calendar.set(now, unix_ms);
    }

    /// Takes in what was learned at `now`.
    ///
    /// Say [`Input::Heard`] before the readings that came with it: contact comes before what was learned by it.
    pub fn handle_input(&mut self, now: Time, input: Input) {
        let now = now.max(self.now);
        // Contact comes before what was learned by it.
        let first = self.happenings.len();
        match input {
            Input::PortOpened => self.contact.open(),
            Input::PortLost(reason) => {
                let change = self.contact.hang_up(now, reason);
                self.tell_contact(first, change);
            }
            Input::Diagnosis(text) => self.contact.diagnose(text),
            Input::Heard => self.contact.hear(now),
            Input::Reading { name, value, kind, settable } => {
                self.learn(now, name, Variable { value, kind, settable });
            }
            Input::Withdrawn(name) => self.forget(&name),
            Input::Commands(commands) => {
                self.changed |= self.commands != commands;
                self.commands = commands;
            }
            Input::Complete(known) => self.forget_all_but(&known),
            Input::Order { command, at } => self.judge.take_order(now, &command, at),
            Input::ForcedShutdown(set) => self.force_shutdown(set),
        }
        self.settle(now, first);
    }

    /// Call when the time of [`DeviceState::deadline`] has come; earlier or later does no harm.
    pub fn handle_timeout(&mut self, now: Time) {
        self.settle(now, self.happenings.len());
    }

    /// When something is believed, or no longer believed, unless something is learned before.
    pub fn deadline(&self) -> Time {
        let forced = match (self.forced.on_line, self.rules.clear_forced_shutdown_after) {
            (Some(since), Some(after)) if self.forced.set => since + after,
            _ => Time::NEVER,
        };
        let lost = self.lost_too_long_at().unwrap_or(Time::NEVER);
        self.contact.deadline(&self.rules).min(self.judge.deadline(&self.rules)).min(forced).min(lost)
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
        self.contact.heard()
    }

    /// How far the variables can be trusted.
    pub fn availability(&self) -> Availability {
        self.contact.availability()
    }

    /// Whether a forced shutdown is set.
    pub fn forced_shutdown(&self) -> bool {
        self.forced.set
    }

    fn learn(&mut self, now: Time, name: String, variable: Variable) {
        let value = variable.value.clone();
        let before = self.readings.insert(name.clone(), variable);
        let is_new = before.as_ref().is_none_or(|before| before.value != value);
        // The status is shown as it is judged, not as it is said.
        if name != STATUS && before.as_ref() != self.readings.get(&name) {
            self.touch();
        }
        match name.as_str() {
            STATUS => {
                self.contact.know_status();
                self.judge.take_status(now, &value, &self.rules);
            }
            ALARM => self.alarm_known = true,
            "ups.serial" => self.learn_serial(value),
            "battery.date" => self.learn_battery_date(now, value),
            _ => self.judge.take_reading(now, &name, &value, self.calendar.unix_ms(now)),
        }
        if name == TRANSFER_REASON && is_new {
            let fresh = self.outage_ended.is_some_and(|ended| now.since(ended) <= REASON_ARRIVES);
            if self.outages.is_going_on() || fresh {
                self.outages.set_reason(&self.readings[&name].value);
            }
        }
    }

    fn learn_serial(&mut self, serial: String) {
        if self.serial.as_ref() == Some(&serial) || serial.is_empty() {
            return;
        }
        self.memory_changed = true;
        if let Some(before) = self.serial.replace(serial.clone()) {
            self.judge.forget_unit();
            self.charge_trend.restart();
            self.runtime_trend.restart();
            // Its battery has a date of its own, which is no change of the battery.
            self.battery_date = None;
            self.happen_with(&kinds::REPLACED, &[("ups.serial", serial), ("before", before)]);
        }
    }

    fn learn_battery_date(&mut self, now: Time, date: String) {
        // Units without a date say `UNKNOWN`, `00/00/00` or nothing: that is no new battery.
        let is_date = date.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
        if self.battery_date.as_ref() == Some(&date) || !is_date {
            return;
        }
        self.memory_changed = true;
        if let Some(before) = self.battery_date.replace(date.clone()) {
            self.happen_with(&kinds::BATTERY_REPLACED, &[("battery.date", date), ("before", before)]);
            self.judge.trust_battery(now, &self.rules);
        }
    }

    fn forget(&mut self, name: &str) {
        // Without contact the last that was known stays on show, marked stale; a new contact tells what is still true.
        if self.contact.is_lost() {
            return;
        }
        self.alarm_known |= name == ALARM;
        if self.readings.remove(name).is_some() {
            self.touch();
            self.judge.forget_reading(name);
        }
    }

    fn forget_all_but(&mut self, known: &BTreeSet<String>) {
        let gone: Vec<String> = self.readings.keys().filter(|name| !known.contains(*name)).cloned().collect();
        for name in gone {
            self.forget(&name);
        }
        self.alarm_known = true;
    }

    fn force_shutdown(&mut self, set: bool) {
        if self.forced.set != set {
            self.forced = Forced { set, outage: self.on_battery, ..Forced::default() };
            self.memory_changed = true;
        }
    }

    /// Lets everything follow from what was learned and from the time. An event about the contact goes to the place
    /// `first`: contact comes before what was learned by it.
    fn settle(&mut self, now: Time, first: usize) {
        let now = now.max(self.now);
        self.now = now;
        let change = self.contact.pass(now, &self.rules);
        self.judge.pass(now, &self.rules, self.calendar.unix_ms(now));
        self.pass_lost(now);
        self.pass_forced(now);
        self.tell(now);
        self.tell_contact(first, change);
        self.refresh(now);
    }

    /// When contact will have been lost in an outage for too long, if the rule says so and nobody has decided since. A UPS
    /// that was not reached since the start tells nothing: what is remembered of it may be from long ago.
    fn lost_too_long_at(&self) -> Option<Time> {
        let lost =
            self.contact.lost_since().filter(|lost| self.on_battery && self.loss_judged != Some(*lost))?;
        Some(lost + self.rules.forced_shutdown_after_lost?)
    }

    /// Sets the forced shutdown when nobody will hear of the empty battery.
    fn pass_lost(&mut self, now: Time) {
        if self.lost_too_long_at().is_none_or(|at| now < at) {
            return;
        }
        self.loss_judged = self.contact.lost_since();
        if !self.forced.set {
            self.force_shutdown(true);
            self.forced.lost_for = self.rules.forced_shutdown_after_lost;
        }
    }

    /// Takes the forced shutdown back when the rule says so.
    fn pass_forced(&mut self, now: Time) {
        let tokens = self.judge.tokens();
        let has = |wanted: &str| tokens.iter().any(|token| token == wanted);
        let away = has("OB") || has("OFF");
        if !self.forced.set || tokens.is_empty() {
            return;
        }
        if away != self.forced.outage && away {
            self.forced.outage = true;
            self.memory_changed = true;
        }
        self.forced.on_line = match self.forced.on_line {
            _ if away || !self.forced.outage => None,
            None => Some(now),
            since => since,
        };
        if let (Some(since), Some(after)) = (self.forced.on_line, self.rules.clear_forced_shutdown_after)
            && now >= since + after
        {
            self.force_shutdown(false);
        }
    }

    fn touch(&mut self) {
        (self.changed, self.dirty) = (true, true);
    }
}

#[cfg(test)]
mod tests;
