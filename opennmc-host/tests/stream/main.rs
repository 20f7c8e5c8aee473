//! The stream of what is and what happens, read from a running daemon.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod load;
mod scene;

use std::io::{Read, Write};
use std::net::TcpStream;

use opennmc_host::users::{NewToken, PasswordRules, Principal, Role, Secret};
use rustix::net::{AddressFamily, SocketType, connect, socket, sockopt};

use self::scene::{Daemon, JO, PATIENCE, Reader, wait_until};

#[test]
fn a_reader_is_told_what_is_and_then_what_changes_and_what_happens() {
    let daemon = Daemon::start(&["main", "other"]);
    let mut reader = daemon.read("", JO);
    assert_eq!(reader.status, 200);
    assert!(reader.head.contains("content-type: text/event-stream"), "{}", reader.head);
    let first = reader.next().unwrap();
    assert_eq!((first.event.as_str(), first.id), ("snapshot", Some(daemon.host.feed.newest())));
    let names: Vec<&str> =
        first.data["upses"].as_array().unwrap().iter().map(|ups| ups["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["main", "other"]);
    assert!(first.data["daemon"]["version"].is_string());
    daemon.simulate("other", "line off");
    let status = reader.until("status", |told| {
        told.data["variables"]["ups.status"].as_str().is_some_and(|value| value.contains("OB"))
    });
    assert_eq!((status.data["name"].as_str(), status.id), (Some("other"), None));
    let mut second = daemon.read("", JO);
    daemon.simulate("other", "line on");
    let event = reader.happening("ups.on-line");
    assert_eq!((event.data["ups"].as_str(), event.id), (Some("other"), event.data["id"].as_u64()));
    assert_eq!(second.happening("ups.on-line").id, event.id, "everybody hears the same");
}

#[test]
fn who_comes_back_is_told_all_that_it_has_missed_and_nothing_twice() {
    let daemon = Daemon::start(&["main"]);
    let mut reader = daemon.read("", JO);
    let begun = reader.next().unwrap().id.unwrap();
    daemon.outage("main");
    let seen = reader.happening("ups.on-battery").id.unwrap();
    drop(reader);
    // More than is read from the history at one time.
    for _ in 0..80 {
        daemon.outage("main");
    }
    let newest = daemon.host.feed.newest();
    assert!(newest - seen > 150, "{newest}");
    for last in [begun, seen, newest - 1, newest] {
        let mut reader = daemon.read("", &format!("{JO}last-event-id: {last}\r\n"));
        assert_eq!(reader.next().unwrap().id, Some(last), "the state comes first, and the number stays");
        // A live one behind the past, so that the end is seen.
        daemon.outage("main");
        let end = daemon.host.feed.newest();
        let mut ids = Vec::new();
        while ids.last() != Some(&end) {
            ids.push(reader.until("event", |_| true).id.unwrap());
        }
        assert_eq!(ids, (last + 1..=end).collect::<Vec<u64>>());
    }
    // A number that was never given, from another daemon or before a loss.
    let mut reader = daemon.read("", &format!("{JO}last-event-id: 99999999\r\n"));
    let now = daemon.host.feed.newest();
    assert_eq!(reader.next().unwrap().id, Some(now));
    daemon.outage("main");
    assert_eq!(reader.until("event", |_| true).id, Some(now + 1));
}

#[test]
fn a_reader_may_want_one_ups_only() {
    let daemon = Daemon::start(&["main", "other"]);
    let mut reader = daemon.read("?ups=OTHER", JO);
    let first = reader.next().unwrap();
    assert_eq!(first.data["upses"].as_array().unwrap().len(), 1);
    daemon.outage("main");
    daemon.outage("other");
    for _ in 0..2 {
        let told = reader.next().unwrap();
        let of = if told.event == "event" { &told.data["ups"] } else { &told.data["name"] };
        assert_eq!(of, "other", "{told:?}");
    }
    let mut again = daemon.read("?ups=other", &format!("{JO}last-event-id: {}\r\n", first.id.unwrap()));
    let event = again.until("event", |_| true);
    assert_eq!(
        (event.data["ups"].as_str(), event.data["kind"].as_str()),
        (Some("other"), Some("ups.on-battery"))
    );
    assert_eq!(daemon.read("?ups=nothing", JO).status, 404);
}

#[test]
fn the_stream_is_for_those_who_may_read_and_as_long_as_they_may() {
    let daemon = Daemon::start(&["main"]);
    let host = Principal::host();
    assert_eq!(daemon.read("", "").status, 401);
    // keeper:a-sunny-place
    let keeper = "authorization: Basic a2VlcGVyOmEtc3VubnktcGxhY2U=\r\n";
    assert_eq!(daemon.read("", keeper).status, 403);
    let (secret, info) = daemon.users.add_token("jo", NewToken::default(), &host).unwrap();
    let mut by_token = daemon.read("", &format!("authorization: Bearer {}\r\n", secret.reveal()));
    let mut by_password = daemon.read("", JO);
    let (mut browser, cookie, csrf) = log_in(&daemon);
    let mut in_session = daemon.read("", &cookie);
    for reader in [&mut by_token, &mut by_password, &mut in_session] {
        assert_eq!(reader.next().unwrap().event, "snapshot");
    }
    let log_out = format!(
        "DELETE /api/v1/session HTTP/1.1\r\nhost: localhost\r\n{cookie}x-csrf-token: {csrf}\r\nconnection: close\r\n\r\n"
    );
    browser.write_all(log_out.as_bytes()).unwrap();
    ends(&mut in_session);
    daemon.users.revoke_token(&info.id, &host).unwrap();
    ends(&mut by_token);
    daemon.outage("main");
    by_password.happening("ups.on-line");
    let other = Secret::from("a-shady-place");
    daemon.users.set_password("jo", &other, PasswordRules::Strict, &host).unwrap();
    ends(&mut by_password);
    daemon.users.set_role("jo", Role::Backup, None, &host).unwrap();
}

fn ends(reader: &mut Reader) {
    while reader.next().is_some() {}
    assert!(reader.ended, "in good order");
}

/// A connection, the line with the cookie, and what confirms changes.
fn log_in(daemon: &Daemon) -> (TcpStream, String, String) {
    let mut stream = TcpStream::connect(daemon.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = r#"{"name":"jo","password":"a-sunny-place"}"#;
    let request = format!(
        "POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let mut buffer = [0; 4096];
    while !answer.contains('}') {
        let count = stream.read(&mut buffer).unwrap();
        answer.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    let between = |before: &str, after: char| {
        let rest = answer.split_once(before).unwrap().1;
        rest.split(after).next().unwrap().to_owned()
    };
    let cookie = format!("cookie: opennmc-session={}\r\n", between("opennmc-session=", ';'));
    (stream, cookie, between("\"csrf\":\"", '"'))
}

#[test]
fn a_reader_that_takes_nothing_is_closed_and_holds_up_nobody() {
    let upses: Vec<String> = (0..16).map(|number| format!("ups{number}")).collect();
    let upses: Vec<&str> = upses.iter().map(String::as_str).collect();
    let daemon = Daemon::start(&upses);
    // With little room in the kernel, so that it soon shows.
    let small = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    sockopt::set_socket_recv_buffer_size(&small, 4 << 10).unwrap();
    connect(&small, &daemon.http).unwrap();
    let stalled = Reader::begin(TcpStream::from(small), "", JO);
    let mut other = daemon.read("", JO);
    let mut line = ["line off", "line on"].into_iter().cycle();
    let mut gone = false;
    let until = std::time::Instant::now() + PATIENCE;
    while !gone {
        assert!(std::time::Instant::now() < until, "it is still served");
        let line = line.next().unwrap();
        upses.iter().for_each(|ups| daemon.simulate(ups, line));
        let kind = if line == "line off" { "ups.on-battery" } else { "ups.on-line" };
        other.happening(kind);
        // The kernel tells of a reset before what is to be read.
        gone = sockopt::socket_error(&stalled.stream).is_ok_and(|error| error.is_err())
            || is_hung_up(&stalled.stream);
    }
    // It comes back and is told.
    assert_eq!(daemon.read("", JO).next().unwrap().event, "snapshot");
}

fn is_hung_up(stream: &TcpStream) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut fds = [PollFd::new(stream, PollFlags::RDHUP)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&now)).is_ok()
        && fds[0].revents().intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR)
}

#[test]
fn an_address_has_only_so_many_readers_and_pages_beside_them() {
    let daemon = Daemon::start(&["main"]);
    let mut readers: Vec<Reader> = (0..64).map(|_| daemon.read("", JO)).collect();
    assert!(readers.iter_mut().all(|reader| reader.next().is_some()));
    let one_more = daemon.read("", JO);
    assert_eq!(one_more.status, 429);
    assert!(one_more.head.contains("retry-after") && one_more.head.contains("application/problem+json"));
    drop(readers.pop());
    wait_until("the place is free again", || daemon.read("", JO).status == 200);
}
