//! What is said when something else than a smart UPS is on the line.

use std::time::Duration;

use apcsmart::Diagnosis;
use apcsmart::serial::{Finding, Port, PortError, PortOptions, classify};

use super::line::{Device, Line};
use super::simulated::Simulated;

/// Time enough for a few questions; nobody answers them.
const SOON: Duration = Duration::from_secs(3);

/// Messages of a unit with Microlink: binary, all the time, whatever it hears.
fn microlink(_: &[u8], speed: u32) -> Vec<u8> {
    // What a receiver at another speed makes of it is binary too, but not the same.
    let flip = if speed == 9600 { 0x00 } else { 0x5A };
    (0..19u8).map(|place| place.wrapping_mul(37) ^ 0x80 ^ flip).collect()
}

/// A unit with Modbus: silent but for whole questions at its own speed.
fn modbus() -> impl Device {
    |heard: &[u8], speed: u32| match (speed, heard) {
        // The check sums are written out: the code under test must not confirm itself.
        (9600, [0x01, 0x03, 0x00, 0x16, 0x00, 0x01, 0x65, 0xCE]) => {
            vec![0x01, 0x03, 0x02, 0x00, 0x00, 0xB8, 0x44]
        }
        (9600, [0x01, 0x03, 0x02, 0x14, 0x00, 0x10, 0x05, 0xBA]) => {
            let mut answer = b"\x01\x03\x20Smart-UPS_X 1500".to_vec();
            answer.resize(35, 0);
            answer.extend([0xC4, 0xDB]);
            answer
        }
        _ => Vec::new(),
    }
}

fn judged(device: impl Device) -> (Diagnosis, String) {
    let line = Line::with(device);
    let mut port = Port::open(line.address(), &PortOptions::default()).unwrap();
    let error = port.wait_ready(SOON).unwrap_err();
    let said = error.to_string();
    assert!(said.contains(line.address()), "{said}");
    match error {
        PortError::NoAnswer { diagnosis, .. } => (diagnosis, said),
        error => panic!("{error}"),
    }
}

fn classified(device: impl Device) -> Finding {
    let line = Line::with(device);
    classify(line.address(), &PortOptions::default()).unwrap()
}

fn other(diagnosis: Diagnosis) -> Finding {
    Finding::NoSmartUps { diagnosis, model: None }
}

#[test]
fn a_silent_line_is_silent() {
    let (diagnosis, said) = judged(|_: &[u8], _| Vec::new());
    assert_eq!(diagnosis, Diagnosis::Silent);
    assert!(said.contains("cable"), "{said}");
}

#[test]
fn a_line_that_echoes_is_an_echo() {
    let (diagnosis, said) = judged(|heard: &[u8], _| heard.to_vec());
    assert_eq!(diagnosis, Diagnosis::Echo);
    assert!(said.contains("loop"), "{said}");
}

#[test]
fn a_microlink_stream_is_microlink() {
    let (diagnosis, said) = judged(microlink);
    assert_eq!(diagnosis, Diagnosis::Microlink);
    assert!(said.contains("Microlink") && said.contains("SMT"), "{said}");
}

#[test]
fn answers_at_a_wrong_speed_are_garbage_and_the_speed_is_named() {
    let (diagnosis, said) =
        judged(|heard: &[u8], _| if heard.is_empty() { Vec::new() } else { vec![0xE6, 0x9F, 0x00, 0xFC] });
    assert_eq!(diagnosis, Diagnosis::Garbage);
    assert!(said.contains("2400 baud"), "{said}");
}

#[test]
fn a_login_prompt_is_another_device() {
    let (diagnosis, said) = judged(|heard: &[u8], _| match heard.is_empty() {
        true => Vec::new(),
        false => b"\r\nups login: ".to_vec(),
    });
    assert_eq!(diagnosis, Diagnosis::OtherDevice);
    assert!(said.contains("login"), "{said}");
}

#[test]
fn a_search_finds_a_smart_ups_with_its_model() {
    let ups = Simulated::start("smart-ups-1500", [""; 0]);
    let found = classify(ups.link().to_str().unwrap(), &PortOptions::default()).unwrap();
    assert_eq!(found, Finding::SmartUps { model: Some(ups.truth()["ups.model"].clone()) });
}

#[test]
fn a_search_finds_modbus_and_asks_for_the_model() {
    let found = classified(modbus());
    let model = Some("Smart-UPS_X 1500".to_owned());
    assert_eq!(found, Finding::NoSmartUps { diagnosis: Diagnosis::Modbus, model });
    assert!(found.to_string().contains("Smart-UPS_X 1500"));
}

#[test]
fn a_search_finds_microlink_that_is_heard_only_at_its_own_speed() {
    let found =
        classified(|heard: &[u8], speed| if speed == 9600 { microlink(heard, speed) } else { Vec::new() });
    assert_eq!(found, other(Diagnosis::Microlink));
}

#[test]
fn a_search_that_finds_nothing_says_so_and_leaves_the_port_as_it_was() {
    let line = Line::with(|_: &[u8], _| Vec::new());
    line.set_speed(19200);
    let before = line.settings();
    assert_eq!(classify(line.address(), &PortOptions::default()).unwrap(), other(Diagnosis::Silent));
    assert_eq!(line.settings(), before);
    assert_eq!(before, (19200, true));
}

#[test]
fn a_search_does_not_disturb_another_device() {
    // It may take questions at another speed for orders.
    let found = classified(|heard: &[u8], speed| {
        assert_ne!(speed, 9600);
        if heard.is_empty() { Vec::new() } else { b"\r\nERROR\r\n".to_vec() }
    });
    assert_eq!(found, other(Diagnosis::OtherDevice));
}
