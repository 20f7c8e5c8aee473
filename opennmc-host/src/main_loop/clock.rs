//! The three clocks of the daemon, read in one place.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use apcsmart::Time;
use rustix::time::{ClockId, clock_gettime};

/// Reads the clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// The origin of the uptime that plugins count by.
    pub(super) started: Instant,
    /// The same moment, for people.
    pub(super) started_at: SystemTime,
}

impl Clock {
    pub(super) fn new() -> Clock {
        Clock { started: Instant::now(), started_at: SystemTime::now() }
    }

    /// For deadlines and staleness: it goes on while the machine sleeps, so that after a suspend nothing old looks new.
    pub(super) fn now(self) -> Time {
        let now = clock_gettime(ClockId::Boottime);
        let seconds = Duration::from_secs(u64::try_from(now.tv_sec).unwrap_or_default());
        let whole = seconds + Duration::from_nanos(u64::try_from(now.tv_nsec).unwrap_or_default());
        Time::from_millis(as_millis(whole))
    }

    /// `past` in milliseconds of the host's uptime, which is what snapshots carry.
    pub(super) fn uptime_ms(self, past: Time) -> u64 {
        as_millis(self.started.elapsed().saturating_sub(self.now().since(past)))
    }

    /// Milliseconds since 1970-01-01 UTC, for people: it may jump.
    pub(super) fn wall_ms(self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, as_millis)
    }
}

fn as_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
