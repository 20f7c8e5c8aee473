//! The energy that went through the UPS.
//!
//! Power times time, and only while the power is known: what was used out of sight is not guessed. The sum never falls.

use std::time::Duration;

use apcsmart::Time;

/// Milliwatt-seconds in a kilowatt-hour.
const PER_KWH: u64 = 3_600_000_000;
/// What is stored anew on flash: 0.05 kWh, at 500 W every six minutes.
const WORTH_STORING: u64 = PER_KWH / 20;

#[derive(Debug, Default)]
pub(super) struct Energy {
    /// Whole milliwatt-seconds, so that nothing is lost by writing them down.
    milliwatt_seconds: u64,
    stored: u64,
    /// The power since then.
    last: Option<(Time, f64)>,
}

impl Energy {
    /// The load draws so many watts from `now` on; none when that is not known. Gaps longer than `longest` do not count.
    pub(super) fn see(&mut self, now: Time, watts: Option<f64>, longest: Duration) {
        if let Some((since, watts)) = self.last {
            let elapsed = now.since(since);
            if elapsed <= longest {
                // The cast saturates.
                let used = (watts * 1000.0 * elapsed.as_secs_f64()).round() as u64;
                self.milliwatt_seconds = self.milliwatt_seconds.saturating_add(used);
            }
        }
        self.last = watts.filter(|watts| watts.is_finite() && *watts >= 0.0).map(|watts| (now, watts));
    }

    /// None before anything was counted.
    pub(super) fn kwh(&self) -> Option<f64> {
        let known = self.last.is_some() || self.milliwatt_seconds > 0;
        known.then(|| self.milliwatt_seconds as f64 / PER_KWH as f64)
    }

    pub(super) fn milliwatt_seconds(&self) -> u64 {
        self.milliwatt_seconds
    }

    pub(super) fn restore(&mut self, milliwatt_seconds: u64) {
        self.milliwatt_seconds = self.milliwatt_seconds.max(milliwatt_seconds);
        self.stored = self.milliwatt_seconds;
    }

    /// Whether so much was added since this was last true that it is worth storing.
    pub(super) fn take_worth_storing(&mut self) -> bool {
        let worth = self.milliwatt_seconds - self.stored >= WORTH_STORING;
        if worth {
            self.stored = self.milliwatt_seconds;
        }
        worth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(15);

    fn at(seconds: u64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    #[test]
    fn power_times_time_is_energy_and_gaps_do_not_count() {
        let mut energy = Energy::default();
        assert_eq!(energy.kwh(), None);
        for second in 0..=3600 {
            energy.see(at(second), Some(500.0), LONGEST);
        }
        assert!((energy.kwh().unwrap() - 0.5).abs() < 1e-9);
        energy.see(at(9000), Some(500.0), LONGEST);
        energy.see(at(9001), None, LONGEST);
        energy.see(at(9010), Some(f64::NAN), LONGEST);
        energy.see(at(9011), Some(-5.0), LONGEST);
        energy.see(at(9012), Some(1.0), LONGEST);
        assert_eq!(energy.milliwatt_seconds(), 1_800_500_000);
    }

    #[test]
    fn it_is_worth_storing_now_and_then() {
        let mut energy = Energy::default();
        let mut stored = 0;
        for second in 0..=3600 {
            energy.see(at(second), Some(500.0), LONGEST);
            stored += u32::from(energy.take_worth_storing());
        }
        assert_eq!(stored, 10);
        energy.restore(7);
        assert_eq!(energy.milliwatt_seconds(), 1_800_000_000, "what is restored never lowers the sum");
    }
}
