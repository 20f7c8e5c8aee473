//! Whether the time on battery is a self test, and how the test ended.
//!
//! A self test moves the load to the battery for some seconds while mains is there. Two witnesses turn that into "not an
//! outage" at once: that we ordered the test, and a reason of transfer that has just become the test. A reason that says
//! so from the last test is a witness only afterwards, for the statistics. The invariant: a time on battery that is
//! masked ends at the limit, at a lasting low battery, when the reason becomes another, or when mains is seen dead; from
//! then on it is an outage and can't become a test again.

use std::time::Duration;

use apcsmart::Time;

/// After an order the UPS takes the battery within seconds, or refuses.
const ORDER_HOLDS: Duration = Duration::from_secs(30);
/// A reason of transfer was read again by then: it is polled every five seconds and needs a second read.
const REASON_SETTLES: Duration = Duration::from_secs(12);
/// Results are read every twenty seconds, and after five minutes UPSes forget them.
const RESULT_WAIT: Duration = Duration::from_secs(90);

/// Follows self tests.
#[derive(Debug)]
pub(super) struct SelfTest {
    phase: Phase,
    /// Since when the UPS is on battery.
    on_battery: Option<Time>,
    /// This time on battery is an outage, whatever else may speak for a test.
    ruled_out: bool,
    /// And it had been taken for a test before that was known.
    genuine: bool,
    /// Somebody ordered a time on battery that is meant to count.
    outage_ordered: Option<Time>,
    /// The last reason of a transfer.
    reason: Option<String>,
    /// A short time on battery ended, and the reason is about to tell what it was.
    doubtful: Option<Time>,
    result: Option<String>,
    /// When a result was last told.
    told: Option<Time>,
    /// When the result became that a test runs.
    progress: Option<Time>,
    /// What the last test came to, which the UPS itself forgets.
    latched: Option<Latched>,
    news: Vec<News>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Ordered { until: Time, deep: bool },
    Running { since: Time, deep: bool },
    Ended { at: Time },
}

/// Who began a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// An order through this host.
    Order,
    /// The UPS's own schedule, or its button.
    Ups,
}

/// What a result says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    Running,
    Nothing,
}

/// The result of the last test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Latched {
    pub(super) text: String,
    /// When it was first seen, in milliseconds since 1970.
    pub(super) at_ms: Option<u64>,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    Started(Origin),
    /// The time on battery that has just ended was one.
    WasTest,
    Passed(String),
    Failed(String),
    /// It ended and told no result.
    NoResult,
}

impl SelfTest {
    pub(super) fn new() -> SelfTest {
        SelfTest {
            phase: Phase::Idle,
            on_battery: None,
            ruled_out: false,
            genuine: false,
            outage_ordered: None,
            reason: None,
            doubtful: None,
            result: None,
            told: None,
            progress: None,
            latched: None,
            news: Vec::new(),
        }
    }

    /// Whether the time on battery is a test and no outage.
    pub(super) fn masks(&self) -> bool {
        matches!(self.phase, Phase::Running { .. }) && self.on_battery.is_some()
    }

