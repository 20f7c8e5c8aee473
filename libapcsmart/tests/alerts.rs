//! An alert byte changes the status at once.

mod pair;

use std::time::Duration;

use apcsmart::{Alert, Event, Output, Time};
use pair::Pair;

/// A pair whose line is proven and at rest at this moment.
fn at_rest() -> Pair {
    let mut pair = Pair::paced("smart-ups-1500");
    pair.run(Duration::from_secs(60));
    pair.rest();
    pair
}

/// Feeds `bytes` to the session alone, and returns the statuses that it published before it sent or waited for anything.
fn statuses_from(pair: &mut Pair, bytes: &[u8]) -> Vec<String> {
    pair.session.handle_input(pair.now, bytes);
    let mut statuses = Vec::new();
    loop {
        match pair.session.poll_output() {
            Output::Event(Event::Status(status)) => statuses.push(status.tokens()),
            Output::Event(_) => {}
            Output::Transmit(bytes) => assert_eq!(bytes, b"Q", "the alert is checked at once"),
            Output::Timeout(_) => return statuses,
        }
    }
}

#[test]
fn the_alert_byte_alone_changes_the_status_without_a_poll_in_between() {
    let mut pair = at_rest();
    assert_eq!(pair.ups_status(), "OL");
    assert_eq!(statuses_from(&mut pair, b"!"), ["OB"]);
    assert_eq!(pair.ups_status(), "OB");
}

#[test]
fn an_alert_that_would_shut_computers_down_is_checked_first() {
    let mut pair = at_rest();
    statuses_from(&mut pair, b"!");
    assert_eq!(statuses_from(&mut pair, b"%"), [""; 0], "one wrong bit makes it of the alert of an outage");
}

#[test]
fn a_false_alert_is_taken_back_by_the_reads_that_follow() {
    let mut pair = at_rest();
    statuses_from(&mut pair, b"!");
    // The question goes out by itself; the UPS says that it is on line.
    pair.sim.handle_input(pair.now, b"Q");
    pair.drain();
    pair.run(Duration::from_secs(2));
    assert_eq!(pair.ups_status(), "OL");
}

#[test]
fn an_outage_is_followed_from_its_alerts_to_its_end() {
    let mut pair = at_rest();
    let cut = pair.now;
    pair.control("line off");
    let known = pair.wait_for(
        Duration::from_secs(3),
        |event| matches!(event, Event::Status(status) if status.on_battery()),
    );
    assert!(
        known.since(cut) <= Duration::from_millis(5),
        "{:?}: the byte itself takes 4.2 ms",
        known.since(cut)
    );
    pair.wait_for(Duration::from_secs(10), |event| {
        matches!(event, Event::Reading { name: "input.voltage", .. })
    });
    pair.run(Duration::from_secs(30));
    assert_eq!(pair.ups_status(), "OB");
    let back = pair.now;
    pair.control("line on");
    let known = pair
        .wait_for(Duration::from_secs(3), |event| matches!(event, Event::Status(status) if status.on_line()));
    assert!(known.since(back) <= Duration::from_millis(400), "{:?}", known.since(back));
    let alerts: Vec<Alert> = pair
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Alert(alert) => Some(*alert),
            _ => None,
        })
        .collect();
    assert_eq!((alerts.first(), alerts.last()), (Some(&Alert::LineFail), Some(&Alert::LineReturned)));
}

#[test]
fn an_alert_inside_an_answer_spoils_neither() {
    let mut pair = at_rest();
    // Wait until a question is out, then let the alert come in the middle of its answer.
    let asked = pair.sent.len();
    pair.run_until(pair.now + Duration::from_secs(20), |pair| pair.sent.len() > asked);
    pair.session.handle_input(pair.now + Duration::from_millis(10), b"0");
    pair.session.handle_input(pair.now + Duration::from_millis(14), b"!");
    let faults = pair.session.quality().faults();
    assert_eq!(pair.session.quality().alerts, 1);
    assert_eq!(faults, 0, "an alert is no fault");
}

#[test]
fn silence_is_noticed_and_the_way_back_is_found() {
    let mut pair = at_rest();
    pair.control("mute on");
    pair.wait_for(Duration::from_secs(30), |event| *event == Event::Link(apcsmart::LinkState::Lost));
    pair.run(Duration::from_secs(120));
    pair.control("mute off");
    let unmuted: Time = pair.now;
    let back = pair.wait_for(Duration::from_secs(30), |event| *event == Event::Link(apcsmart::LinkState::Up));
    assert!(back.since(unmuted) <= Duration::from_secs(10));
    assert_eq!(pair.ups_status(), "OL");
    pair.wait_for(Duration::from_secs(60), |event| *event == Event::Discovered);
    let scans =
        pair.events.iter().filter(|(at, event)| *at > unmuted && *event == Event::ScanComplete).count();
    assert_eq!(scans, 1, "what answers now may be another unit: it is read anew");
}
