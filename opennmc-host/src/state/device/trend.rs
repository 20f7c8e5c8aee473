//! How fast a reading rises or falls: the slope of a straight line through its last minutes.

use std::collections::VecDeque;
use std::time::Duration;

use apcsmart::Time;

/// Between two samples; readings that matter are polled as often.
const SPACING: Duration = Duration::from_secs(5);
/// What is older does not count: loads change.
const WINDOW: Duration = Duration::from_secs(600);
/// Below this the noise of single readings is all there is.
const SHORTEST: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Trend {
    samples: VecDeque<(Time, f64)>,
}

impl Trend {
    /// The value is this now. Returns whether it was taken as a sample.
    pub(super) fn see(&mut self, now: Time, value: Option<f64>) -> bool {
        let Some(value) = value else {
            self.samples.clear();
            return false;
        };
        if self.samples.back().is_some_and(|(at, _)| now.since(*at) < SPACING) {
            return false;
        }
        self.samples.push_back((now, value));
        while self.samples.front().is_some_and(|(at, _)| now.since(*at) > WINDOW) {
            self.samples.pop_front();
        }
        true
    }

    /// Something changed that makes another line of it.
    pub(super) fn restart(&mut self) {
        self.samples.clear();
    }

    /// Per minute; none before there is enough.
    pub(super) fn per_minute(&self) -> Option<f64> {
        let (first, last) = (self.samples.front()?.0, self.samples.back()?.0);
        if last.since(first) < SHORTEST {
            return None;
        }
        let count = self.samples.len() as f64;
        let minutes = |at: Time| at.since(first).as_secs_f64() / 60.0;
        let mean_x = self.samples.iter().map(|(at, _)| minutes(*at)).sum::<f64>() / count;
        let mean_y = self.samples.iter().map(|(_, value)| value).sum::<f64>() / count;
        let (mut above, mut below) = (0.0, 0.0);
        for (at, value) in &self.samples {
            let x = minutes(*at) - mean_x;
            above += x * (value - mean_y);
            below += x * x;
        }
        (below > 0.0).then(|| above / below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_has_its_slope_and_a_short_one_has_none() {
        let mut trend = Trend::default();
        let at = |second: u64| Time::from_millis(second * 1000);
        for second in 0..60 {
            trend.see(at(second), Some(100.0 - second as f64 / 60.0));
        }
        assert_eq!(trend.per_minute(), None);
        for second in 60..1200 {
            trend.see(at(second), Some(100.0 - second as f64 / 60.0));
        }
        assert!((trend.per_minute().unwrap() + 1.0).abs() < 1e-6);
        trend.restart();
        assert_eq!(trend.per_minute(), None);
    }
}
