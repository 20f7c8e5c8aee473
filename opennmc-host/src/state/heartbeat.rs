//! Whether whoever makes the snapshots is alive.
//!
//! Readers look at it without asking the main loop: a loop that hangs can't answer, and what it said last would look fresh
//! for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// When the main loop last went round. Clones share it.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    started: Instant,
    at_ms: Arc<AtomicU64>,
}

impl Heartbeat {
    /// The loop beats at least so often.
    pub const INTERVAL: Duration = Duration::from_secs(1);
    /// A loop that has not gone round for so long hangs: a turn takes a thousandth of it, and on the busiest machine a
    /// tenth.
    pub const LIMIT: Duration = Duration::from_secs(5);

    /// `started` is the origin of the host's uptime.
    pub fn new(started: Instant) -> Heartbeat {
        let heartbeat = Heartbeat { started, at_ms: Arc::default() };
        heartbeat.beat();
        heartbeat
    }

    /// The loop is alive now. Only the main loop calls this.
    pub fn beat(&self) {
        self.at_ms.store(self.uptime_ms(), Relaxed);
    }

    /// Since when the loop has not gone round.
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.uptime_ms().saturating_sub(self.at_ms.load(Relaxed)))
    }

    /// Whether nothing that the loop said is to be taken for new any more.
    pub fn has_stopped(&self) -> bool {
        self.age() >= Heartbeat::LIMIT
    }

    /// As if the loop had stopped when the host was started.
    #[cfg(test)]
    pub(super) fn stop_for_test(&self) {
        self.at_ms.store(0, Relaxed);
    }

    /// The host's uptime in milliseconds: what `heard_at_ms` of a [`Device`](super::Device) counts by.
    pub fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
