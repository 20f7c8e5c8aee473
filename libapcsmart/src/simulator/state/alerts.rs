//! When a UPS says which alert, and when it says it again.
//!
//! Invariant: `$` only follows a `!`, `+` only a `%`, `=` only a `?`.

use core::time::Duration;

use crate::Time;

/// `!` comes again while the load is on the battery, until the battery is low.
const LINE_FAIL_AGAIN: Duration = Duration::from_secs(30);
/// `#` comes again.
const REPLACE_BATTERY_AGAIN: Duration = Duration::from_secs(5 * 3600);

/// What alerts depend on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) outage: bool,
    pub(super) output_on: bool,
    pub(super) battery_low: bool,
    pub(super) replace_battery: bool,
    pub(super) abnormal: u16,
}

#[derive(Debug, Default)]
pub(super) struct Alerts {
    due: Vec<u8>,
    line_fail_again: Option<Time>,
    line_fail_told: bool,
    low_told: bool,
    replace_again: Option<Time>,
    abnormal_told: u16,
}

impl Alerts {
    pub(super) fn observe(&mut self, now: Time, seen: Seen) {
        self.observe_line(now, seen);
        match (seen.battery_low, self.low_told) {
            (true, false) if seen.output_on => self.change_low(true, b'%'),
            (false, true) => self.change_low(false, b'+'),
            _ => {}
        }
        match (seen.replace_battery, self.replace_again) {
            (true, None) => self.tell_replace(now),
            (true, Some(again)) if again <= now => self.tell_replace(now),
            (false, Some(_)) => self.replace_again = None,
            _ => {}
        }
        if seen.abnormal & !self.abnormal_told != 0 {
            self.due.push(b'?');
        } else if seen.abnormal == 0 && self.abnormal_told != 0 {
            self.due.push(b'=');
        }
        self.abnormal_told = seen.abnormal;
    }

    pub(super) fn raise(&mut self, alert: u8) {
        self.due.push(alert);
    }

    /// What is due and in `known`, the alerts that this model has.
    pub(super) fn take(&mut self, known: &[u8]) -> Vec<u8> {
        let mut due = core::mem::take(&mut self.due);
        due.retain(|alert| known.contains(alert));
        due
    }

    pub(super) fn next_repeat(&self) -> Time {
        let line = self.line_fail_again.unwrap_or(Time::NEVER);
        line.min(self.replace_again.unwrap_or(Time::NEVER))
    }

    fn observe_line(&mut self, now: Time, seen: Seen) {
        match (seen.outage, self.line_fail_told) {
            (true, false) if seen.output_on => self.tell_line_fail(now),
            (true, true) => match self.line_fail_again {
                Some(_) if seen.battery_low || !seen.output_on => self.line_fail_again = None,
                Some(again) if again <= now => self.tell_line_fail(now),
                _ => {}
            },
            (false, true) => {
                self.line_fail_told = false;
                self.line_fail_again = None;
                self.due.push(b'$');
            }
            _ => {}
        }
    }

    fn tell_line_fail(&mut self, now: Time) {
        self.line_fail_told = true;
        self.line_fail_again = Some(now + LINE_FAIL_AGAIN);
        self.due.push(b'!');
    }

    fn tell_replace(&mut self, now: Time) {
        self.replace_again = Some(now + REPLACE_BATTERY_AGAIN);
        self.due.push(b'#');
    }

    fn change_low(&mut self, low: bool, alert: u8) {
        self.low_told = low;
        self.due.push(alert);
    }
}
