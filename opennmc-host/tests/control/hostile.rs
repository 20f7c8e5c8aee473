//! Clients that do what none should. Whatever they do, the next client is served and the daemon lives.

use std::time::Instant;

use super::Raw;
use super::place::{Daemon, PATIENCE, Place};

/// As many as the daemon serves at once.
const MOST_CONNECTIONS: usize = 64;
/// The longest request.
const LONGEST_REQUEST: usize = 64 * 1024;

fn is_served(place: &Place) -> bool {
    Raw::greeted(&place.socket()).ask(r#"{"v":1,"id":1,"do":"status"}"#)["ok"].is_object()
}

#[test]
fn a_line_without_end_is_refused_at_its_longest_length() {
    let place = Place::simulated();
    let _daemon = Daemon::start(&place, place.run());
    let mut raw = Raw::greeted(&place.socket());
    raw.say(vec![b'x'; LONGEST_REQUEST + 8192]);
    let answer = raw.line().unwrap();
    assert_eq!(answer["error"]["code"], "bad-request");
    assert!(answer["error"]["message"].as_str().unwrap().contains("65536 bytes"), "{answer}");
    assert_eq!(raw.line(), None, "it hangs up");
    assert!(is_served(&place));
}

#[test]
fn garbage_of_every_kind_harms_nobody() {
    let place = Place::simulated();
    let _daemon = Daemon::start(&place, place.run());
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..200 {
        let mut raw = Raw::connect(&place.socket());
        let mut garbage = Vec::new();
        for _ in 0..300 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            garbage.push(seed.to_le_bytes()[0]);
        }
        raw.say(&garbage);
        // Hangs up at once, without reading what is answered.
    }
    assert!(is_served(&place));
}

#[test]
fn clients_that_say_nothing_fill_all_places_and_give_them_back_when_they_go() {
    let place = Place::simulated();
    let _daemon = Daemon::start(&place, place.run());
    let silent: Vec<Raw> = (0..MOST_CONNECTIONS).map(|_| Raw::greeted(&place.socket())).collect();
    let refused = Raw::connect(&place.socket()).line().unwrap();
    assert_eq!(refused["error"]["code"], "busy", "{refused}");
    let output = place.client(&["status"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    drop(silent);
    let began = Instant::now();
    while !Raw::connect(&place.socket()).line().is_some_and(|line| line["role"].is_string()) {
        assert!(began.elapsed() < PATIENCE);
    }
    assert!(is_served(&place));
}

#[test]
fn a_client_that_never_reads_holds_up_nobody_and_not_the_end_of_the_daemon() {
    let place = Place::simulated();
    let daemon = Daemon::start(&place, place.run());
    let mut raw = Raw::greeted(&place.socket());
    // More answers than the socket takes.
    raw.say("{\"v\":1,\"id\":1,\"do\":\"status\"}\n".repeat(1000));
    assert!(is_served(&place));
    daemon.signal(rustix::process::Signal::TERM);
    let began = Instant::now();
    assert_eq!(daemon.end(), Some(0));
    assert!(began.elapsed() < PATIENCE / 2);
}

#[test]
fn a_second_daemon_leaves_the_socket_of_the_first_alone_and_says_so() {
    let place = Place::simulated();
    let _first = Daemon::start(&place, place.run());
    let mut command = place.run();
    let log = place.dir().join("second");
    command.arg("--state").arg(place.dir().join("state2")).stderr(std::fs::File::create(&log).unwrap());
    let mut second = command.spawn().unwrap();
    let began = Instant::now();
    while !std::fs::read_to_string(&log).unwrap().contains("another opennmc already listens on") {
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    second.kill().unwrap();
    second.wait().unwrap();
    assert!(is_served(&place));
}

#[test]
fn a_killed_daemon_leaves_a_socket_that_the_next_one_replaces() {
    let place = Place::simulated();
    let daemon = Daemon::start(&place, place.run());
    daemon.signal(rustix::process::Signal::KILL);
    assert_eq!(daemon.end(), None);
    assert!(place.socket().exists());
    let _next = Daemon::start(&place, place.run());
    assert!(is_served(&place));
}
