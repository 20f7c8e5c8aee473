//! Injected faults on the wire.

use super::wire::Wire;
use apcsmart::simulator::{Counters, FaultSpec, Model, SimulatorOptions};
use std::time::Duration;

fn campaign(faults: FaultSpec, seed: u64) -> (String, Counters, Vec<Duration>) {
    let mut heard = String::new();
    let mut noisy = Wire::asleep("smart-ups-1500", SimulatorOptions { faults, seed, ..Default::default() });
    for _ in 0..100 {
        heard += &noisy.ask(b"YQLB");
        heard += &noisy.wait(5.0);
    }
    (heard, noisy.sim.counters(), noisy.hang_ups)
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let mut faults = FaultSpec::noise(0.1);
    faults.split = 0.1;
    faults.stall = 0.05;
    faults.hang_up = 0.01;
    faults.deaf = 0.02;
    assert_eq!(campaign(faults, 3), campaign(faults, 3));
    assert_ne!(campaign(faults, 3).0, campaign(faults, 4).0);
    let (_, counters, hang_ups) = campaign(faults, 3);
    for (name, count) in counters.entries().filter(|(name, _)| name.starts_with("fault.")) {
        assert!(count > 0, "{name} never struck");
    }
    assert_eq!(hang_ups.len() as u64, counters.hang_ups);
}

#[test]
fn each_fault_strikes_by_itself() {
    let faults = |spec: &str| campaign(spec.parse().unwrap(), 1);
    let clean = faults("").0;
    assert_eq!(clean, "SM\r\n08\r\n231.8\r\n27.22\r\n".repeat(100));
    assert!(faults("drop=0.05").0.len() < clean.len());
    assert!(faults("duplicate=0.05").0.len() > clean.len());
    assert!(faults("unsolicited=0.05").0.len() > clean.len());
    assert!(faults("deaf=0.05").0.len() < clean.len());
    let flipped = faults("flip=0.05").0;
    assert!(flipped.chars().count() == clean.len() && flipped != clean);
    assert_eq!(faults("split=0.5").0, clean);
    assert_eq!(faults("stall=0.1:900ms").0, clean);
}

#[test]
fn a_stalled_reply_comes_late_and_holds_up_the_next_command() {
    let options = SimulatorOptions { faults: "stall=1:800ms".parse().unwrap(), ..Default::default() };
    let mut wire = Wire::asleep("smart-ups-1500", options);
    wire.sim.handle_input(wire.now, b"YQ");
    assert_eq!(wire.wait(0.79), "");
    assert_eq!(wire.wait(0.02), "SM\r\n");
    assert_eq!(wire.wait(0.78), "");
    assert_eq!(wire.wait(0.02), "08\r\n");
}

#[test]
fn noise_is_switched_by_a_control_line_and_never_makes_dangerous_commands() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.control("noise 0.3");
    for _ in 0..500 {
        wire.ask(b"QLB");
    }
    let counters = wire.sim.counters();
    assert!(counters.flipped > 100 && counters.hazardous_bytes == 0, "{counters}");
    wire.control("noise off");
    assert_eq!(wire.ask(b"Q"), "08\r\n");
}

#[test]
fn any_bytes_at_any_time_in_any_world_leave_a_working_ups() {
    const WORLD: [&str; 12] = [
        "line off",
        "line on",
        "low-battery",
        "charge 0",
        "charge 100",
        "overload on",
        "overload off",
        "voltage 260",
        "noise 0.2",
        "noise off",
        "press-off",
        "press-on",
    ];
    // A linear congruential generator: the simulator's own numbers would not be a stranger's.
    let mut state = 12_345_u64;
    let mut draw = |end: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end
    };
    for model in Model::all() {
        for pace in [false, true] {
            let mut wire =
                Wire::asleep(model.name(), SimulatorOptions { pace, ..SimulatorOptions::default() });
            for _ in 0..2000 {
                let bytes: Vec<u8> =
                    (0..draw(5)).map(|_| if draw(8) == 0 { b'Y' } else { draw(256) as u8 }).collect();
                wire.sim.handle_input(wire.now, &bytes);
                wire.wait(draw(4000) as f64 / 1000.0);
                if draw(10) == 0 {
                    wire.sim.control(wire.now, WORLD[draw(12) as usize]).unwrap();
                }
            }
            for line in ["noise off", "line on", "charge 100", "overload off"] {
                wire.sim.control(wire.now, line).unwrap();
            }
            wire.wait(24.0 * 3600.0);
            wire.sim.control(wire.now, "press-on").unwrap();
            wire.wait(60.0);
            assert!(wire.ask(b"Y").ends_with("SM\r\n"), "{} {pace}", model.name());
            assert!(
                matches!(wire.ask(b"Q").as_str(), "08\r\n"),
                "{} {pace} {}",
                model.name(),
                wire.truth("ups.status")
            );
        }
    }
}
