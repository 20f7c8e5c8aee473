//! From what the protocol session says to what the device state takes in.
//!
//! The only place that knows both. The session's names and values are NUT's already; here they lose the protocol.

use std::collections::BTreeSet;

use apcsmart::table::Writable;
use apcsmart::{Event, Session, Time, Value};

use crate::state::{DeviceState, Input, Kind};

/// What a text variable takes when it can be set: eight bytes of the unit's memory.
const TEXT_BYTES: u32 = 8;
const STATUS: &str = "ups.status";

/// Feeds a device from a session.
#[derive(Debug, Default)]
pub(super) struct Learner {
    diagnosis: Option<String>,
    /// When the status was last confirmed.
    confirmed: Option<Time>,
}

impl Learner {
    /// Takes note of the newest answer, if there is a new one. True when there is.
    ///
    /// Call it before the events are handed on: contact comes before what was learned by it.
    pub(super) fn note_heard(&mut self, device: &mut DeviceState, session: &Session, now: Time) -> bool {
        let heard = session.last_heard();
        if heard.is_none() || heard == device.heard() {
            return false;
        }
        device.handle_input(now, Input::Heard);
        // The session tells of changes; after a loss the device wants to know that nothing has changed.
        if session.status_confirmed() != self.confirmed {
            self.confirmed = session.status_confirmed();
            if let Some(status) = session.reading(STATUS) {
                device.handle_input(now, reading(session, STATUS, status));
            }
        }
        true
    }

    /// Hands one event of the session on.
    pub(super) fn handle_event(
        &mut self,
        device: &mut DeviceState,
        session: &Session,
        now: Time,
        event: Event,
    ) {
        match event {
            Event::Link(state) => tracing::debug!(ups = device.name(), "the session's link is {state:?}"),
            Event::Alert(alert) => tracing::debug!(ups = device.name(), "the UPS sent the alert {alert:?}"),
            // It comes as the reading `ups.status` too.
            Event::Status(_) => {}
            Event::Reading { name, value } => device.handle_input(now, reading(session, name, &value)),
            Event::Withdrawn { name } => device.handle_input(now, Input::Withdrawn(name.to_owned())),
            Event::Discovered => learn_abilities(device, session, now),
            Event::ScanComplete => {
                // The commands are known by now; the permitted values, which end the discovery, come a second later.
                learn_abilities(device, session, now);
                let known: BTreeSet<String> = session.readings().map(|(name, _)| name.to_owned()).collect();
                device.handle_input(now, Input::Complete(known));
            }
            Event::Diagnosis(diagnosis) => self.diagnose(device, now, diagnosis.to_string()),
            event => tracing::debug!(ups = device.name(), "the session says {event:?}"),
        }
    }

    /// A diagnosis is repeated every few seconds; it is worth one line until it changes.
    fn diagnose(&mut self, device: &mut DeviceState, now: Time, diagnosis: String) {
        if self.diagnosis.as_ref() != Some(&diagnosis) {
            tracing::info!(ups = device.name(), "no UPS answers: {diagnosis}");
        }
        self.diagnosis = Some(diagnosis.clone());
        device.handle_input(now, Input::Diagnosis(diagnosis));
    }
}

/// What the unit permits came after the first readings: show them again with it.
fn learn_abilities(device: &mut DeviceState, session: &Session, now: Time) {
    let commands = session.commands().map(|command| command.name.to_owned()).collect();
    device.handle_input(now, Input::Commands(commands));
    for (name, value) in session.readings().filter(|(name, _)| *name != STATUS) {
        device.handle_input(now, reading(session, name, value));
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
