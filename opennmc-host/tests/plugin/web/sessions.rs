//! Sessions with a cookie.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use opennmc_host::http::Clock;
use opennmc_host::users::{PasswordRules, Principal, Role, Secret};
use serde_json::Value;

use super::scene::{Got, JO, PRIVATE, PUBLIC, Scene};

const SESSION: &str = "/api/v1/session";
const JSON: &str = "content-type: application/json\r\n";
const RIGHT: &str = r#"{"name":"jo","password":"a-sunny-place"}"#;
const WRONG: &str = r#"{"name":"jo","password":"a-rainy-place"}"#;

/// What a browser keeps of a log-in.
struct Session {
    /// The header line.
    cookie: String,
    csrf: String,
}

impl Session {
    fn confirmed(&self) -> String {
        format!("{}x-csrf-token: {}\r\n", self.cookie, self.csrf)
    }
}

fn log_in(scene: &Scene) -> Session {
    session(&scene.ask("POST", SESSION, JSON, RIGHT))
}

fn session(got: &Got) -> Session {
    assert_eq!(got.status, 200, "{}", got.text());
    let cookie = got.header("set-cookie").split(';').next().unwrap().to_owned();
    let body: Value = serde_json::from_slice(&got.body).unwrap();
    let csrf = body["csrf"].as_str().unwrap().to_owned();
    Session { cookie: format!("cookie: {cookie}\r\n"), csrf }
}

fn status(scene: &Scene, method: &str, path: &str, more: &str) -> u16 {
    scene.ask(method, path, more, "").status
}

/// A refusal that programs can read.
fn problem(got: &Got) -> u16 {
    assert_eq!(got.header("content-type"), "application/problem+json", "{}", got.text());
    let body: Value = serde_json::from_slice(&got.body).unwrap();
    assert_eq!(body["status"], got.status);
    assert!(["type", "title", "detail"].iter().all(|member| body[member].is_string()), "{body}");
    got.status
}

#[test]
fn a_log_in_gives_a_cookie_that_stands_for_the_user() {
    let scene = Scene::start(PRIVATE);
    let got = scene.ask("POST", SESSION, JSON, RIGHT);
    let cookie = got.header("set-cookie");
    assert!(cookie.starts_with("opennmc-session=") && cookie.contains("HttpOnly; SameSite=Strict; Path=/"));
    assert_eq!((got.header("cache-control").as_str(), cookie.contains("Secure")), ("no-store", false));
    let jo = session(&got);
    let told: Value = serde_json::from_slice(&got.body).unwrap();
    assert_eq!((told["user"].as_str(), told["role"].as_str()), (Some("jo"), Some("operator")));
    assert!(told["expires"].as_str().unwrap().ends_with('Z'));
    assert_eq!(scene.ask("GET", "/x/one", &jo.cookie, "").text(), "GET /one [] by jo with 0 bytes");
    let again: Value = serde_json::from_slice(&scene.ask("GET", SESSION, &jo.cookie, "").body).unwrap();
    assert_eq!((&again["user"], &again["csrf"]), (&told["user"], &told["csrf"]));
    assert_eq!(scene.ask("GET", "/x/may/command:load.off", &jo.cookie, "").text(), "true");
    let by_header: Value = serde_json::from_slice(&scene.ask("GET", SESSION, JO, "").body).unwrap();
    assert_eq!((by_header["user"].as_str(), by_header["csrf"].is_null()), (Some("jo"), true));
    let nobody = scene.get(SESSION);
    assert_eq!(problem(&nobody), 401);
    assert!(!nobody.header("www-authenticate").contains("Basic"), "no browser asks by itself");
}

#[test]
fn a_log_out_ends_the_session_and_takes_the_cookie_away() {
    let scene = Scene::start(PRIVATE);
    let (jo, other) = (log_in(&scene), log_in(&scene));
    assert_eq!(problem(&scene.ask("DELETE", SESSION, &jo.cookie, "")), 403);
    let got = scene.ask("DELETE", SESSION, &jo.confirmed(), "");
    assert_eq!(got.status, 204);
    assert!(
        got.header("set-cookie").contains("opennmc-session=;")
            && got.header("set-cookie").contains("Max-Age=0")
    );
    assert_eq!(status(&scene, "GET", SESSION, &jo.cookie), 401);
    assert_eq!(status(&scene, "GET", "/x/one", &jo.cookie), 401);
    assert_eq!(status(&scene, "GET", SESSION, &other.cookie), 200, "the one in the other browser stands");
    assert_eq!(status(&scene, "DELETE", SESSION, &jo.confirmed()), 204, "once more does no harm");
}

