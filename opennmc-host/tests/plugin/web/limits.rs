//! What clients can't do to the server, and plugins neither.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use opennmc_host::http::{Allowance, Clock, FrontSettings, Patience};

use super::scene::{Browser, PATIENCE, PUBLIC, Scene};

const SOON: Duration = Duration::from_millis(200);

fn impatient(change: impl FnOnce(&mut Patience)) -> Scene {
    Scene::start_with(&[("page", PUBLIC)], |wanted: &mut FrontSettings| change(&mut wanted.patience))
}

fn raw(scene: &Scene, request: &str) -> u16 {
    let mut browser = scene.connect();
    browser.send(request);
    browser.answer(false).status
}

#[test]
fn a_path_that_could_mean_two_things_is_refused() {
    let scene = Scene::start(PUBLIC);
    for path in [
        "/x/../y",
        "/x/%2e%2e/y",
        "/x/a%2fb",
        "/x/a%5Cb",
        "/x/%00",
        "/x//a",
        "/x/%zz",
        "/x/./a",
        "*",
        "/x/%ff",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        assert_eq!(raw(&scene, &request), 400, "{path}");
    }
    assert_eq!(raw(&scene, "TRACE /x/ HTTP/1.1\r\nhost: localhost\r\n\r\n"), 405);
    assert_eq!(raw(&scene, "BREW /x/ HTTP/1.1\r\nhost: localhost\r\n\r\n"), 405);
}

