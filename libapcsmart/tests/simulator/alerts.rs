//! Alert bytes: which, when, and when again.

use super::wire::Wire;
use apcsmart::Time;
use apcsmart::simulator::SimulatorOptions;

#[test]
fn an_outage_tells_line_fail_low_battery_recovery_and_line_return_in_this_order() {
    let mut wire = Wire::to("smart-ups-1500");
    let mut heard = wire.control("line off");
    heard += &wire.wait(10.0);
    heard += &wire.control("low-battery");
    heard += &wire.wait(100.0);
    heard += &wire.control("line on");
    wire.control("speed 60");
    heard += &wire.wait(600.0);
    assert_eq!(heard, "!%$+");
}

#[test]
fn line_fail_is_repeated_every_30_seconds_until_the_battery_is_low() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.control("line off");
    let begin = wire.now;
    let moments: Vec<u64> = wire.wait_timed(95.0).iter().map(|(at, _)| at.since(begin).as_secs()).collect();
    assert_eq!(moments, [30, 60, 90]);
    assert_eq!(wire.control("low-battery"), "%");
    assert_eq!(wire.wait(60.0), "");
}

#[test]
fn replace_battery_is_repeated_every_five_hours_without_anyone_asking() {
    let mut wire = Wire::to("smart-ups-1500");
    assert_eq!(wire.control("replace on"), "#");
    let begin = wire.now;
    let alerts = wire.wait_timed(11.0 * 3600.0);
    let hours: Vec<u64> = alerts.iter().map(|(at, _)| at.since(begin).as_secs() / 3600).collect();
    assert_eq!(hours, [5, 10]);
    assert_eq!(wire.control("replace off"), "");
    assert_eq!(wire.wait(6.0 * 3600.0), "");
}

#[test]
fn an_abnormal_condition_begins_and_ends_once() {
    let mut wire = Wire::to("smart-ups-1500");
    assert_eq!(wire.control("overload on"), "?");
    assert_eq!(wire.ask(b"Q"), "28\r\n");
    assert_eq!(wire.control("charger fault"), "?");
    assert_eq!(wire.ask(b"8"), "20\r\n");
    assert_eq!(wire.control("overload off"), "");
    assert_eq!(wire.control("charger ok"), "=");
    assert_eq!(wire.control("temperature 80"), "?");
    assert_eq!(wire.ask(b"8"), "80\r\n");
    assert_eq!(wire.control("temperature 30"), "=");
}

#[test]
fn a_changed_eeprom_is_told_five_seconds_later_by_those_who_tell_it() {
    let mut wire = Wire::to("smart-ups-1500");
    let begin = wire.now;
    assert_eq!(wire.ask(b"s-"), "H\r\nOK\r\n");
    let alerts = wire.wait_timed(10.0);
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].0.since(begin).as_secs(), alerts[0].1), (5, b'|'));

    let mut old = Wire::to("smart-ups-700");
    assert_eq!(old.ask(b"s-"), "H\r\nOK\r\n");
    assert_eq!(old.wait(10.0), "");
}

#[test]
fn the_probe_alarms_every_two_minutes_while_a_limit_is_exceeded() {
    let options = SimulatorOptions { measure_ups: true, ..SimulatorOptions::default() };
    let mut wire = Wire::with("smart-ups-1500", options);
    assert_eq!(wire.control("ambient 60"), "&");
    assert_eq!(wire.ask(b"J"), "01,00\r\n");
    assert_eq!(wire.wait(250.0), "&&");
    assert_eq!(wire.control("ambient 20"), "");
    assert_eq!(wire.wait(250.0), "");
    assert_eq!(wire.control("contacts 30"), "&");
    assert_eq!(wire.ask(b"i"), "30\r\n");
}

#[test]
fn models_with_few_alerts_send_no_others() {
    let mut wire = Wire::to("back-ups-cs-350");
    let mut heard = wire.control("replace on");
    heard += &wire.control("overload on");
    heard += &wire.control("line off");
    heard += &wire.control("low-battery");
    heard += &wire.control("line on");
    assert_eq!(heard, "!$");
}

#[test]
fn an_alert_may_stand_inside_a_reply() {
    let mut wire = Wire::with("smart-ups-1500", SimulatorOptions { pace: true, ..Default::default() });
    wire.sim.handle_input(wire.now, &[0x01]);
    let mut heard = wire.wait(0.2);
    assert!("SMART-UPS 1500".starts_with(&heard) && !heard.is_empty(), "{heard}");
    heard += &wire.control("line off");
    heard += &wire.wait(0.3);
    assert_eq!(heard.replace('!', ""), "SMART-UPS 1500     \r\n");
    assert!(heard.find('!').unwrap() < 14, "{heard}");
}

#[test]
fn the_order_of_events_does_not_depend_on_how_often_the_caller_looks() {
    let story = |step_ms: u64| {
        let mut wire = Wire::to("smart-ups-1500");
        wire.control("charge 20");
        wire.control("line off");
        let mut heard = String::new();
        let end = wire.now.as_millis() + 900_000;
        while wire.now.as_millis() < end {
            wire.now = Time::from_millis(wire.now.as_millis() + step_ms);
            wire.sim.handle_timeout(wire.now);
            heard += &wire.wait(0.0);
        }
        (heard, wire.sim.truth())
    };
    assert_eq!(story(100), story(900_000));
    assert_eq!(story(100), story(7_500));
}
