//! Learning what a UPS can do, and reading all of it.

#![allow(clippy::unwrap_used)]

mod pair;

use std::time::Duration;

use apcsmart::simulator::{Model, SimulatorOptions};
use apcsmart::{Event, LinkState};
use pair::{Pair, same_value};

/// The simulator spells codes as the UPS does; readers of NUT names get words.
fn in_words<'a>(name: &str, code: &'a str) -> &'a str {
    match (name, code) {
        ("input.transfer.reason", "O") => "no transfer since power-on",
        _ => code,
    }
}

/// A character at 2400 baud.
const CHARACTER: Duration = Duration::from_micros(4167);

#[test]
fn the_first_status_comes_within_a_third_of_a_second() {
    let mut pair = Pair::paced("smart-ups-1500");
    let opened = pair.now;
    let status =
        pair.wait_for(Duration::from_secs(5), |event| matches!(event, Event::Status(_))).since(opened);
    let scan = pair.wait_for(Duration::from_secs(20), |event| *event == Event::ScanComplete).since(opened);
    let all = pair.wait_for(Duration::from_secs(20), |event| *event == Event::Discovered).since(opened);
    println!(
        "a UPS that thinks: status after {status:?}, every reading after {scan:?}, permitted values after {all:?}"
    );
    assert!(status <= Duration::from_millis(300), "{status:?}");
}

#[test]
fn a_full_scan_takes_two_and_a_half_seconds_and_hardly_more_than_its_bytes_need() {
    let options = SimulatorOptions { pace: true, prompt: true, ..SimulatorOptions::default() };
    let mut pair = Pair::with("smart-ups-1500", options);
    let opened = pair.now;
    let scan = pair.wait_for(Duration::from_secs(20), |event| *event == Event::ScanComplete).since(opened);
    let bytes = pair.sent.len() + pair.received;
    let needed = CHARACTER * u32::try_from(bytes).unwrap();
    println!("line alone: {bytes} bytes need {needed:?}; the scan took {scan:?}");
    assert!(scan <= Duration::from_millis(2500), "{scan:?}");
    assert!(needed.as_secs_f64() / scan.as_secs_f64() >= 0.9, "{needed:?} of {scan:?}");
}

#[test]
fn every_model_is_read_as_a_perfect_reader_would() {
    for model in Model::all() {
        let mut pair = Pair::paced(model.name());
        pair.run(Duration::from_secs(90));
        assert_eq!(pair.session.link(), LinkState::Up, "{}", model.name());
        let (truth, shown) = (pair.sim.truth(), pair.shown());
        // The host makes these from the others.
        let expected =
            truth.iter().filter(|(name, _)| !name.starts_with("device.") || **name == "device.uptime");
        for (name, value) in expected {
            let shown = shown.get(name).unwrap_or_else(|| panic!("{}: {name} is missing", model.name()));
            assert!(
                same_value(shown, in_words(name, value)),
                "{}: {name} is {value}, shown as {shown}",
                model.name()
            );
        }
        let invented: Vec<_> = shown
            .keys()
            .filter(|name| !truth.contains_key(*name))
            .filter(|name| {
                !name.starts_with("experimental.")
                    && !matches!(**name, "ups.beeper.status" | "battery.energysave.delay")
            })
            // Its firmware tells, where the unit itself does not.
            .filter(|name| **name != "ups.model" || shown[*name] != "Matrix-UPS 3000")
            .collect();
        // Most of what SPM units answer behind 0x9F has no word in the simulator's truth.
        let invented = if model.name() == "smart-ups-spm-2000" { Vec::new() } else { invented };
        assert_eq!(invented, Vec::<&&str>::new(), "{}", model.name());
        assert_eq!(pair.sim.counters().hazardous_bytes, 0);
        println!("{}: {} values", model.name(), shown.len());
    }
}

#[test]
fn permitted_values_come_from_the_unit_in_the_form_of_the_readings() {
    let mut pair = Pair::paced("smart-ups-1500");
    pair.wait_for(Duration::from_secs(20), |event| *event == Event::Discovered);
    let choices = |name: &str| pair.session.variable_info(name).unwrap().choices;
    assert_eq!(choices("input.sensitivity"), ["H", "M", "L"]);
    assert_eq!(choices("battery.runtime.low")[..2], ["120", "300"], "in seconds, as battery.runtime.low is");
    assert!(choices("input.transfer.high").contains(&"253".to_owned()));
    assert_eq!(pair.session.variable_info("battery.charge").unwrap().choices, Vec::<String>::new());
    assert!(pair.session.variable_info("no.such.name").is_none());
}

#[test]
fn commands_that_nobody_knows_are_reported_and_not_sent() {
    let mut pair = Pair::paced("smart-ups-rt-1000");
    assert_eq!(pair.session.unknown_commands().count(), 0, "nothing is known yet");
    pair.wait_for(Duration::from_secs(20), |event| *event == Event::Discovered);
    let unknown: Vec<String> = pair.session.unknown_commands().map(|code| code.to_string()).collect();
    assert_eq!(unknown, ["^E", "^I", "^T", ")", "81", "81 D0", "81 E2", "81 F0", "81 FD", "81 FE", "81 FF"]);
    pair.run(Duration::from_secs(120));
    assert!(pair.sent.iter().all(|(_, byte)| !matches!(byte, 0x05 | 0x09 | 0x14 | b')' | 0x81)));
}

#[test]
fn what_a_quirk_says_is_silent_is_not_tried() {
    let mut pair = Pair::paced("smart-ups-vs-420");
    pair.run(Duration::from_secs(120));
    assert_eq!(pair.shown()["ups.firmware"], "42.L.I");
    assert_eq!(pair.sim.counters().unknown_commands, 0);
    assert_eq!(pair.session.quality().timeouts, 0);
}
