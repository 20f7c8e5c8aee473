//! The built-in driver: APC's smart protocol, spoken by `libapcsmart`.
//!
//! The only place in the host that knows both the session's words and the state engine's. Names and values are NUT's
//! already; here they lose the protocol.

use std::collections::{BTreeSet, VecDeque};

use ::apcsmart::table::Writable;
use ::apcsmart::{Danger, Event, LinkQuality, Outcome, Output, Refusal, Session, SessionConfig, Time, Value};

use super::{Driver, DriverOutput};
use crate::door::{NotBegun, OrderResult};
use crate::state::{Input, Kind};

/// NUT's name of the driver whose protocol this is.
const NAME: &str = "apcsmart";
/// What a text variable takes when it can be set: eight bytes of the unit's memory.
const TEXT_BYTES: u32 = 8;
const STATUS: &str = "ups.status";

/// APC's smart protocol on one line.
pub struct ApcSmart {
    session: Session,
    learned: VecDeque<Input>,
    heard: Option<Time>,
    /// When the status was last confirmed.
    confirmed: Option<Time>,
    diagnosis: Option<String>,
}

impl ApcSmart {
    /// A driver that has not spoken yet.
    pub fn new(config: SessionConfig) -> ApcSmart {
        ApcSmart {
            session: Session::new(config),
            learned: VecDeque::new(),
            heard: None,
            confirmed: None,
            diagnosis: None,
        }
    }

    /// Takes note of the newest answer: contact comes before what was learned by it.
    fn note_heard(&mut self) {
        let heard = self.session.last_heard();
        if heard.is_none() || heard == self.heard {
            return;
        }
        self.heard = heard;
        self.learned.push_back(Input::Heard);
        // The session tells of changes; after a loss the device wants to know that nothing has changed.
        if self.session.status_confirmed() != self.confirmed {
            self.confirmed = self.session.status_confirmed();
            if let Some(status) = self.session.reading(STATUS) {
                self.learned.push_back(reading(&self.session, STATUS, status));
            }
        }
    }

    /// What one event of the session means, unless it is the end of an order.
    fn learn(&mut self, event: Event) -> Option<DriverOutput> {
        match event {
            Event::Link(state) => tracing::debug!("the session's link is {state:?}"),
            Event::Alert(alert) => tracing::debug!("the UPS sent the alert {alert:?}"),
            // It comes as the reading `ups.status` too.
            Event::Status(_) => {}
            Event::Reading { name, value } => self.learned.push_back(reading(&self.session, name, &value)),
            Event::Withdrawn { name } => self.learned.push_back(Input::Withdrawn(name.to_owned())),
            Event::Discovered => self.learn_abilities(),
            Event::ScanComplete => {
                // The commands are known by now; the permitted values, which end the discovery, come a second later.
                self.learn_abilities();
                let known = self.session.readings().map(|(name, _)| name.to_owned()).collect();
                self.learned.push_back(Input::Complete(known));
            }
            Event::Diagnosis(diagnosis) => self.diagnose(diagnosis.to_string()),
            Event::Done { ticket, outcome } => {
                return Some(DriverOutput::Done { ticket: ticket.number(), result: result(&outcome) });
            }
            event => tracing::debug!("the session says {event:?}"),
        }
        None
    }

    /// What the unit permits came after the first readings: show them again with it.
    fn learn_abilities(&mut self) {
        let commands: BTreeSet<String> =
            self.session.commands().map(|command| command.name.to_owned()).collect();
        self.learned.push_back(Input::Commands(commands));
        for (name, value) in self.session.readings().filter(|(name, _)| *name != STATUS) {
            self.learned.push_back(reading(&self.session, name, value));
        }
    }

    /// A diagnosis is repeated every few seconds; it is worth one line until it changes.
    fn diagnose(&mut self, diagnosis: String) {
        if self.diagnosis.as_ref() != Some(&diagnosis) {
            tracing::info!("no UPS answers: {diagnosis}");
        }
        self.diagnosis = Some(diagnosis.clone());
        self.learned.push_back(Input::Diagnosis(diagnosis));
    }
}

