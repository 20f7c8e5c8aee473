//! Readings, status and events.

use apcsmart::serial::{Port, PortOptions};
use apcsmart::{Event, LinkState};

use super::simulated::Simulated;
use super::{LONG, connected, serve_until};

#[test]
fn a_ready_port_has_what_the_ups_knows() {
    let (ups, port) = connected(&PortOptions::default());
    let truth = ups.truth();
    for name in ["ups.model", "ups.serial", "ups.firmware", "battery.charge", "ups.status"] {
        assert_eq!(port.get(name).unwrap().to_string(), truth[name], "{name}");
    }
    assert!(port.readings().count() > 20);
    assert!(port.status().unwrap().on_line());
    assert_eq!(port.get("no.such.variable"), None);
    assert!(port.session().commands().count() > 0);
    assert!(port.silence().is_some());
}

#[test]
fn a_serial_server_works_like_a_serial_port() {
    let ups = Simulated::start("smart-ups-1500", ["--tcp", "127.0.0.1:0"]);
    let address = ups.ready.split_whitespace().find_map(|word| word.split("127.0.0.1:").nth(1)).unwrap();
    let digits: String = address.chars().take_while(char::is_ascii_digit).collect();
    let mut port = Port::open(&format!("tcp://127.0.0.1:{digits}"), &PortOptions::default()).unwrap();
    port.wait_ready(LONG).unwrap();
    assert!(port.status().unwrap().on_line());
}

#[test]
fn an_outage_comes_as_an_event() {
    let (ups, mut port) = connected(&PortOptions::default());
    ups.control("line off");
    let status = loop {
        match port.next_event(LONG).unwrap() {
            Some(Event::Status(status)) if status.on_battery() => break status,
            Some(_) => {}
            None => panic!("no event of the outage"),
        }
    };
    assert_eq!(port.status(), Some(status));
    assert!(port.get("ups.status").unwrap().to_string().contains("OB"));
}

#[test]
fn serving_reads_anew() {
    let (ups, mut port) = connected(&PortOptions::default());
    ups.control("load 55");
    serve_until(&mut port, "the new load", |port| {
        port.get("ups.load").is_some_and(|load| load.as_f64().is_some_and(|load| load > 50.0))
    });
}

#[test]
fn a_ups_that_falls_silent_is_an_event_and_no_error() {
    let (ups, mut port) = connected(&PortOptions::default());
    ups.control("mute on");
    serve_until(&mut port, "the loss", |port| port.session().link() == LinkState::Lost);
    assert!(!port.is_ready());
    ups.control("mute off");
    port.wait_ready(LONG).unwrap();
    let mut seen = Vec::new();
    while let Some(event) = port.next_event(std::time::Duration::ZERO).unwrap() {
        if let Event::Link(link) = event {
            seen.push(link);
        }
    }
    assert!(seen.ends_with(&[LinkState::Up, LinkState::Lost, LinkState::Up]), "{seen:?}");
}
