//! What each model is known by.

use super::wire::Wire;
use apcsmart::simulator::{Model, Simulator, SimulatorOptions};

#[test]
fn an_unknown_model_is_refused_with_the_list_of_those_that_exist() {
    let message = Model::named("smart-ups-9000").unwrap_err().to_string();
    for model in Model::all() {
        assert!(message.contains(model.name()), "{message}");
    }
}

#[test]
fn every_model_answers_what_its_own_list_promises() {
    for model in Model::all() {
        let mut wire = Wire::to(model.name());
        let reply = wire.ask(b"a");
        let Some((_, list)) = reply.split_once('.') else { continue };
        let Some((_, list)) = list.split_once('.') else { continue };
        let commands = list.split(['.', '\r']).next().unwrap_or_default();
        // Two-byte prefixes, commands that act, and bytes whose meaning nobody knows are not asked.
        for command in
            commands.chars().filter(|command| !"\u{81}\u{9f}\u{e}\u{7f})+-@DKRSUWZ^z3".contains(*command))
        {
            let answer = wire.ask(&[command as u8]);
            assert!(answer.ends_with("\r\n"), "{} does not answer {command:?}", model.name());
            assert_eq!(answer.matches('\n').count(), 1, "{} {command:?} {answer:?}", model.name());
        }
        assert_eq!(wire.sim.counters().unknown_commands, 0, "{}", model.name());
    }
}

#[test]
fn every_model_tells_model_serial_and_status_and_stays_on_mains_for_a_day() {
    for model in Model::all() {
        let mut wire = Wire::to(model.name());
        assert_eq!(wire.wait(86_400.0), "", "{}", model.name());
        assert_eq!(wire.truth("ups.status"), "OL");
        assert!(wire.truth("ups.serial").len() >= 10, "{}", model.name());
        assert!(!wire.truth("ups.firmware").is_empty());
    }
}

#[test]
fn a_smart_ups_1500_with_its_probe_tells_fifty_values() {
    let model = Model::named("smart-ups-1500").unwrap();
    let options = SimulatorOptions { measure_ups: true, ..SimulatorOptions::default() };
    let truth = Simulator::new(model, options).truth();
    assert!(truth.len() >= 50, "{}", truth.len());
}

#[test]
fn an_rt_speaks_protocol_4_with_extensions_and_bytes_above_7f() {
    let reply = Wire::to("smart-ups-rt-1000").ask(b"a");
    assert!(reply.starts_with("4.!$%+?=*#|\u{4}.\u{1}\u{5}\u{9}\u{c}\u{e}\u{14}\u{16}\u{1a}"), "{reply:?}");
    assert!(reply.ends_with(".\u{81}:\u{d0}\u{e2}\u{f0}\u{fd}\u{fe}\u{ff}\r\n"), "{reply:?}");
    assert_eq!(Wire::to("smart-ups-rt-1000").ask(b"nVb"), "JS1504001122\0\0\r\n5YI\r\n411.7.I\r\n");
}

#[test]
fn a_matrix_is_known_by_its_firmware_alone() {
    let mut wire = Wire::to("matrix-3000");
    assert_eq!(wire.ask(b"Vab\x01"), "0XI\r\nNA\r\nNA\r\nNA\r\n");
    assert_eq!(wire.ask(b"\x0C\x16/\\<>w"), "E\r\nI\r\n05.01\r\n038.40\r\n000\r\n000\r\nNO\r\n");
}

#[test]
fn small_units_keep_silent_on_what_they_do_not_know() {
    let mut cs = Wire::to("back-ups-cs-350");
    assert_eq!(cs.ask(b"aVLFZ\x1A\x1B"), "");
    assert_eq!(cs.ask(b"bQ"), "5.4.D\r\n08\r\n");
    let mut vs = Wire::to("smart-ups-vs-420");
    assert_eq!(vs.ask(b"VLFBP"), "");
    assert_eq!(vs.ask(b"a"), "2).?=*%+#!$.98~`\u{1}ynba@YXUSQKGA\r\n");
    assert_eq!(vs.ask(b"y"), "(C) APCC\r\n");
    assert_eq!(Wire::to("smart-ups-vs-420-early").ask(b"a"), ".!$?.3\r\n");
}
