//! What is remembered of outages.
//!
//! Lengths are measured by the clock that never jumps. The time of day of a beginning is worked out when somebody asks,
//! from the calendar as it is believed then, so that a clock that is set right later sets it right, too.

use std::time::Duration;

use apcsmart::Time;

use super::calendar::Calendar;
use crate::state::memory::{LastOutage, OutageMemory};

/// Counts and lengths.
#[derive(Debug, Default)]
pub(super) struct Outages {
    count: u64,
    /// Of those that have ended.
    total: Duration,
    longest: Duration,
    last: Option<Last>,
    /// The one that goes on, and what was known before it.
    current: Option<Current>,
    /// What was known before the last one, in case it turns out to be none.
    before: Option<(u64, Duration, Duration, Option<Last>)>,
}

#[derive(Debug, Clone)]
struct Last {
    start: Start,
    duration: Duration,
    reason: Option<String>,
}

#[derive(Debug)]
struct Current {
    since: Time,
    /// What had passed of it before a restart.
    earlier: Duration,
}

/// When something began.
#[derive(Debug, Clone, Copy)]
enum Start {
    Now(Time),
    /// In milliseconds since 1970, from before a restart.
    Calendar(u64),
    Unknown,
}

impl Outages {
    pub(super) fn begin(&mut self, now: Time) {
        if self.current.is_some() {
            return;
        }
        self.before = Some((self.count, self.total, self.longest, self.last.clone()));
        self.count += 1;
        self.last = Some(Last { start: Start::Now(now), duration: Duration::ZERO, reason: None });
        self.current = Some(Current { since: now, earlier: Duration::ZERO });
    }

    /// Mains is back. Gives how long it was away.
    pub(super) fn end(&mut self, now: Time) -> Option<Duration> {
        let length = self.length(now)?;
        self.current = None;
        self.total = self.total.saturating_add(length);
        self.longest = self.longest.max(length);
        if let Some(last) = &mut self.last {
            last.duration = length;
        }
        Some(length)
    }

    /// The last one was none, such as a self test.
    pub(super) fn strike(&mut self) {
        if let Some((count, total, longest, last)) = self.before.take() {
            (self.count, self.total, self.longest, self.last) = (count, total, longest, last);
            self.current = None;
        }
    }

    /// Why the UPS left mains, as it says now.
    pub(super) fn set_reason(&mut self, reason: &str) {
        if let Some(last) = &mut self.last {
            last.reason = Some(reason.to_owned());
        }
    }

    /// Whether one goes on and has taken less than `age`.
    pub(super) fn is_younger_than(&self, now: Time, age: Duration) -> bool {
        self.length(now).is_some_and(|length| length < age)
    }

    pub(super) fn is_going_on(&self) -> bool {
        self.current.is_some()
    }

    /// What clients read, by name.
    pub(super) fn variables(&self, now: Time, calendar: &Calendar) -> Vec<(&'static str, String)> {
        let length = self.length(now).unwrap_or_default();
        let mut variables = vec![
            ("ups.outage.count", self.count.to_string()),
            ("ups.outage.total", self.total.saturating_add(length).as_secs().to_string()),
            ("ups.outage.longest", self.longest.max(length).as_secs().to_string()),
        ];
        if let Some(last) = &self.last {
            let duration = if self.current.is_some() { length } else { last.duration };
            variables.push(("ups.outage.last.duration", duration.as_secs().to_string()));
            let start = last.start.unix_ms(calendar).and_then(Calendar::text);
            variables.extend(start.map(|start| ("ups.outage.last.start", start)));
            variables.extend(last.reason.clone().map(|reason| ("ups.outage.last.reason", reason)));
        }
        variables
    }

    pub(super) fn memory(&self, now: Time, calendar: &Calendar) -> OutageMemory {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        OutageMemory {
            count: self.count,
            total_ms: millis(self.total),
            longest_ms: millis(self.longest),
            going_on_ms: self.length(now).map(millis),
            last: self.last.as_ref().map(|last| LastOutage {
                start_ms: last.start.unix_ms(calendar),
                duration_ms: millis(last.duration),
                reason: last.reason.clone(),
            }),
        }
    }

    pub(super) fn restore(&mut self, now: Time, memory: OutageMemory) {
        self.count = memory.count;
        self.total = Duration::from_millis(memory.total_ms);
        self.longest = Duration::from_millis(memory.longest_ms);
        self.last = memory.last.map(|last| Last {
            start: last.start_ms.map_or(Start::Unknown, Start::Calendar),
            duration: Duration::from_millis(last.duration_ms),
            reason: last.reason,
        });
        let earlier = memory.going_on_ms.map(Duration::from_millis);
        self.current = earlier.map(|earlier| Current { since: now, earlier });
        self.before = None;
    }

    fn length(&self, now: Time) -> Option<Duration> {
        let current = self.current.as_ref()?;
        Some(now.since(current.since).saturating_add(current.earlier))
    }
}

impl Start {
    fn unix_ms(self, calendar: &Calendar) -> Option<u64> {
        match self {
            Start::Now(at) => calendar.unix_ms(at),
            Start::Calendar(ms) => Some(ms),
            Start::Unknown => None,
        }
    }
}
