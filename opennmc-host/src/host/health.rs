//! How late the main loop is, and how the lines to the UPSes do. The loop keeps these figures itself; whether it is alive at
//! all is [`Heartbeat`](crate::state::Heartbeat)'s to say.

use std::time::Duration;

use apcsmart::LinkQuality;

/// Timers whose lateness is remembered: half an hour of one UPS, half a minute of 64.
const REMEMBERED: usize = 4096;

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
