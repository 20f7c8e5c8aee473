//! Commands and settings, from the order to what the UPS really did.

#![allow(clippy::unwrap_used)]

mod pair;

use std::time::Duration;

use apcsmart::table::Writable;
use apcsmart::{Danger, Event, Outcome, Refusal, Ticket};
use pair::Pair;

fn ready(model: &str) -> Pair {
    let mut pair = Pair::paced(model);
    pair.run(Duration::from_secs(60));
    pair
}

fn outcome(pair: &mut Pair, ticket: Ticket) -> Outcome {
    let is_ours = |event: &Event| matches!(event, Event::Done { ticket: done, .. } if *done == ticket);
    let already = pair.events.iter().any(|(_, event)| is_ours(event));
    if !already {
        pair.wait_for(Duration::from_secs(1200), is_ours);
    }
    let mut done = pair.events.iter().filter_map(|(_, event)| match event {
        Event::Done { ticket: done, outcome } if *done == ticket => Some(outcome.clone()),
        _ => None,
    });
    let outcome = done.next().unwrap();
    assert_eq!(done.next(), None, "an order ends once");
    outcome
}

fn run(pair: &mut Pair, name: &str) -> Outcome {
    let ticket = pair
        .session
        .run(pair.now, name, None, Danger::Confirmed)
        .unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    pair.drain();
    outcome(pair, ticket)
}

fn set(pair: &mut Pair, name: &str, value: &str) -> Outcome {
    let ticket =
        pair.session.set(pair.now, name, value).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    pair.drain();
    outcome(pair, ticket)
}

/// What was published of `name` when its order ended, and not a moment later.
fn shown_at_the_outcome(pair: &mut Pair, name: &str, value: &str) -> (Outcome, String) {
    let ticket = pair.session.set(pair.now, name, value).unwrap();
    pair.events.clear();
    pair.drain();
    let outcome = outcome(pair, ticket);
    let until_done = pair.events.iter().take_while(|(_, event)| !matches!(event, Event::Done { .. }));
    let published = until_done.filter_map(|(_, event)| match event {
        Event::Reading { name: it, value } if *it == name => Some(value.to_string()),
        _ => None,
    });
    let published = published.last().unwrap_or_default();
    assert_eq!(pair.session.reading(name).unwrap().to_string(), published, "{name}");
    (outcome, published)
}

#[test]
fn what_a_setting_reads_back_is_published_before_its_outcome() {
    for (model, name, value) in [
        ("smart-ups-1500", "input.sensitivity", "L"),
        ("smart-ups-1500", "ups.delay.shutdown", "300"),
        ("smart-ups-1500", "ups.id", "RACK B"),
        ("smart-ups-1500", "battery.packs", "3"),
        ("smart-ups-spm-2000", "ups.start.auto", "ON"),
    ] {
        let mut pair = ready(model);
        assert_ne!(pair.shown()[name], value, "{name}: the test needs a change");
        assert_eq!(shown_at_the_outcome(&mut pair, name, value), (Outcome::Verified, value.into()), "{name}");
    }
}

#[test]
fn before_the_permitted_values_are_known_a_setting_is_not_called_unchangeable() {
    let mut pair = Pair::paced("smart-ups-1500");
    let mut refusals = Vec::new();
    while !pair.events.iter().any(|(_, event)| *event == Event::Discovered) {
        pair.run(Duration::from_millis(50));
        let seen = pair.session.reading("input.sensitivity").is_some();
        if let Err(refusal) = pair.session.set(pair.now, "input.sensitivity", "nonsense") {
            refusals.push((seen, refusal));
        }
    }
    assert!(refusals.contains(&(true, Refusal::NotDiscovered)), "{refusals:?}");
    assert!(!refusals.iter().any(|(_, refusal)| matches!(refusal, Refusal::ReadOnly(_))), "{refusals:?}");
}

#[test]
fn what_can_take_power_from_the_load_must_be_confirmed() {
    let mut pair = ready("smart-ups-1500");
    for name in ["load.off", "shutdown.return", "shutdown.stayoff", "calibrate.start", "test.battery.start"] {
        let refusal = pair.session.run(pair.now, name, None, Danger::None).unwrap_err();
        assert!(matches!(refusal, Refusal::NeedsConfirmation(_)), "{name}: {refusal}");
    }
    assert_eq!(
        pair.session.run(pair.now, "service.mode", None, Danger::Confirmed),
        Err(Refusal::UnknownCommand("service.mode".into()))
    );
    assert!(matches!(
        pair.session.run(pair.now, "bypass.start", None, Danger::Confirmed),
        Err(Refusal::NotOnThisUnit(_))
    ));
}

