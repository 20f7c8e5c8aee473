//! Requests that two servers could read in two ways, and heads that mean harm: refused, and nothing behind them is read.

use crate::scene::Daemon;

/// What must never be answered: it stands where a body could end or not.
const BEHIND: &str = "GET /api/v1 HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// The statuses of all answers to these bytes, until the server closes.
fn statuses(daemon: &Daemon, bytes: &[u8]) -> Vec<u16> {
    let text = daemon.say(bytes);
    let answers = text.split("HTTP/1.1 ").skip(1);
    answers.map(|answer| answer.split(' ').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn a_request_whose_end_is_in_doubt_is_the_last_one_of_its_connection() {
    let daemon = Daemon::start();
    for (doubt, status) in [
        ("content-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 404),
        ("transfer-encoding: chunked\r\ncontent-length: 6\r\n\r\n0\r\n\r\n", 404),
        ("content-length: 0\r\ncontent-length: 50\r\n\r\n", 400),
        ("content-length: 0, 50\r\n\r\n", 400),
        ("content-length: +0\r\n\r\n", 400),
        ("content-length: -1\r\n\r\n", 400),
        ("content-length : 50\r\n\r\n", 400),
        ("transfer-encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
        ("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n", 400),
        ("transfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n", 400),
        ("transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", 400),
        (&format!("transfer-encoding: chunked\r\n\r\n0;{}\r\n\r\n", "a".repeat(20_000)), 400),
        ("x: a\r\n content-length: 50\r\n\r\n", 400),
        ("x: a\rcontent-length: 50\r\n\r\n", 400),
    ] {
        let bytes = format!("POST /api/v1/nothing HTTP/1.1\r\nhost: localhost\r\n{doubt}{BEHIND}");
        assert_eq!(statuses(&daemon, bytes.as_bytes()), [status], "{doubt:?}");
    }
    let old = format!("POST /api/v1/nothing HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{BEHIND}");
    assert_eq!(statuses(&daemon, old.as_bytes()), [400]);
}

#[test]
fn a_head_that_means_harm_is_refused() {
    let daemon = Daemon::start();
    let many: String = (0..200).map(|number| format!("x{number}: a\r\n")).collect();
    for (line, headers, status) in [
        ("GET /api/v1 HTTP/1.1", "x: a\0b\r\nhost: localhost\r\n", 400),
        ("GET /api/v1 HTTP/1.1", "", 400),
        ("GET /api/v1 HTTP/1.1", "host: localhost\r\nhost: evil.example\r\n", 400),
        ("GET /api/v1 HTTP/1.1", "host: evil.example\r\n", 421),
        ("GET http://evil.example/api/v1 HTTP/1.1", "host: localhost\r\n", 421),
        ("CONNECT localhost:22 HTTP/1.1", "host: localhost\r\n", 405),
        ("TRACE /api/v1 HTTP/1.1", "host: localhost\r\ncookie: opennmc-session=x\r\n", 405),
        ("GET /api/v1 HTTP/1.1", &format!("host: localhost\r\n{many}"), 431),
        ("GET /api/v1 HTTP/1.1", &format!("host: localhost\r\nx: {}\r\n", "a".repeat(20_000)), 431),
        (&format!("GET /{} HTTP/1.1", "a".repeat(20_000)), "host: localhost\r\n", 431),
        // It is no proxy and speaks nothing newer: the wish is passed over.
        ("GET /api/v1 HTTP/1.1", "host: localhost\r\nupgrade: h2c\r\n", 200),
    ] {
        let bytes = format!("{line}\r\n{headers}connection: close\r\n\r\n");
        let told = statuses(&daemon, bytes.as_bytes());
        assert_eq!(told, [status], "{} {}", &line[..line.len().min(60)], &headers[..headers.len().min(60)]);
    }
}
