//! A port that goes away.

use std::time::Duration;

use apcsmart::serial::{Port, PortError, PortOptions};
use apcsmart::{Event, LinkState};

use super::process::eventually;
use super::simulated::Simulated;
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

/// What udev does when a converter comes back as another device.
#[test]
fn a_port_that_was_opened_by_a_link_is_found_where_the_link_leads_when_it_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("usb-APC_940-0024C-if00");
    let leads_to = |ups: &Simulated| {
        std::os::unix::fs::symlink(std::fs::canonicalize(ups.link()).unwrap(), &link).unwrap();
    };
    let first = Simulated::start("smart-ups-1500", [""; 0]);
    leads_to(&first);
    let mut port = Port::open(link.to_str().unwrap(), &PortOptions::default().reconnect(true)).unwrap();
    port.wait_ready(LONG).unwrap();
    drop(first);
    std::fs::remove_file(&link).unwrap();
    serve_until(&mut port, "the loss", |port| port.session().link() == LinkState::Closed);
    // While nothing is there, it is looked for again and again.
    serve_until(&mut port, "time", |port| port.silence().is_some_and(|silence| silence.as_secs() >= 1));
    assert_eq!(port.session().link(), LinkState::Closed);
    let second = Simulated::start("smart-ups-700", [""; 0]);
    leads_to(&second);
    port.wait_ready(LONG).unwrap();
    assert_eq!(port.get("ups.model").unwrap().to_string(), second.truth()["ups.model"]);
    assert!(matches!(
        Port::open(second.link().to_str().unwrap(), &PortOptions::default()),
        Err(PortError::Busy { .. })
    ));
}

#[test]
fn a_wait_for_a_port_that_does_not_come_back_can_be_interrupted() {
    let (ups, mut port) = connected(&PortOptions::default().reconnect(true));
    drop(ups);
    serve_until(&mut port, "the loss", |port| port.session().link() == LinkState::Closed);
    while port.next_event(Duration::ZERO).unwrap().is_some() {}
    let interrupter = port.interrupter();
    let asks = std::thread::spawn(move || interrupter.interrupt());
    let error = port.serve(Duration::MAX).unwrap_err();
    assert!(matches!(error, PortError::Interrupted { .. }), "{error:?}");
    asks.join().unwrap();
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
