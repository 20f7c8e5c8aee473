//! Commands and settings.

use apcsmart::serial::{PortError, PortOptions};
use apcsmart::{Danger, Event, Outcome, Refusal};

use super::{LONG, connected};

#[test]
fn a_command_tells_what_became_of_it() {
    let (_ups, mut port) = connected(&PortOptions::default());
    let outcome = port.run("test.panel.start", None, Danger::None).unwrap();
    assert!(outcome.is_success(), "{outcome}");
}

#[test]
fn a_setting_is_written_and_read_back() {
    let (ups, mut port) = connected(&PortOptions::default());
    assert_eq!(port.set("ups.id", "RACK7").unwrap(), Outcome::Verified);
    assert_eq!(ups.truth()["ups.id"], "RACK7");
    assert_eq!(port.set("ups.id", "RACK7").unwrap(), Outcome::Unchanged);
}

#[test]
fn what_is_refused_is_not_sent() {
    let (_ups, mut port) = connected(&PortOptions::default());
    let unconfirmed = port.run("load.off", None, Danger::None).unwrap_err();
    assert!(matches!(unconfirmed, PortError::Refused(Refusal::NeedsConfirmation(_))), "{unconfirmed}");
    let unknown = port.run("load.dance", None, Danger::None).unwrap_err();
    assert!(matches!(unknown, PortError::Refused(Refusal::UnknownCommand(_))), "{unknown}");
    let read_only = port.set("ups.load", "5").unwrap_err();
    assert!(matches!(read_only, PortError::Refused(Refusal::ReadOnly(_))), "{read_only}");
    assert!(port.status().unwrap().on_line());
}

#[test]
fn a_command_that_was_started_ends_with_an_event() {
    let (_ups, mut port) = connected(&PortOptions::default());
    let ticket = port.start("test.panel.start", None, Danger::None).unwrap();
    let outcome = loop {
        match port.next_event(LONG).unwrap() {
            Some(Event::Done { ticket: done, outcome }) if done == ticket => break outcome,
            Some(_) => {}
            None => panic!("it never ended"),
        }
    };
    assert!(outcome.is_success(), "{outcome}");
}

#[test]
fn an_order_on_a_ups_that_falls_silent_ends_all_the_same() {
    let (ups, mut port) = connected(&PortOptions::default());
    ups.control("mute on");
    let outcome = port.set("ups.id", "RACK8").unwrap();
    assert!(!outcome.is_success(), "{outcome}");
}