#[test]
fn load_off_and_on_are_seen_to_happen() {
    let mut pair = ready("smart-ups-1500");
    assert_eq!(run(&mut pair, "load.off"), Outcome::Executed);
    assert_eq!(pair.ups_status(), "OFF");
    assert_eq!(run(&mut pair, "load.on"), Outcome::Executed);
    assert_eq!(pair.ups_status(), "OL");
    assert_eq!(pair.sim.counters().load_drops, 1);
}

#[test]
fn shutdown_return_on_battery_switches_off_and_comes_back_with_mains() {
    let mut pair = ready("smart-ups-1500");
    pair.control("line off");
    pair.run(Duration::from_secs(5));
    assert_eq!(run(&mut pair, "shutdown.return"), Outcome::Executed);
    assert_eq!(pair.ups_status(), "OFF");
    pair.control("line on");
    pair.run(Duration::from_secs(120));
    assert_eq!(pair.ups_status(), "OL", "and back");
}

#[test]
fn shutdown_return_on_mains_switches_off_and_on_again() {
    let mut pair = ready("smart-ups-1500");
    assert_eq!(run(&mut pair, "shutdown.return"), Outcome::Executed);
    pair.run(Duration::from_secs(600));
    assert_eq!(pair.ups_status(), "OL");
    assert_eq!(pair.sim.counters().load_drops, 1);
}

#[test]
fn a_pending_shutdown_is_stopped() {
    let mut pair = ready("smart-ups-1500");
    let ticket = pair.session.run(pair.now, "shutdown.stayoff", None, Danger::Confirmed).unwrap();
    pair.drain();
    pair.wait_for(Duration::from_secs(30), |event| matches!(event, Event::Accepted { .. }));
    // While it watches, the order does not keep others from being given: stopping it is the one that matters.
    assert_eq!(run(&mut pair, "shutdown.stop"), Outcome::Accepted);
    pair.run(Duration::from_secs(120));
    assert_eq!(pair.sim.counters().load_drops, 0);
    assert_eq!(outcome(&mut pair, ticket), Outcome::NoEffect);
}

#[test]
fn a_self_test_is_seen_and_a_second_one_is_not_sent_as_a_stop() {
    let mut pair = ready("smart-ups-1500");
    assert_eq!(run(&mut pair, "test.battery.start"), Outcome::Executed);
    pair.run(Duration::from_secs(60));
    assert_eq!(run(&mut pair, "test.battery.stop"), Outcome::Refused("no self test runs"));
}

#[test]
fn calibration_starts_once_and_stops() {
    let mut pair = ready("smart-ups-1500");
    assert_eq!(run(&mut pair, "calibrate.stop"), Outcome::Refused("no calibration runs"));
    assert_eq!(run(&mut pair, "calibrate.start"), Outcome::Executed);
    assert!(pair.ups_status().starts_with("CAL"), "{}", pair.ups_status());
    assert_eq!(run(&mut pair, "calibrate.start"), Outcome::Refused("a calibration runs already"));
    assert_eq!(run(&mut pair, "calibrate.stop"), Outcome::Executed);
}

#[test]
fn bypass_tells_the_truth_about_its_toggle() {
    let mut pair = ready("matrix-3000");
    assert_eq!(run(&mut pair, "bypass.stop"), Outcome::Refused("the load is not on bypass"));
    assert_eq!(run(&mut pair, "bypass.start"), Outcome::Executed);
    assert_eq!(run(&mut pair, "bypass.start"), Outcome::Refused("the load is on bypass already"));
    assert_eq!(run(&mut pair, "bypass.stop"), Outcome::Executed);
}

