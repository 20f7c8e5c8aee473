//! Learning what a UPS can do, and reading all of it.

mod pair;

use std::time::Duration;

use apcsmart::simulator::Model;
use apcsmart::{Event, LinkState};
use pair::{Pair, same_value};

/// The simulator spells codes as the UPS does; readers of NUT names get words.
fn in_words<'a>(name: &str, code: &'a str) -> &'a str {
    match (name, code) {
        ("input.transfer.reason", "O") => "no transfer since power-on",
        _ => code,
    }
}

#[test]
fn the_first_status_comes_within_a_third_of_a_second_and_the_first_scan_wastes_no_time() {
    let mut pair = Pair::paced("smart-ups-1500");
    let opened = pair.now;
    let status =
        pair.wait_for(Duration::from_secs(5), |event| matches!(event, Event::Status(_))).since(opened);
    let scan = pair.wait_for(Duration::from_secs(20), |event| *event == Event::ScanComplete).since(opened);
    let all = pair.wait_for(Duration::from_secs(20), |event| *event == Event::Discovered).since(opened);
    println!("status after {status:?}, every reading after {scan:?}, permitted values after {all:?}");
    assert!(status <= Duration::from_millis(300), "{status:?}");
    // 724 characters need 3.0 s at 2400 baud; the simulated UPS thinks for another 2.2 s.
    assert!(scan <= Duration::from_millis(4500), "{scan:?}");
    assert!(all <= Duration::from_millis(6000), "{all:?}");
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
            .collect();
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
