//! The simulator must satisfy the programs that real units satisfy: NUT's two drivers and apcupsd.
//!
//! These tests keep the simulator honest. They run Debian's programs and fail when those are missing.
#![cfg(feature = "simulator-serve")]
#![allow(clippy::unwrap_used)] // see peers

mod peers;

use std::collections::BTreeMap;

use peers::apcupsd::Apcupsd;
use peers::nut::{self, Nut};
use peers::process::eventually;
use peers::simulated::Simulated;

const PLAIN: [&str; 0] = [];

/// What is set before a peer starts, and what it must then see, in NUT's and in apcupsd's words. These numbers do not
/// come back through the simulator, which could be wrong about itself.
const WORLD: [(&str, &str, &str, f64); 4] = [
    ("charge 42", "battery.charge", "BCHARGE", 42.0),
    ("load 55", "ups.load", "LOADPCT", 55.0),
    ("temperature 31.5", "ups.temperature", "ITEMP", 31.5),
    ("frequency 49.5", "input.frequency", "LINEFREQ", 49.5),
];

fn set_the_world(ups: &Simulated) {
    assert_eq!(ups.control("speed 0"), "ok"); // the battery does not charge meanwhile
    for (line, ..) in WORLD {
        assert_eq!(ups.control(line), "ok");
    }
}

/// Every value that NUT publishes and the simulator knows is the same, and none of these is missing.
fn nut_sees_the_truth(driver: &str, model: &str, options: &[&str], at_least: &[&str]) {
    let ups = Simulated::start(model, options);
    set_the_world(&ups);
    let nut = Nut::start(driver, &ups);
    eventually("all values are read", || at_least.iter().all(|name| nut.values().contains_key(*name)));
    let (truth, seen) = (ups.truth(), nut.values());
    for (name, value) in &seen {
        // NUT writes a sentence for the reason, and uptime goes on.
        if matches!(name.as_str(), "input.transfer.reason" | "device.uptime") || !truth.contains_key(name) {
            continue;
        }
        assert!(
            same(value, &truth[name]),
            "{driver} on a {model}: {name} is {value:?}, not {:?}",
            truth[name]
        );
    }
    for (line, name, _, expected) in WORLD {
        if let Some(value) = seen.get(name) {
            assert_eq!(value.parse::<f64>().ok(), Some(expected), "{driver} on a {model} after `{line}`");
        }
    }
    assert_eq!(ups.control("line off"), "ok");
    eventually("on battery", || nut.values().get("ups.status").is_some_and(|status| status == "OB"));
    assert_eq!(ups.control("line on"), "ok");
    eventually("on line", || nut.values().get("ups.status").is_some_and(|status| status == "OL"));
    assert_eq!((ups.counter("hazardous-bytes"), ups.counter("rushed")), (0, 0));
}

/// NUT keeps the padding of the wire, the truth has none.
fn same(left: &str, right: &str) -> bool {
    // NUT turns every word among the intervals into 0.
    if matches!(right, "ON" | "OFF") {
        return left == "0";
    }
    match (left.trim().parse::<f64>(), right.parse::<f64>()) {
        (Ok(left), Ok(right)) => left == right,
        _ => left.trim() == right,
    }
}

const USUAL: &[&str] = &[
    "ups.model",
    "ups.serial",
    "ups.status",
    "ups.load",
    "ups.temperature",
    "ups.delay.shutdown",
    "battery.charge",
    "battery.runtime",
    "battery.voltage",
    "input.voltage",
    "input.transfer.high",
    "input.transfer.low",
    "output.voltage",
];

#[test]
fn nut_reads_a_smart_ups_1500_with_its_probe() {
    let probe = ["ambient.temperature", "ambient.humidity", "ambient.1.temperature.high"];
    nut_sees_the_truth(
        "apcsmart",
        "smart-ups-1500",
        &["--measure-ups"],
        &[USUAL, &probe, &["ups.firmware"]].concat(),
    );
}

