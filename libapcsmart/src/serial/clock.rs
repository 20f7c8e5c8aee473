//! The clock of a blocking port: milliseconds since the machine started, sleep included.
//!
//! The only place of the library that reads a clock. `poll` counts its waiting without the machine's sleep, so a deadline
//! may be met late after one; the session takes that.

use rustix::event::Timespec;
use rustix::time::{ClockId, clock_gettime};

use crate::time::Time;

pub(super) fn now() -> Time {
    let now = clock_gettime(ClockId::Boottime);
    // Neither part is negative on this clock.
    Time::from_millis(now.tv_sec.unsigned_abs() * 1000 + now.tv_nsec.unsigned_abs() / 1_000_000)
}

/// How long `poll` may wait; none for ever.
pub(super) fn until(deadline: Time) -> Option<Timespec> {
    // More than the type can hold is as good as for ever.
    Timespec::try_from(deadline.since(now())).ok().filter(|_| deadline != Time::NEVER)
}
