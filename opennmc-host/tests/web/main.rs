//! The API of the plugin `web-ui`, asked of a running daemon; every answer is held against openapi.json.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod contract;
mod scene;
mod smuggling;

use opennmc_host::users::{NewToken, Principal};

use self::scene::{ADA, Daemon, GUEST, JO, KEEPER, wait_until};

/// What everybody who may read is told.
const READABLE: &[&str] = &[
    "/status.json",
    "/api/v1/ups",
    "/api/v1/ups/main",
    "/api/v1/ups/main/variables",
    "/api/v1/ups/main/variables/ups.status",
    "/api/v1/ups/main/commands",
    "/api/v1/ups/main/settings",
    "/api/v1/ups/main/series",
    "/api/v1/ups/main/history?variable=battery.charge",
    "/api/v1/events",
    "/api/v1/plugins",
    "/api/v1/plugins/web-ui",
    "/api/v1/scripts",
    "/api/v1/health",
];

/// What takes an administrator.
const SECRET: &[&str] = &["/api/v1/users", "/api/v1/tokens", "/api/v1/audit", "/api/v1/plugins/web-ui/log"];

#[test]
fn each_role_reads_what_it_may_and_nobody_reads_without_a_log_in() {
    let daemon = Daemon::start();
    for path in READABLE {
        for (who, status) in [("", 401), (KEEPER, 403), (GUEST, 200), (JO, 200), (ADA, 200)] {
            assert_eq!(daemon.get(path, who).status, status, "{path} {who}");
        }
        assert_eq!(daemon.raw("HEAD", path, GUEST, "").status, 200, "{path}");
    }
    for path in SECRET {
        for (who, status) in [("", 401), (GUEST, 403), (ADA, 200)] {
            assert_eq!(daemon.get(path, who).status, status, "{path} {who}");
        }
    }
    assert_eq!(daemon.get("/api/v1", "").status, 200);
    let document = daemon.get("/api/v1/openapi.json", "").json();
    assert_eq!(&document, contract::document());
    // A token and a cookie open the same doors.
    let (secret, _) = daemon.users.add_token("guest", NewToken::default(), &Principal::host()).unwrap();
    let bearer = format!("authorization: Bearer {}\r\n", secret.reveal());
    assert_eq!(daemon.get("/api/v1/ups", &bearer).status, 200);
    assert_eq!(daemon.get("/api/v1/users", &bearer).status, 403);
    let log_in = r#"{"name":"jo","password":"a-sunny-place"}"#;
    let session = daemon.ask("POST", "/api/v1/session", "", log_in);
    let cookie = daemon.raw("POST", "/api/v1/session", "content-type: application/json\r\n", log_in);
    assert_eq!((session.status, cookie.status), (200, 200));
}

#[test]
fn what_is_told_is_what_is() {
    let daemon = Daemon::start();
    let ups = daemon.get("/api/v1/ups/main", JO).json();
    assert_eq!((ups["name"].as_str(), ups["availability"].as_str()), (Some("main"), Some("live")));
    assert!(ups["variables"]["ups.status"].as_str().unwrap().contains("OL"), "{ups:#}");
    // What the UPS can do is found out bit by bit after its first answer.
    let path = "/api/v1/ups/main/commands";
    wait_until("its commands are known", || {
        let text = daemon.get(path, JO).text;
        text.contains("load.off") && text.contains("beeper.disable")
    });
    let commands = daemon.get(path, JO).json();
    let danger = |name: &str| {
        let command = commands.as_array().unwrap().iter().find(|command| command["name"] == name);
        command.unwrap_or_else(|| panic!("{name}: {commands:#}"))["danger"].as_bool().unwrap()
    };
    assert!(danger("load.off") && !danger("beeper.disable"));
    let settings = daemon.get("/api/v1/ups/main/settings", JO).json();
    assert!(settings.as_array().unwrap().iter().all(|setting| setting["settable"] == true));
    let simple = daemon.get("/status.json", JO).json();
    assert_eq!(simple["upses"][0]["on_battery"], false);
    assert!(simple["upses"][0]["charge"].is_number(), "{simple:#}");
    // Events: newest first, and page by page without one missing.
    for line in ["line off", "line on"] {
        let body = format!("{{\"line\":\"{line}\"}}");
        assert_eq!(daemon.ask("POST", "/api/v1/simulate/main", ADA, &body).status, 200);
        let kind = if line == "line off" { "ups.on-battery" } else { "ups.on-line" };
        let path = format!("/api/v1/events?ups=main&kind={kind}&limit=1");
        wait_until(kind, || daemon.get(&path, JO).json().as_array().unwrap().len() == 1);
    }
    let all = daemon.get("/api/v1/events?limit=1000&to=99999999999999", JO).json();
    let ids: Vec<u64> = all.as_array().unwrap().iter().map(|event| event["id"].as_u64().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a > b) && ids.len() > 3, "{ids:?}");
    let (mut paged, mut before) = (Vec::new(), ids[0] + 1);
    while before > ids[ids.len() - 1] {
        let page = daemon.get(&format!("/api/v1/events?limit=2&before={before}"), JO).json();
        paged.extend(page.as_array().unwrap().iter().map(|event| event["id"].as_u64().unwrap()));
        before = *paged.last().unwrap();
    }
    assert_eq!(paged, ids);
}