#[test]
fn nut_reads_a_smart_ups_1500_at_the_pace_of_a_real_line() {
    nut_sees_the_truth("apcsmart", "smart-ups-1500", &["--pace"], USUAL);
}

#[test]
fn nut_reads_a_smart_ups_700() {
    nut_sees_the_truth("apcsmart", "smart-ups-700", &[], USUAL);
}

#[test]
fn nut_reads_a_smart_ups_rt_1000() {
    nut_sees_the_truth("apcsmart", "smart-ups-rt-1000", &[], &[USUAL, &["output.current"]].concat());
}

#[test]
fn nut_reads_a_matrix_3000() {
    nut_sees_the_truth("apcsmart", "matrix-3000", &[], &[USUAL, &["ups.display.language"]].concat());
}

#[test]
fn nut_reads_a_back_ups_cs_350() {
    let names = ["ups.model", "ups.serial", "ups.status", "battery.charge", "battery.runtime"];
    nut_sees_the_truth("apcsmart", "back-ups-cs-350", &[], &names);
}

#[test]
fn nut_reads_the_little_that_a_smart_ups_vs_420_tells_it() {
    nut_sees_the_truth("apcsmart", "smart-ups-vs-420", &[], &["ups.model", "ups.serial", "ups.status"]);
}

#[test]
fn nuts_old_driver_reads_a_smart_ups_1500() {
    nut_sees_the_truth("apcsmart-old", "smart-ups-1500", &[], USUAL);
}

#[test]
fn nuts_old_driver_reads_a_smart_ups_700() {
    nut_sees_the_truth("apcsmart-old", "smart-ups-700", &[], USUAL);
}

#[test]
fn nuts_old_driver_reads_a_smart_ups_rt_1000() {
    nut_sees_the_truth("apcsmart-old", "smart-ups-rt-1000", &[], USUAL);
}

#[test]
fn nuts_old_driver_reads_a_matrix_3000() {
    nut_sees_the_truth("apcsmart-old", "matrix-3000", &[], USUAL);
}

#[test]
fn nuts_old_driver_reads_a_back_ups_cs_350() {
    let names = ["ups.model", "ups.serial", "ups.status", "battery.charge", "battery.runtime"];
    nut_sees_the_truth("apcsmart-old", "back-ups-cs-350", &[], &names);
}

#[test]
fn nut_changes_settings_and_texts() {
    let ups = Simulated::start("smart-ups-1500", PLAIN);
    let nut = Nut::start("apcsmart", &ups);
    for (name, value, truth) in [
        ("ups.delay.shutdown", "300", "300"),
        ("input.transfer.low", "196", "196"),
        ("input.sensitivity", "L", "L"),
        ("ups.id", "RACK A", "RACK A"),
        ("battery.date", "01/02/26", "01/02/26"),
    ] {
        assert!(nut.set(name, value), "upsrw {name}={value}");
        eventually("the EEPROM has it", || ups.truth()[name] == truth);
    }
    assert_eq!((ups.counter("hazardous-bytes"), ups.counter("rushed")), (0, 0));
}

#[test]
fn nut_runs_a_self_test_and_learns_its_result() {
    let ups = Simulated::start("smart-ups-1500", PLAIN);
    let nut = Nut::start("apcsmart", &ups);
    assert!(nut.run("test.battery.start"));
    eventually("the test takes the battery", || nut.values()["ups.status"] == "OB");
    eventually("the test ends", || nut.values()["ups.status"] == "OL");
    eventually("the result is known", || nut.values()["ups.test.result"] == "OK");
    assert!(!nut.driver_said().contains("failed"), "{}", nut.driver_said());
}

