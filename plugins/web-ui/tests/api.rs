//! The API against the simulated host: what it asks the host for, and what it makes of the answers.

#![allow(clippy::unwrap_used, reason = "what is asked in a test is known to be there")]

use opennmc_plugin::{
    AdminHandler, ControlHandler, Kind, Ordered, Plugin, Response, SimulatedHost, SimulatedUps, TimerHandler,
    Variable, WebRequest, WebService,
};
use serde_json::{Value, json};
use web_ui::WebUi;

struct Site {
    host: SimulatedHost,
    plugin: WebUi,
    requests: u64,
}

impl Site {
    fn new() -> Site {
        let host = SimulatedHost::new();
        host.add_user("ada", "", &["read", "admin", "command:", "set:", "fsd", "audit"]);
        host.add_user("bob", "", &[]);
        host.add_user("eve", "", &["read", "command:"]);
        let mut ups = SimulatedUps::new("main", "");
        for (name, value, kind) in [
            ("ups.status", "OL", Kind::Text),
            ("battery.charge", "99.5", Kind::Number),
            ("input.sensitivity", "high", Kind::Choice),
        ] {
            let settable = kind == Kind::Choice;
            ups.variables.push(Variable {
                name: name.to_owned(),
                value: value.to_owned(),
                settable,
                kind,
                max_length: 0,
            });
        }
        ups.choices.insert("input.sensitivity".to_owned(), vec!["high".to_owned(), "low".to_owned()]);
        ups.commands = vec!["load.off".to_owned(), "test.panel.start".to_owned()];
        host.publish(ups);
        host.make_dangerous("load.off");
        let plugin = WebUi::start(&host, serde_json::from_str("{}").unwrap()).unwrap();
        Site { host, plugin, requests: 0 }
    }

    /// Asks as this user; none: nobody has logged in.
    fn ask(&mut self, user: Option<&str>, method: &str, target: &str, body: &str) -> Option<Response> {
        self.ask_with(user, method, target, body, &[("content-type", "application/json")])
    }

    fn ask_with(
        &mut self,
        user: Option<&str>,
        method: &str,
        target: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Option<Response> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = WebRequest::new(method, path);
        self.requests += 1;
        request.id = self.requests;
        request.query = query.to_owned();
        request.body = body.as_bytes().to_vec();
        request.headers =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        request.principal = user.map(|user| self.host.principal(user));
        request.user = user.unwrap_or_default().to_owned();
        self.plugin.handle(&self.host, request)
    }

    /// The answer that came at once: its status and its body.
    fn now(&mut self, user: Option<&str>, method: &str, target: &str, body: &str) -> (u16, Value) {
        shown(&self.ask(user, method, target, body).expect("it is answered at once"))
    }

    /// The answer to the last request, which came later.
    fn later(&self) -> (u16, Value) {
        let answers = self.host.responses();
        let (_, response) = answers.iter().find(|(id, _)| *id == self.requests).expect("it was answered");
        shown(response)
    }

    /// The last request to the daemon.
    fn asked(&self) -> (u64, Value) {
        let requests = self.host.admin_requests();
        let (ticket, _, text) = requests.last().expect("something was asked").clone();
        (ticket, serde_json::from_str(&text).unwrap())
    }

    fn answer(&mut self, outcome: Result<Value, &str>) {
        let (ticket, _) = self.asked();
        let outcome = outcome.map(|value| value.to_string()).map_err(str::to_owned);
        self.plugin.on_admin_answer(&self.host, ticket, outcome);
    }
}

fn shown(response: &Response) -> (u16, Value) {
    let body =
        if response.body.is_empty() { Value::Null } else { serde_json::from_slice(&response.body).unwrap() };
    (response.status, body)
}

const ADA: Option<&str> = Some("ada");

