//! Connections that plugins make: where to, where not to, how many, and what becomes of them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use opennmc_host::plugin::PluginSettings;

use crate::guests::guests;
use crate::host::{Client, Host, field, write_package};
use crate::outside::{Outside, listener};

const LOCALHOST: &str = "\"tcp://localhost:*\"";

#[test]
fn a_plugin_speaks_with_a_host_that_it_was_granted() {
    let outside = Outside::start(LOCALHOST);
    let (listener, port) = listener();
    let mut orders = outside.orders();
    let number = orders.connect_to("plain", "localhost", port);
    let (mut server, _) = listener.accept().unwrap();
    assert_eq!(orders.line(), format!("connected {number}"));
    assert_eq!(orders.ask(&format!("send {number} hello")), "done");
    let mut line = String::new();
    BufReader::new(server.try_clone().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "hello\n");
    server.write_all(b"and you").unwrap();
    assert_eq!(orders.line(), format!("data {number} \"and you\""));
    drop(server);
    assert_eq!(orders.line(), format!("closed {number} closed by the peer"));
    assert_eq!(orders.ask(&format!("send {number} hello")), "not-found");
}

#[test]
fn what_is_queued_before_the_connection_stands_is_sent_when_it_does() {
    let outside = Outside::start(LOCALHOST);
    let (listener, port) = listener();
    let mut orders = outside.orders();
    // Both orders come in one piece, and so in one call.
    orders.send(&format!("connect plain localhost {port}\n"));
    let answer = orders.line();
    let number = answer.strip_prefix("number ").unwrap();
    orders.send(&format!("send {number} early\nclose {number}\n"));
    let (mut server, _) = listener.accept().unwrap();
    let mut all = String::new();
    server.read_to_string(&mut all).unwrap();
    assert_eq!(all, "early\n");
}

#[test]
fn host_port_and_scheme_are_checked_on_every_call() {
    let outside =
        Outside::start("\"tcp://localhost:25\", \"tls://localhost:465\", \"https://localhost:443\"");
    let mut orders = outside.orders();
    for order in [
        "plain localhost 26",
        "plain localhost 465",
        "tls localhost 25",
        "plain localhost 443",
        "tls localhost 443",
        "plain 127.0.0.1 25",
        "plain other.test 25",
        "plain localhost.evil.test 25",
    ] {
        let answer = orders.ask(&format!("connect {order}"));
        assert!(answer.starts_with("denied") && answer.contains("not granted"), "{order}: {answer}");
    }
    for order in ["plain  25", "plain a/b 25", "plain localhost 0"] {
        let answer = orders.ask(&format!("connect {order}"));
        assert!(answer.starts_with("invalid"), "{order}: {answer}");
    }
}

#[test]
fn a_name_that_is_pointed_at_this_machine_is_not_followed() {
    let (listener, port) = listener();
    let grants = format!("\"tcp://rebound.test:{port}\", \"tcp://*.test:{port}\", \"tcp://*:{port}\"");
    let outside = Outside::start(&grants);
    let mut orders = outside.orders();
    let number = orders.connect_to("plain", "rebound.test", port);
    let line = orders.line();
    assert!(line.starts_with(&format!("closed {number} `rebound.test` is 127.0.0.1")), "{line}");
    let number = orders.connect_to("plain", "localhost", port);
    assert!(orders.line().starts_with(&format!("closed {number} `localhost` is 127.0.0.1")));
    // The address is written out, and still no wildcard reaches it.
    let number = orders.connect_to("plain", "127.0.0.1", port);
    assert!(orders.line().starts_with(&format!("closed {number} ")));
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nothing has connected");
}

#[test]
fn all_addresses_of_a_name_are_tried_in_turn() {
    let outside = Outside::start(LOCALHOST);
    let (listener, port) = listener();
    let mut orders = outside.orders();
    let number = orders.connect_to("plain", "LOCALHOST", port);
    let _server = listener.accept().unwrap();
    assert_eq!(orders.line(), format!("connected {number}"));
}

