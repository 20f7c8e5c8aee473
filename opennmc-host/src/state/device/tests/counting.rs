//! What is counted and derived.

use super::*;

fn values(bench: &Bench, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| bench.value(name).unwrap_or_else(|| "-".into())).collect()
}

const OUTAGES: [&str; 6] = [
    "ups.outage.count",
    "ups.outage.total",
    "ups.outage.longest",
    "ups.outage.last.duration",
    "ups.outage.last.start",
    "ups.outage.last.reason",
];

#[test]
fn outages_are_counted_measured_and_remembered() {
    let mut bench = Bench::live();
    bench.state.set_calendar(bench.now, NOON_MS);
    assert_eq!(values(&bench, &OUTAGES), ["0", "0", "0", "-", "-", "-"]);
    bench.run(seconds(60));
    bench.status("OB");
    bench.read("input.transfer.reason", "mains voltage too low");
    bench.run(seconds(125));
    let going_on = ["1", "125", "125", "125", "2026-11-22T16:01:00Z", "mains voltage too low"];
    assert_eq!(values(&bench, &OUTAGES), going_on);
    bench.status("OL");
    let on_line = bench.happenings().pop().unwrap();
    assert_eq!(field(&on_line, "lasted-s"), Some("125"));
    bench.run(seconds(60));
    bench.status("OB");
    bench.run(seconds(5));
    bench.status("OL");
    bench.restart();
    bench.state.set_calendar(bench.now, NOON_MS + 1_000_000);
    bench.give(Input::PortOpened);
    bench.status("OL");
    assert_eq!(values(&bench, &OUTAGES), ["2", "130", "125", "5", "2026-11-22T16:04:05Z", "-"]);
}

#[test]
fn a_restart_in_the_middle_of_an_outage_tells_it_once() {
    let mut bench = Bench::live();
    bench.status("OB");
    bench.run(seconds(100));
    assert_eq!(bench.kinds(), ["ups.on-battery"]);
    bench.restart();
    bench.give(Input::PortOpened);
    bench.run(seconds(5));
    bench.status("OB");
    bench.run(seconds(10));
    assert_eq!(bench.kinds(), ["ups.comm-established"]);
    assert_eq!(bench.value("ups.outage.last.duration").as_deref(), Some("115"));
    bench.status("OL");
    assert_eq!(bench.kinds(), ["ups.on-line"]);
    assert_eq!(bench.value("ups.outage.count").as_deref(), Some("1"));
}

#[test]
fn power_and_energy_follow_from_load_and_nominal_values_and_are_never_invented() {
    let mut bench = Bench::live();
    bench.read("ups.load", "25.0");
    assert_eq!(values(&bench, &["ups.realpower", "ups.power", "ups.energy"]), ["-", "-", "-"]);
    let overrides = [("ups.realpower.nominal", "800"), ("ups.power.nominal", "1000"), ("ups.mfr", "Mine")];
    let overrides = overrides.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    bench.read("ups.mfr", "APC");
    bench.state.set_rules(bench.now, Rules { overrides, ..Rules::default() });
    bench.read("ups.load", "25.0");
    bench.run(seconds(3600));
    let names = ["ups.realpower", "ups.power", "ups.energy", "ups.mfr", "device.mfr"];
    assert_eq!(values(&bench, &names), ["200", "250", "0.200", "Mine", "Mine"]);
    bench.restart();
    bench.give(Input::PortOpened);
    bench.status("OL");
    assert_eq!(bench.value("ups.energy").as_deref(), Some("0.200"));
    bench.read("output.voltage", "230.0");
    bench.read("output.current", "2.00");
    assert_eq!(bench.value("ups.power").as_deref(), Some("460"), "measured beats rated");
}

#[test]
fn energy_out_of_sight_is_not_guessed() {
    let mut bench = Bench::live();
    bench.read("ups.realpower", "1000");
    bench.run(seconds(36));
    bench.wait(STALE_AFTER);
    bench.wait(seconds(100_000));
    bench.status("OL");
    let kwh: f64 = bench.value("ups.energy").unwrap().parse().unwrap();
    assert!((0.010..0.015).contains(&kwh), "{kwh}");
}

