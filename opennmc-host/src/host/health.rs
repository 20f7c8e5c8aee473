//! Whether the main loop is alive, and how late it is.
//!
//! The heartbeat is read by other threads without asking the loop: a loop that hangs can't answer. The figures of
//! lateness are kept by the loop itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use apcsmart::LinkQuality;

/// Timers whose lateness is remembered: half an hour of one UPS, half a minute of 64.
const REMEMBERED: usize = 4096;

/// When the main loop last went round. Clones share it.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    started: Instant,
    at_ms: Arc<AtomicU64>,
}

impl Heartbeat {
    /// The loop beats at least so often.
    pub const INTERVAL: Duration = Duration::from_secs(1);

    /// `started` is the origin of the host's uptime.
    pub fn new(started: Instant) -> Heartbeat {
        let heartbeat = Heartbeat { started, at_ms: Arc::default() };
        heartbeat.beat();
        heartbeat
    }

    /// The loop is alive now. Only the main loop calls this.
    pub(crate) fn beat(&self) {
        self.at_ms.store(self.uptime_ms(), Relaxed);
    }

    /// Since when the loop has not gone round.
    pub fn age(&self) -> Duration {
        Duration::from_millis(self.uptime_ms().saturating_sub(self.at_ms.load(Relaxed)))
    }

    /// The host's uptime in milliseconds: what `heard_at_ms` of a [`Device`](crate::state::Device) counts by.
    pub fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// How the main loop and the lines do.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LoopHealth {
    /// How late timers fired, of the last few thousand.
    pub lateness: Lateness,
    /// Turns since the start.
    pub turns: u64,
    /// The lines, in the order of the configuration.
    pub links: Vec<LinkHealth>,
}

/// How the line to one UPS is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LinkHealth {
    /// The UPS.
    pub device: String,
    /// Its port.
    pub port: String,
    /// How often the port was opened.
    pub opened: u64,
    /// What was counted on the line since then.
    pub quality: LinkQuality,
}

/// How late something was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lateness {
    /// How many were measured.
    pub count: usize,
    /// Half of them were not later than this.
    pub median: Duration,
    /// Of a hundred, one was later than this.
    pub p99: Duration,
    /// The latest.
    pub longest: Duration,
}

/// The latest measurements, the oldest overwritten.
#[derive(Debug, Default)]
pub(crate) struct LatenessLog {
    micros: Vec<u32>,
    next: usize,
}

impl LatenessLog {
    pub(crate) fn note(&mut self, late: Duration) {
        let micros = u32::try_from(late.as_micros()).unwrap_or(u32::MAX);
        if self.micros.len() < REMEMBERED {
            self.micros.push(micros);
        } else {
            self.micros[self.next] = micros;
            self.next = (self.next + 1) % REMEMBERED;
        }
    }

    pub(crate) fn summary(&self) -> Lateness {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        let at = |index: usize| Duration::from_micros(sorted.get(index).copied().unwrap_or_default().into());
        Lateness {
            count: sorted.len(),
            median: at(sorted.len() / 2),
            p99: at(sorted.len() * 99 / 100),
            longest: at(sorted.len().saturating_sub(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_summed_up_over_the_latest_measurements() {
        let mut log = LatenessLog::default();
        assert_eq!(log.summary(), Lateness::default());
        log.note(Duration::from_secs(9));
        for micros in 1..=REMEMBERED as u64 {
            log.note(Duration::from_micros(micros));
        }
        let summary = log.summary();
        assert_eq!(summary.count, REMEMBERED);
        assert_eq!(summary.longest, Duration::from_micros(4096), "the first is forgotten");
        assert_eq!((summary.median.as_micros(), summary.p99.as_micros()), (2049, 4056));
    }
}
