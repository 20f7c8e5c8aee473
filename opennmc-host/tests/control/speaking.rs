//! The protocol as docs/cli.md tells it, so that programs in other languages can rely on it.

use serde_json::json;

use super::Raw;
use super::place::{Daemon, PATIENCE, Place};

#[test]
fn the_daemon_greets_first_with_its_version_and_who_it_takes_the_client_for() {
    let place = Place::simulated();
    let _daemon = Daemon::start(&place, place.run());
    let greeting = Raw::connect(&place.socket()).line().unwrap();
    assert_eq!(greeting["v"], 1);
    assert_eq!(greeting["opennmc"], env!("CARGO_PKG_VERSION"));
    assert_eq!(greeting["role"], "administrator");
    assert_eq!(greeting["upses"], json!(["main"]));
}

#[test]
fn requests_are_answered_in_their_order_under_their_numbers() {
    let place = Place::simulated();
    let _daemon = Daemon::start(&place, place.run());
    let mut raw = Raw::greeted(&place.socket());
    // Two in one write, an empty line, and one cut in the middle.
    raw.say("{\"v\":1,\"id\":9,\"do\":\"status\"}\n{\"v\":1,\"id\":4,\"do\":\"health\"}\n\n{\"v\":1,\"id\":5,\"do\":\"sta");
    let first = raw.line().unwrap();
    assert_eq!((&first["id"], &first["ok"]["upses"][0]["name"]), (&json!(9), &json!("main")));
    let second = raw.line().unwrap();
    assert_eq!((&second["id"], second["ok"]["turns"].is_number()), (&json!(4), true));
    raw.say("tus\",\"ups\":\"main\"}\n");
    assert_eq!(raw.line().unwrap()["id"], 5);
}

#[test]
fn a_wrong_request_is_answered_and_the_connection_goes_on() {
    let place = Place::simulated();
    let _daemon = Daemon::start(&place, place.run());
    let mut raw = Raw::greeted(&place.socket());
    for (line, id, code) in [
        ("GET / HTTP/1.1", json!(null), "bad-request"),
        ("\u{fffd}\u{0}\u{1}", json!(null), "bad-request"),
        (r#"{"v":1,"id":1,"do":"dance"}"#, json!(1), "bad-request"),
        (r#"{"v":9,"id":2,"do":"status"}"#, json!(2), "version"),
        (r#"{"v":1,"id":3,"do":"status","ups":"rack"}"#, json!(3), "not-found"),
        (r#"{"v":1,"id":4,"do":"run","ups":"rack","command":"load.off"}"#, json!(4), "not-found"),
        (r#"{"v":1,"id":5,"do":"events","severity":"loud"}"#, json!(5), "bad-request"),
    ] {
        let answer = raw.ask(line);
        assert_eq!(answer["id"], id, "{line}: {answer}");
        assert_eq!(answer["error"]["code"], code, "{line}: {answer}");
        assert!(!answer["error"]["message"].as_str().unwrap().is_empty());
    }
    assert!(raw.ask(r#"{"v":1,"id":6,"do":"status"}"#)["ok"].is_object());
}

#[test]
fn a_client_that_closed_its_writing_side_still_hears_events() {
    let place = Place::simulated();
    let _daemon = Daemon::start(&place, place.run());
    let mut raw = Raw::greeted(&place.socket());
    raw.say("{\"v\":1,\"id\":1,\"do\":\"events\",\"follow\":true,\"kind\":\"ups.on-battery\"}\n");
    raw.stream.shutdown(std::net::Shutdown::Write).unwrap();
    // Not before the UPS answers is there an outage to see.
    let began = std::time::Instant::now();
    while !String::from_utf8(place.client(&["status"]).output().unwrap().stdout).unwrap().contains("on line")
    {
        assert!(began.elapsed() < PATIENCE);
    }
    place.outage();
    let event = raw.line().unwrap();
    assert_eq!(event["item"]["kind"], "ups.on-battery", "{event}");
    assert_eq!(event["item"]["ups"], "main");
}
