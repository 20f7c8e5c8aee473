//! STARTTLS, who may connect, and who may read.

mod rack;

use nut_server::config::Allow;
use nut_server::{Config, NutServer};
use opennmc_plugin::{Plugin, SimulatedHost, TcpService};
use rack::{CLIENT, Session, config, rack};

fn session(config: Config) -> Session {
    let host = rack();
    let mut server = NutServer::start(&host, config).expect("the server starts");
    server.on_accept(&host, "nut", CLIENT, "192.0.2.1:40000").expect("the client is accepted");
    Session { host, server, closed: false, ordered: Vec::new(), outcome: "executed" }
}

#[test]
fn tls_begins_after_the_answer_and_what_came_with_the_request_does_not_count() {
    let mut session = Session::new(rack());
    assert_eq!(session.send(b"USERNAME mallory\nSTARTTLS\nPASSWORD x\nVER"), b"OK\nOK STARTTLS\n");
    assert_eq!(session.host.secured(), [CLIENT]);
    // Neither half of a line nor a name survives from the time when anybody could have said them.
    assert_eq!(session.ask("USERNAME admin"), "OK\n");
    assert_eq!(session.ask("PASSWORD secret"), "OK\n");
    assert_eq!(session.ask("LOGIN main"), "OK\n");
    assert_eq!(session.ask("STARTTLS"), "ERR ALREADY-SSL-MODE\n");
    assert!(!session.closed);
}

#[test]
fn without_a_certificate_the_client_is_told_and_goes_on() {
    let mut session = Session::new(rack());
    session.host.lose_certificate();
    assert_eq!(session.ask("STARTTLS"), "ERR FEATURE-NOT-CONFIGURED\n");
    assert_eq!(session.ask("GET VAR main ups.status"), "VAR main ups.status \"OL\"\n");
    assert!(session.host.secured().is_empty());
}

#[test]
fn when_nobody_may_read_unknown_every_question_needs_a_user_who_may() {
    let mut session = session(Config { anonymous_read: false, ..config() });
    for question in
        ["GET VAR main ups.status", "LIST UPS", "LIST VAR main", "GET UPSDESC main", "SUBSCRIBE EVENTS"]
    {
        assert_eq!(session.ask(question), "ERR USERNAME-REQUIRED\n", "{question}");
    }
    assert!(session.ask("VER").starts_with("OpenNMC"));
    assert_eq!(session.ask("USERNAME admin"), "OK\n");
    assert_eq!(session.ask("PASSWORD wrong"), "OK\n");
    assert_eq!(session.ask("GET VAR main ups.status"), "ERR ACCESS-DENIED\n");
    assert_eq!(session.ask("LIST UPS"), "ERR ACCESS-DENIED\n");
}

#[test]
fn who_logs_in_may_read_then() {
    let mut session = session(Config { anonymous_read: false, ..config() });
    session.ask("USERNAME admin");
    session.ask("PASSWORD secret");
    // The plain form, which has a way of its own, and all at once.
    let answers = session.ask("GET VAR main ups.status\nGET VAR main ups.status\nLIST CLIENT main");
    assert_eq!(
        answers,
        "VAR main ups.status \"OL\"\nVAR main ups.status \"OL\"\nBEGIN LIST CLIENT main\nEND LIST CLIENT main\n"
    );
}

fn only(nut: &[&str]) -> Allow {
    Allow { nut: nut.iter().map(|text| (*text).to_owned()).collect(), guests: Vec::new() }
}

fn accept(
    server: &mut NutServer,
    host: &SimulatedHost,
    listener: &str,
    id: u64,
    peer: &str,
) -> Result<(), String> {
    server.on_accept(host, listener, id, peer)
}

#[test]
fn a_listener_with_a_list_takes_those_on_it_and_others_take_everybody() {
    let host = rack();
    let allow = only(&["192.0.2.0/24", "2001:db8::1"]);
    let mut server = NutServer::start(&host, Config { allow, ..config() }).expect("a server");
    for (id, peer, is_in) in [
        (1, "192.0.2.77:1", true),
        (2, "192.0.3.1:1", false),
        (3, "[2001:db8::1]:1", true),
        (4, "[2001:db8::2]:1", false),
        // An IPv4 client of a socket for both.
        (5, "[::ffff:192.0.2.9]:1", true),
        (6, "[::ffff:198.51.100.9]:1", false),
    ] {
        assert_eq!(accept(&mut server, &host, "nut", id, peer).is_ok(), is_in, "{peer}");
        assert!(accept(&mut server, &host, "guests", id + 100, peer).is_ok());
    }
}

#[test]
fn a_list_that_is_wrong_keeps_the_server_from_starting_with_words() {
    let allow = only(&["192.0.2.0/33"]);
    let refused = NutServer::start(&rack(), Config { allow, ..config() }).err();
    assert!(
        refused.expect("refused").contains("allow.nut: `192.0.2.0/33` is neither an address nor a network")
    );
}

#[test]
fn one_address_can_not_take_every_place() {
    let host = rack();
    let mut server =
        NutServer::start(&host, Config { max_connections_per_address: 2, ..config() }).expect("a server");
    assert!(accept(&mut server, &host, "nut", 1, "192.0.2.1:1").is_ok());
    assert!(accept(&mut server, &host, "nut", 2, "192.0.2.1:2").is_ok());
    assert!(accept(&mut server, &host, "nut", 3, "192.0.2.1:3").is_err());
    assert!(accept(&mut server, &host, "nut", 4, "192.0.2.2:3").is_ok());
    server.on_closed(&host, 1, "reset");
    assert!(accept(&mut server, &host, "nut", 5, "192.0.2.1:4").is_ok());
}
