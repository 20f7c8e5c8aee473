//! When something that comes and goes is believed.
//!
//! It must add up to a time of its own before it is believed, and be gone without a break for a time before that is. The
//! invariant that protects people: what flickers for long is believed too, because absence takes evidence back at only a
//! quarter of the speed. Nothing here knows what is judged.

use std::time::Duration;

use apcsmart::Time;

/// How much slower absence takes evidence back than presence adds it.
const ABSENCE_COUNTS: u32 = 4;

/// One thing that is true or not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Debounce {
    /// As it was last said.
    said: bool,
    /// As it is believed.
    shown: bool,
    at: Time,
    /// Towards the other belief.
    evidence: Duration,
    confirm: Duration,
    release: Duration,
}

impl Debounce {
    /// Not said and not believed.
    pub(super) fn new(now: Time) -> Debounce {
        Debounce {
            said: false,
            shown: false,
            at: now,
            evidence: Duration::ZERO,
            confirm: Duration::ZERO,
            release: Duration::ZERO,
        }
    }

    /// Whether it is believed.
    pub(super) fn shown(&self) -> bool {
        self.shown
    }

    /// It is said, or not, and must add up to `confirm` to be believed and be gone for `release`.
    pub(super) fn see(&mut self, now: Time, said: bool, confirm: Duration, release: Duration) {
        (self.confirm, self.release) = (confirm, release);
        self.pass(now);
        self.said = said;
        self.pass(now);
    }

    /// Believed at once, whatever the times say.
    pub(super) fn force(&mut self, now: Time, shown: bool) {
        (self.said, self.shown, self.at, self.evidence) = (shown, shown, self.at.max(now), Duration::ZERO);
    }

    /// When the belief changes unless something else is said before.
    pub(super) fn deadline(&self) -> Time {
        if self.said == self.shown {
            return Time::NEVER;
        }
        self.at + self.needed().saturating_sub(self.evidence)
    }

    fn pass(&mut self, now: Time) {
        let elapsed = now.since(self.at);
        self.at = self.at.max(now);
        self.evidence = match (self.shown, self.said) {
            (false, false) => self.evidence.saturating_sub(elapsed / ABSENCE_COUNTS),
            (true, true) => Duration::ZERO,
            _ => self.evidence.saturating_add(elapsed),
        };
        if self.said != self.shown && self.evidence >= self.needed() {
            (self.shown, self.evidence) = (self.said, Duration::ZERO);
        }
    }

    fn needed(&self) -> Duration {
        if self.shown { self.release } else { self.confirm }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIRM: Duration = Duration::from_secs(3);
    const RELEASE: Duration = Duration::from_secs(5);

    /// What is believed after each second in which it was said (`x`) or not (`.`).
    fn believed(said: &str) -> String {
        let mut debounce = Debounce::new(Time::ZERO);
        let mut now = Time::ZERO;
        let seconds = said.chars().map(|said| {
            debounce.see(now, said == 'x', CONFIRM, RELEASE);
            now = now + Duration::from_secs(1);
            debounce.see(now, said == 'x', CONFIRM, RELEASE);
            if debounce.shown() { 'x' } else { '.' }
        });
        seconds.collect()
    }

    #[test]
    fn what_lasts_is_believed_and_what_is_short_is_not() {
        for (said, expected) in [
            ("xxxx....", "..xxxxxx"),
            ("xx......", "........"),
            ("xxx.x.xxx....x", "..xxxxxxxxxxxx"),
            ("xxx.....x", "..xxxxx.."),
            // Flickering half of the time is believed, a second now and then is not.
            ("x.x.x.x.x.x.x.x.", "......xxxxxxxxxx"),
            ("x....x....x....x....", "...................."),
        ] {
            assert_eq!(believed(said), expected, "{said}");
        }
    }

    #[test]
    fn without_times_it_is_believed_at_once() {
        let mut debounce = Debounce::new(Time::ZERO);
        for said in [true, false, true] {
            debounce.see(Time::ZERO, said, Duration::ZERO, Duration::ZERO);
            assert_eq!(debounce.shown(), said);
        }
    }

    #[test]
    fn the_deadline_is_when_the_belief_changes() {
        let mut debounce = Debounce::new(Time::ZERO);
        debounce.see(Time::from_millis(10), true, CONFIRM, RELEASE);
        let due = debounce.deadline();
        assert_eq!(due, Time::from_millis(3010));
        debounce.see(Time::from_millis(3009), true, CONFIRM, RELEASE);
        assert!(!debounce.shown());
        debounce.see(due, true, CONFIRM, RELEASE);
        assert!(debounce.shown());
        assert_eq!(debounce.deadline(), Time::NEVER);
    }
}
