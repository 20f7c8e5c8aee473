//! The API against the simulated host: what is asked of the daemon, and what becomes of its answers.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test that can not go on has failed")]

use opennmc_plugin::{
    AdminHandler, ControlHandler, Plugin, Response, SimulatedHost, SimulatedUps, TimerHandler, WebRequest,
    WebService, parse_config,
};
use web_ui::WebUi;

struct Scene {
    host: SimulatedHost,
    plugin: WebUi,
    last: u64,
}

impl Scene {
    fn new() -> Scene {
        let host = SimulatedHost::new();
        host.publish(SimulatedUps::new("main", "Rack"));
        host.add_user("jo", "x", &[]);
        let plugin = WebUi::start(&host, parse_config("{}").unwrap()).unwrap();
        Scene { host, plugin, last: 0 }
    }

    fn ask(&mut self, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> Option<Response> {
        self.last += 1;
        let mut request = WebRequest::new(method, path);
        request.id = self.last;
        request.principal = Some(self.host.principal("jo"));
        request.user = "jo".to_owned();
        request.body = body.as_bytes().to_vec();
        let headers = headers.iter().chain(&[("content-type", "application/json")]);
        request.headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.plugin.handle(&self.host, request)
    }

    fn sent(&self, request: u64) -> Response {
        let all = self.host.responses();
        all.into_iter()
            .find(|(id, _)| *id == request)
            .unwrap_or_else(|| panic!("{request} is not answered"))
            .1
    }
}

#[test]
fn only_four_questions_are_asked_at_a_time_and_refusals_become_problems() {
    let mut scene = Scene::new();
    for _ in 0..6 {
        assert!(scene.ask("GET", "/api/v1/health", "", &[]).is_none());
    }
    let asked = scene.host.admin_requests();
    assert_eq!(asked.len(), 4);
    for (told, status) in
        [("denied: no", 403), ("not-found: no", 404), ("refused: no", 409), ("bad-request: no", 400)]
    {
        let index = scene.host.responses().len();
        scene.plugin.on_admin_answer(&scene.host, asked[index].0, Err(told.to_owned()));
        let answer = scene.sent(index as u64 + 1);
        assert_eq!(answer.status, status);
        assert!(String::from_utf8(answer.body).unwrap().contains("\"detail\":\"no\""));
    }
    assert_eq!(scene.host.admin_requests().len(), 6, "those that waited are asked");
}

#[test]
fn an_order_that_takes_long_is_answered_and_repeating_it_orders_nothing() {
    let mut scene = Scene::new();
    let (path, key) = ("/api/v1/ups/main/commands/load.off", [("idempotency-key", "one")]);
    assert!(scene.ask("POST", path, r#"{"confirm":true}"#, &key).is_none());
    let (ticket, _) = scene.host.next_order().unwrap();
    let timer = scene.host.timers()[0].0;
    scene.plugin.on_timer(&scene.host, timer);
    assert_eq!(scene.sent(1).status, 504);
    // Who repeats it waits for the same order.
    assert!(scene.ask("POST", path, r#"{"confirm":true}"#, &key).is_none());
    assert!(scene.host.next_order().is_none());
    scene.plugin.on_ended(&scene.host, ticket, true, "executed", "done");
    assert_eq!(scene.sent(2).status, 200);
    assert_eq!(scene.ask("POST", path, r#"{"confirm":true}"#, &key), Some(scene.sent(2)));
    assert_eq!(scene.ask("POST", path, "{}", &key).unwrap().status, 409, "another order");
    assert!(scene.host.next_order().is_none());
    scene.host.set_time_ms(11 * 60 * 1000);
    assert!(scene.ask("POST", path, r#"{"confirm":true}"#, &key).is_none());
    assert!(scene.host.next_order().is_some(), "after ten minutes it is a new order");
}

#[test]
fn what_is_no_request_asks_the_daemon_nothing() {
    let mut scene = Scene::new();
    let refused = scene.ask("DELETE", "/api/v1/users", "", &[]).unwrap();
    assert_eq!(refused.status, 405);
    assert!(refused.headers.contains(&("allow".to_owned(), "GET, HEAD, POST".to_owned())));
    let nobody = WebRequest::new("GET", "/api/v1/ups");
    assert_eq!(scene.plugin.handle(&scene.host, nobody).unwrap().status, 401);
    for (path, status) in [("/api/v1/ups/", 404), ("/api/v1/ups/main/x", 404), ("/", 200), ("/api/v1", 200)] {
        assert_eq!(scene.ask("GET", path, "", &[]).unwrap().status, status, "{path}");
    }
    assert_eq!(scene.ask("PATCH", "/api/v1/users/jo", "{}", &[]).unwrap().status, 400);
    assert!(scene.host.admin_requests().is_empty());
}
