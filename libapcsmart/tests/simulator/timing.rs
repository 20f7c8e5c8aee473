//! Pauses that a UPS insists on, and the pace of its line.

use super::wire::Wire;
use apcsmart::simulator::SimulatorOptions;
use std::time::Duration;

#[test]
fn a_repeat_that_comes_too_soon_is_not_one() {
    for command in [b'K', b'Z'] {
        let mut wire = Wire::to("smart-ups-1500");
        wire.ask(&[command]);
        wire.wait(1.1);
        assert_eq!(wire.ask(&[command]), "");
        wire.wait(120.0);
        assert_eq!((wire.ask(b"Q").as_str(), wire.sim.counters().rushed), ("08\r\n", 1));
    }
}

#[test]
fn a_repeat_counts_only_directly_after_the_first() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.ask(b"K");
    wire.wait(1.0);
    wire.ask(b"Q");
    wire.wait(1.0);
    assert_eq!(wire.ask(b"K"), "");
    wire.wait(60.0);
    assert_eq!(wire.ask(b"Q"), "08\r\n");
}

#[test]
fn argument_digits_in_one_burst_run_as_commands_of_their_own() {
    let mut wire = Wire::to("smart-ups-1500");
    // The first digit is lost; then a factory constant is read, and a knock at the service mode follows.
    assert_eq!(wire.ask(b"@001"), "A1\r\nNA\r\n");
    wire.wait(60.0);
    assert_eq!(wire.ask(b"Q"), "08\r\n");
    let counters = wire.sim.counters();
    assert_eq!((counters.rushed, counters.hazardous_bytes), (1, 1));
}

#[test]
fn argument_digits_may_be_hurried_by_the_slack_only() {
    let options = SimulatorOptions { timing_slack: Duration::from_millis(25), ..SimulatorOptions::default() };
    let mut wire = Wire::with("smart-ups-1500", options);
    assert_eq!(wire.ask(b"@001"), "OK\r\n");
}

#[test]
fn a_letter_ends_the_argument_and_is_a_command_again() {
    let mut wire = Wire::to("smart-ups-1500");
    assert_eq!(wire.type_slowly(b"@00Y"), "SM\r\n");
    assert_eq!(wire.ask(b"Q"), "08\r\n");
}

#[test]
fn a_paced_line_moves_a_byte_every_4_17_ms_in_both_directions() {
    let mut wire = Wire::with("smart-ups-1500", SimulatorOptions { pace: true, ..Default::default() });
    let begin = wire.now;
    wire.sim.handle_input(wire.now, &[0x1A]);
    let bytes = wire.wait_timed(3.0);
    let (first, last) = (bytes[0].0, bytes[bytes.len() - 1].0);
    let span_us = last.since(first).as_micros();
    let expected_us = (bytes.len() as u128 - 1) * 4166;
    assert!(span_us.abs_diff(expected_us) <= 1000, "{span_us} {expected_us}");
    assert!(first.since(begin) >= Duration::from_millis(4), "the command itself takes a character");
}

#[test]
fn a_paced_ups_takes_the_next_command_after_its_reply() {
    let mut wire = Wire::with("smart-ups-1500", SimulatorOptions { pace: true, ..Default::default() });
    wire.sim.handle_input(wire.now, b"QLQ");
    assert_eq!(wire.wait(1.0), "08\r\n231.8\r\n08\r\n");
}
