//! HTTP requests of plugins: where they go, where redirects don't lead them, and what a bad server costs whom.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};

use crate::outside::{Outside, Subject, listener, secured_server, self_signed, serve};

const LOCALHOST: &str = "\"tcp://localhost:*\", \"http://localhost:*\", \"https://localhost:*\"";

/// Answers every request with what `answer` makes of its path; the port, and the heads of the requests.
fn web(answer: impl Fn(&str) -> String + Send + 'static) -> (u16, Receiver<String>) {
    let (heads, seen) = channel();
    let port = serve(move |stream| answer_one(stream, &answer, &heads));
    (port, seen)
}

fn answer_one(
    mut stream: impl Read + Write,
    answer: &impl Fn(&str) -> String,
    heads: &std::sync::mpsc::Sender<String>,
) {
    let mut reader = BufReader::new(&mut stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    let path = head.split(' ').nth(1).unwrap_or("").to_owned();
    let _ = heads.send(head);
    let _ = stream.write_all(answer(&path).as_bytes());
    let _ = stream.flush();
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn to(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

#[test]
fn a_request_gets_its_answer_whatever_its_status() {
    let outside = Outside::start(LOCALHOST);
    let (port, seen) = web(|path| match path {
        "/gone" => "HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\ngone".to_owned(),
        path => ok(path),
    });
    let mut orders = outside.orders();
    assert_eq!(orders.ask(&format!("fetch POST http://localhost:{port}/a?b x-mark=7 body=5")), "asked");
    assert_eq!(orders.line(), "reply 200 \"/a?b\"");
    let head = seen.recv().unwrap().to_ascii_lowercase();
    assert!(head.starts_with("post /a?b http/1.1") && head.contains("x-mark: 7"), "{head}");
    assert!(head.contains("content-length: 5") && head.contains("user-agent: opennmc/"), "{head}");
    orders.ask(&format!("fetch GET http://localhost:{port}/gone"));
    assert_eq!(orders.line(), "reply 410 \"gone\"");
}

#[test]
fn https_needs_a_certificate_that_proves_the_name() {
    let outside = Outside::start(LOCALHOST);
    for (config, expected) in [
        (outside.authority.server(Subject::Name("localhost")), "reply 200 \"/\""),
        (
            outside.authority.server(Subject::Name("other.test")),
            "failed the peer's certificate is not for the name",
        ),
        (self_signed(), "failed the peer's certificate is signed by nobody"),
    ] {
        let (heads, _seen) = channel();
        let port = serve(move |stream| answer_one(secured_server(stream, &config), &ok, &heads));
        let mut orders = outside.orders();
        assert_eq!(orders.ask(&format!("fetch GET https://localhost:{port}/")), "asked");
        let line = orders.line();
        assert!(line.starts_with(expected), "{line}");
    }
}

#[test]
fn redirects_are_followed_to_granted_hosts_and_no_further_than_five() {
    let (elsewhere, _listening) = listener();
    let other = elsewhere.local_addr().unwrap();
    let outside = Outside::start(&format!("{LOCALHOST}, \"http://rebound.test:*\""));
    let (port, _seen) = web(move |path| match path {
        "/once" => to("/there"),
        "/round" => to("/round"),
        "/ungranted" => to(&format!("http://127.0.0.1:{}/", other.port())),
        "/rebound" => to(&format!("http://rebound.test:{}/", other.port())),
        path => ok(path),
    });
    let mut orders = outside.orders();
    for (path, expected) in [
        ("once", "reply 200 \"/there\""),
        ("round", "failed it was redirected more than 5 times"),
        ("ungranted", "failed http://127.0.0.1"),
        ("rebound", "failed `rebound.test` is 127.0.0.1"),
    ] {
        assert_eq!(orders.ask(&format!("fetch GET http://localhost:{port}/{path}")), "asked");
        let line = orders.line();
        assert!(line.starts_with(expected), "{path}: {line}");
    }
    elsewhere.set_nonblocking(true).unwrap();
    assert!(elsewhere.accept().is_err(), "nothing has connected there");
}

#[test]
fn what_is_malformed_or_not_granted_is_refused_at_once() {
    let outside = Outside::start("\"http://localhost:80\", \"tcp://localhost:81\"");
    let mut orders = outside.orders();
    for (order, word) in [
        ("GET http://localhost:81/", "denied"),
        ("GET https://localhost:80/", "denied"),
        ("GET http://127.0.0.1/", "denied"),
        ("GET ftp://localhost/", "invalid"),
        ("GET http://jo:secret@localhost/", "invalid"),
        ("GET /path", "invalid"),
        ("CONNECT http://localhost/", "invalid"),
        ("GET http://localhost/ host=other.test", "invalid"),
        ("GET http://localhost/ content-length=3", "invalid"),
        ("GET http://localhost/ transfer-encoding=chunked", "invalid"),
        ("GET http://localhost/ x=a_y:b", "invalid"),
        ("GET http://localhost/ body=3", "invalid"),
        ("POST http://localhost/ body=1048577", "invalid"),
    ] {
        let answer = orders.ask(&format!("fetch {order}"));
        assert!(answer.starts_with(word), "{order}: {answer}");
    }
}

#[test]
fn an_answer_that_is_too_long_is_no_answer() {
    let outside = Outside::start(LOCALHOST);
    let (port, _seen) = web(|_| ok(&"x".repeat((1 << 20) + 1)));
    let mut orders = outside.orders();
    orders.ask(&format!("fetch GET http://localhost:{port}/"));
    let line = orders.line();
    assert!(line.starts_with("failed") && line.contains("longer than 1048576 bytes"), "{line}");
}

#[test]
fn servers_that_never_answer_take_the_plugins_own_requests_and_end_with_their_time() {
    let outside = Outside::start(LOCALHOST);
    // Nobody accepts; the kernel makes the connections.
    let (_listener, silent) = listener();
    let (port, _seen) = web(ok);
    let mut orders = outside.orders();
    for _ in 0..8 {
        assert_eq!(orders.ask(&format!("fetch GET http://localhost:{silent}/ ms=3000")), "asked");
    }
    let full = orders.ask(&format!("fetch GET http://localhost:{port}/"));
    assert!(full.starts_with("limit: 8 requests"), "{full}");
    for _ in 0..8 {
        assert_eq!(orders.line(), "failed no answer in time");
    }
    assert_eq!(orders.ask(&format!("fetch GET http://localhost:{port}/")), "asked");
    assert_eq!(orders.line(), "reply 200 \"/\"");
}

#[test]
fn requests_under_way_are_broken_off_when_the_plugin_dies() {
    let outside = Outside::start(LOCALHOST);
    let (listener, silent) = listener();
    let mut orders = outside.orders();
    assert_eq!(orders.ask(&format!("fetch GET http://localhost:{silent}/ ms=120000")), "asked");
    let (mut server, _): (TcpStream, _) = listener.accept().unwrap();
    let mut head = [0; 4];
    server.read_exact(&mut head).unwrap();
    orders.send("trap\n");
    outside.host.event("caller", "plugin.failed", 1);
    let mut rest = Vec::new();
    let _ = server.read_to_end(&mut rest);
}

/// Serves every connection on a thread of its own, and never ends one.
fn serve_at_once(speak: impl Fn(TcpStream) + Send + Clone + 'static) -> u16 {
    serve(move |stream| {
        let speak = speak.clone();
        std::thread::spawn(move || speak(stream));
    })
}

/// A byte a second of an answer that has a million.
fn trickle(mut stream: TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while stream.write_all(b".").is_ok() {
        // The pace of this server; nothing waits for it.
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
}

/// An answer without an end.
fn pour(mut stream: TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
    while stream.write_all(&[b'.'; 4 << 10]).is_ok() {}
}

#[test]
fn slow_servers_hold_up_nobody_but_the_plugin_that_asks_them() {
    let needs = format!("{LOCALHOST}, \"http://hangs.test:*\"");
    let outside = Outside::start_with(&["caller", "drinker", "neighbour"], &needs);
    let (_listener, silent) = listener();
    let (trickling, pouring) = (serve_at_once(trickle), serve_at_once(pour));
    let (port, _seen) = web(ok);
    let mut orders = outside.orders();
    let places = [("localhost", silent), ("localhost", trickling), ("hangs.test", silent)];
    // As many as it may have under way.
    for (host, port) in places.into_iter().cycle().take(8) {
        assert_eq!(orders.ask(&format!("fetch GET http://{host}:{port}/ ms=120000")), "asked");
    }
    let (mut drinker, mut neighbour) = (outside.host.client("drinker"), outside.host.client("neighbour"));
    for round in 0..20 {
        assert_eq!(drinker.ask(&format!("fetch GET http://localhost:{pouring}/ ms=120000")), "asked");
        assert_eq!(neighbour.ask(&format!("fetch GET http://localhost:{port}/{round}")), "asked");
        assert_eq!(neighbour.line(), format!("reply 200 \"/{round}\""));
        let line = drinker.line();
        assert!(line.starts_with("failed") && line.contains("longer than 1048576 bytes"), "{line}");
    }
    assert!(orders.is_silent(), "what is slow is still under way");
}
