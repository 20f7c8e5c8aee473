//! A port that goes away.

use std::time::Duration;

use apcsmart::serial::{Port, PortError, PortOptions};
use apcsmart::{Event, LinkState};

use super::process::eventually;
use super::{LONG, connected, serve_until};

#[test]
fn an_unplugged_port_is_an_error_that_says_so_and_can_be_reopened() {
    let (ups, mut port) = connected(&PortOptions::default());
    ups.control("unplug 1");
    let error = loop {
        match port.next_event(LONG) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the hang-up was not seen"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, PortError::HungUp { .. }), "{error:?}");
    assert!(error.to_string().contains("hung up: the serial port was unplugged"), "{error}");
    assert!(matches!(port.set("ups.id", "X"), Err(PortError::HungUp { .. })));
    assert!(matches!(port.wait_ready(LONG), Err(PortError::HungUp { .. })));
    assert!(port.get("battery.charge").is_some(), "the last readings stay");
    eventually("the port to come back", || port.reopen().is_ok());
    port.wait_ready(LONG).unwrap();
    assert!(port.status().unwrap().on_line());
}

#[test]
fn a_port_that_reconnects_comes_back_by_itself() {
    let (ups, mut port) = connected(&PortOptions::default().reconnect(true));
    while port.next_event(Duration::ZERO).unwrap().is_some() {}
    ups.control("unplug 1");
    serve_until(&mut port, "the loss", |port| port.session().link() == LinkState::Closed);
    port.wait_ready(LONG).unwrap();
    let (mut links, mut scans) = (Vec::new(), 0);
    while let Some(event) = port.next_event(Duration::ZERO).unwrap() {
        match event {
            Event::Link(link) => links.push(link),
            Event::ScanComplete => scans += 1,
            _ => {}
        }
    }
    assert_eq!(links, [LinkState::Closed, LinkState::Connecting, LinkState::Up]);
    assert_eq!(scans, 1, "ready means that everything was read again");
}

#[test]
fn waiting_for_a_port_that_reconnects_and_does_not_come_back_ends_with_its_reason() {
    let (ups, mut port) = connected(&PortOptions::default().reconnect(true));
    drop(ups);
    serve_until(&mut port, "the loss", |port| port.session().link() == LinkState::Closed);
    let error = port.wait_ready(Duration::from_millis(100)).unwrap_err();
    assert!(matches!(error, PortError::HungUp { .. }), "{error:?}");
}

#[test]
fn a_serial_server_that_closes_the_connection_is_a_hang_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    let mut port = Port::open(&address, &PortOptions::default()).unwrap();
    drop(listener.accept().unwrap());
    let error = port.wait_ready(LONG).unwrap_err();
    assert!(matches!(error, PortError::HungUp { .. }), "{error:?}");
    assert!(error.to_string().starts_with(&address), "{error}");
}
