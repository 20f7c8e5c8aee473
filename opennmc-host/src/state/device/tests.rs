mod complaints;
mod counting;
mod properties;

use super::*;
use crate::state::event::Severity;

const STALE_AFTER: Duration = Duration::from_secs(15);
/// 2026-11-22T16:00:00Z.
const NOON_MS: u64 = 1_795_363_200_000;

/// Nothing is waited for.
fn instant() -> Rules {
    Rules {
        hang_up_grace: Duration::ZERO,
        off_delay: Duration::ZERO,
        low_battery_delay: Duration::ZERO,
        replace_battery_delay: Duration::ZERO,
        overload_delay: Duration::ZERO,
        regulation_delay: Duration::ZERO,
        ..Rules::default()
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A device and a clock that goes only when told.
struct Bench {
    state: DeviceState,
    now: Time,
}

impl Bench {
    fn new() -> Bench {
        Bench::with(Rules::default())
    }

    fn with(rules: Rules) -> Bench {
        Bench::at(Time::from_millis(1_000_000), rules)
    }

    fn at(now: Time, rules: Rules) -> Bench {
        let identity = Identity {
            name: "main".into(),
            description: None,
            port: "/dev/ttyS0".into(),
            driver: "apcsmart",
        };
        Bench { state: DeviceState::new(identity, rules, now), now }
    }

    /// Open, answering and on line.
    fn live() -> Bench {
        Bench::live_with(Rules::default())
    }

    fn live_with(rules: Rules) -> Bench {
        let mut bench = Bench::with(rules);
        bench.give(Input::PortOpened);
        bench.status("OL");
        assert_eq!(bench.kinds(), ["ups.comm-established"]);
        bench
    }

    fn give(&mut self, input: Input) {
        self.state.handle_input(self.now, input);
    }

    fn read(&mut self, name: &str, value: &str) {
        self.give(Input::Heard);
        self.give(Input::Reading {
            name: name.into(),
            value: value.into(),
            kind: Kind::Text(0),
            settable: false,
        });
    }

    fn status(&mut self, tokens: &str) {
        self.read("ups.status", tokens);
    }

    fn wait(&mut self, duration: Duration) {
        self.now = self.now + duration;
        self.state.handle_timeout(self.now);
    }

    /// Lets time pass as a main loop would: timers fire when they are due, and the UPS answers every second.
    fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            let next = (self.now + seconds(1)).min(end);
            while self.state.deadline() <= next {
                self.now = self.now.max(self.state.deadline());
                self.state.handle_timeout(self.now);
            }
            self.now = next;
            self.give(Input::Heard);
        }
    }

    fn order(&mut self, command: &str) {
        self.give(Input::Order { command: command.into(), at: self.now });
    }

    fn shown(&self) -> String {
        self.value("ups.status").unwrap_or_default()
    }

    /// As after a restart: another engine that knows what this one has written down.
    fn restart(&mut self) {
        let memory = Memory::from_json(&self.state.memory().to_json());
        *self = Bench::at(self.now, self.state.rules.clone());
        self.state.restore(memory);
    }

    fn happenings(&mut self) -> Vec<Happening> {
        std::iter::from_fn(|| self.state.poll_happening()).collect()
    }

    fn kinds(&mut self) -> Vec<&'static str> {
        self.happenings().into_iter().map(|happening| happening.kind.name).collect()
    }

    fn value(&self, name: &str) -> Option<String> {
        self.state.device(1, None).variables.get(name).map(|variable| variable.value.clone())
    }
}

fn field<'a>(happening: &'a Happening, name: &str) -> Option<&'a str> {
    happening.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
}

#[test]
fn nothing_is_shown_before_the_first_status() {
    let mut bench = Bench::new();
    bench.give(Input::PortOpened);
    bench.read("ups.model", "SMART-UPS 1500");
    assert_eq!(bench.state.availability(), Availability::Waiting);
    assert_eq!(bench.state.device(1, None).variables, BTreeMap::new());
    bench.status("OL");
    assert_eq!(bench.state.availability(), Availability::Live);
    assert_eq!(bench.value("ups.model").as_deref(), Some("SMART-UPS 1500"));
}

#[test]
fn every_token_that_comes_and_goes_is_an_event() {
    for (token, came, went) in TOKENS {
        let mut bench = Bench::live_with(instant());
        let with = if token == "OFF" { "OFF".to_owned() } else { format!("OL {token}") };
        bench.status(&with);
        assert_eq!(bench.kinds(), [came.name]);
        bench.status(&format!("{with} CHRG"));
        assert_eq!(bench.kinds(), [""; 0], "it is still there");
        bench.status("OL");
        bench.run(seconds(10));
        assert_eq!(bench.kinds(), [went.name]);
    }
}

#[test]
fn an_outage_is_told_from_its_begin_to_its_end() {
    let mut bench = Bench::live();
    bench.status("OB DISCHRG");
    bench.status("OB DISCHRG LB");
    bench.run(seconds(4));
    bench.status("OL CHRG");
    bench.run(seconds(6));
    assert_eq!(
        bench.kinds(),
        ["ups.on-battery", "ups.low-battery", "ups.on-line", "ups.low-battery-cleared"]
    );
}