#[test]
fn a_setting_is_written_by_the_shorter_way_and_read_back() {
    let mut pair = ready("smart-ups-1500");
    let before = pair.sim.counters().eeprom_writes;
    assert_eq!(set(&mut pair, "ups.delay.shutdown", "180"), Outcome::Verified);
    assert_eq!(pair.sim.counters().eeprom_writes - before, 1);
    assert_eq!(set(&mut pair, "ups.delay.shutdown", "180"), Outcome::Unchanged);
    assert_eq!(pair.sim.counters().eeprom_writes - before, 1, "nothing is written when nothing changes");
    assert_eq!(set(&mut pair, "ups.delay.shutdown", "020"), Outcome::Verified);
    assert_eq!(pair.sim.counters().eeprom_writes - before, 2, "one step back, not three on");
    pair.run(Duration::from_secs(5));
    assert_eq!(pair.shown()["ups.delay.shutdown"], "20");
    // `L` stands twice in the cycle.
    assert_eq!(set(&mut pair, "input.sensitivity", "L"), Outcome::Verified);
    assert_eq!(set(&mut pair, "input.sensitivity", "h"), Outcome::Verified);
    assert_eq!(set(&mut pair, "ups.test.interval", "OFF"), Outcome::Verified);
    assert_eq!(set(&mut pair, "ups.test.interval", "604800"), Outcome::Verified);
    pair.run(Duration::from_secs(5));
    assert_eq!(pair.shown()["ups.test.interval"], "604800");
}

#[test]
fn a_value_that_is_not_permitted_is_refused_with_those_that_are() {
    let mut pair = ready("smart-ups-1500");
    let refusal = pair.session.set(pair.now, "ups.delay.shutdown", "21").unwrap_err();
    assert_eq!(refusal.to_string(), "ups.delay.shutdown can not be \"21\"; it takes 20, 180, 300, 600");
    assert_eq!(pair.session.set(pair.now, "battery.charge", "50"), Err(Refusal::ReadOnly("battery.charge")));
    assert!(matches!(pair.session.set(pair.now, "ups.id", "NINE CHARS"), Err(Refusal::InvalidValue { .. })));
    assert!(matches!(pair.session.set(pair.now, "no.such", "1"), Err(Refusal::UnknownVariable(_))));
}

#[test]
fn eight_bytes_of_text_are_written_and_read_back() {
    let mut pair = ready("smart-ups-1500");
    assert_eq!(set(&mut pair, "ups.id", "RACK#1"), Outcome::Verified);
    assert_eq!(set(&mut pair, "battery.date", "11/22/26"), Outcome::Verified);
    pair.run(Duration::from_secs(5));
    assert_eq!(
        (pair.shown()["ups.id"].as_str(), pair.shown()["battery.date"].as_str()),
        ("RACK#1", "11/22/26")
    );
    assert_eq!(set(&mut pair, "ups.id", "RACK#1"), Outcome::Unchanged);
}

#[test]
fn every_setting_of_every_model_reaches_each_of_its_values() {
    for model in apcsmart::simulator::Model::all() {
        let mut pair = ready(model.name());
        let names: Vec<&'static str> = pair.shown().keys().copied().collect();
        let mut written = 0;
        for name in names {
            let Some(info) = pair.session.variable_info(name) else { continue };
            for choice in info.choices {
                let outcome = set(&mut pair, name, &choice);
                assert!(outcome.is_success(), "{}: {name} = {choice}: {outcome}", model.name());
                written += 1;
            }
        }
        println!("{}: {written} values set", model.name());
        assert_eq!(pair.sim.counters().hazardous_bytes, 0);
        assert_eq!(pair.sim.counters().rushed, 0);
    }
}

#[test]
fn every_write_to_the_eeprom_is_counted() {
    for model in apcsmart::simulator::Model::all() {
        let mut pair = ready(model.name());
        let before = pair.sim.counters().eeprom_writes;
        let names: Vec<&'static str> = pair.shown().keys().copied().collect();
        for name in names {
            let Some(info) = pair.session.variable_info(name) else { continue };
            let texts =
                if info.writable == Writable::Text8 { vec!["07/04/26".to_owned()] } else { Vec::new() };
            for value in info.choices.iter().chain(&texts) {
                assert!(set(&mut pair, name, value).is_success());
            }
        }
        let (counted, written) =
            (pair.session.quality().eeprom_writes, pair.sim.counters().eeprom_writes - before);
        println!("{}: {written} writes", model.name());
        assert_eq!(counted, written, "{}", model.name());
    }
}

#[test]
fn an_order_whose_link_is_lost_ends_as_interrupted() {
    let mut pair = ready("smart-ups-1500");
    let ticket = pair.session.run(pair.now, "shutdown.stayoff", None, Danger::Confirmed).unwrap();
    pair.drain();
    pair.run(Duration::from_millis(500));
    pair.control("unplug 5");
    pair.drain();
    assert_eq!(outcome(&mut pair, ticket), Outcome::Interrupted);
}
