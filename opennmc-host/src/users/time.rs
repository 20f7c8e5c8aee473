//! The two clocks of the users: wall time for what is written down, uptime for lock-outs.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

/// Where time comes from; tests give their own.
pub(super) struct Clock {
    wall: Box<dyn Fn() -> u64 + Send + Sync>,
    uptime: Box<dyn Fn() -> Duration + Send + Sync>,
}

impl Clock {
    pub(super) fn system() -> Clock {
        let began = Instant::now();
        let wall = || {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        };
        Clock { wall: Box::new(wall), uptime: Box::new(move || began.elapsed()) }
    }

    #[cfg(test)]
    pub(super) fn simulated(now_ms: &std::sync::Arc<std::sync::atomic::AtomicU64>) -> Clock {
        use std::sync::atomic::Ordering::SeqCst;
        let (wall, uptime) = (now_ms.clone(), now_ms.clone());
        Clock {
            wall: Box::new(move || wall.load(SeqCst)),
            uptime: Box::new(move || Duration::from_millis(uptime.load(SeqCst))),
        }
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub(super) fn wall_ms(&self) -> u64 {
        (self.wall)()
    }

    /// Since some moment at the start of the process; never goes back.
    pub(super) fn uptime(&self) -> Duration {
        (self.uptime)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Clock")
    }
}
