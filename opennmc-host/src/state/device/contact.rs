//! Whether the UPS is in contact, and since when it is not.
//!
//! Two clocks run: silence makes the data stale after the configured time, and a port that hung up has a short grace to
//! come back with a confirmed status. The invariant: data is never live when the last answer is older than the first of
//! them allows, whatever the second says.

use apcsmart::Time;

use crate::state::rules::Rules;
use crate::state::snapshot::Availability;

#[derive(Debug)]
pub(super) struct Contact {
    availability: Availability,
    /// When the host began to look for the device.
    since: Time,
    heard: Option<Time>,
    /// When contact was lost, while it is.
    lost: Option<Time>,
    /// The port hung up and may be back soon; why it did.
    hung_up: Option<(Time, String)>,
    /// The status was confirmed since the contact began.
    status_known: bool,
    /// The last that was said about why there is no contact.
    diagnosis: Option<String>,
}

/// What became of the contact.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// For the first time.
    Established,
    /// After it was lost, or never made, at this moment.
    Restored { lost: Time },
    /// It was there; why it is not.
    Lost(String),
    /// It was never there.
    Absent(String),
}

impl Contact {
    pub(super) fn new(now: Time) -> Contact {
        Contact {
            availability: Availability::Waiting,
            since: now,
            heard: None,
            lost: None,
            hung_up: None,
            status_known: false,
            diagnosis: None,
        }
    }

    pub(super) fn availability(&self) -> Availability {
        self.availability
    }

    pub(super) fn heard(&self) -> Option<Time> {
        self.heard
    }

    /// When contact was lost that had been there and is not back.
    pub(super) fn lost_since(&self) -> Option<Time> {
        self.lost.filter(|_| self.availability == Availability::Stale)
    }

    /// Whether contact was lost and is not back.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// The port is open, and nothing was heard through it yet.
    pub(super) fn open(&mut self) {
        self.status_known = false;
    }

    pub(super) fn hear(&mut self, now: Time) {
        self.heard = Some(now);
    }

    /// A status came from the UPS.
    pub(super) fn know_status(&mut self) {
        self.status_known = true;
    }

    pub(super) fn diagnose(&mut self, text: String) {
        self.diagnosis = Some(text);
    }

    /// The port is gone, or could not be opened.
    pub(super) fn hang_up(&mut self, now: Time, reason: String) -> Option<Change> {
        self.status_known = false;
        if self.availability == Availability::Live {
            self.hung_up.get_or_insert((now, reason));
            return None;
        }
        self.lose(now, reason)
    }

    /// Brings the contact up to `now`.
    pub(super) fn pass(&mut self, now: Time, rules: &Rules) -> Option<Change> {
        self.go_live().or_else(|| {
            if now < self.deadline(rules) {
                return None;
            }
            let silence = || self.diagnosis.clone().unwrap_or_else(|| "it does not answer".to_owned());
            let reason = self.hung_up.as_ref().map_or_else(silence, |(_, reason)| reason.clone());
            self.lose(now, reason)
        })
    }

    /// When the silence, or the absence of the port, has become too long.
    pub(super) fn deadline(&self, rules: &Rules) -> Time {
        let hung_up = self.hung_up.as_ref().map_or(Time::NEVER, |(at, _)| *at + rules.hang_up_grace);
        match self.availability {
            Availability::Live => hung_up.min(self.heard.unwrap_or(self.since) + rules.stale_after),
            Availability::Waiting => self.since + rules.stale_after,
            Availability::Stale | Availability::Disconnected => Time::NEVER,
        }
    }

    /// Contact is there when the UPS answers and its status is known: before that, clients would see a UPS without one.
    fn go_live(&mut self) -> Option<Change> {
        let since = match &self.hung_up {
            Some((at, _)) => *at,
            None => self.lost.unwrap_or(self.since),
        };
        if !self.status_known || self.heard.is_none_or(|heard| heard < since) {
            return None;
        }
        self.hung_up = None;
        if self.availability == Availability::Live {
            return None;
        }
        self.availability = Availability::Live;
        self.diagnosis = None;
        Some(match self.lost.take() {
            Some(lost) => Change::Restored { lost },
            None => Change::Established,
        })
    }

    fn lose(&mut self, now: Time, reason: String) -> Option<Change> {
        self.status_known = false;
        self.hung_up = None;
        let (next, change) = match self.availability {
            Availability::Live => (Availability::Stale, Change::Lost(reason)),
            Availability::Waiting => (Availability::Disconnected, Change::Absent(reason)),
            Availability::Stale | Availability::Disconnected => return None,
        };
        self.availability = next;
        self.lost = Some(now);
        Some(change)
    }
}
