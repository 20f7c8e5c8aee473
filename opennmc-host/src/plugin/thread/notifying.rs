//! A plugin that delivers notices is given them from its opening to its end, whatever way that comes.

use std::sync::Arc;

use calloop::channel::Sender;

use crate::plugin::messages::{Messages, Said};
use crate::plugin::services::Outcome;

/// A plugin that delivers notices. Its end is told when this goes.
pub(super) struct Notifying {
    plugin: Arc<str>,
    messages: Messages,
    outcomes: Sender<Outcome>,
    /// Names this run of it, once it is given notices.
    run: Option<u64>,
}

impl Notifying {
    pub(super) fn new(plugin: Arc<str>, messages: Messages, outcomes: Sender<Outcome>) -> Self {
        Self { plugin, messages, outcomes, run: None }
    }

    /// It is given notices from now on.
    pub(super) fn begin(&mut self) {
        let run = self.messages.number();
        let outcomes = self.outcomes.clone();
        // One that has ended meanwhile takes nothing: its end is told by then, or will be.
        let deliver = Box::new(move |delivery| drop(outcomes.send(Outcome::Deliver(delivery))));
        self.messages.report(&self.plugin, Said::NotifierCame { run, deliver });
        self.run = Some(run);
    }
}

impl Drop for Notifying {
    fn drop(&mut self) {
        if let Some(run) = self.run {
            self.messages.report(&self.plugin, Said::NotifierWent { run });
        }
    }
}
