//! Every way to take the supply from the load, and back.

use super::wire::Wire;

#[test]
fn s_works_on_battery_only_and_waits_for_the_grace_and_for_mains() {
    let mut wire = Wire::to("smart-ups-rt-1000");
    assert_eq!(wire.ask(b"S"), "NA\r\n");
    wire.control("line off");
    assert_eq!(wire.ask(b"S"), "OK\r\n");
    assert_eq!(wire.ask(b"Q"), "10\r\n");
    assert!(wire.wait(21.0).contains('*'));
    assert_eq!(wire.ask(b"Q8~O"), "00\r\n10\r\n80\r\n000.0\r\n");
    wire.wait(600.0);
    assert_eq!(wire.ask(b"Q"), "00\r\n");
    wire.control("line on");
    wire.wait(5.0);
    assert_eq!(wire.ask(b"Q8~"), "08\r\n00\r\n00\r\n");
    assert_eq!(wire.sim.counters().load_drops, 1);
}

#[test]
fn mains_that_returns_during_the_grace_does_not_save_the_load_from_its_cycle() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.control("line off");
    wire.ask(b"S");
    wire.wait(5.0);
    wire.control("line on");
    wire.wait(17.0);
    assert_eq!(wire.ask(b"Q"), "00\r\n");
    wire.wait(10.0);
    assert_eq!(wire.ask(b"Q"), "08\r\n");
}

#[test]
fn del_stops_a_shutdown_in_its_grace() {
    let mut wire = Wire::to("smart-ups-1500");
    assert_eq!(wire.ask(&[0x7F]), "NO\r\n");
    wire.type_slowly(b"@000");
    assert_eq!(wire.ask(&[0x7F]), "OK\r\n");
    wire.wait(60.0);
    assert_eq!(wire.ask(b"Q"), "08\r\n");
    assert_eq!(wire.sim.counters().load_drops, 0);
}

#[test]
fn hard_hibernation_works_on_mains_and_counts_six_minutes_a_step() {
    let mut wire = Wire::to("smart-ups-1500");
    assert_eq!(wire.type_slowly(b"@001"), "OK\r\n");
    wire.wait(21.0);
    assert_eq!(wire.ask(b"Q8"), "00\r\n08\r\n");
    assert_eq!(wire.ask(b"@"), "NA\r\n", "it sleeps already");
    wire.wait(350.0);
    assert_eq!(wire.ask(b"Q"), "00\r\n");
    wire.wait(15.0);
    assert_eq!(wire.ask(b"Q"), "08\r\n");
}

#[test]
fn old_units_wake_by_the_clock_even_without_mains_and_ignore_a_zero() {
    let mut wire = Wire::to("smart-ups-700");
    assert_eq!(wire.type_slowly(b"@000"), "NA\r\n");
    assert_eq!(wire.type_slowly(b"@001"), "*");
    wire.wait(21.0);
    assert_eq!(wire.ask(b"Q"), "00\r\n");
    wire.control("line off");
    wire.wait(365.0);
    assert_eq!(wire.ask(b"Q"), "10\r\n");
}

#[test]
fn the_wake_up_waits_for_the_minimum_charge_and_then_for_its_delay() {
    let mut wire = Wire::to("smart-ups-1500");
    for (setting, steps) in [(b'e', 2), (b'r', 3)] {
        wire.ask(&[setting]);
        for _ in 0..steps {
            assert_eq!(wire.ask(b"+"), "OK\r\n");
        }
    }
    assert_eq!(wire.ask(b"er"), "50\r\n300\r\n");
    wire.control("charge 40");
    wire.control("line off");
    wire.ask(b"S");
    wire.wait(21.0);
    wire.control("charge 40");
    wire.control("line on");
    wire.wait(600.0);
    assert_eq!(wire.ask(b"Q"), "00\r\n", "the charge is not reached");
    wire.control("charge 50");
    wire.wait(290.0);
    assert_eq!(wire.ask(b"Q"), "00\r\n", "the delay runs");
    wire.wait(15.0);
    assert_eq!(wire.ask(b"Q"), "08\r\n");
}

#[test]
fn k_twice_stays_off_until_it_is_turned_on_again() {
    let mut wire = Wire::to("smart-ups-1500");
    assert_eq!(wire.ask(b"K"), "");
    wire.wait(1.5);
    assert_eq!(wire.ask(b"K"), "OK\r\n");
    wire.wait(21.0);
    assert_eq!(wire.ask(b"Q~"), "00\r\n40\r\n");
    wire.control("line off");
    wire.control("line on");
    wire.wait(3600.0);
    assert_eq!(wire.ask(b"Q"), "00\r\n");
    wire.ask(&[0x0E]);
    wire.wait(1.5);
    assert_eq!(wire.ask(&[0x0E]), "?");
    assert_eq!(wire.ask(b"Q"), "08\r\n");
}

#[test]
fn z_twice_is_off_at_once_and_says_nothing() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.ask(b"Z");
    wire.wait(1.5);
    assert_eq!(wire.ask(b"Z"), "");
    assert_eq!(wire.ask(b"Q"), "00\r\n");
}

#[test]
fn a_simulated_outage_lets_a_back_ups_hibernate_on_mains() {
    let mut wire = Wire::to("back-ups-cs-350");
    wire.ask(b"U");
    wire.wait(3.5);
    assert_eq!(wire.ask(b"S"), "OK\r\n");
    wire.wait(20.0);
    assert_eq!(wire.ask(b"Q"), "00\r\n");
    wire.wait(10.0);
    assert_eq!(wire.ask(b"Q"), "08\r\n");
    assert_eq!(wire.sim.counters().load_drops, 1);
}
