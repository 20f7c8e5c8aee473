//! Clients that ask to be told.

mod rack;

use opennmc_plugin::{Event, EventListener, Severity, TimerHandler};
use rack::{CLIENT, Session, main_ups, number, rack};

fn event(kind: &str, fields: &[(&str, &str)]) -> Event {
    Event {
        kind: kind.to_owned(),
        severity: Severity::Warning,
        device: "main".to_owned(),
        at_ms: 1_795_303_800_000,
        fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

fn told(session: &mut Session) -> String {
    String::from_utf8(session.host.take_sent(CLIENT)).expect("text")
}

/// A second later.
fn later(session: &mut Session) {
    for (timer, _) in session.host.timers() {
        session.server.on_timer(&session.host, timer);
    }
}

#[test]
fn who_did_not_ask_hears_nothing() {
    let mut session = Session::new(rack());
    session.ask("LIST UPS");
    session.server.on_event(&session.host, event("ups.on-battery", &[]));
    later(&mut session);
    assert_eq!(told(&mut session), "");
    assert!(!session.ask("HELP").contains("SUBSCRIBE"));
}

#[test]
fn events_come_at_once_with_their_time_and_fields() {
    let mut session = Session::new(rack());
    assert_eq!(session.ask("SUBSCRIBE EVENTS"), "OK SUBSCRIBED\n");
    session.server.on_event(&session.host, event("ups.on-line", &[("lasted-s", "75"), ("note", "a \"b\"")]));
    assert_eq!(
        told(&mut session),
        "EVENT main ups.on-line 1795303800000 lasted-s \"75\" note \"a \\\"b\\\"\"\n"
    );
    // Too long for a line that NUT's clients can read.
    session.server.on_event(&session.host, event("ups.alarm", &[("alarm", "x"), ("more", &"y".repeat(600))]));
    let line = told(&mut session);
    assert!(line.starts_with("EVENT main ups.alarm 1795303800000") && line.len() <= 511, "{line}");
    assert_eq!(session.ask("UNSUBSCRIBE"), "OK UNSUBSCRIBED\n");
    session.server.on_event(&session.host, event("ups.on-battery", &[]));
    assert_eq!(told(&mut session), "");
}

#[test]
fn events_of_one_ups_only_are_told_to_who_asked_for_it_only() {
    let mut session = Session::new(rack());
    assert_eq!(session.ask("SUBSCRIBE EVENTS nodesc"), "OK SUBSCRIBED\n");
    session.server.on_event(&session.host, event("ups.on-battery", &[]));
    assert_eq!(told(&mut session), "");
    assert_eq!(session.ask("SUBSCRIBE EVENTS MAIN"), "OK SUBSCRIBED\n");
    session.server.on_event(&session.host, event("ups.on-battery", &[]));
    assert_eq!(told(&mut session), "EVENT main ups.on-battery 1795303800000\n");
    assert_eq!(session.ask("SUBSCRIBE EVENTS nobody"), "ERR UNKNOWN-UPS\n");
    assert_eq!(session.ask("SUBSCRIBE"), "ERR INVALID-ARGUMENT\n");
}

#[test]
fn values_come_whole_at_first_and_then_as_they_change() {
    let mut session = Session::new(rack());
    let begin = session.ask("SUBSCRIBE VALUES main");
    assert!(begin.starts_with("OK SUBSCRIBED\nSTATE main LIVE\nUPDATE main "), "{begin}");
    assert!(begin.contains("UPDATE main ups.status \"OL\"\n"));
    later(&mut session);
    assert_eq!(told(&mut session), "", "nothing has changed");
    let mut ups = main_ups();
    ups.variables.retain(|variable| variable.name != "battery.charge");
    ups.variables.push(number("battery.charge", "42"));
    session.host.publish(ups);
    later(&mut session);
    assert_eq!(told(&mut session), "UPDATE main battery.charge \"42\"\n");
    session.ask("UNSUBSCRIBE");
    later(&mut session);
    assert_eq!(told(&mut session), "");
}
