//! The battery: what load does to it, and time.

use super::wire::Wire;

fn number(wire: &Wire, name: &str) -> f64 {
    wire.truth(name).parse().unwrap()
}

#[test]
fn on_battery_charge_runtime_and_voltage_only_fall() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.control("line off");
    wire.control("speed 10");
    let names = ["battery.charge", "battery.runtime", "battery.voltage"];
    let mut before = names.map(|name| number(&wire, name));
    let first = before;
    for _ in 0..200 {
        wire.wait(1.0);
        let after = names.map(|name| number(&wire, name));
        for (name, (before, after)) in names.iter().zip(before.iter().zip(after)) {
            assert!(after <= *before, "{name} rose from {before} to {after}");
        }
        before = after;
    }
    assert!(first.iter().zip(before).all(|(first, last)| last < *first), "{first:?} {before:?}");
}

#[test]
fn on_mains_the_charge_only_rises_until_it_is_full() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.control("charge 5");
    wire.control("speed 60");
    let mut before = 5.0;
    for _ in 0..400 {
        wire.wait(1.0);
        let after = number(&wire, "battery.charge");
        assert!(after >= before, "the charge fell from {before} to {after}");
        before = after;
    }
    assert_eq!(before, 100.0);
}

#[test]
fn more_load_means_less_runtime_and_a_faster_fall() {
    let fall = |load: u32| {
        let mut wire = Wire::to("smart-ups-1500");
        wire.control(&format!("load {load}"));
        let runtime = number(&wire, "battery.runtime");
        wire.control("line off");
        wire.wait(120.0);
        (runtime, number(&wire, "battery.charge"))
    };
    let (light, heavy) = (fall(20), fall(80));
    assert!(light.0 > 2.0 * heavy.0 && light.1 > heavy.1, "{light:?} {heavy:?}");
}

#[test]
fn an_empty_battery_drops_the_load_and_then_silences_the_ups_until_mains_is_back() {
    let mut wire = Wire::to("smart-ups-700");
    wire.control("charge 1");
    wire.control("line off");
    assert!(wire.wait(60.0).contains('*'));
    wire.wait(20.0);
    assert_eq!(wire.sim.counters().load_drops, 1);
    assert_eq!(wire.ask(b"Y"), "");
    wire.control("line on");
    wire.wait(10.0);
    assert_eq!(wire.ask(b"Q"), "", "smart mode is forgotten with the power");
    assert_eq!(wire.ask(b"YQ"), "SM\r\n48\r\n");
}
