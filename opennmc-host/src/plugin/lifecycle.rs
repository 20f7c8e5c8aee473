//! When a plugin is started, restarted and given up: a state machine that owns no thread and reads no clock.

use std::time::{Duration, Instant};

use super::Epitaph;

/// The wait before the first restart; it doubles with each strike.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait between restarts.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// So many failures without a healthy minute between them, and the plugin is left alone.
const STRIKES: u32 = 5;
/// An instance that ran this long clears the strikes before it.
const HEALTHY: Duration = Duration::from_secs(60);

/// Where a plugin stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Being read, compiled, instantiated; its `start` runs.
    Starting,
    /// Its `start` succeeded.
    Running {
        /// Since when.
        since: Instant,
    },
    /// It failed, and is started again.
    Backoff {
        /// When.
        until: Instant,
    },
    /// It failed too often, and is left alone until a person restarts it.
    Quarantined,
    /// It was asked to stop, or was not started yet.
    Stopped,
}

/// What became of a plugin that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is started again after this wait.
    Retry(Duration),
    /// It is left alone.
    Quarantine,
}

/// What became of a plugin that started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Nothing had failed before.
    Fresh,
    /// It had failed since it last was healthy.
    Recovery,
}

/// One plugin's state and strikes.
#[derive(Debug)]
pub(super) struct Lifecycle {
    state: State,
    strikes: u32,
    /// Failures in a row that were not its own.
    hindrances: u32,
    restarts: u64,
    epitaph: Option<Epitaph>,
}

impl Lifecycle {
    pub(super) fn new() -> Self {
        Self { state: State::Stopped, strikes: 0, hindrances: 0, restarts: 0, epitaph: None }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// Failures since the last healthy minute.
    pub(super) fn strikes(&self) -> u32 {
        self.strikes
    }

    /// How often it was started again after a failure.
    pub(super) fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Why the last instance that failed did so.
    pub(super) fn epitaph(&self) -> Option<&Epitaph> {
        self.epitaph.as_ref()
    }

    /// A start is under way.
    pub(super) fn begin(&mut self) {
        if matches!(self.state, State::Backoff { .. }) {
            self.restarts += 1;
        }
        self.state = State::Starting;
    }

    /// Whether its `start` has succeeded and it has not ended.
    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// A person, or another configuration, has put a new instance in the place of the last: what failed before is
    /// forgotten.
    pub(super) fn renewed(&mut self) {
        self.state = State::Starting;
        self.strikes = 0;
        self.hindrances = 0;
    }

    /// The start succeeded.
    pub(super) fn started(&mut self, now: Instant) -> Start {
        self.state = State::Running { since: now };
        if std::mem::take(&mut self.hindrances) + self.strikes > 0 { Start::Recovery } else { Start::Fresh }
    }

    /// The instance is gone, and not because it was asked to go.
    pub(super) fn failed(&mut self, now: Instant, epitaph: Epitaph) -> Verdict {
        if matches!(self.state, State::Running { since } if now.saturating_duration_since(since) >= HEALTHY) {
            self.strikes = 0;
        }
        let failures = match epitaph.surroundings {
            true => &mut self.hindrances,
            false => &mut self.strikes,
        };
        *failures = failures.saturating_add(1);
        let failures = *failures;
        self.epitaph = Some(epitaph);
        if self.strikes >= STRIKES {
            self.state = State::Quarantined;
            return Verdict::Quarantine;
        }
        let wait = FIRST_BACKOFF.saturating_mul(2u32.saturating_pow(failures - 1)).min(LONGEST_BACKOFF);
        self.state = State::Backoff { until: now + wait };
        Verdict::Retry(wait)
    }

    /// It was asked to stop.
    pub(super) fn stopped(&mut self) {
        self.state = State::Stopped;
    }

    /// When it is to be started again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Backoff { until } => Some(until),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(life: &mut Lifecycle, now: Instant) -> Verdict {
        life.begin();
        life.failed(now, Epitaph::new("test"))
    }

    #[test]
    fn a_plugin_that_keeps_failing_is_retried_ever_later_and_then_quarantined() {
        let mut life = Lifecycle::new();
        let mut now = Instant::now();
        for seconds in [1, 2, 4, 8] {
            assert_eq!(fail(&mut life, now), Verdict::Retry(Duration::from_secs(seconds)));
            now = life.deadline().unwrap();
        }
        assert_eq!(fail(&mut life, now), Verdict::Quarantine);
        assert_eq!(life.state(), State::Quarantined);
        assert_eq!(life.deadline(), None);
        assert_eq!(life.restarts(), 4);
    }

    #[test]
    fn what_is_not_its_own_fault_is_retried_for_ever() {
        let mut life = Lifecycle::new();
        let now = Instant::now();
        let waits: Vec<Verdict> = (0..9)
            .map(|_| {
                life.begin();
                life.failed(now, Epitaph::of_surroundings("the address is in use"))
            })
            .collect();
        let seconds = [1, 2, 4, 8, 16, 32, 60, 60, 60];
        assert_eq!(waits, seconds.map(|seconds| Verdict::Retry(Duration::from_secs(seconds))));
        assert_eq!(life.strikes(), 0);
        assert_eq!(life.started(now), Start::Recovery);
    }

    #[test]
    fn a_healthy_minute_clears_the_strikes() {
        let mut life = Lifecycle::new();
        let mut now = Instant::now();
        life.begin();
        life.started(now);
        for _ in 0..20 {
            now += HEALTHY;
            assert_eq!(life.failed(now, Epitaph::new("test")), Verdict::Retry(Duration::from_secs(1)));
            life.begin();
            assert_eq!(life.started(now), Start::Recovery);
        }
    }

    #[test]
    fn less_than_a_healthy_minute_clears_nothing() {
        let mut life = Lifecycle::new();
        let mut now = Instant::now();
        life.begin();
        assert_eq!(life.started(now), Start::Fresh);
        for seconds in [1, 2, 4, 8] {
            now += HEALTHY - Duration::from_millis(1);
            assert_eq!(life.failed(now, Epitaph::new("test")), Verdict::Retry(Duration::from_secs(seconds)));
            life.begin();
            life.started(now);
        }
        assert_eq!(life.failed(now, Epitaph::new("test")), Verdict::Quarantine);
    }

    #[test]
    fn the_epitaph_of_the_last_failure_stays_after_a_recovery() {
        let mut life = Lifecycle::new();
        fail(&mut life, Instant::now());
        life.begin();
        life.started(Instant::now());
        assert_eq!(life.epitaph().unwrap().text, "test");
    }
}
