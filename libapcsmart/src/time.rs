//! The library's clock: milliseconds that the caller counts.
//!
//! The library never reads a clock. Whoever drives it says what time it is, so that a test runs a day in a millisecond
//! and a C program passes a plain `uint64_t`.

use core::ops::Add;
use core::time::Duration;

/// A moment, in milliseconds since an origin of the caller's choosing. It must never go back, and should go on while
/// the machine sleeps (`CLOCK_BOOTTIME` on Linux).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The caller's origin.
    pub const ZERO: Time = Time(0);
    /// Later than any moment: the deadline of something that waits for nothing.
    pub const NEVER: Time = Time(u64::MAX);

    /// `ms` milliseconds after the origin.
    pub const fn from_millis(ms: u64) -> Time {
        Time(ms)
    }

    /// Milliseconds since the origin.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this moment; zero when `earlier` is later.
    pub const fn since(self, earlier: Time) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    /// Saturates at [`Time::NEVER`]. Parts of a millisecond are rounded up, so that a deadline is never early.
    fn add(self, duration: Duration) -> Time {
        let ms = duration.as_nanos().div_ceil(1_000_000);
        Time(self.0.saturating_add(u64::try_from(ms).unwrap_or(u64::MAX)))
    }
}
