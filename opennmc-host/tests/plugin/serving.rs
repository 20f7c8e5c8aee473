//! What a well-behaved plugin gets: connections, timers, events, the state of the UPSes.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use opennmc_host::state::{Availability, Device, Event, Kind, Severity, Snapshot, Variable};

use crate::host::{Client, Host, actor};

#[test]
fn a_plugin_answers_its_clients() {
    let host = Host::start(vec![actor("echo")]);
    let mut client = host.client("echo");
    assert_eq!(client.ask("hello"), "hello");
    client.send("one\ntwo\nth");
    assert_eq!((client.line(), client.line()), ("one".to_owned(), "two".to_owned()));
    client.send("ree\n");
    assert_eq!(client.line(), "three");
    assert_eq!(client.ask("quit"), "");
}

#[test]
fn many_connections_are_served_with_few_calls_and_a_full_house_turns_the_next_away() {
    let host = Host::start(vec![actor("echo")]);
    let mut clients: Vec<Client> = (0..300).map(|_| host.client("echo")).collect();
    for round in 0..3 {
        for client in &mut clients {
            client.send(&format!("round {round}\n"));
        }
        for client in &mut clients {
            assert_eq!(client.line(), format!("round {round}"));
        }
    }
    let mut late = host.client("echo");
    assert_eq!(late.line(), "", "the 301st of 300 permitted connections is closed");
    drop(clients.pop());
    let mut served = None;
    while served.is_none() {
        let mut next = host.client("echo");
        // The place is free as soon as the plugin has seen the other connection end.
        let _ = next.stream.write_all(b"hello\n");
        served = Some(next.line()).filter(|line| line == "hello");
    }
}

#[test]
fn a_client_that_shuts_down_its_writing_side_still_gets_its_answers() {
    let host = Host::start(vec![actor("echo")]);
    let mut client = host.client("echo");
    let asked: String = (0..2_000).map(|number| format!("line {number}\n")).collect();
    client.send(&asked);
    client.stream.shutdown(Shutdown::Write).unwrap();
    let mut answered = String::new();
    client.stream.read_to_string(&mut answered).unwrap();
    assert_eq!(answered, asked);
}

#[test]
fn answers_that_wait_in_our_queue_survive_the_end_of_the_requests() {
    let host = Host::start(vec![actor("echo")]);
    let mut client = host.client("echo");
    // More than the kernel takes at once from us, less than the limit on unsent bytes beyond that.
    rustix::net::sockopt::set_socket_recv_buffer_size(&client.stream, 16 << 10).unwrap();
    client.send("flood 1000000\nflood 1000000\nflood 1000000\n");
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(host.client("echo").ask("still there"), "still there");
    let mut answered = String::new();
    client.stream.read_to_string(&mut answered).unwrap();
    assert_eq!(answered.len(), 3_000_003);
}

#[test]
fn a_long_answer_reaches_a_client_that_reads_late() {
    let host = Host::start(vec![actor("echo")]);
    let mut client = host.client("echo");
    client.send("flood 900000\n");
    let mut other = host.client("echo");
    assert_eq!(other.ask("still there"), "still there");
    assert_eq!(client.line(), "x".repeat(900_000));
    assert_eq!(client.ask("and on"), "and on");
}

#[test]
fn a_client_that_reads_nothing_is_dropped_when_too_much_waits_for_it_and_nobody_else_notices() {
    let host = Host::start(vec![actor("echo")]);
    let mut slow = host.client("echo");
    let mut other = host.client("echo");
    // More than the kernel's buffers and ours hold together.
    slow.send("flood 6000000\n");
    assert_eq!(other.ask("still there"), "still there");
    while other.ask("closed") == "0" {}
    assert_eq!(host.status("echo").restarts, 0);
    assert_eq!(host.status("echo").epitaph, None);
}

#[test]
fn queued_bytes_beyond_the_limit_are_refused_and_the_plugin_is_told() {
    let host = Host::start(vec![actor("echo")]);
    let mut client = host.client("echo");
    assert_eq!(client.ask("send 1000"), "y".repeat(1_000) + "sent");
    assert!(client.ask("send 1100000").contains("Limit"));
}

#[test]
fn a_listener_whose_connections_the_plugin_refuses_closes_them() {
    let host = Host::start(vec![actor("echo")]);
    let mut client = Client::connect(host.address("echo", "shut"));
    assert_eq!(client.line(), "");
    assert_eq!(host.client("echo").ask("hello"), "hello");
}

#[test]
fn timers_run_and_events_are_heard() {
    let host = Host::start(vec![actor("echo")]);
    let mut client = host.client("echo");
    assert_eq!(client.ask("timer 5"), "set");
    assert_eq!(client.line(), "rang");
    host.publish(Event {
        id: 0,
        kind: "ups.on-battery".to_owned(),
        severity: Severity::Warning,
        device: "main".to_owned(),
        at_ms: 0,
        fields: Vec::new(),
    });
    while client.ask("events") != "ups.on-battery" {}
}

#[test]
fn the_state_of_a_ups_is_read_from_the_newest_snapshot() {
    let host = Host::start(vec![actor("echo")]);
    let mut client = host.client("echo");
    assert_eq!(client.ask("get main"), "none");
    let charge = Variable { value: "100".to_owned(), kind: Kind::Number, settable: false };
    let device = Device {
        name: "main".to_owned(),
        description: None,
        availability: Availability::Live,
        generation: 7,
        heard_at_ms: Some(0),
        variables: BTreeMap::from([("battery.charge".to_owned(), charge)]),
        commands: Default::default(),
    };
    host.snapshots.store(Snapshot { generation: 7, devices: vec![Arc::new(device)] });
    assert_eq!(client.ask("get MAIN"), "battery.charge=100");
    assert_eq!(client.ask("generation"), "7");
    assert!(client.ask("devices").contains("Live"));
    assert!(client.ask("describe battery.charge").contains("Some"));
}

#[test]
fn settings_reach_the_plugin_as_json() {
    let host = Host::start(vec![actor("echo").config("number", 5)]);
    assert_eq!(host.client("echo").ask("config"), r#"{"number":5,"on-start":"serve"}"#);
}

#[test]
fn memory_grows_up_to_the_limit_and_not_beyond() {
    const PAGES_OF_4_MIB: u32 = 64;
    let host = Host::start(vec![actor("echo")]);
    let mut client = host.client("echo");
    assert_eq!(client.ask(&format!("grow {PAGES_OF_4_MIB}")), "grown");
    assert_eq!(client.ask(&format!("grow {PAGES_OF_4_MIB}")), "refused");
}
