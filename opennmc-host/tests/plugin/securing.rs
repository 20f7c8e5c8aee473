//! TLS on plugins' connections: whom it trusts, where it begins, and what gets through before it does.

use std::io::{BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::ServerConnection;

use crate::outside::{Authority, Outside, Subject, echo_tls, listener, secured, self_signed, serve};

const LOCALHOST: &str = "\"tcp://localhost:*\", \"tls://localhost:*\"";

#[test]
fn a_plugin_speaks_tls_from_the_first_byte() {
    let outside = Outside::start(LOCALHOST);
    let config = outside.authority.server(Subject::Name("localhost"));
    let port = serve(move |stream| echo_tls(stream, &config));
    let mut orders = outside.orders();
    let number = orders.connect_to("tls", "localhost", port);
    assert_eq!(orders.line(), format!("connected {number}"));
    for text in ["one", "two"] {
        orders.send(&format!("send {number} {text}\n"));
        assert_eq!(orders.line(), "done");
        assert_eq!(orders.line(), format!("data {number} \"{text}\\n\""));
    }
}

#[test]
fn what_is_queued_before_tls_stands_does_not_go_in_the_clear() {
    let outside = Outside::start(LOCALHOST);
    let config = outside.authority.server(Subject::Name("localhost"));
    let port = serve(move |stream| echo_tls(stream, &config));
    let mut orders = outside.orders();
    assert_eq!(orders.ask(&format!("connect-and-send tls localhost {port} early")), "done");
    assert!(orders.line().starts_with("connected "));
    assert!(orders.line().ends_with("\"early\\n\""));
}

#[test]
fn more_than_one_read_brings_arrives_whole() {
    const LONG: usize = 100_000;
    let outside = Outside::start(LOCALHOST);
    let config = outside.authority.server(Subject::Name("localhost"));
    let port = serve(move |stream| {
        let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::StreamOwned::new(tls, stream);
        stream.write_all(&[b'x'; LONG]).unwrap();
        stream.conn.send_close_notify();
        stream.flush().unwrap();
        // Keeps the connection until the peer has it all.
        let _ = stream.sock.read(&mut [0; 1]);
    });
    let mut orders = outside.orders();
    let number = orders.connect_to("tls", "localhost", port);
    assert_eq!(orders.line(), format!("connected {number}"));
    let mut arrived = 0;
    let end = loop {
        let line = orders.line();
        match line.strip_prefix(&format!("data {number} ")) {
            Some(data) => arrived += data.matches('x').count(),
            None => break line,
        }
    };
    assert_eq!((arrived, end), (LONG, format!("closed {number} closed by the peer")));
}

#[test]
fn a_certificate_that_does_not_prove_the_name_ends_the_connection_with_the_reason() {
    let outside = Outside::start(LOCALHOST);
    let authority = &outside.authority;
    for (config, reason) in [
        (authority.server(Subject::Name("other.test")), "is not for the name"),
        (authority.server(Subject::Expired), "has expired"),
        (self_signed(), "is signed by nobody whom this host trusts"),
        (
            Authority::new("somebody else's").server(Subject::Name("localhost")),
            "is signed by nobody whom this host trusts",
        ),
    ] {
        let port = serve(move |stream| echo_tls(stream, &config));
        let mut orders = outside.orders();
        let number = orders.connect_to("tls", "localhost", port);
        let line = orders.line();
        assert!(line.starts_with(&format!("closed {number}")) && line.contains(reason), "{line}");
    }
}

#[test]
fn a_server_that_does_not_speak_tls_is_told_apart_from_one_that_ends_in_the_middle() {
    let outside = Outside::start(LOCALHOST);
    let mut orders = outside.orders();
    let plain = serve(|mut stream| {
        stream.write_all(b"220 mail.test ESMTP ready\r\n").unwrap();
        let _ = stream.read(&mut [0; 8 << 10]);
    });
    let number = orders.connect_to("tls", "localhost", plain);
    let line = orders.line();
    assert!(line.starts_with(&format!("closed {number}")) && line.contains("does not speak TLS"), "{line}");
    let leaving = serve(|mut stream| {
        let _ = stream.read(&mut [0; 8 << 10]);
        let _ = stream.shutdown(Shutdown::Write);
    });
    let number = orders.connect_to("tls", "localhost", leaving);
    let line = orders.line();
    assert!(line.starts_with(&format!("closed {number}")) && line.contains("in the middle"), "{line}");
}

#[test]
fn a_peer_that_cuts_tls_off_is_not_taken_for_one_that_has_ended_it() {
    let outside = Outside::start(LOCALHOST);
    let config = outside.authority.server(Subject::Name("localhost"));
    let port = serve(move |stream| {
        let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::StreamOwned::new(tls, stream);
        stream.write_all(b"half of ").unwrap();
        stream.flush().unwrap();
        let _ = stream.sock.shutdown(Shutdown::Write);
        let _ = stream.sock.read(&mut [0; 1]);
    });
    let mut orders = outside.orders();
    let number = orders.connect_to("tls", "localhost", port);
    assert_eq!(orders.line(), format!("connected {number}"));
    assert_eq!(orders.line(), format!("data {number} \"half of \""));
    assert!(orders.line().starts_with(&format!("closed {number} cut off")));
}

#[test]
fn tls_that_begins_later_leaves_nothing_in_the_clear_behind_its_beginning() {
    let outside = Outside::start(LOCALHOST);
    let config = outside.authority.server(Subject::Name("localhost"));
    let (listener, port) = listener();
    let mut orders = outside.orders();
    let number = orders.connect_to("plain", "localhost", port);
    let (mut server, _) = listener.accept().unwrap();
    assert_eq!(orders.line(), format!("connected {number}"));
    orders.send(&format!("start-tls-and-send {number} secret\n"));
    assert_eq!(orders.line(), "done");
    let mut clear = [0; 13];
    server.read_exact(&mut clear).unwrap();
    assert_eq!(&clear, b"in the clear\n");
    // What follows is TLS and nothing else, or this would not work.
    std::thread::spawn(move || echo_tls(server, &config));
    assert_eq!(orders.line(), format!("secured {number}"));
    assert_eq!(orders.line(), format!("data {number} \"secret\\n\""));
    assert!(orders.ask(&format!("start-tls {number}")).starts_with("invalid"));
}

#[test]
fn a_client_of_the_plugin_begins_tls_with_the_hosts_certificate() {
    let outside = Outside::start(LOCALHOST);
    let mut mail = outside.mail();
    assert_eq!(mail.ask("hello"), "hello");
    assert_eq!(mail.ask("STARTTLS"), "OK");
    let mut tls = secured(mail.stream.try_clone().unwrap(), outside.authority.client());
    tls.get_mut().write_all(b"in private\n").unwrap();
    let mut lines = tls.by_ref().lines().map(Result::unwrap);
    assert_eq!((lines.next().unwrap(), lines.next().unwrap()), ("welcome".into(), "in private".into()));
}

#[test]
fn what_somebody_puts_in_front_of_tls_is_thrown_away() {
    let outside = Outside::start(LOCALHOST);
    let mut mail = outside.mail();
    // More than one read, so that a part of it waits in the kernel when TLS begins.
    mail.send(&format!("STARTTLS\n{}", "injected\n".repeat(1_000)));
    assert_eq!(mail.line(), "OK");
    let mut tls = secured(mail.stream.try_clone().unwrap(), outside.authority.client());
    tls.get_mut().write_all(b"in private\n").unwrap();
    let mut lines = tls.by_ref().lines().map(Result::unwrap);
    assert_eq!((lines.next().unwrap(), lines.next().unwrap()), ("welcome".into(), "in private".into()));
}

#[test]
fn a_handshake_that_never_ends_and_one_that_is_rubbish_cost_nobody_else_anything() {
    let outside = Outside::start(LOCALHOST);
    let mut hanging: Vec<_> = (0..20).map(|_| outside.mail()).collect();
    for client in &mut hanging {
        assert_eq!(client.ask("STARTTLS"), "OK");
        // The beginning of a record that claims to be longer.
        client.stream.write_all(&[0x16, 0x03, 0x01, 0x02]).unwrap();
    }
    let mut rubbish = outside.mail();
    assert_eq!(rubbish.ask("STARTTLS"), "OK");
    rubbish.send("this is no TLS\n");
    let mut rest = Vec::new();
    let _ = rubbish.stream.read_to_end(&mut rest);
    let mut mail = outside.mail();
    assert_eq!(mail.ask("hello"), "hello");
    for mut client in hanging {
        assert_eq!(client.stream.read(&mut [0; 8]).unwrap_or(0), 0, "closed when its time was over");
    }
}

#[test]
fn without_a_certificate_tls_is_unavailable_and_with_a_new_one_it_is_the_new_one() {
    let outside = Outside::start(LOCALHOST);
    outside.tls.set(Default::default());
    let mut mail = outside.mail();
    assert_eq!(mail.ask("STARTTLS"), "OK");
    assert!(mail.line().starts_with("unavailable"), "and why");
    assert_eq!(mail.ask("in the clear"), "in the clear");
}

#[test]
fn closing_ends_tls_properly() {
    let outside = Outside::start(LOCALHOST);
    let config = outside.authority.server(Subject::Name("localhost"));
    let (listener, port) = listener();
    let mut orders = outside.orders();
    let number = orders.connect_to("tls", "localhost", port);
    let (server, _): (TcpStream, _) = listener.accept().unwrap();
    let tls = ServerConnection::new(config).unwrap();
    let mut stream = rustls::StreamOwned::new(tls, server);
    stream.flush().unwrap();
    while stream.conn.is_handshaking() {
        let (conn, sock) = (&mut stream.conn, &mut stream.sock);
        conn.complete_io(sock).unwrap();
    }
    assert_eq!(orders.line(), format!("connected {number}"));
    orders.send(&format!("send {number} last\nclose {number}\n"));
    let mut all = String::new();
    // An end without a proper one would be an error here.
    stream.read_to_string(&mut all).unwrap();
    assert_eq!(all, "last\n");
}
