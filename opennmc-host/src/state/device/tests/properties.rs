//! What holds whatever happens in whatever order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

/// One thing that happens, and how long nothing happens after it.
#[derive(Debug, Clone)]
enum Step {
    Say(String),
    Read(&'static str, String),
    Order(&'static str),
    Force(bool),
    Lose,
    Open,
    Silence,
    Rules(u64),
    Restart,
    Jump(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let source = select(vec!["OL", "OB", "OFF", "OL OB", "", "BYPASS"]);
    let flags = subsequence(vec!["LB", "RB", "OVER", "CAL", "TRIM", "BOOST", "BYPASS", "HB"], 0..4);
    let say = (source, flags)
        .prop_map(|(source, flags)| Step::Say(format!("{source} {}", flags.join(" ")).trim().to_owned()));
    let reason =
        select(vec!["self test or simulated failure", "notch or spike on mains", "mains voltage too low"]);
    let result = select(vec!["OK", "BT", "NO", "In progress"]);
    let order = select(vec![
        "test.battery.start",
        "test.battery.stop",
        "test.battery.start.deep",
        "calibrate.start",
        "shutdown.return",
        "test.failure.start",
    ]);
    prop_oneof![
        8 => say,
        2 => reason.prop_map(|reason| Step::Read("input.transfer.reason", reason.to_owned())),
        1 => result.prop_map(|result| Step::Read("ups.test.result", result.to_owned())),
        1 => (0..100u32).prop_map(|charge| Step::Read("battery.charge", charge.to_string())),
        1 => (0..240u32).prop_map(|volts| Step::Read("input.voltage", volts.to_string())),
        1 => (0..3u32).prop_map(|serial| Step::Read("ups.serial", format!("AS{serial}"))),
        1 => (0..3u32).prop_map(|date| Step::Read("battery.date", format!("01/0{}/20", date + 1))),
        2 => order.prop_map(Step::Order),
        1 => any::<bool>().prop_map(Step::Force),
        1 => Just(Step::Lose),
        2 => Just(Step::Open),
        1 => Just(Step::Silence),
        1 => (0..120u64).prop_map(Step::Rules),
        1 => Just(Step::Restart),
        1 => (0..4_000_000_000_000u64).prop_map(Step::Jump),
    ]
}

fn history() -> impl Strategy<Value = Vec<(Step, u64)>> {
    prop::collection::vec((step(), prop_oneof![3 => 0..3000u64, 1 => 0..90_000u64]), 1..40)
}

/// The longest times are too long for a test that looks at every second.
fn quick() -> Rules {
    Rules { calibration_limit: seconds(600), replace_battery_overrule: seconds(300), ..Rules::default() }
}

/// A device whose every moment is checked.
struct Checked {
    bench: Bench,
    said: String,
    /// Since when on battery and low battery were both said.
    critical: Option<Time>,
    /// Since when on battery was said, without a break.
    on_battery: Option<Time>,
    told: BTreeMap<&'static str, bool>,
    in_contact: bool,
    energy: u64,
    open: bool,
}

impl Checked {
    fn new() -> Checked {
        let mut checked = Checked {
            bench: Bench::with(quick()),
            said: String::new(),
            critical: None,
            on_battery: None,
            told: BTreeMap::new(),
            in_contact: false,
            energy: 0,
            open: true,
        };
        checked.bench.give(Input::PortOpened);
        checked.say("OL");
        checked.bench.read("ups.realpower", "500");
        checked.check();
        checked
    }

    fn say(&mut self, status: &str) {
        self.said = status.to_owned();
        let has = |wanted: &str| status.split(' ').any(|token| token == wanted);
        // While it says neither, the last of the two holds.
        let neither = !has("OB") && !has("OL");
        let on_battery = has("OB") || (neither && self.on_battery.is_some());
        self.on_battery = on_battery.then(|| self.on_battery.unwrap_or(self.bench.now));
        let critical = has("OB") && has("LB");
        self.critical = critical.then(|| self.critical.unwrap_or(self.bench.now));
        self.bench.status(status);
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Say(status) if self.open => self.say(status),
            Step::Read(name, value) if self.open => self.bench.read(name, value),
            Step::Order(command) => self.bench.order(command),
            Step::Force(set) => self.bench.give(Input::ForcedShutdown(*set)),
            Step::Lose => {
                self.open = false;
                self.bench.give(Input::PortLost("gone".into()));
            }
            Step::Open => {
                self.open = true;
                self.bench.give(Input::PortOpened);
            }
            Step::Silence => self.pass(20_000, false),
            Step::Rules(seconds) => {
                let delay = Duration::from_secs(seconds % 10);
                let rules = Rules {
                    on_battery_delay: Duration::from_secs(*seconds),
                    on_line_delay: delay,
                    off_delay: delay,
                    replace_battery_delay: delay,
                    ..quick()
                };
                self.bench.state.set_rules(self.bench.now, rules);
            }
            Step::Restart => {
                self.bench.restart();
                self.in_contact = false;
                self.critical = None;
                self.on_battery = None;
                self.bench.give(Input::PortOpened);
                self.open = true;
                let said = self.said.clone();
                self.say(&said);
            }
            Step::Jump(unix_ms) => self.bench.state.set_calendar(self.bench.now, *unix_ms),
            Step::Say(_) | Step::Read(..) => {}
        }
        self.check();
    }

    /// Lets time pass; the UPS says the same again every second when it can be `heard`.
    fn pass(&mut self, ms: u64, heard: bool) {
        let end = self.bench.now + Duration::from_millis(ms);
        while self.bench.now < end {
            let next = (self.bench.now + seconds(1)).min(end);
            while self.bench.state.deadline() <= next {
                let due = self.bench.state.deadline();
                assert!(due > self.bench.now || due == Time::NEVER || due <= next);
                self.bench.now = self.bench.now.max(due);
                self.bench.state.handle_timeout(self.bench.now);
                assert!(
                    self.bench.state.deadline() > self.bench.now,
                    "a timer that is due must be dealt with"
                );
                self.check();
            }
            self.bench.now = next;
            if heard && self.open {
                let said = self.said.clone();
                self.bench.status(&said);
                self.check();
            }
        }
    }

    fn check(&mut self) {
        for happening in self.bench.happenings() {
            self.check_order(happening.kind.name);
        }
        let state = &self.bench.state;
        let now = self.bench.now;
        if state.availability() == Availability::Live {
            let age = now.since(state.heard().unwrap());
            assert!(age <= state.rules.stale_after, "live and {age:?} old");
        }
        let shown = self.bench.shown();
        let has = |wanted: &str| shown.split(' ').any(|token| token == wanted);
        assert!(!(has("OL") && has("OB")), "{shown}");
        assert!(!(has("OFF") && (has("OL") || has("OB"))), "{shown}");
        assert_eq!(has("FSD"), state.forced_shutdown(), "{shown}");
        if has("OB") && !has("CAL") {
            assert!(state.on_battery, "an outage on show is an outage told");
        }
        if has("OL") {
            assert!(!state.on_battery, "mains on show is mains told");
        }
        for (token, _, _) in TOKENS {
            assert_eq!(has(token), state.told.contains(token), "{token}: what is shown is what was told");
        }
        // Nothing that protects data is held back without a limit, whatever test or calibration seems to run.
        let limit = state.rules.low_battery_test_delay + state.rules.low_battery_delay;
        if self.critical.is_some_and(|since| now > since + limit) {
            assert!(has("OB") && has("LB") && !has("CAL"), "{shown} though the UPS says {}", self.said);
        }
        let limit = state.rules.on_battery_delay.max(state.rules.calibration_limit);
        if self.on_battery.is_some_and(|since| now > since + limit) {
            assert!(has("OB") || has("OFF"), "{shown} though the UPS says {}", self.said);
        }
        let energy = state.energy.milliwatt_seconds();
        assert!(energy >= self.energy, "the energy never falls");
        self.energy = energy;
        assert_eq!(Memory::from_json(&state.memory().to_json()), state.memory());
    }

    /// Beginning and end of everything come in turn.
    fn check_order(&mut self, kind: &'static str) {
        let (what, begins) = match kind {
            "ups.on-battery" => ("outage", true),
            "ups.on-line" => ("outage", false),
            "ups.comm-established" | "ups.comm-restored" => {
                assert!(!self.in_contact, "{kind} twice");
                self.in_contact = true;
                return;
            }
            "ups.comm-lost" => {
                assert!(self.in_contact, "{kind} without contact");
                self.in_contact = false;
                return;
            }
            _ => match TOKENS.iter().find(|(_, came, went)| came.name == kind || went.name == kind) {
                Some((token, came, _)) => (*token, came.name == kind),
                None => return,
            },
        };
        let before = self.told.insert(what, begins).unwrap_or(false);
        assert_ne!(before, begins, "{kind} twice");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_of_inputs_keeps_the_invariants(history in history()) {
        let mut checked = Checked::new();
        for (step, pause) in &history {
            checked.apply(step);
            checked.pass(*pause, true);
        }
    }

    #[test]
    fn whatever_lasts_is_published_by_its_rule(
        history in history(),
        flags in subsequence(vec!["LB", "RB", "OVER", "TRIM", "BYPASS"], 0..5),
    ) {
        let mut checked = Checked::new();
        for (step, pause) in &history {
            checked.apply(step);
            checked.pass(*pause, true);
        }
        checked.apply(&Step::Open);
        checked.say(&format!("OL {}", flags.join(" ")));
        // The longest that may pass: a battery that was just found sound.
        checked.pass(400 * 1000, true);
        let shown = checked.bench.shown();
        for token in flags {
            prop_assert!(shown.split(' ').any(|shown| shown == token), "{} is missing in {}", token, shown);
        }
        checked.say("OB");
        let delay = checked.bench.state.rules.on_battery_delay;
        checked.pass(u64::try_from(delay.as_millis()).unwrap(), true);
        prop_assert!(checked.bench.shown().contains("OB"), "after {:?}: {}", delay, checked.bench.shown());
    }

    #[test]
    fn any_text_is_a_memory_and_does_no_harm(text in ".*") {
        let mut bench = Bench::new();
        bench.state.restore(Memory::from_json(&text));
        bench.status("OB LB");
        prop_assert_eq!(bench.shown(), "OB LB");
    }
}