    /// Whether a test runs or is about to.
    pub(super) fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Running { .. } | Phase::Ordered { .. })
    }

    /// Whether the time on battery was found to be an outage after it had looked like a test.
    pub(super) fn is_genuine(&self) -> bool {
        self.genuine
    }

    pub(super) fn latched(&self) -> Option<&Latched> {
        self.latched.as_ref()
    }

    pub(super) fn restore(&mut self, latched: Option<Latched>) {
        self.latched = latched;
    }

    pub(super) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Another UPS: nothing that was seen of the first counts.
    pub(super) fn forget(&mut self) {
        *self = SelfTest { on_battery: self.on_battery, ..SelfTest::new() };
    }

    /// A command was given to the UPS at `at`.
    pub(super) fn take_order(&mut self, now: Time, command: &str, at: Time) {
        let deep = command == "test.battery.start.deep";
        match command {
            "test.battery.start" | "test.battery.start.quick" | "test.battery.start.deep" => {
                self.outage_ordered = None;
                match self.on_battery {
                    // The alert overtook the word that it was ordered.
                    Some(since) if since >= at && !self.ruled_out => self.run(since, Origin::Order, deep),
                    Some(_) => {}
                    None => self.phase = Phase::Ordered { until: now + ORDER_HOLDS, deep },
                }
            }
            "test.failure.start" | "load.off" => self.expect_outage(now),
            _ if command.starts_with("shutdown.") && command != "shutdown.stop" => self.expect_outage(now),
            "test.battery.stop" if matches!(self.phase, Phase::Ordered { .. }) => self.phase = Phase::Idle,
            _ => {}
        }
    }

    /// The UPS is on battery, or on line.
    pub(super) fn take_battery(&mut self, now: Time, on_battery: bool) {
        match (self.on_battery, on_battery) {
            (None, true) => {
                self.on_battery = Some(now);
                self.doubtful = None;
                let ordered = self.outage_ordered.is_some_and(|at| now.since(at) < ORDER_HOLDS);
                self.ruled_out = ordered;
                match self.phase {
                    Phase::Ordered { until, deep } if now < until => self.run(now, Origin::Order, deep),
                    _ if !ordered && self.progress.is_some_and(|at| now.since(at) < ORDER_HOLDS) => {
                        self.run(now, Origin::Ups, false);
                    }
                    _ => {}
                }
            }
            (Some(since), false) => {
                self.on_battery = None;
                match self.phase {
                    Phase::Running { .. } => self.phase = Phase::Ended { at: now },
                    _ if !self.ruled_out => self.doubtful = Some(since),
                    _ => {}
                }
                (self.ruled_out, self.genuine) = (false, false);
            }
            _ => {}
        }
    }

    /// The reason of the last transfer, as last read.
    pub(super) fn take_reason(&mut self, now: Time, reason: &str) {
        // Values are told again without being read again; only a change is news.
        if self.reason.as_deref() == Some(reason) {
            return;
        }
        let first = self.reason.replace(reason.to_owned()).is_none();
        let is_test = names_a_test(reason);
        match (self.on_battery, self.phase) {
            (Some(since), Phase::Running { .. }) if !is_test && !first && now > since => self.be_outage(),
            (Some(since), phase) if is_test && !first && !self.ruled_out && !phase.is_running() => {
                self.run(since, Origin::Ups, false);
            }
            _ => {}
        }
    }

    /// The mode of the UPS, on units that tell one.
    pub(super) fn take_mode(&mut self, mode: &str) {
        if let Some(since) = self.on_battery
            && names_a_test(mode)
            && !self.ruled_out
            && !self.phase.is_running()
        {
            self.run(since, Origin::Ups, false);
        }
    }

    /// The result of the last test, as last read; `at_ms` is now by the calendar.
    pub(super) fn take_result(&mut self, now: Time, result: &str, at_ms: Option<u64>) {
        let before = self.result.replace(result.to_owned());
        if before.as_deref() == Some(result) {
            return;
        }
        let verdict = self.verdict();
        self.progress = (verdict == Verdict::Running).then_some(now);
        if !verdict.is_result() {
            if verdict == Verdict::Running
                && let Some(since) = self.on_battery
                && !self.ruled_out
                && !self.phase.is_running()
            {
                self.run(since, Origin::Ups, false);
            }
            return;
        }
        match (before, self.phase) {
            // It was there before anybody looked.
            (None, Phase::Idle) => {
                if self.latched.as_ref().is_none_or(|latched| latched.text != result) {
                    self.latched = Some(Latched { text: result.to_owned(), at_ms: None });
                }
            }
            (_, Phase::Running { .. }) => {}
            _ => self.tell_result(now, at_ms),
        }
    }

    /// The time on battery is a calibration. Its reason is that of a test, too.
    pub(super) fn be_calibration(&mut self) {
        if self.on_battery.is_some() {
            self.ruled_out = true;
            self.phase = Phase::Idle;
        }
    }

    /// Mains was seen dead, or the battery low for too long: this is no test.
    pub(super) fn be_outage(&mut self) {
        if self.on_battery.is_some() {
            self.ruled_out = true;
            self.genuine |= self.phase.is_running();
            self.phase = Phase::Idle;
        }
    }

    /// Time has passed. `limit` is how long a test may take, `deep_limit` how long one that empties the battery may.
    pub(super) fn pass(&mut self, now: Time, limit: Duration, deep_limit: Duration, at_ms: Option<u64>) {
        match self.phase {
            Phase::Ordered { until, .. } if now >= until => self.phase = Phase::Idle,
            Phase::Running { since, deep, .. } if now >= since + if deep { deep_limit } else { limit } => {
                self.be_outage();
            }
            Phase::Ended { at, .. } if now >= at + RESULT_WAIT => {
                if self.verdict().is_result() {
                    self.tell_result(now, at_ms);
                } else {
                    self.phase = Phase::Idle;
                    self.news.push(News::NoResult);
                }
            }
            _ => {}
        }
        if let Some(since) = self.doubtful
            && now >= since + REASON_SETTLES
        {
            self.doubtful = None;
            let was_test = self.reason.as_deref().is_some_and(names_a_test);
            if was_test && self.phase == Phase::Idle && now <= since + limit + REASON_SETTLES {
                self.news.push(News::WasTest);
                if self.told.is_none_or(|told| told < since) {
                    self.phase = Phase::Ended { at: now };
                }
            }
        }
    }

    pub(super) fn deadline(&self, limit: Duration, deep_limit: Duration) -> Time {
        let phase = match self.phase {
            Phase::Idle => Time::NEVER,
            Phase::Ordered { until, .. } => until,
            Phase::Running { since, deep, .. } => since + if deep { deep_limit } else { limit },
            Phase::Ended { at, .. } => at + RESULT_WAIT,
        };
        phase.min(self.doubtful.map_or(Time::NEVER, |since| since + REASON_SETTLES))
    }

    fn run(&mut self, since: Time, origin: Origin, deep: bool) {
        self.phase = Phase::Running { since, deep };
        self.news.push(News::Started(origin));
    }

    fn expect_outage(&mut self, now: Time) {
        self.outage_ordered = Some(now);
        self.phase = Phase::Idle;
        self.be_outage();
    }

    fn tell_result(&mut self, now: Time, at_ms: Option<u64>) {
        let Some(text) = self.result.clone() else { return };
        self.phase = Phase::Idle;
        self.told = Some(now);
        self.latched = Some(Latched { text: text.clone(), at_ms });
        self.news.push(match verdict(&text) {
            Verdict::Passed => News::Passed(text),
            _ => News::Failed(text),
        });
    }

    fn verdict(&self) -> Verdict {
        self.result.as_deref().map_or(Verdict::Nothing, verdict)
    }
}

