//! When to try a lost port again. Pure.

use std::time::Duration;

use crate::time::Time;

/// A loose plug is back within this time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A converter that was away for long is found this late at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The plan for the next attempt.
#[derive(Debug, Default)]
pub(super) struct Reopen {
    pause: Option<Duration>,
    attempt_at: Time,
}

impl Reopen {
    /// The attempt failed, or the connection is lost.
    pub(super) fn plan(&mut self, now: Time) {
        let pause = self.pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
        self.pause = Some(pause);
        self.attempt_at = now + pause;
    }

    /// When to try.
    pub(super) fn attempt_at(&self) -> Time {
        self.attempt_at
    }

    /// The UPS answers. An open port alone does not count: a converter may accept and hang up for hours.
    pub(super) fn succeeded(&mut self) {
        self.pause = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_seconds_and_start_over_after_an_answer() {
        let mut reopen = Reopen::default();
        let mut pauses = Vec::new();
        for _ in 0..7 {
            reopen.plan(Time::ZERO);
            pauses.push(reopen.attempt_at().as_millis());
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 10000, 10000]);
        reopen.succeeded();
        reopen.plan(Time::ZERO);
        assert_eq!(reopen.attempt_at().as_millis(), 500);
    }
}