#[test]
fn a_connection_that_fails_says_why() {
    let outside = Outside::start("\"tcp://localhost:*\", \"tcp://nowhere.test:25\", \"tcp://empty.test:25\"");
    let (listener, port) = listener();
    drop(listener);
    let mut orders = outside.orders();
    for (host, port, reason) in [
        ("localhost", port, "refused"),
        ("nowhere.test", 25, "can't look `nowhere.test` up: no such name"),
        ("empty.test", 25, "has no address"),
    ] {
        let number = orders.connect_to("plain", host, port);
        let line = orders.line();
        assert!(line.starts_with(&format!("closed {number}")) && line.contains(reason), "{line}");
    }
}

#[test]
fn the_one_who_asks_for_ten_thousand_connections_gets_its_limit_and_nobody_else_notices() {
    // The kernel makes these connections by itself; nobody has to accept them.
    let (_listener, port) = listener();
    let outside = Outside::start(LOCALHOST);
    let (mut orders, mut other) = (outside.orders(), outside.orders());
    let answer = orders.ask(&format!("hoard plain localhost {port}"));
    // Two of the 300 are its clients, and of those that it asks for not all may wait to be looked up.
    let count: u32 = answer.split(' ').next().unwrap().parse().unwrap();
    assert!((200..=298).contains(&count) && answer.contains("limit"), "{answer}");
    assert_eq!(other.ask("still there"), "still there");
}

#[test]
fn everything_is_closed_when_the_plugin_dies() {
    let outside = Outside::start(LOCALHOST);
    let (listener, port) = listener();
    let mut orders = outside.orders();
    let mut servers: Vec<TcpStream> = Vec::new();
    for _ in 0..20 {
        let number = orders.connect_to("plain", "localhost", port);
        servers.push(listener.accept().unwrap().0);
        assert_eq!(orders.line(), format!("connected {number}"));
    }
    orders.send("trap\n");
    outside.host.event("caller", "plugin.failed", 1);
    for mut server in servers {
        assert_eq!(server.read(&mut [0; 8]).unwrap_or(0), 0, "the other end sees it go");
    }
    outside.host.event("caller", "plugin.recovered", 1);
    assert_eq!(outside.orders().ask("back"), "back");
}

#[test]
fn without_its_grant_the_interface_is_not_there() {
    let packages = tempfile::tempdir().unwrap();
    let needs = "listen = { main = [\"127.0.0.1:0\"] }\nconnect = [\"http://a.test\", \"udp://a.test:1\"]";
    write_package(packages.path(), "caller", needs, &guests().caller);
    let settings = PluginSettings { id: "caller".to_owned(), ..PluginSettings::default() };
    let host = Host::start_in(packages, vec![settings]);
    let reason = field(&host.event("caller", "plugin.failed", 1), "reason").to_owned();
    assert!(reason.contains("opennmc:plugin/tcp-connect@"), "{reason}");
    assert!(reason.contains("connect = [\"tcp://HOST:PORT\""), "{reason}");
}

#[test]
fn a_plugin_that_connects_must_be_able_to_hear_of_it() {
    let packages = tempfile::tempdir().unwrap();
    let needs = "ups = \"read\"\nevents = [\"*\"]\nlisten = { main = [\"127.0.0.1:0\"] }\nconnect = [\"tcp://a.test:1\"]";
    write_package(packages.path(), "actor", needs, &guests().actor);
    let settings = PluginSettings { id: "actor".to_owned(), ..PluginSettings::default() };
    let host = Host::start_in(packages, vec![settings]);
    let reason = field(&host.event("actor", "plugin.failed", 1), "reason").to_owned();
    assert!(reason.contains("exports no opennmc:plugin/connection-events"), "{reason}");
}

#[test]
fn a_connection_that_the_plugin_made_is_nobodys_log_in_and_no_place_for_accept_tls() {
    let outside = Outside::start(LOCALHOST);
    let (listener, port) = listener();
    let mut orders: Client = outside.orders();
    let number = orders.connect_to("plain", "localhost", port);
    let _server = listener.accept().unwrap();
    assert_eq!(orders.line(), format!("connected {number}"));
    assert!(orders.ask(&format!("accept-tls {number}")).starts_with("invalid"));
    assert_eq!(orders.ask("accept-tls 99"), "not-found");
}