#[test]
fn nobody_is_given_an_identifier_that_somebody_else_knows() {
    let scene = Scene::start(PRIVATE);
    let planted = format!("cookie: opennmc-session={}\r\n", "a".repeat(64));
    let jo = session(&scene.ask("POST", SESSION, &format!("{JSON}{planted}"), RIGHT));
    assert_ne!(jo.cookie, planted);
    assert_eq!(status(&scene, "GET", SESSION, &planted), 401);
    // Also not the one of an earlier log-in, which ends.
    let again = session(&scene.ask("POST", SESSION, &format!("{JSON}{}", jo.cookie), RIGHT));
    assert_ne!((again.cookie.as_str(), again.csrf.as_str()), (jo.cookie.as_str(), jo.csrf.as_str()));
    assert_eq!(status(&scene, "GET", SESSION, &jo.cookie), 401);
    // A log-in that fails changes nothing.
    assert_eq!(scene.ask("POST", SESSION, &format!("{JSON}{}", again.cookie), WRONG).status, 401);
    assert_eq!(status(&scene, "GET", SESSION, &again.cookie), 200);
    // Where two stand, one was slipped in.
    let other = log_in(&scene);
    let value = other.cookie.trim_start_matches("cookie: ").trim_end();
    let both = format!("{}; {value}\r\n", again.cookie.trim_end());
    assert_eq!(status(&scene, "GET", SESSION, &both), 401);
    let beside = format!("{}; opennmc-session=junk; opennmc=1\r\n", again.cookie.trim_end());
    assert_eq!(status(&scene, "GET", SESSION, &beside), 200);
}

#[test]
fn a_request_with_a_cookie_that_changes_something_needs_what_only_the_page_knows() {
    let scene = Scene::start(PUBLIC);
    let (jo, other) = (log_in(&scene), log_in(&scene));
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        assert_eq!(status(&scene, method, "/x/one", &jo.cookie), 403, "{method}");
        for wrong in ["", "x", other.csrf.as_str()] {
            let more = format!("{}x-csrf-token: {wrong}\r\n", jo.cookie);
            assert_eq!(status(&scene, method, "/x/one", &more), 403, "{method} {wrong}");
        }
        assert_eq!(status(&scene, method, "/x/one", &jo.confirmed()), 200, "{method}");
    }
    assert_eq!(scene.ask("GET", "/x/one", &jo.cookie, "").text(), "GET /one [] by jo with 0 bytes");
    let elsewhere = format!("{}sec-fetch-site: cross-site\r\n", jo.confirmed());
    assert_eq!(status(&scene, "POST", "/x/one", &elsewhere), 403);
    for more in ["sec-fetch-site: cross-site\r\n", "origin: http://evil.example\r\n"] {
        assert_eq!(problem(&scene.ask("POST", SESSION, &format!("{JSON}{more}"), RIGHT)), 403, "{more}");
    }
    // Without a session nothing is risked.
    assert_eq!(
        scene.ask("POST", "/x/one", "cookie: opennmc-session=junk\r\n", "").text(),
        "POST /one [] by  with 0 bytes"
    );
}

#[test]
fn a_header_that_says_who_asks_goes_before_the_cookie() {
    let scene = Scene::start(PRIVATE);
    let jo = log_in(&scene);
    // guest:a-sunny-place
    let guest = "authorization: Basic Z3Vlc3Q6YS1zdW5ueS1wbGFjZQ==\r\n";
    let both = format!("{guest}{}", jo.cookie);
    assert_eq!(scene.ask("POST", "/x/one", &both, "").text(), "POST /one [] by guest with 0 bytes");
    let told: Value = serde_json::from_slice(&scene.ask("GET", SESSION, &both, "").body).unwrap();
    assert_eq!((told["user"].as_str(), told["csrf"].is_null()), (Some("guest"), true));
    let wrong = format!("authorization: Bearer no-such-token\r\n{}", jo.cookie);
    assert_eq!(status(&scene, "GET", "/x/one", &wrong), 401, "and what is wrong is refused");
}