#[test]
fn a_ups_that_goes_off_on_battery_and_returns_is_on_line_again_once() {
    let mut bench = Bench::live();
    bench.status("OB LB");
    bench.run(seconds(4));
    bench.status("OFF");
    assert_eq!(bench.kinds(), ["ups.on-battery", "ups.low-battery"]);
    bench.run(seconds(6));
    assert_eq!(bench.kinds(), ["ups.low-battery-cleared", "ups.off"]);
    bench.status("OL");
    assert_eq!(bench.kinds(), ["ups.on-line", "ups.off-cleared"]);
}

#[test]
fn what_the_first_status_complains_about_is_an_event_after_contact() {
    let mut bench = Bench::new();
    bench.give(Input::PortOpened);
    bench.status("OB LB OVER RB");
    assert_eq!(
        bench.kinds(),
        ["ups.comm-established", "ups.on-battery", "ups.low-battery", "ups.overload"],
        "what is urgent is told at once"
    );
    bench.run(seconds(61));
    assert_eq!(bench.kinds(), ["ups.replace-battery"], "what is not is confirmed");
}

#[test]
fn an_event_about_the_power_says_how_much_battery_is_left() {
    let mut bench = Bench::live();
    bench.read("battery.charge", "87.5");
    bench.status("OB");
    let happening = bench.happenings().remove(0);
    assert_eq!(field(&happening, "battery.charge"), Some("87.5"));
    assert_eq!(field(&happening, "ups.status"), Some("OB"));
    assert_eq!(field(&happening, "battery.runtime"), None);
}

#[test]
fn silence_becomes_stale_after_the_configured_time_and_not_before() {
    let mut bench = Bench::live();
    assert_eq!(bench.state.deadline(), bench.now + STALE_AFTER);
    bench.wait(STALE_AFTER - Duration::from_millis(1));
    assert_eq!(bench.state.availability(), Availability::Live);
    bench.give(Input::Heard);
    bench.wait(STALE_AFTER - Duration::from_millis(1));
    assert_eq!(bench.state.availability(), Availability::Live);
    bench.wait(Duration::from_millis(1));
    assert_eq!(bench.state.availability(), Availability::Stale);
    let lost = bench.happenings().remove(0);
    assert_eq!((lost.kind.name, lost.severity), ("ups.comm-lost", Severity::Warning));
    assert_eq!(field(&lost, "reason"), Some("it does not answer"));
    assert_eq!(bench.value("ups.status").as_deref(), Some("OL"), "the last that was known stays on show");
}

#[test]
fn a_port_that_hangs_up_for_20_ms_is_no_event_and_its_data_stays_live() {
    let mut bench = Bench::live();
    for _ in 0..100 {
        bench.give(Input::PortLost("Input/output error".into()));
        bench.wait(Duration::from_millis(20));
        bench.give(Input::PortOpened);
        bench.give(Input::Heard);
        bench.wait(Duration::from_millis(900));
        assert_eq!(bench.state.availability(), Availability::Live);
        bench.status("OL");
        bench.run(seconds(1));
    }
    assert_eq!(bench.kinds(), [""; 0]);
}

#[test]
fn the_grace_of_a_port_that_hung_up_ends_whatever_is_heard_without_a_status() {
    let mut bench = Bench::live();
    bench.give(Input::PortLost("gone".into()));
    bench.give(Input::PortOpened);
    bench.run(Rules::default().hang_up_grace);
    assert_eq!(bench.state.availability(), Availability::Stale);
    assert_eq!(field(&bench.happenings()[0], "reason"), Some("gone"));
}

#[test]
fn no_data_is_live_that_is_older_than_the_rule_allows_though_the_grace_is_longer() {
    let rules = Rules { hang_up_grace: seconds(60), stale_after: seconds(5), ..Rules::default() };
    let mut bench = Bench::live_with(rules);
    bench.wait(seconds(4));
    bench.give(Input::PortLost("gone".into()));
    assert_eq!(bench.state.deadline(), bench.now + seconds(1));
    bench.wait(seconds(1));
    assert_eq!(bench.state.availability(), Availability::Stale);
}

#[test]
fn a_port_that_stays_away_is_told_once() {
    let mut bench = Bench::live();
    bench.give(Input::PortLost("Input/output error".into()));
    assert_eq!(bench.state.availability(), Availability::Live, "it may be back in a moment");
    bench.wait(Rules::default().hang_up_grace);
    assert_eq!(bench.state.availability(), Availability::Stale);
    for _ in 0..20 {
        bench.wait(Duration::from_secs(10));
        bench.give(Input::PortLost("No such file or directory".into()));
    }
    assert_eq!(bench.kinds(), ["ups.comm-lost"]);
    assert_eq!(bench.value("driver.state").as_deref(), Some("reconnect.trying"));
    bench.give(Input::PortOpened);
    bench.give(Input::Heard);
    assert_eq!(bench.state.availability(), Availability::Stale, "the status is that of before");
    bench.status("OL");
    let restored = bench.happenings().remove(0);
    assert_eq!((restored.kind.name, field(&restored, "away-s")), ("ups.comm-restored", Some("200")));
    assert_eq!(bench.state.availability(), Availability::Live);
}

