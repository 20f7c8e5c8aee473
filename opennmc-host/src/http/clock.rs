//! Time for what lasts longer than a connection: sessions, and how often somebody may come.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Time since some fixed moment; it never goes back. Tests give their own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    /// One that `now` reads.
    pub fn new(now: impl Fn() -> Duration + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    pub(super) fn now(&self) -> Duration {
        (self.0)()
    }
}

impl Default for Clock {
    /// The machine's. It goes on while that sleeps: nobody is logged in longer for it.
    fn default() -> Clock {
        Clock::new(|| {
            let now = clock_gettime(ClockId::Boottime);
            let seconds = Duration::from_secs(u64::try_from(now.tv_sec).unwrap_or_default());
            seconds + Duration::from_nanos(u64::try_from(now.tv_nsec).unwrap_or_default())
        })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Clock")
    }
}