#[test]
fn orders_are_carried_out_once_and_only_for_those_who_may_give_them() {
    let daemon = Daemon::start();
    let id = "/api/v1/ups/main/variables/ups.id";
    assert_eq!(daemon.ask("PUT", id, GUEST, r#"{"value":"RACK9"}"#).status, 403);
    assert_eq!(daemon.ask("PUT", id, "", r#"{"value":"RACK9"}"#).status, 401);
    let done = daemon.ask("PUT", id, ADA, r#"{"value":"RACK9"}"#);
    assert_eq!((done.status, done.json()["result"].as_str()), (200, Some("verified")), "{done:?}");
    wait_until("it is shown", || daemon.get(id, JO).json()["value"] == "RACK9");
    assert_eq!(
        daemon.ask("PUT", "/api/v1/ups/main/variables/ups.status", ADA, r#"{"value":"OL"}"#).status,
        422
    );
    assert_eq!(
        daemon.ask("PUT", "/api/v1/ups/nothing/variables/ups.id", ADA, r#"{"value":"x"}"#).status,
        404
    );

    let off = "/api/v1/ups/main/commands/load.off";
    assert_eq!(daemon.ask("POST", off, GUEST, r#"{"confirm":true}"#).status, 403);
    let asked = daemon.ask("POST", off, ADA, "");
    assert_eq!((asked.status, asked.json()["outcome"].as_str()), (409, Some("unconfirmed")));
    let once = format!("{ADA}idempotency-key: one\r\n");
    let test = "/api/v1/ups/main/commands/test.battery.start";
    let first = daemon.ask("POST", test, &once, r#"{"confirm":true}"#);
    assert_eq!(first.status, 200, "{first:?}");
    let ended = || daemon.get("/api/v1/audit?limit=1000", ADA).text.matches("test.battery.start").count();
    wait_until("it is in the audit", || ended() > 0);
    let audited = ended();
    assert_eq!(daemon.ask("POST", test, &once, r#"{"confirm":true}"#).text, first.text);
    assert_eq!(daemon.ask("POST", test, &once, r#"{"confirm":false}"#).status, 409);
    assert_eq!(ended(), audited, "nothing was ordered a second time");

    let fsd = "/api/v1/ups/main/forced-shutdown";
    assert_eq!(daemon.ask("PUT", fsd, GUEST, r#"{"on":true,"confirm":true}"#).status, 403);
    assert_eq!(daemon.ask("PUT", fsd, ADA, r#"{"on":true}"#).status, 409);
    assert_eq!(daemon.ask("PUT", fsd, ADA, r#"{"on":true,"confirm":true}"#).status, 200);
    wait_until("it is shown", || daemon.get("/status.json", JO).text.contains("FSD"));
    assert_eq!(daemon.ask("PUT", fsd, ADA, r#"{"on":false,"confirm":true}"#).status, 200);
}

#[test]
fn people_and_plugins_are_administered_by_administrators() {
    let daemon = Daemon::start();
    let new = r#"{"name":"bo","role":"operator","password":"a-cloudy-place","scopes":null}"#;
    assert_eq!(daemon.ask("POST", "/api/v1/users", JO, new).status, 403);
    assert_eq!(daemon.ask("POST", "/api/v1/users", ADA, new).json()["name"], "bo");
    assert_eq!(daemon.ask("POST", "/api/v1/users", ADA, new).status, 409);
    let change = r#"{"role":"monitor","scopes":["read"],"unlock":true}"#;
    let changed = daemon.ask("PATCH", "/api/v1/users/bo", ADA, change).json();
    assert_eq!((&changed["role"], &changed["scopes"][0]), (&"monitor".into(), &"read".into()));
    assert_eq!(daemon.ask("PATCH", "/api/v1/users/nobody", ADA, change).status, 404);
    let token = daemon.ask("POST", "/api/v1/tokens", ADA, r#"{"user":"bo","label":"x","lifetime_s":60}"#);
    assert_eq!(token.status, 201);
    let token = token.json();
    let bearer = format!("authorization: Bearer {}\r\n", token["secret"].as_str().unwrap());
    assert_eq!(daemon.get("/api/v1/ups", &bearer).status, 200);
    let one = format!("/api/v1/tokens/{}", token["id"].as_str().unwrap());
    assert_eq!(daemon.ask("DELETE", &one, ADA, "").status, 204);
    assert_eq!(daemon.ask("DELETE", &one, ADA, "").status, 404);
    assert_eq!(daemon.ask("DELETE", "/api/v1/users/bo", JO, "").status, 403);
    assert_eq!(daemon.ask("DELETE", "/api/v1/users/bo", ADA, "").status, 204);
    for what in ["enable", "disable", "restart"] {
        assert_eq!(daemon.ask("POST", &format!("/api/v1/plugins/web-ui/{what}"), JO, "").status, 403);
        assert_eq!(daemon.ask("POST", &format!("/api/v1/plugins/web-ui/{what}"), ADA, "").status, 409);
        assert_eq!(daemon.ask("POST", &format!("/api/v1/plugins/nothing/{what}"), ADA, "").status, 404);
    }
    assert_eq!(daemon.ask("POST", "/api/v1/reload", JO, "").status, 403);
    assert_eq!(daemon.get("/api/v1/plugins/nothing", JO).status, 404);
    assert_eq!(daemon.get("/api/v1/scripts/nothing", JO).status, 404);
    assert_eq!(daemon.get("/api/v1/scripts/nothing/log", ADA).status, 404);
    assert_eq!(daemon.ask("POST", "/api/v1/simulate/main", JO, r#"{"line":"line off"}"#).status, 403);
    assert_eq!(daemon.ask("POST", "/api/v1/simulate/nothing", ADA, r#"{"line":"line off"}"#).status, 404);
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    let daemon = Daemon::start();
    let long = "x".repeat(3000);
    for (method, path, body, status, word) in [
        ("GET", "/api/v2", "", 404, "nothing"),
        ("GET", "/api/v1/", "", 404, ""),
        ("GET", "/api/v1/ups/nothing", "", 404, "nothing"),
        ("GET", &*format!("/api/v1/ups/{long}"), "", 404, ""),
        ("GET", "/api/v1/ups/%3Cscript%3E", "", 404, ""),
        ("GET", "/api/v1/ups/main/variables/none", "", 404, "variable"),
        ("GET", "/api/v1/ups/nothing/history?variable=battery.charge", "", 404, "UPS"),
        ("GET", "/api/v1/ups/nothing/series", "", 404, "UPS"),
        ("DELETE", "/api/v1/ups", "", 405, "it takes GET"),
        ("POST", "/api/v1/events", "{}", 405, "it takes GET"),
        ("GET", "/api/v1/ups/main/history", "", 400, "variable"),
        ("GET", "/api/v1/ups/main/history?variable=x&points=0", "", 400, "points"),
        ("GET", "/api/v1/ups/main/history?variable=x&points=2001", "", 400, "points"),
        ("GET", "/api/v1/ups/main/history?variable=x&from=2&to=1", "", 400, "from"),
        ("GET", "/api/v1/events?from=yesterday", "", 400, "from"),
        ("GET", "/api/v1/events?limit=-1", "", 400, "limit"),
        ("GET", "/api/v1/events?limit=1&limit=2", "", 400, "twice"),
        ("GET", "/api/v1/events?severity=bad", "", 400, "severity"),
        ("GET", "/api/v1/events?kind=%ff", "", 400, "query"),
        ("GET", "/api/v1/events?usp=main", "", 400, "usp"),
        ("PUT", "/api/v1/ups/main/variables/ups.id", "{", 400, "JSON"),
        ("PUT", "/api/v1/ups/main/variables/ups.id", "[]", 400, "object"),
        ("PUT", "/api/v1/ups/main/variables/ups.id", "{}", 400, "value"),
        ("PUT", "/api/v1/ups/main/variables/ups.id", r#"{"value":1}"#, 400, "column 10"),
        ("PUT", "/api/v1/ups/main/variables/ups.id", r#"{"value":"x","more":1}"#, 400, "more"),
        ("POST", "/api/v1/users", r#"{"name":"x","role":"king"}"#, 400, "role"),
        ("PATCH", "/api/v1/users/jo", "{}", 400, "nothing"),
        ("POST", "/api/v1/tokens", r#"{"user":"jo","scopes":"read"}"#, 400, "expected a sequence"),
        ("POST", "/api/v1/tokens", &*format!("{}{}", "[".repeat(5000), "]".repeat(5000)), 400, "JSON"),
    ] {
        let answer = daemon.ask(method, path, ADA, body);
        assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(word), "{method} {path} {body}: {detail}");
    }
    let plain = format!("{ADA}content-type: text/plain\r\n");
    assert_eq!(daemon.raw("POST", "/api/v1/tokens", &plain, "{}").status, 415);
    let giant = format!("{{\"value\":\"{}\"}}", "x".repeat(8 << 20));
    let json = format!("{ADA}content-type: application/json\r\n");
    assert_eq!(daemon.raw("PUT", "/api/v1/ups/main/variables/ups.id", &json, &giant).status, 413);
    for path in ["/api/v1/ups/../users", "/api/v1/ups/a%2fb", "/api//v1", "/api/v1/ups/%00"] {
        assert_eq!(daemon.raw("GET", path, ADA, "").status, 400, "{path}");
    }
    assert_eq!(daemon.get("/api/v1/ups", JO).status, 200, "it is still there");
}

#[test]
fn a_cookie_alone_changes_nothing_and_a_scope_holds_behind_the_plugin() {
    let daemon = Daemon::start();
    let log_in = r#"{"name":"ada","password":"a-sunny-place"}"#;
    let begun = daemon.raw("POST", "/api/v1/session", "content-type: application/json\r\n", log_in);
    let cookie = begun.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let csrf = begun.json()["csrf"].as_str().unwrap().to_owned();
    // Names of headers are read in lower case here, the cookie's value has none but those.
    let cookie = format!("cookie: {cookie}\r\n");
    assert_eq!(daemon.get("/api/v1/users", &cookie).status, 200);
    let id = "/api/v1/ups/main/variables/ups.id";
    assert_eq!(daemon.ask("PUT", id, &cookie, r#"{"value":"FOREIGN"}"#).status, 403);
    let wrong = format!("{cookie}x-csrf-token: {}\r\n", "0".repeat(csrf.len()));
    assert_eq!(daemon.ask("PUT", id, &wrong, r#"{"value":"FOREIGN"}"#).status, 403);
    let right = format!("{cookie}x-csrf-token: {csrf}\r\n");
    assert_eq!(daemon.ask("PUT", id, &right, r#"{"value":"OWN"}"#).status, 200);

    let new = r#"{"user":"ada","label":"reads","scopes":["read"]}"#;
    let token =
        daemon.ask("POST", "/api/v1/tokens", &right, new).json()["secret"].as_str().unwrap().to_owned();
    let bearer = format!("authorization: Bearer {token}\r\n");
    assert_eq!(daemon.get("/api/v1/ups", &bearer).status, 200);
    assert_eq!(daemon.get("/api/v1/users", &bearer).status, 403);
    assert_eq!(daemon.ask("PUT", id, &bearer, r#"{"value":"NARROW"}"#).status, 403);
    assert_eq!(daemon.get(id, &bearer).json()["value"], "OWN");
}