#[test]
fn nut_takes_the_supply_away_in_every_way_it_knows() {
    // Its numbers: 0 by status, 2 at once, 3 for good, 4 with a simulated outage, 5 hard hibernation.
    for (model, options, mains) in [
        ("smart-ups-1500", "  sdtype = 0\n", "line off"),
        ("smart-ups-1500", "  sdtype = 2\n", "line on"),
        ("smart-ups-1500", "  sdtype = 3\n", "line on"),
        ("smart-ups-1500", "  sdtype = 5\n", "line on"),
        ("smart-ups-700", "  sdtype = 3\n", "line on"),
        ("smart-ups-700", "  sdtype = 5\n  awd = 001\n", "line on"),
        ("back-ups-cs-350", "  sdtype = 0\n", "line off"),
    ] {
        let ups = Simulated::start(model, PLAIN);
        assert_eq!(ups.control(mains), "ok");
        let (satisfied, said) = nut::kill_power("apcsmart", &ups, options);
        assert!(satisfied, "{model} {options} {said}");
        assert_eq!(ups.counter("shutdowns"), 1, "{model} {options} {said}");
        assert_eq!(ups.counter("hazardous-bytes"), 0);
    }
}

/// What apcupsd calls the values that it must have right.
const APCUPSD_NAMES: [(&str, &str); 10] = [
    ("MODEL", "ups.model"),
    ("SERIALNO", "ups.serial"),
    ("FIRMWARE", "ups.firmware"),
    ("BCHARGE", "battery.charge"),
    ("BATTV", "battery.voltage"),
    ("LINEV", "input.voltage"),
    ("LOADPCT", "ups.load"),
    ("ITEMP", "ups.temperature"),
    ("LOTRANS", "input.transfer.low"),
    ("DSHUTD", "ups.delay.shutdown"),
];

fn apcupsd_sees_the_truth(model: &str) {
    let ups = Simulated::start(model, PLAIN);
    set_the_world(&ups);
    let apcupsd = Apcupsd::start(&ups);
    let truth = ups.truth();
    let right = |seen: &BTreeMap<String, String>, theirs: &str, ours: &str| match truth.get(ours) {
        // apcupsd rounds to one digit after the point.
        Some(truth) => {
            seen.get(theirs).is_some_and(|value| match (value.parse::<f64>(), truth.parse::<f64>()) {
                (Ok(value), Ok(truth)) => (value - truth).abs() < 0.051,
                _ => value == truth,
            })
        }
        None => true,
    };
    eventually("a whole round is read", || {
        let seen = apcupsd.values();
        APCUPSD_NAMES.iter().all(|(theirs, ours)| right(&seen, theirs, ours))
    });
    let seen = apcupsd.values();
    for (line, ours, theirs, expected) in WORLD {
        if truth.contains_key(ours) {
            let value = seen.get(theirs).and_then(|value| value.parse::<f64>().ok());
            assert_eq!(value, Some(expected), "apcupsd on a {model} after `{line}`");
        }
    }
    eventually("on line", || apcupsd.values()["STATUS"] == "ONLINE");
    assert_eq!(ups.control("line off"), "ok");
    eventually("on battery", || apcupsd.values()["STATUS"] == "ONBATT");
    assert_eq!(ups.control("line on"), "ok");
    eventually("on line again", || apcupsd.values()["STATUS"] == "ONLINE");
    assert_eq!((ups.counter("hazardous-bytes"), ups.counter("rushed")), (0, 0));
}

#[test]
fn apcupsd_reads_a_smart_ups_1500() {
    apcupsd_sees_the_truth("smart-ups-1500");
}

#[test]
fn apcupsd_reads_a_smart_ups_700() {
    apcupsd_sees_the_truth("smart-ups-700");
}

#[test]
fn apcupsd_reads_a_smart_ups_rt_1000() {
    apcupsd_sees_the_truth("smart-ups-rt-1000");
}

#[test]
fn apcupsd_reads_a_matrix_3000() {
    apcupsd_sees_the_truth("matrix-3000");
}

#[test]
fn apcupsd_reads_a_back_ups_cs_350() {
    apcupsd_sees_the_truth("back-ups-cs-350");
}

#[test]
fn apcupsd_reads_a_smart_ups_vs_420() {
    apcupsd_sees_the_truth("smart-ups-vs-420");
}