impl Phase {
    fn is_running(self) -> bool {
        matches!(self, Phase::Running { .. })
    }
}

impl Verdict {
    fn is_result(self) -> bool {
        matches!(self, Verdict::Passed | Verdict::Failed)
    }
}

impl Origin {
    pub(super) fn text(self) -> &'static str {
        match self {
            Origin::Order => "order",
            Origin::Ups => "ups",
        }
    }
}

/// Whether a result says that a test has failed.
pub(super) fn has_failed(result: &str) -> bool {
    verdict(result) == Verdict::Failed
}

/// Whether a result says anything of a test that was made.
pub(super) fn is_result(result: &str) -> bool {
    verdict(result).is_result()
}

/// The codes of APC's protocol, and the words that other drivers use.
fn verdict(result: &str) -> Verdict {
    let result = result.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| result.contains(word));
    match result.as_str() {
        "ok" => Verdict::Passed,
        "bt" | "ng" => Verdict::Failed,
        _ if says(&["progress", "running"]) => Verdict::Running,
        _ if says(&["fail", "error", "warning", "bad"]) => Verdict::Failed,
        _ if says(&["pass"]) => Verdict::Passed,
        _ => Verdict::Nothing,
    }
}

fn names_a_test(text: &str) -> bool {
    text.to_ascii_lowercase().contains("test")
}