impl Driver for ApcSmart {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handle_open(&mut self, now: Time) {
        self.session.handle_open(now);
    }

    fn handle_close(&mut self, now: Time) {
        self.session.handle_close(now);
    }

    fn handle_input(&mut self, now: Time, bytes: &[u8]) {
        self.session.handle_input(now, bytes);
        self.note_heard();
    }

    fn handle_timeout(&mut self, now: Time) {
        self.session.handle_timeout(now);
        self.note_heard();
    }

    fn poll_output(&mut self) -> DriverOutput {
        loop {
            if let Some(input) = self.learned.pop_front() {
                return DriverOutput::Learned(input);
            }
            match self.session.poll_output() {
                Output::Transmit(bytes) => return DriverOutput::Transmit(bytes),
                Output::Event(event) => {
                    if let Some(done) = self.learn(event) {
                        return done;
                    }
                }
                Output::Timeout(time) => return DriverOutput::Timeout(time),
            }
        }
    }

    fn run(
        &mut self,
        now: Time,
        command: &str,
        argument: Option<&str>,
        danger_confirmed: bool,
    ) -> Result<u64, NotBegun> {
        let danger = if danger_confirmed { Danger::Confirmed } else { Danger::None };
        self.session.run(now, command, argument, danger).map(|ticket| ticket.number()).map_err(refused)
    }

    fn set(&mut self, now: Time, variable: &str, value: &str) -> Result<u64, NotBegun> {
        self.session.set(now, variable, value).map(|ticket| ticket.number()).map_err(refused)
    }

    fn last_heard(&self) -> Option<Time> {
        self.session.last_heard()
    }

    fn quality(&self) -> Option<&LinkQuality> {
        Some(self.session.quality())
    }
}

fn reading(session: &Session, name: &'static str, value: &Value) -> Input {
    let fixed = match value {
        Value::Number(_) => Kind::Number,
        _ => Kind::Text(0),
    };
    let (kind, settable) = match session.variable_info(name) {
        Some(info) => match info.writable {
            Writable::Choice => (Kind::Choice(info.choices), true),
            Writable::Text8 => (Kind::Text(TEXT_BYTES), true),
            Writable::Step => (fixed, true),
            Writable::No => (fixed, false),
        },
        None => (fixed, false),
    };
    Input::Reading { name: name.to_owned(), value: value.to_string(), kind, settable }
}

fn result(outcome: &Outcome) -> OrderResult {
    match outcome {
        Outcome::Accepted => OrderResult::Accepted,
        Outcome::Executed => OrderResult::Executed,
        Outcome::Verified => OrderResult::Verified,
        Outcome::Unchanged => OrderResult::Unchanged,
        Outcome::NoEffect => OrderResult::NoEffect,
        Outcome::TimedOut | Outcome::Interrupted => OrderResult::TimedOut,
        Outcome::Unsupported => OrderResult::Unsupported("this UPS does not know it".to_owned()),
        Outcome::Refused(reason) => OrderResult::Refused((*reason).to_owned()),
        // Whatever a later library says: nothing is known of the effect.
        other => OrderResult::Refused(other.to_string()),
    }
}

fn refused(refusal: Refusal) -> NotBegun {
    let text = refusal.to_string();
    NotBegun::Ended(match refusal {
        Refusal::Busy => return NotBegun::Busy,
        Refusal::UnknownCommand(_) | Refusal::NotOnThisUnit(_) | Refusal::UnknownVariable(_) => {
            OrderResult::Unsupported(text)
        }
        Refusal::NeedsConfirmation(_) => OrderResult::Unconfirmed(text),
        Refusal::InvalidArgument { .. } | Refusal::InvalidValue { .. } => OrderResult::Invalid(text),
        Refusal::NotConnected => OrderResult::Stale,
        // Read-only, not discovered yet, and whatever a later library adds.
        _ => OrderResult::Refused(text),
    })
}