#[test]
fn a_session_ends_when_nobody_has_used_it_for_half_an_hour() {
    let minutes = Arc::<AtomicU64>::default();
    let now = Arc::clone(&minutes);
    let scene = Scene::start_with(&[("page", PRIVATE)], |wanted| {
        wanted.clock = Clock::new(move || Duration::from_secs(60 * now.load(SeqCst)));
    });
    let (jo, idle) = (log_in(&scene), log_in(&scene));
    minutes.store(29, SeqCst);
    assert_eq!(status(&scene, "GET", "/x/one", &jo.cookie), 200);
    minutes.store(30, SeqCst);
    assert_eq!(status(&scene, "GET", "/x/one", &idle.cookie), 401);
    assert_eq!(status(&scene, "GET", SESSION, &idle.cookie), 401);
    minutes.store(58, SeqCst);
    assert_eq!(status(&scene, "GET", "/x/one", &jo.cookie), 200);
    for minute in (60..720).step_by(20) {
        minutes.store(minute, SeqCst);
        assert_eq!(status(&scene, "GET", SESSION, &jo.cookie), 200, "{minute}");
    }
    minutes.store(720, SeqCst);
    assert_eq!(status(&scene, "GET", SESSION, &jo.cookie), 401, "after twelve hours in any case");
}

#[test]
fn a_session_ends_with_the_password_the_role_and_the_user() {
    let scene = Scene::start(PRIVATE);
    let host = Principal::host();
    let jo = log_in(&scene);
    let password = Secret::from("a-shady-place");
    scene.users.set_password("jo", &password, PasswordRules::Strict, &host).unwrap();
    assert_eq!(status(&scene, "GET", "/x/one", &jo.cookie), 401);
    let log_in = || session(&scene.ask("POST", SESSION, JSON, r#"{"name":"jo","password":"a-shady-place"}"#));
    let jo = log_in();
    scene.users.set_role("jo", Role::Monitor, None, &host).unwrap();
    assert_eq!(status(&scene, "GET", "/x/one", &jo.cookie), 401);
    scene.users.set_role("jo", Role::Operator, None, &host).unwrap();
    assert_eq!(status(&scene, "GET", "/x/one", &jo.cookie), 401, "and does not come back with the role");
    let jo = log_in();
    scene.users.remove("jo", &host).unwrap();
    assert_eq!(status(&scene, "GET", "/x/one", &jo.cookie), 401);
}

#[test]
fn guessing_at_the_log_in_locks_out_and_stays_within_bounds() {
    let scene = Scene::start(PRIVATE);
    let mut browser = scene.connect();
    let mut answers = Vec::new();
    for _ in 0..12 {
        let got = browser.ask("POST", SESSION, JSON, WRONG);
        assert!(got.header("set-cookie").is_empty());
        answers.push(problem(&got));
    }
    assert!(answers.starts_with(&[401, 401, 401]) && answers.ends_with(&[429]), "{answers:?}");
    let locked = browser.ask("POST", SESSION, JSON, RIGHT);
    assert_eq!(problem(&locked), 429);
    assert!(locked.header("retry-after").parse::<u64>().is_ok());
}

#[test]
fn what_is_no_log_in_is_refused_with_the_reason() {
    let scene = Scene::start(PRIVATE);
    let large = format!(r#"{{"name":"jo","password":"{}"}}"#, "a".repeat(5_000));
    for (more, body, status) in [
        ("", RIGHT, 415),
        ("content-type: text/plain\r\n", RIGHT, 415),
        ("content-type: application/x-www-form-urlencoded\r\n", "name=jo&password=a-sunny-place", 415),
        (JSON, "", 400),
        (JSON, "{", 400),
        (JSON, r#"["jo","a-sunny-place"]x"#, 400),
        (JSON, r#"{"name":"jo"}"#, 400),
        (JSON, r#"{"name":"jo","password":7}"#, 400),
        (JSON, r#"{"name":"jo","password":"a-sunny-place","role":"administrator"}"#, 400),
        (JSON, large.as_str(), 413),
    ] {
        let got = scene.ask("POST", SESSION, more, body);
        assert_eq!(problem(&got), status, "{more}{body}");
        assert!(!got.text().contains("a-sunny-place"), "{}", got.text());
    }
    let got = scene.ask("PUT", SESSION, "", "");
    assert_eq!((problem(&got), got.header("allow").as_str()), (405, "GET, HEAD, POST, DELETE"));
    let charset = "content-type: application/json; charset=utf-8\r\n";
    assert_eq!(scene.ask("POST", SESSION, charset, RIGHT).status, 200);
}

#[test]
fn a_plugin_neither_sees_nor_sets_the_cookie() {
    let scene = Scene::start(PRIVATE);
    let jo = log_in(&scene);
    let more = format!("{}; theme=dark\r\nx-csrf-token: {}\r\n", jo.cookie.trim_end(), jo.csrf);
    let seen = scene.ask("GET", "/x/headers", &more, "").text();
    assert!(seen.contains("cookie: theme=dark"), "{seen}");
    assert!(!seen.contains("opennmc-session") && !seen.contains(&jo.csrf), "{seen}");
}
