//! Commands and their replies.

use super::wire::Wire;
use apcsmart::simulator::SimulatorOptions;

#[test]
fn a_ups_is_dumb_until_it_is_told_to_be_smart_and_after_it_is_told_not_to_be() {
    let mut wire = Wire::asleep("smart-ups-1500", SimulatorOptions::default());
    assert_eq!(wire.ask(b"QVab"), "");
    assert_eq!(wire.sim.counters().ignored_bytes, 4);
    assert_eq!(wire.ask(b"Y"), "SM\r\n");
    assert_eq!(wire.ask(b"Q"), "08\r\n");
    assert_eq!(wire.ask(b"R"), "BYE\r\n");
    assert_eq!(wire.ask(b"Q"), "");
    assert_eq!(wire.control("line off"), "", "a dumb UPS sends no alerts");
    assert_eq!(wire.ask(b"YQ"), "SM\r\n10\r\n");
}

#[test]
fn values_are_written_as_real_units_write_them() {
    let mut wire = Wire::to("smart-ups-1500");
    for (command, reply) in [
        (b'L', "231.8"),
        (b'M', "231.8"),
        (b'O', "231.8"),
        (b'F', "50.00"),
        (b'P', "027.3"),
        (b'B', "27.22"),
        (b'C', "027.4"),
        (b'f', "100.0"),
        (b'g', "024"),
        (b'j', "0041:"),
        (b'/', "01.78"),
        (b'9', "FF"),
        (b'G', "O"),
        (b'X', "NO"),
        (b'E', "336"),
        (b'k', "0"),
        (b'p', "020"),
        (b'q', "02"),
        (b'>', "000"),
        (b'8', "00"),
        (b'~', "00"),
        (b'\'', "00"),
        (b'7', "00"),
        (b'd', "000"),
        (b'y', "(C) APCC"),
        (0x01, "SMART-UPS 1500     "),
        (b'n', "AS0711234567  "),
        (b'h', "NA"),
        (b'`', "NA"),
    ] {
        assert_eq!(wire.ask(&[command]), format!("{reply}\r\n"), "{}", char::from(command));
    }
}

#[test]
fn the_highest_and_lowest_voltage_start_anew_when_they_are_read() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.control("voltage 240");
    wire.control("voltage 215.5");
    wire.control("voltage 230");
    assert_eq!(wire.truth("input.voltage.maximum"), "240.0");
    assert_eq!(wire.ask(b"MN"), "240.0\r\n215.5\r\n");
    assert_eq!(wire.ask(b"MN"), "230.0\r\n230.0\r\n");
}

#[test]
fn mains_that_sags_is_lifted_and_mains_that_swells_is_lowered() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.control("voltage 210");
    assert_eq!(wire.ask(b"QO"), "0C\r\n235.2\r\n");
    wire.control("voltage 250");
    assert_eq!(wire.ask(b"QO"), "0A\r\n220.0\r\n");
    assert_eq!(wire.control("voltage 200"), "!");
    assert_eq!(wire.ask(b"QOG"), "10\r\n230.0\r\nL\r\n");
    assert_eq!(wire.control("voltage 260"), "");
    assert_eq!(wire.control("line on"), "$");
    assert_eq!(wire.ask(b"QO"), "08\r\n231.8\r\n");
}

#[test]
fn a_self_test_takes_the_battery_and_its_result_is_kept_for_five_minutes() {
    let mut wire = Wire::to("smart-ups-1500");
    assert_eq!(wire.ask(b"W"), "OK\r\n!");
    assert_eq!(wire.ask(b"QGX"), "10\r\nS\r\nNO\r\n");
    assert_eq!(wire.wait(8.0), "$");
    assert_eq!(wire.ask(b"QX"), "08\r\nOK\r\n");
    wire.wait(290.0);
    assert_eq!(wire.ask(b"X"), "OK\r\n");
    wire.wait(10.0);
    assert_eq!(wire.ask(b"X"), "NO\r\n");
}

#[test]
fn a_worn_battery_fails_the_self_test_and_an_overload_spoils_it() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.control("replace on");
    wire.ask(b"W");
    wire.wait(9.0);
    assert_eq!(wire.ask(b"XQ"), "BT\r\n88\r\n");
    wire.control("replace off");
    wire.control("overload on");
    wire.ask(b"W");
    wire.wait(9.0);
    assert_eq!(wire.ask(b"XQ"), "NG\r\n28\r\n");
}

#[test]
fn a_second_w_ends_the_self_test_without_a_result() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.ask(b"W");
    assert_eq!(wire.ask(b"W"), "OK\r\n$");
    assert_eq!(wire.ask(b"QX"), "08\r\nNO\r\n");
}

#[test]
fn a_calibration_needs_a_full_battery_runs_it_down_to_a_quarter_and_can_be_ended() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.control("charge 60");
    assert_eq!(wire.ask(b"D"), "NO\r\n");
    wire.control("charge 100");
    assert_eq!(wire.ask(b"D"), "OK\r\n!");
    assert_eq!(wire.ask(b"Q"), "11\r\n");
    assert_eq!(wire.ask(b"D"), "NO\r\n$");
    wire.control("charge 100");
    wire.control("speed 100");
    wire.ask(b"D");
    assert!(wire.wait(60.0).ends_with('$'));
    assert_eq!(wire.ask(b"Q"), "08\r\n");
    let charge: f64 = wire.truth("battery.charge").parse().unwrap();
    assert!((20.0..60.0).contains(&charge), "{charge}");
}

