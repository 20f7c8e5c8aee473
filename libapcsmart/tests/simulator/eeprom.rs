//! Settings and texts.

use super::wire::Wire;
use apcsmart::simulator::{Model, Simulator, SimulatorOptions};

#[test]
fn minus_steps_backward_through_the_cycle_and_plus_forward() {
    let mut wire = Wire::to("smart-ups-1500");
    assert_eq!(wire.ask(b"u+u"), "253\r\nOK\r\n257\r\n");
    assert_eq!(wire.ask(b"u-u-u"), "257\r\nOK\r\n253\r\nOK\r\n265\r\n");
    assert_eq!(wire.sim.eeprom_writes(), 3);
}

#[test]
fn the_same_value_may_stand_twice_in_a_cycle() {
    let mut wire = Wire::to("smart-ups-1500");
    assert_eq!(wire.ask(b"s+s+s+s+s"), "H\r\nOK\r\nM\r\nOK\r\nL\r\nOK\r\nL\r\nOK\r\nH\r\n");
}

#[test]
fn a_step_acts_on_the_last_queried_variable_so_that_a_poll_in_between_spoils_it() {
    let mut wire = Wire::to("smart-ups-1500");
    assert_eq!(wire.ask(b"uQ-"), "253\r\n08\r\nNO\r\n");
    assert_eq!(wire.ask(b"ul-ul"), "253\r\n208\r\nOK\r\n253\r\n196\r\n");
}

#[test]
fn a_text_takes_exactly_eight_slow_bytes() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.ask(b"c");
    assert_eq!(wire.type_slowly(b"-RACK A\r"), "");
    assert_eq!(wire.type_slowly(b"\r"), "OK\r\n");
    assert_eq!(wire.ask(b"c"), "RACK A  \r\n");
    assert_eq!(wire.truth("ups.id"), "RACK A");
    wire.ask(b"c");
    assert_eq!(wire.type_slowly(b"-A\x01BCDEFG"), "NO\r\n");
    assert_eq!(wire.truth("ups.id"), "RACK A");
}

#[test]
fn a_text_in_one_burst_is_lost() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.ask(b"c-12345678");
    assert_eq!(wire.truth("ups.id"), "UPS_IDEN");
    assert_eq!(wire.sim.counters().rushed, 1);
}

#[test]
fn settings_change_what_the_ups_does() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.control("voltage 205");
    assert_eq!(wire.ask(b"Q"), "10\r\n");
    assert_eq!(wire.ask(b"l+l"), "208\r\nOK\r\n$204\r\n");
    assert_eq!(wire.ask(b"Q"), "0C\r\n");
}

#[test]
fn a_reset_restores_the_factory_and_keeps_the_texts() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.ask(b"u+c");
    wire.type_slowly(b"-RACK 042");
    assert_eq!(wire.ask(b"z"), "CLEAR\r\n");
    assert_eq!(wire.ask(b"uc"), "253\r\nRACK 042\r\n");
}

#[test]
fn the_capability_string_has_one_hash_or_two_for_each_record() {
    let plain = Wire::to("smart-ups-1500").ask(&[0x1A]);
    assert!(plain.starts_with("#uD43127130133136uM43"), "{plain}");
    assert!(plain.ends_with("E443336168ON OFF\r\n"), "{plain}");
    let doubled = Wire::to("matrix-3000").ask(&[0x1A]);
    assert!(doubled.starts_with("##\u{c}481EFGS1234##\u{16}431AMI##uM43"), "{doubled}");
    let damaged = Wire::to("smart-ups-rt-5000").ask(&[0x1A]);
    assert!(damaged.ends_with("oJ/3uM43229234\r\n"), "{damaged}");
}

#[test]
fn an_image_survives_a_restart_and_no_other_models_image_is_taken() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.ask(b"u+>+x");
    wire.type_slowly(b"-01/02/26");
    let image = wire.sim.eeprom_image();
    let mut other = Simulator::new(Model::named("smart-ups-1500").unwrap(), SimulatorOptions::default());
    other.load_eeprom(&image).unwrap();
    assert_eq!(other.eeprom_image(), image);
    assert_eq!(other.truth()["input.transfer.high"], "257");
    assert_eq!(other.truth()["battery.packs"], "1");
    assert_eq!(other.truth()["battery.date"], "01/02/26");
    let mut matrix = Simulator::new(Model::named("matrix-3000").unwrap(), SimulatorOptions::default());
    assert!(matrix.load_eeprom(&image).unwrap_err().contains("model smart-ups-1500"));
}
