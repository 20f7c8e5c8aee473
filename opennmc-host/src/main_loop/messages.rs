//! What plugins say to everybody, on the main loop: the bus, and notices for people.
//!
//! Nothing here waits for anybody. What a plugin can say at will is kept in the history within an allowance only, so that no
//! plugin can drive the UPSes' own events out of it.

mod allowance;
mod store;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use calloop::timer::{TimeoutAction, Timer};
use calloop::{LoopHandle, RegistrationToken};

use self::allowance::Allowance;
pub(super) use self::store::open as open_store;
use super::State;
use crate::host::notices::{Notices, Output};
use crate::plugin::{Delivery, Message, Notifiers, Said};
use crate::state::{Event, Severity};

/// Everything that plugins say.
#[derive(Default)]
pub(super) struct Messaging {
    notices: Notices,
    /// Where the runs of notifiers take what they have to deliver.
    runs: BTreeMap<u64, Box<dyn Fn(Delivery) + Send>>,
    /// Set while no notices are taken.
    is_full: Arc<AtomicBool>,
    /// Who delivers, for whoever names one.
    notifiers: Notifiers,
    /// Of the notices.
    deadline: Option<Instant>,
    timer: Option<(RegistrationToken, Instant)>,
    allowances: HashMap<Arc<str>, Allowance>,
    /// What was said since the last turn ended, and whether it is to be kept.
    told: Vec<(Event, bool)>,
}

impl Messaging {
    /// Whether no notices are taken at present, for whoever wants to send one.
    pub(super) fn full_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_full)
    }

    /// Who delivers notices, for whoever names one.
    pub(super) fn notifiers(&self) -> Notifiers {
        self.notifiers.clone()
    }

    /// What was said, for the caller to take out.
    pub(super) fn take_told(&mut self) -> Vec<(Event, bool)> {
        std::mem::take(&mut self.told)
    }

    /// Takes in what a plugin says.
    pub(super) fn hear(&mut self, now: Instant, at_ms: u64, message: Message) {
        let from = &message.from;
        match message.said {
            Said::Publish { topic, severity, device, fields } => {
                let kind = format!("bus.{from}.{topic}");
                let event = Event { id: 0, kind, severity, device, at_ms, fields };
                // Readings come all the time, and whoever wants them listens.
                let kept = severity > Severity::Info && self.is_allowed(now, from, &event);
                self.told.push((event, kept));
            }
            Said::Notice { ticket, notice, to } => self.notices.send(now, at_ms, ticket, from, notice, to),
            Said::NotifierCame { run, deliver } => {
                self.runs.insert(run, deliver);
                self.notices.came(now, from, run);
            }
            Said::NotifierWent { run } => {
                self.runs.remove(&run);
                self.notices.went(now, from, run);
            }
            Said::Delivered { number } => self.notices.delivered(now, from, number),
            Said::NotDelivered { number, reason, again } => {
                self.notices.not_delivered(now, from, number, &reason, again);
            }
        }
        self.carry_out(now, at_ms);
        let names: Vec<Arc<str>> = self.notices.notifiers(now).cloned().collect();
        if *self.notifiers.names() != names {
            self.notifiers.set(names);
        }
    }

    /// Does what the notices want done.
    fn carry_out(&mut self, now: Instant, at_ms: u64) {
        while let Some(output) = self.notices.poll_output() {
            match output {
                Output::Deliver { run, delivery } => {
                    if let Some(deliver) = self.runs.get(&run) {
                        deliver(delivery);
                    }
                }
                Output::Told { kind, severity, from, device, fields } => {
                    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                    let event = Event { id: 0, kind: kind.to_owned(), severity, device, at_ms, fields };
                    if severity > Severity::Info {
                        let field = |name| event.fields.iter().find(|(field, _)| field == name);
                        let reason = field("reason").map_or("", |(_, reason)| reason);
                        tracing::warn!(plugin = %from, "a notice was not delivered: {reason}");
                    }
                    let kept = self.is_allowed(now, &from, &event);
                    self.told.push((event, kept));
                }
            }
        }
        self.deadline = self.notices.next_deadline();
        self.is_full.store(self.notices.is_full(), Relaxed);
    }

    fn is_allowed(&mut self, now: Instant, from: &Arc<str>, event: &Event) -> bool {
        let allowance = self.allowances.entry(Arc::clone(from)).or_insert_with(|| Allowance::new(now));
        let allowed = allowance.take(now, event);
        if let Some(lost) = allowance.tell(now) {
            tracing::warn!(plugin = %from, events = lost, "says more than the history keeps of one plugin in a day");
        }
        allowed
    }

    /// Sets the timer for the next deadline of a notice. Cheap when that has not moved.
    pub(super) fn arm(&mut self, handle: &LoopHandle<'static, State>) {
        if self.timer.map(|(_, armed)| armed) == self.deadline {
            return;
        }
        if let Some((token, _)) = self.timer.take() {
            handle.remove(token);
        }
        let Some(deadline) = self.deadline else { return };
        let inserted = handle.insert_source(Timer::from_deadline(deadline), |_, (), state: &mut State| {
            let messaging = &mut state.messaging;
            messaging.timer = None;
            let now = Instant::now();
            messaging.notices.handle_deadline(now);
            messaging.carry_out(now, state.clock.wall_ms());
            TimeoutAction::Drop
        });
        match inserted {
            Ok(token) => self.timer = Some((token, deadline)),
            Err(error) => tracing::error!("can't set the timer of the notices: {error}"),
        }
    }
}
