//! Injected faults on the wire.

use super::wire::Wire;
use apcsmart::simulator::{Counters, FaultSpec, SimulatorOptions};
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