#[test]
fn an_outage_that_ended_out_of_sight_is_told_after_contact() {
    let mut bench = Bench::live();
    bench.status("OB");
    bench.give(Input::PortLost("gone".into()));
    bench.wait(seconds(5));
    bench.give(Input::PortOpened);
    bench.status("OL");
    assert_eq!(bench.kinds(), ["ups.on-battery", "ups.comm-lost", "ups.comm-restored", "ups.on-line"]);
}

#[test]
fn losing_sight_of_a_ups_on_battery_is_critical() {
    let mut bench = Bench::live();
    bench.status("OB");
    bench.give(Input::PortLost("gone".into()));
    bench.wait(seconds(3));
    let lost = bench.happenings().pop().unwrap();
    assert_eq!((lost.kind.name, lost.severity), ("ups.comm-lost", Severity::Critical));
    assert_eq!(field(&lost, "ups.status"), Some("OB"));
}

#[test]
fn a_port_that_never_opened_is_disconnected_and_told_once() {
    let mut bench = Bench::new();
    bench.give(Input::PortLost("No such file or directory".into()));
    bench.wait(STALE_AFTER);
    bench.give(Input::PortLost("No such file or directory".into()));
    assert_eq!(bench.state.availability(), Availability::Disconnected);
    assert_eq!(bench.kinds(), ["ups.no-comm"]);
    assert_eq!(bench.state.device(1, None).variables, BTreeMap::new());
}

#[test]
fn an_open_port_on_which_nothing_answers_is_disconnected_with_the_diagnosis() {
    let mut bench = Bench::new();
    bench.give(Input::PortOpened);
    bench.give(Input::Diagnosis("a modem seems to be there".into()));
    bench.wait(STALE_AFTER);
    assert_eq!(bench.state.availability(), Availability::Disconnected);
    let happening = bench.happenings().remove(0);
    assert_eq!(happening.kind.name, "ups.no-comm");
    assert_eq!(field(&happening, "reason"), Some("a modem seems to be there"));
}

#[test]
fn an_alarm_is_told_when_it_comes_changes_and_goes() {
    let mut bench = Bench::live();
    bench.read("ups.alarm", "fan failed");
    bench.read("ups.alarm", "fan failed");
    bench.read("ups.alarm", "fan failed, overheated");
    bench.give(Input::Withdrawn("ups.alarm".into()));
    let alarms: Vec<_> = bench.happenings();
    let told: Vec<_> =
        alarms.iter().map(|happening| (happening.kind.name, field(happening, "alarm").unwrap())).collect();
    assert_eq!(
        told,
        [
            ("ups.alarm", "fan failed"),
            ("ups.alarm", "fan failed, overheated"),
            ("ups.alarm-cleared", "fan failed, overheated"),
        ]
    );
}

#[test]
fn another_ups_on_the_same_port_leaves_nothing_of_the_first() {
    let mut bench = Bench::live();
    bench.read("ambient.humidity", "40");
    bench.give(Input::PortLost("gone".into()));
    bench.wait(seconds(3));
    bench.give(Input::Withdrawn("ambient.humidity".into()));
    assert!(bench.value("ambient.humidity").is_some(), "stale, and on show");
    bench.give(Input::PortOpened);
    bench.status("OL");
    bench.give(Input::Complete(BTreeSet::from(["ups.status".to_owned()])));
    assert_eq!(bench.value("ambient.humidity"), None);
}

#[test]
fn only_what_a_snapshot_shows_counts_as_changed() {
    let mut bench = Bench::live();
    assert!(bench.state.take_changed());
    bench.status("OL");
    bench.give(Input::Commands(BTreeSet::new()));
    bench.status("OL RB");
    assert!(!bench.state.take_changed(), "all of it was known, or is not believed yet");
    bench.status("OL CHRG");
    assert!(bench.state.take_changed());
    bench.give(Input::Commands(BTreeSet::from(["load.off".to_owned()])));
    assert!(bench.state.take_changed());
    bench.give(Input::Withdrawn("ups.status".into()));
    assert!(bench.state.take_changed());
}

#[test]
fn clients_find_the_device_and_the_driver_under_their_names() {
    let mut bench = Bench::live();
    bench.read("ups.model", "SMART-UPS 1500");
    bench.read("ups.serial", "AS0123456789");
    for (name, value) in [
        ("device.model", "SMART-UPS 1500"),
        ("device.serial", "AS0123456789"),
        ("device.type", "ups"),
        ("driver.name", "apcsmart"),
        ("driver.version", env!("CARGO_PKG_VERSION")),
        ("driver.state", "quiet"),
        ("driver.parameter.port", "/dev/ttyS0"),
    ] {
        assert_eq!(bench.value(name).as_deref(), Some(value), "{name}");
    }
}