#[test]
fn whoever_has_not_logged_in_sees_what_the_api_is_and_nothing_else() {
    let mut site = Site::new();
    assert_eq!(site.now(None, "GET", "/api/v1", "").1["name"], "opennmc");
    assert_eq!(site.now(None, "GET", "/api/v1/openapi.json", "").1["openapi"], "3.1.0");
    for target in ["/status.json", "/api/v1/ups", "/api/v1/users", "/api/v1/events"] {
        assert_eq!(site.now(None, "GET", target, "").0, 401, "{target}");
    }
    assert_eq!(site.now(None, "POST", "/api/v1/ups/main/commands/load.off", "{}").0, 401);
    assert!(site.host.admin_requests().is_empty() && site.host.next_order().is_none());
}

#[test]
fn whoever_may_not_read_reads_nothing() {
    let mut site = Site::new();
    for target in ["/status.json", "/api/v1/ups", "/api/v1/ups/main", "/api/v1/ups/main/settings"] {
        assert_eq!(site.now(Some("bob"), "GET", target, "").0, 403, "{target}");
    }
}

#[test]
fn a_ups_is_told_as_it_is_now_and_its_age_goes_on() {
    let mut site = Site::new();
    let (status, ups) = site.now(ADA, "GET", "/api/v1/ups/MAIN", "");
    assert_eq!(status, 200);
    assert_eq!(
        ups["variables"],
        json!({"battery.charge": "99.5", "input.sensitivity": "high", "ups.status": "OL"})
    );
    assert_eq!((&ups["name"], &ups["availability"]), (&json!("main"), &json!("live")));
    assert_eq!(site.now(ADA, "GET", "/api/v1/ups", "").1, json!([ups]));
    let mut changed = SimulatedUps::new("main", "");
    changed.device.age_ms = 1500;
    changed.device.description = "a \"rack\"".to_owned();
    site.host.publish(changed);
    let list = site.now(ADA, "GET", "/api/v1/ups", "").1;
    assert_eq!((&list[0]["age_s"], &list[0]["description"]), (&json!(1.5), &json!("a \"rack\"")));
    assert_eq!(list[0]["variables"], json!({}), "what was kept of it is not told for ever");
    assert_eq!(site.now(ADA, "GET", "/api/v1/ups/other", "").0, 404);
}

#[test]
fn settings_come_with_their_choices_and_commands_with_their_danger() {
    let mut site = Site::new();
    site.host.describe("input.sensitivity", "How picky it is");
    let settings = site.now(ADA, "GET", "/api/v1/ups/main/settings", "").1;
    let expected = json!([{"name": "input.sensitivity", "description": "How picky it is", "value": "high",
        "settable": true, "type": "choice", "choices": ["high", "low"]}]);
    assert_eq!(settings, expected);
    let commands = site.now(ADA, "GET", "/api/v1/ups/main/commands", "").1;
    assert_eq!((&commands[0]["danger"], &commands[1]["danger"]), (&json!(true), &json!(false)));
}