#[test]
fn a_name_that_anybody_could_have_pointed_here_is_refused() {
    let scene = Scene::start_with(&[("page", PUBLIC)], |wanted| {
        wanted.names = vec!["ups.example.org".to_owned()];
    });
    let status = |lines: &str| raw(&scene, &format!("GET /x/ HTTP/1.1\r\n{lines}\r\n"));
    for host in ["localhost", "127.0.0.1:8080", "[::1]", "ups.example.org:80"] {
        assert_eq!(status(&format!("host: {host}\r\n")), 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example:8080"] {
        assert_eq!(status(&format!("host: {host}\r\n")), 421, "{host}");
    }
    for lines in ["", "host: \r\n", "host: a b\r\n", "host: localhost\r\nhost: localhost\r\n"] {
        assert_eq!(status(lines), 400, "{lines}");
    }
    assert_eq!(raw(&scene, "GET http://evil.example/x/ HTTP/1.1\r\nhost: localhost\r\n\r\n"), 421);
}

#[test]
fn a_head_or_a_body_that_is_too_large_is_refused() {
    let scene = Scene::start(PUBLIC);
    let long = "a".repeat(20 << 10);
    assert_eq!(raw(&scene, &format!("GET /x/ HTTP/1.1\r\nhost: localhost\r\nx-long: {long}\r\n\r\n")), 431);
    let announced =
        format!("POST /x/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", (1 << 20) + 1);
    assert_eq!(raw(&scene, &announced), 413);
    let mut browser = scene.connect();
    browser.send("POST /x/echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = format!("10000\r\n{}\r\n", "b".repeat(0x10000));
    for _ in 0..17 {
        // It may have ended by now.
        let _ = std::io::Write::write_all(&mut browser.stream, chunk.as_bytes());
    }
    assert!(browser.try_answer(false).is_none_or(|got| got.status == 413));
    let most = "c".repeat(1 << 20);
    assert_eq!(scene.ask("POST", "/x/echo", "", &most).body.len(), most.len());
}

#[test]
fn who_sends_a_head_byte_by_byte_is_given_up_and_nobody_waits_for_them() {
    let scene = impatient(|patience| patience.head = SOON);
    let mut slow: Vec<Browser> = (0..40).map(|_| scene.connect()).collect();
    for browser in &mut slow {
        browser.send("GET /x/ HT");
    }
    let mut brisk = scene.connect();
    assert_eq!(brisk.ask("GET", "/x/one", "", "").status, 200);
    for browser in &mut slow {
        // A byte now and then buys no time.
        let _ = std::io::Write::write_all(&mut browser.stream, b"T");
        assert!(browser.is_ended());
    }
}

#[test]
fn who_says_nothing_is_given_up() {
    let scene = impatient(|patience| (patience.head, patience.idle) = (SOON, SOON));
    assert!(scene.connect().is_ended());
    let mut browser = scene.connect();
    assert_eq!(browser.ask("GET", "/x/one", "", "").status, 200);
    assert!(browser.is_ended());
}

#[test]
fn a_body_that_does_not_come_is_given_up() {
    let scene = impatient(|patience| patience.body = SOON);
    let mut browser = scene.connect();
    browser.send("POST /x/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nab");
    assert_eq!(browser.answer(false).status, 408);
    assert!(browser.is_ended());
}

#[test]
fn an_address_has_only_so_many_connections() {
    let scene = Scene::start(PUBLIC);
    let mut open: Vec<Browser> = (0..64).map(|_| scene.connect()).collect();
    assert!(open.iter_mut().all(|browser| browser.ask("GET", "/x/app.js", "", "").status == 200));
    assert!(scene.connect().is_ended());
    drop(open.pop());
    // The server sees the end of a connection in a later turn.
    loop {
        let mut browser = scene.connect();
        browser.send("GET /x/app.js HTTP/1.1\r\nhost: localhost\r\n\r\n");
        if browser.try_answer(false).is_some() {
            break;
        }
    }
}

#[test]
fn a_plugin_has_only_so_many_requests_under_way() {
    let scene = Scene::start_with(&[("page", PUBLIC)], |wanted| {
        wanted.listen.insert("[::1]:0".parse().unwrap());
    });
    let addresses = scene.front.addresses();
    let never = |nth: usize| {
        let mut browser = Browser::connect(addresses[nth % 2]);
        browser.send("GET /x/never HTTP/1.1\r\nhost: localhost\r\n\r\n");
        browser
    };
    let mut waiting: Vec<Browser> = (0..64).map(never).collect();
    let mut browser = scene.connect();
    // One that looks takes a place too, which another may have been refused for: then one more has to wait.
    let busy = loop {
        let got = browser.ask("GET", "/x/one", "", "");
        if got.status != 200 {
            break got;
        }
        assert!(waiting.len() < 120, "there is no end to them");
        waiting.push(never(waiting.len()));
    };
    assert_eq!((busy.status, busy.header("retry-after").as_str()), (503, "1"));
    assert_eq!(browser.ask("GET", "/x/app.js", "", "").status, 200, "files need no place");
    waiting.clear();
    let began = Instant::now();
    while browser.ask("GET", "/x/one", "", "").status != 200 {
        assert!(began.elapsed() < PATIENCE, "places are not given back");
    }
}

#[test]
fn what_is_no_http_is_answered_or_ended_and_harms_nobody() {
    let scene = Scene::start(PUBLIC);
    for rubbish in [
        "\x16\x03\x01\x02\x00\x01",
        "\r\n\r\n\r\n\r\nX",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        let mut browser = scene.connect();
        browser.send(rubbish);
        let _ = browser.stream.shutdown(std::net::Shutdown::Write);
        assert!(browser.try_answer(false).is_none_or(|got| got.status >= 400), "{rubbish:?}");
    }
    let smuggled = "POST /x/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /x/one HTTP/1.1\r\n\r\n";
    let mut browser = scene.connect();
    browser.send(smuggled);
    assert!(browser.answer(false).status >= 200);
    assert_eq!(scene.get("/x/one").status, 200);
}

#[test]
fn an_address_that_asks_too_often_has_to_wait_and_a_log_in_sooner() {
    let seconds = Arc::<AtomicU64>::default();
    let now = Arc::clone(&seconds);
    let scene = Scene::start_with(&[("page", PUBLIC)], |wanted| {
        wanted.clock = Clock::new(move || Duration::from_secs(now.load(SeqCst)));
        let every = Duration::from_secs(3);
        wanted.requests = Allowance { at_once: 5, every, counts_loopback: true };
        wanted.log_ins = Allowance { at_once: 2, every, counts_loopback: true };
    });
    let mut browser = scene.connect();
    let mut log_in = || {
        let kind = "content-type: application/json\r\n";
        browser.ask("POST", "/api/v1/session", kind, r#"{"name":"jo","password":"a-sunny-place"}"#)
    };
    assert_eq!([log_in().status, log_in().status], [200; 2]);
    let refused = log_in();
    assert_eq!((refused.status, refused.header("retry-after").as_str()), (429, "4"));
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert_eq!([scene.get("/x/app.js").status, scene.get("/x/app.js").status], [200; 2]);
    let refused = scene.get("/x/app.js");
    assert_eq!((refused.status, refused.header("retry-after").as_str()), (429, "4"));
    seconds.store(3, SeqCst);
    assert_eq!([scene.get("/x/app.js").status, scene.get("/x/app.js").status], [200, 429]);
}