#[test]
fn the_charger_the_mode_and_the_trend_are_told() {
    let mut bench = Bench::live_with(Rules { charger_tokens: true, ..Rules::default() });
    let names = ["battery.charger.status", "ups.mode"];
    assert_eq!(values(&bench, &names), ["-", "line"], "the charge is not known");
    bench.read("battery.charge", "100.0");
    assert_eq!(values(&bench, &names), ["floating", "line"]);
    bench.status("OB");
    assert_eq!(values(&bench, &names), ["discharging", "battery"]);
    assert_eq!(bench.shown(), "OB DISCHRG");
    for minute in 1..=20 {
        bench.run(seconds(60));
        bench.read("battery.charge", &format!("{}", 100 - minute * 2));
        bench.read("battery.runtime", &format!("{}", 3000 - minute * 90));
    }
    for (name, slope) in [("battery.charge.trend", -2.0), ("battery.runtime.trend", -90.0)] {
        let trend: f64 = bench.value(name).unwrap().parse().unwrap();
        assert!((trend / slope - 1.0).abs() < 0.02, "{name}: {trend}");
    }
    bench.status("OL");
    bench.run(seconds(1));
    assert_eq!(values(&bench, &names), ["charging", "line"]);
    assert_eq!(bench.shown(), "OL CHRG");
    assert_eq!(bench.value("battery.charge.trend"), None);
    bench.status("OL BYPASS");
    assert_eq!(values(&bench, &names), ["charging", "bypass"]);
    bench.status("OFF");
    bench.run(seconds(6));
    assert_eq!(values(&bench, &names), ["resting", "off"]);
}

#[test]
fn the_age_of_the_battery_is_told_by_its_date_or_that_of_its_making() {
    let mut bench = Bench::live();
    bench.state.set_calendar(bench.now, NOON_MS);
    bench.read("battery.mfr.date", "2020/11/22");
    assert_eq!(bench.value("battery.age").as_deref(), Some("2191"));
    bench.read("battery.date", "11/20/26");
    assert_eq!(bench.value("battery.age").as_deref(), Some("2"));
    bench.read("battery.date", "UNKNOWN ");
    assert_eq!(bench.value("battery.age"), None);
}

#[test]
fn the_alarm_is_the_units_own_words_and_what_is_judged_and_only_the_first_is_an_event() {
    let mut bench = Bench::live_with(instant());
    bench.status("OL RB");
    assert_eq!(bench.value("ups.alarm").as_deref(), Some("Battery needs to be replaced"));
    bench.read("ups.alarm", "Over temperature");
    let expected = "Over temperature; Battery needs to be replaced";
    assert_eq!(bench.value("ups.alarm").as_deref(), Some(expected));
    assert_eq!(bench.shown(), "ALARM OL RB");
    bench.give(Input::Withdrawn("ups.alarm".into()));
    bench.status("OL");
    bench.run(seconds(6));
    assert_eq!(bench.value("ups.alarm"), None);
    assert_eq!(
        bench.kinds(),
        ["ups.replace-battery", "ups.alarm", "ups.alarm-cleared", "ups.replace-battery-cleared"]
    );
}

#[test]
fn another_serial_number_is_another_ups() {
    let mut bench = Bench::live();
    bench.read("ups.serial", "AS1");
    bench.read("battery.date", "01/01/20");
    bench.restart();
    bench.give(Input::PortOpened);
    bench.status("OL");
    bench.read("ups.serial", "AS2");
    bench.read("battery.date", "01/01/24");
    let happenings = bench.happenings();
    let kinds: Vec<_> = happenings.iter().map(|happening| happening.kind.name).collect();
    assert_eq!(kinds, ["ups.comm-established", "ups.replaced"], "its battery is no new battery");
    assert_eq!(
        (field(&happenings[1], "ups.serial"), field(&happenings[1], "before")),
        (Some("AS2"), Some("AS1"))
    );
}

#[test]
fn other_rules_hold_at_once_and_what_is_under_way_goes_on() {
    let mut bench = Bench::live_with(Rules { on_battery_delay: seconds(60), ..Rules::default() });
    bench.status("OB");
    bench.run(seconds(30));
    assert_eq!(bench.shown(), "OL");
    bench.state.set_rules(bench.now, Rules { on_battery_delay: seconds(20), ..Rules::default() });
    assert_eq!(bench.shown(), "OB");
    bench.state.set_rules(bench.now, Rules { on_battery_delay: seconds(300), ..Rules::default() });
    bench.run(seconds(10));
    assert_eq!(bench.shown(), "OB", "what was told stays told");
    assert_eq!(bench.kinds(), ["ups.on-battery"]);
}

#[test]
fn a_memory_that_makes_no_sense_does_no_harm() {
    let mut bench = Bench::new();
    let told = vec!["XX".to_owned(), "LB".to_owned()];
    let memory = Memory { on_battery: true, told, ..Memory::default() };
    bench.state.restore(memory);
    bench.give(Input::PortOpened);
    bench.status("OL");
    assert_eq!(bench.kinds(), ["ups.comm-established", "ups.on-line", "ups.low-battery-cleared"]);
}