#[test]
fn an_order_is_given_in_the_name_of_whoever_asks_and_answered_when_it_ends() {
    let mut site = Site::new();
    assert!(
        site.ask(ADA, "PUT", "/api/v1/ups/main/variables/input.sensitivity", r#"{"value":"low"}"#).is_none()
    );
    let (ticket, order) = site.host.next_order().unwrap();
    let expected = Ordered::Set("main".to_owned(), "input.sensitivity".to_owned(), "low".to_owned());
    assert_eq!(order, expected);
    assert!(site.host.responses().is_empty());
    site.plugin.on_ended(&site.host, ticket, true, "verified", "");
    assert_eq!(site.later(), (200, json!({"result": "verified", "message": null})));
    for (outcome, status) in [
        ("denied", 403),
        ("unsupported", 422),
        ("refused", 409),
        ("unconfirmed", 409),
        ("invalid", 422),
        ("no-effect", 502),
        ("stale", 503),
        ("timed-out", 504),
    ] {
        assert!(site.ask(ADA, "POST", "/api/v1/ups/main/commands/load.off", "").is_none());
        let (ticket, _) = site.host.next_order().unwrap();
        site.plugin.on_ended(&site.host, ticket, false, outcome, "why");
        let (told, problem) = site.later();
        assert_eq!((told, &problem["outcome"], &problem["detail"]), (status, &json!(outcome), &json!("why")));
    }
}

#[test]
fn the_same_key_orders_nothing_a_second_time() {
    let mut site = Site::new();
    let key = [("content-type", "application/json"), ("idempotency-key", "k1")];
    let target = "/api/v1/ups/main/commands/test.panel.start";
    assert!(site.ask_with(ADA, "POST", target, "{}", &key).is_none());
    let (ticket, _) = site.host.next_order().unwrap();
    // Again, while it is under way.
    assert!(site.ask_with(ADA, "POST", target, "{}", &key).is_none());
    site.plugin.on_ended(&site.host, ticket, true, "executed", "");
    assert_eq!(site.host.responses().len(), 2);
    assert_eq!(site.later().0, 200);
    // Again, when it has ended; as another user, and with another key it is another order.
    assert_eq!(shown(&site.ask_with(ADA, "POST", target, "{}", &key).unwrap()).1["result"], "executed");
    assert!(site.host.next_order().is_none());
    let other = site.ask_with(ADA, "POST", target, r#"{"argument":"x"}"#, &key).unwrap();
    assert_eq!(other.status, 409, "it is not the same order");
    assert!(site.ask_with(Some("eve"), "POST", target, "{}", &key).is_none());
    assert!(site.host.next_order().is_some());
    assert!(site.ask_with(ADA, "POST", target, "{}", &[key[0], ("idempotency-key", "k2")]).is_none());
    assert!(site.host.next_order().is_some());
    site.host.advance(11 * 60 * 1000, |timer| site.plugin.on_timer(&site.host, timer));
    assert!(site.ask_with(ADA, "POST", target, "{}", &key).is_none(), "after ten minutes it is forgotten");
}

#[test]
fn a_long_order_is_told_to_be_under_way() {
    let mut site = Site::new();
    assert!(site.ask(ADA, "POST", "/api/v1/ups/main/commands/load.off", r#"{"confirm":true}"#).is_none());
    let (ticket, _) = site.host.next_order().unwrap();
    site.host.advance(26_000, |timer| site.plugin.on_timer(&site.host, timer));
    assert_eq!((site.later().0, &site.later().1["result"]), (202, &json!("begun")));
    site.plugin.on_ended(&site.host, ticket, true, "executed", "");
    assert_eq!(site.host.responses().len(), 1);
}

#[test]
fn a_forced_shutdown_wants_to_be_confirmed() {
    let mut site = Site::new();
    let target = "/api/v1/ups/main/forced-shutdown";
    assert_eq!(site.now(ADA, "PUT", target, r#"{"on":true}"#).0, 409);
    assert!(site.host.next_order().is_none());
    assert!(site.ask(ADA, "PUT", target, r#"{"on":true,"confirm":true}"#).is_none());
    assert!(site.ask(ADA, "PUT", target, r#"{"on":false}"#).is_none());
}

#[test]
fn events_come_newest_first_and_what_is_asked_is_passed_on() {
    let mut site = Site::new();
    let target =
        "/api/v1/events?ups=main&kind=ups.&severity=warning&from=2026-09-21T14:13:20Z&before=7&limit=5";
    assert!(site.ask(ADA, "GET", target, "").is_none());
    let expected = json!({"do": "events", "ups": "main", "kind": "ups.", "severity": "warning",
        "since_ms": 1_790_000_000_000_u64, "until_ms": null, "before": 7, "last": 5});
    assert_eq!(site.asked().1, expected);
    site.answer(Ok(json!([{"id": 1}, {"id": 2}])));
    assert_eq!(site.later(), (200, json!([{"id": 2}, {"id": 1}])));
    for bad in ["limit=0", "limit=1001", "from=then", "before=0", "colour=red", "limit=1&limit=2"] {
        assert_eq!(site.now(ADA, "GET", &format!("/api/v1/events?{bad}"), "").0, 400, "{bad}");
    }
}

#[test]
fn a_refusal_of_the_daemon_has_its_status() {
    let mut site = Site::new();
    for (refusal, status) in [
        ("denied: you may not", 403),
        ("bad-request: no such role", 400),
        ("not-found: nobody", 404),
        ("refused: the last administrator", 409),
        ("busy: later", 503),
        ("failed: the disk", 503),
    ] {
        assert!(site.ask(ADA, "DELETE", "/api/v1/users/eve", "").is_none());
        site.answer(Err(refusal));
        let (told, problem) = site.later();
        assert_eq!((told, problem["status"].as_u64()), (status, Some(u64::from(status))), "{refusal}");
        assert!(refusal.ends_with(problem["detail"].as_str().unwrap()), "{problem}");
    }
}

#[test]
fn a_user_is_changed_step_by_step_and_shown_as_it_is_then() {
    let mut site = Site::new();
    let change = r#"{"role":"operator","scopes":null,"unlock":true}"#;
    assert!(site.ask(ADA, "PATCH", "/api/v1/users/eve", change).is_none());
    for what in ["role", "scopes", "unlock"] {
        assert_eq!(site.asked().1["user"]["what"], what);
        site.answer(Ok(Value::Null));
    }
    assert_eq!(site.asked().1["user"]["what"], "list");
    site.answer(Ok(json!([{"name": "ada"}, {"name": "eve", "role": "operator"}])));
    assert_eq!(site.later(), (200, json!({"name": "eve", "role": "operator"})));
    assert_eq!(site.now(ADA, "PATCH", "/api/v1/users/eve", "{}").0, 400);
    // A step that is refused is the last one.
    assert!(site.ask(ADA, "PATCH", "/api/v1/users/eve", change).is_none());
    site.answer(Err("refused: the last administrator"));
    assert_eq!(site.later().0, 409);
    let before = site.host.admin_requests().len();
    assert_eq!(site.asked().1["user"]["what"], "role");
    assert_eq!(site.host.admin_requests().len(), before);
}

#[test]
fn scripts_are_no_plugins_here() {
    let mut site = Site::new();
    let all = json!([{"id": "nut-server", "state": "running"}, {"id": "script.night", "state": "running",
        "last_failure": "line 3", "failed_at": null, "calls": 7, "restarts": 0, "metrics": {}, "pages": null}]);
    assert!(site.ask(ADA, "GET", "/api/v1/plugins", "").is_none());
    site.answer(Ok(all.clone()));
    assert_eq!(site.later().1, json!([{"id": "nut-server", "state": "running"}]));
    assert!(site.ask(ADA, "GET", "/api/v1/scripts/night", "").is_none());
    site.answer(Ok(all.clone()));
    assert_eq!((&site.later().1["name"], &site.later().1["error"]), (&json!("night"), &json!("line 3")));
    assert!(site.ask(ADA, "GET", "/api/v1/plugins/script.night", "").is_none());
    site.answer(Ok(all));
    assert_eq!(site.later().0, 404);
}

#[test]
fn what_is_not_json_of_the_right_shape_is_refused_with_what_is_wrong() {
    let mut site = Site::new();
    for body in ["", "{", "[]", r#" ["a"]"#, r#"{"value":1}"#, r#"{"value":"a","b":1}"#] {
        let (told, problem) = site.now(ADA, "PUT", "/api/v1/ups/main/variables/ups.id", body);
        assert_eq!(told, 400, "{body} {problem}");
    }
    let text = [("content-type", "text/plain")];
    let refused = site.ask_with(ADA, "PUT", "/api/v1/ups/main/variables/ups.id", r#"{"value":"a"}"#, &text);
    assert_eq!(refused.unwrap().status, 415);
    assert!(site.host.next_order().is_none());
}

#[test]
fn it_does_not_switch_itself_off() {
    let mut site = Site::new();
    for what in ["enable", "disable", "restart"] {
        assert_eq!(site.now(ADA, "POST", &format!("/api/v1/plugins/web-ui/{what}"), "").0, 409, "{what}");
        assert_eq!(site.now(Some("eve"), "POST", &format!("/api/v1/plugins/web-ui/{what}"), "").0, 403);
        assert!(site.ask(ADA, "POST", &format!("/api/v1/plugins/nut-server/{what}"), "").is_none());
    }
}
