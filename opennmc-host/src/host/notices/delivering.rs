//! One notice with one notifier.

use std::sync::Arc;
use std::time::Instant;

use super::PAUSES;

#[derive(Debug)]
pub(super) struct Delivering {
    pub(super) notifier: Arc<str>,
    /// Attempts that were begun.
    pub(super) attempt: u32,
    pub(super) stage: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
    Waiting {
        due: Instant,
        /// Nothing but its absence keeps the notifier from it.
        absent: bool,
    },
    UnderWay {
        number: u64,
        until: Instant,
    },
}

impl Delivering {
    pub(super) fn new(notifier: &Arc<str>, now: Instant) -> Self {
        Self { notifier: Arc::clone(notifier), attempt: 0, stage: Stage::Waiting { due: now, absent: false } }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        matches!(self.stage, Stage::Waiting { due, .. } if due <= now)
    }

    /// An attempt has failed: sets the time of the next one. False when there is none.
    pub(super) fn try_again(&mut self, now: Instant, absent: bool) -> bool {
        let pause = usize::try_from(self.attempt.saturating_sub(1)).ok().and_then(|index| PAUSES.get(index));
        match pause {
            Some(pause) => {
                self.stage = Stage::Waiting { due: now + *pause, absent };
                true
            }
            None => false,
        }
    }

    /// What waited for the notifier alone waits no longer.
    pub(super) fn it_is_back(&mut self, now: Instant) {
        if let Stage::Waiting { due, absent: true } = &mut self.stage {
            *due = now;
        }
    }
}
