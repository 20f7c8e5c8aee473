//! Each line of the control language.

use super::wire::Wire;
use apcsmart::simulator::SimulatorOptions;
use std::time::Duration;

fn refusal(wire: &mut Wire, line: &str) -> String {
    wire.sim.control(wire.now, line).expect_err(line).to_string()
}

#[test]
fn every_line_that_sets_something_shows_in_the_truth() {
    let options = SimulatorOptions { measure_ups: true, ..SimulatorOptions::default() };
    for (line, name, value) in [
        ("line off", "ups.status", "OB"),
        ("voltage 222.2", "input.voltage", "222.2"),
        ("frequency 49.5", "input.frequency", "49.50"),
        ("charge 42", "battery.charge", "42.0"),
        ("load 55", "ups.load", "55.0"),
        ("temperature 55", "ups.temperature", "55.0"),
        ("low-battery", "ups.status", "OL LB"),
        ("replace on", "ups.status", "OL RB"),
        ("overload on", "ups.status", "OL OVER"),
        ("ambient 33.5", "ambient.temperature", "33.50"),
        ("humidity 77", "ambient.humidity", "77.0"),
        ("contacts 40", "ups.contacts", "40"),
        ("press-test", "input.transfer.reason", "S"),
        ("press-off", "ups.status", "OFF"),
    ] {
        let mut wire = Wire::with("smart-ups-1500", options.clone());
        assert_ne!(wire.truth(name), value, "{line} would change nothing");
        wire.control(line);
        assert_eq!(wire.truth(name), value, "{line}");
    }
}

#[test]
fn every_line_that_sets_something_can_be_taken_back() {
    for (there, back) in [
        ("line off", "line on"),
        ("replace on", "replace off"),
        ("overload on", "overload off"),
        ("press-off", "press-on"),
    ] {
        let mut wire = Wire::to("smart-ups-1500");
        wire.control(there);
        wire.control(back);
        assert_eq!(wire.truth("ups.status"), "OL", "{there}, {back}");
    }
}

#[test]
fn faults_of_the_inside_show_in_the_registers() {
    let mut wire = Wire::to("matrix-3000");
    wire.control("charger fault");
    wire.control("bypass fault");
    assert_eq!(wire.ask(b"8~'"), "20\r\n02\r\n01\r\n");
    wire.control("charger ok");
    wire.control("bypass off");
    assert_eq!(wire.ask(b"8~'"), "00\r\n00\r\n00\r\n");
    let mut other = Wire::to("smart-ups-1500");
    other.control("relay fault");
    assert_eq!(other.ask(b"'"), "40\r\n");
}

#[test]
fn a_muted_ups_says_nothing_and_talks_again() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.control("mute on");
    assert_eq!(wire.ask(b"Q"), "");
    assert_eq!(wire.control("line off"), "");
    wire.control("mute off");
    assert_eq!(wire.ask(b"Q"), "10\r\n");
}

#[test]
fn an_unplugged_port_hangs_up_loses_what_is_sent_and_comes_back() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.control("unplug 2");
    assert_eq!(wire.hang_ups, [Duration::from_secs(2)]);
    assert_eq!(wire.ask(b"Q"), "");
    wire.wait(2.0);
    assert_eq!(wire.ask(b"Q"), "08\r\n", "the UPS itself was never off");
}

#[test]
fn bytes_can_be_injected() {
    let mut wire = Wire::to("smart-ups-1500");
    assert_eq!(wire.control("inject 21 4e410d0a"), "!NA\r\n");
}

#[test]
fn speed_makes_battery_time_run() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.control("line off");
    wire.control("speed 0");
    wire.wait(600.0);
    assert_eq!(wire.truth("battery.charge"), "100.0");
    wire.control("speed 100");
    wire.wait(10.0);
    assert!(wire.truth("battery.charge").parse::<f64>().unwrap() < 70.0);
}

#[test]
fn values_and_counters_can_be_asked_for_one_by_one_and_all_at_once() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.ask(&[0x19]);
    let now = wire.now;
    let mut say = |line: &str| wire.sim.control(now, line).unwrap();
    assert_eq!(say("get ups.model"), "SMART-UPS 1500");
    assert_eq!(say("get hazardous-bytes"), "1");
    assert!(say("truth").lines().any(|line| line == "battery.charge: 100.0"));
    assert!(say("counters").lines().any(|line| line == "hazardous-bytes 1"));
    assert!(say("eeprom").lines().any(|line| line == "model smart-ups-1500"));
    assert!(say("help").lines().any(|line| line.starts_with("line on|off ")));
}

#[test]
fn a_refusal_says_what_was_wrong_and_what_is_possible() {
    let mut wire = Wire::to("smart-ups-1500");
    let unknown = refusal(&mut wire, "lines off");
    assert!(unknown.contains("`lines`") && unknown.contains("line on|off"), "{unknown}");
    for (line, hint) in [
        ("line", "line on|off"),
        ("line maybe", "line on|off"),
        ("charge 101", "0 to 100"),
        ("charge full", "charge PERCENT"),
        ("load -1", "0 to 150"),
        ("noise 2", "noise on|off|RATE"),
        ("fault drop=7", "rate from 0 to 1"),
        ("inject 2", "inject HEX"),
        ("contacts 01", "no Measure-UPS"),
        ("unplug", "unplug SECONDS"),
        ("low-battery now", "low-battery"),
        ("get", "get NAME"),
        ("get ups.colour", "truth"),
        ("bypass on", "no bypass"),
        ("ambient 20", "no Measure-UPS"),
        ("", "line on|off"),
    ] {
        let message = refusal(&mut wire, line);
        assert!(message.contains(hint), "`{line}`: {message}");
    }
    wire.control("line off");
    assert!(refusal(&mut wire, "press-test").contains("mains"));
}