#[test]
fn older_units_tell_a_calibration_by_alerts_alone() {
    let mut wire = Wire::to("smart-ups-700");
    assert_eq!(wire.ask(b"D"), "!");
    assert_eq!(wire.ask(b"D"), "$");
}

#[test]
fn a_simulated_outage_lasts_long_enough_for_a_shutdown_command_and_then_ends() {
    let mut wire = Wire::to("back-ups-cs-350");
    assert_eq!(wire.ask(b"U"), "OK\r\n!");
    wire.wait(9.6);
    assert_eq!(wire.ask(b"Q"), "10\r\n");
    assert_eq!(wire.wait(5.0), "$");
    assert_eq!(wire.ask(b"Q"), "08\r\n");
}

#[test]
fn bypass_is_a_toggle_and_shows_in_the_state_register_only() {
    let mut wire = Wire::to("matrix-3000");
    assert_eq!(wire.ask(b"^"), "BYP\r\n");
    assert_eq!(wire.ask(b"~Q"), "08\r\n08\r\n");
    assert_eq!(wire.ask(b"^"), "INV\r\n");
    assert_eq!(wire.ask(b"~"), "00\r\n");
    wire.control("bypass on");
    assert_eq!(wire.ask(b"^~"), "ERR\r\n20\r\n");
    assert_eq!(Wire::to("smart-ups-1500").ask(b"^"), "NA\r\n");
}

#[test]
fn dangerous_bytes_are_counted_and_reading_the_same_cells_is_not() {
    let mut wire = Wire::to("smart-ups-1500");
    wire.ask(b"0456\x02");
    assert_eq!(wire.sim.counters().hazardous_bytes, 0);
    wire.ask(b"-");
    wire.ask(b"1");
    wire.ask(&[0x10]);
    wire.ask(&[0x19]);
    assert_eq!(wire.sim.counters().hazardous_bytes, 4);
}

#[test]
fn service_mode_opens_after_two_knocks_with_a_pause() {
    let mut wire = Wire::to("smart-ups-1500");
    assert_eq!(wire.ask(b"1"), "NA\r\n");
    wire.wait(3.7);
    assert_eq!(wire.ask(b"1"), "PROG\r\n");
    assert_eq!(wire.sim.counters().hazardous_bytes, 2);
}

#[test]
fn two_byte_commands_are_one_command() {
    let mut wire = Wire::to("smart-ups-rt-1000");
    // What these answer is not known; that the second byte is not a command of its own is.
    assert_eq!(wire.ask(&[0x81, b'Q']), "NA\r\n");
    assert_eq!(wire.ask(b"Q"), "08\r\n");
}

#[test]
fn an_spm_tells_mode_frequencies_and_current_by_two_byte_commands() {
    let mut wire = Wire::to("smart-ups-spm-2000");
    assert_eq!(wire.ask(&[0x9F, 0xD1]), "02000,220,220,50.0,009,048.0,11\r\n");
    assert_eq!(wire.ask(&[0x9F, 0xD2, 0x9F, 0xD5]), "L\r\n1\r\n");
    wire.control("frequency 49.2");
    assert_eq!(wire.ask(&[0x9F, 0xD3]), "49.2\r\n");
    assert_eq!(wire.truth("input.frequency"), "49.2");
    wire.control("line off");
    assert_eq!(wire.ask(&[0x9F, 0xD2, 0x9F, 0xD3, 0x9F, 0xD4]), "B\r\n00.0\r\n14.2\r\n");
    assert_eq!(wire.ask(b"F"), "50.00\r\n");
    assert_eq!(
        (wire.truth("output.frequency"), wire.truth("battery.current")),
        ("50.00".into(), "14.2".into())
    );
}

#[test]
fn a_switch_is_armed_selected_set_and_saved_in_this_order() {
    let mut wire = Wire::to("smart-ups-spm-2000");
    let eco = [0x9F, 0xE8];
    assert_eq!(wire.ask(&eco), "OFF\r\n");
    assert_eq!(wire.ask(&[0x9F, 0xCA]), "NA\r\n", "nothing is selected");
    assert_eq!(wire.ask(&[0x9F, 0xFE]), "OK\r\n");
    assert_eq!(wire.ask(&eco), "OFF\r\n");
    assert_eq!(wire.ask(&[0x9F, 0xCA]), "OK\r\n");
    assert_eq!(wire.sim.eeprom_writes(), 0);
    assert_eq!(wire.ask(&[0x9F, 0xFF]), "OK\r\n");
    assert_eq!(wire.ask(&eco), "ON\r\n");
    assert_eq!(wire.ask(&[0x9F, 0xD2]), "E\r\n");
    assert_eq!(wire.sim.eeprom_writes(), 1);
}

#[test]
fn the_probe_answers_when_it_is_attached() {
    let options = SimulatorOptions { measure_ups: true, ..SimulatorOptions::default() };
    let mut wire = Wire::with("smart-ups-1500", options);
    assert_eq!(wire.ask(b"htiv"), "043.0\r\n24.50\r\n00\r\n4Kx\r\n");
    assert_eq!(wire.ask(b"[]{}"), "55,NO\r\n05,NO\r\n90,NO\r\n10,NO\r\n");
    assert_eq!(wire.ask(b"[-["), "55,NO\r\nOK\r\n50,NO\r\n");
    assert_eq!(wire.ask(b"[+["), "50,NO\r\nOK\r\n50,55\r\n");
}
