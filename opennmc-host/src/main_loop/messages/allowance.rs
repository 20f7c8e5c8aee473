//! How much of what one plugin says is kept in the history.
//!
//! The history is trimmed by size, the oldest first: without a bound, a plugin that talks all day would leave nothing of
//! the last outage.

use std::time::{Duration, Instant};

use crate::state::Event;

/// A day's worth of one plugin. A tenth of the smallest history's share of events, for a month.
const BYTES: u64 = 64 << 10;
const DAY_MS: u64 = 86_400_000;
const FULL: u64 = BYTES * DAY_MS;
/// What a row takes beside its texts.
const ROW_BYTES: u64 = 64;
/// What is lost is told this often.
const TELL_EVERY: Duration = Duration::from_secs(3_600);

/// What one plugin may still have kept. It fills up evenly over the day.
#[derive(Debug)]
pub(super) struct Allowance {
    /// In bytes times the milliseconds of a day: what comes back in a millisecond is a whole number of those.
    left: u64,
    counted: Instant,
    lost: u64,
    told: Option<Instant>,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: FULL, counted: now, lost: 0, told: None }
    }

    /// Whether `event` is to be kept.
    pub(super) fn take(&mut self, now: Instant, event: &Event) -> bool {
        let since = now.saturating_duration_since(self.counted);
        let since_ms = u64::try_from(since.as_millis()).unwrap_or(DAY_MS).min(DAY_MS);
        self.left = (self.left + since_ms * BYTES).min(FULL);
        // What is left of a millisecond counts next time.
        self.counted += Duration::from_millis(u64::try_from(since.as_millis()).unwrap_or_default());
        let fields: usize = event.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        let bytes = (event.kind.len() + event.device.len() + fields) as u64 + ROW_BYTES;
        if bytes * DAY_MS > self.left {
            self.lost += 1;
            return false;
        }
        self.left -= bytes * DAY_MS;
        true
    }

    /// How many were not kept, when it is time to say so.
    pub(super) fn tell(&mut self, now: Instant) -> Option<u64> {
        let rests = self.told.is_some_and(|told| now.saturating_duration_since(told) < TELL_EVERY);
        if self.lost == 0 || rests {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.lost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Severity;

    const DAY: Duration = Duration::from_millis(DAY_MS);

    fn event(bytes: usize) -> Event {
        Event {
            id: 0,
            kind: "x".repeat(bytes - ROW_BYTES as usize),
            severity: Severity::Warning,
            device: String::new(),
            at_ms: 0,
            fields: Vec::new(),
        }
    }

    #[test]
    fn a_day_has_its_bytes_and_they_come_back_evenly() {
        let now = Instant::now();
        let mut allowance = Allowance::new(now);
        let kilobyte = event(1 << 10);
        let kept = (0..100).filter(|_| allowance.take(now, &kilobyte)).count();
        assert_eq!(kept, 64);
        assert_eq!((allowance.tell(now), allowance.tell(now)), (Some(36), None));
        assert!(!allowance.take(now + DAY / 65, &kilobyte));
        assert!(allowance.take(now + DAY / 60, &kilobyte));
        let kept = (0..100).filter(|_| allowance.take(now + 10 * DAY, &kilobyte)).count();
        assert_eq!(kept, 64);
    }

    #[test]
    fn many_short_waits_gain_as_much_as_a_long_one() {
        let now = Instant::now();
        let mut allowance = Allowance::new(now);
        while allowance.take(now, &event(1 << 10)) {}
        let mut kept = 0;
        for step in 1..=86_400 {
            kept += u32::from(allowance.take(now + Duration::from_secs(step), &event(1 << 10)));
        }
        assert!((60..=64).contains(&kept), "{kept}");
    }
}
