//! The plugin: takes requests, and sends what comes of them.

use opennmc_plugin::{
    AdminHandler, ControlHandler, Host, Plugin, Principal, Response, TimerHandler, WebRequest, WebService,
};
use serde::Deserialize;

use crate::desk::{Desk, Question};
use crate::lookup::Of;
use crate::orders::Orders;
use crate::problem::{Problem, Refusal};
use crate::router;
use crate::step::Step;

/// There is nothing to configure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {}

/// All state: what was asked and ordered and has not ended.
#[derive(Debug, Default)]
pub struct WebUi {
    desk: Desk,
    orders: Orders,
}

/// Whose request goes on.
struct Asker {
    request: u64,
    principal: Option<Principal>,
    user: String,
}

impl Plugin for WebUi {
    type Config = Config;

    fn start(_: &impl Host, _: Config) -> Result<Self, String> {
        Ok(WebUi::default())
    }
}

impl WebService for WebUi {
    fn handle(&mut self, host: &impl Host, request: WebRequest) -> Option<Response> {
        let asker = Asker { request: request.id, principal: request.principal, user: request.user.clone() };
        let step = router::begin(&Of(host), request);
        let answer = self.go_on(host, asker, step);
        self.ask(host);
        answer
    }
}

impl AdminHandler for WebUi {
    fn on_admin_answer(&mut self, host: &impl Host, ticket: u64, outcome: Result<String, String>) {
        if let Some(Question { request, principal, user, then, .. }) = self.desk.answered(ticket) {
            let told = match outcome {
                Ok(json) => serde_json::from_str(&json).map_err(|error| Refusal {
                    code: "failed".to_owned(),
                    message: format!("the daemon's answer can't be read: {error}"),
                }),
                Err(text) => Err(Refusal::read(&text)),
            };
            let step = then(&Of(host), told);
            let asker = Asker { request, principal: Some(principal), user };
            if let Some(answer) = self.go_on(host, asker, step) {
                send(host, request, &answer);
            }
        }
        self.ask(host);
    }
}

impl ControlHandler for WebUi {
    fn on_ended(&mut self, host: &impl Host, ticket: u64, success: bool, outcome: &str, detail: &str) {
        let (waiting, answer) = self.orders.on_ended(host, ticket, success, outcome, detail);
        waiting.iter().for_each(|request| send(host, *request, &answer));
    }
}

impl TimerHandler for WebUi {
    fn on_timer(&mut self, host: &impl Host, timer: u64) {
        let (waiting, answer) = self.orders.on_timer(timer);
        waiting.iter().for_each(|request| send(host, *request, &answer));
    }
}

impl WebUi {
    /// Does the next step of a request; an answer is its last.
    fn go_on(&mut self, host: &impl Host, asker: Asker, step: Result<Step, Problem>) -> Option<Response> {
        let Asker { request, principal, user } = asker;
        let ends = match (step, principal) {
            (Err(problem), _) => Err(problem),
            (Ok(Step::Answer(answer)), _) => Ok(Some(answer)),
            (Ok(_), None) => Err(Problem::new(401, "log in first")),
            (Ok(Step::Ask(asked, then)), Some(principal)) => {
                self.desk.take(Question::new(request, principal, user, &asked, then));
                Ok(None)
            }
            (Ok(Step::Order(order)), Some(principal)) => {
                self.orders.give(host, order, principal, &user, request)
            }
        };
        ends.unwrap_or_else(|problem| Some(problem.response()))
    }

    fn ask(&mut self, host: &impl Host) {
        for (request, problem) in self.desk.ask(host) {
            send(host, request, &problem.response());
        }
    }
}

fn send(host: &impl Host, request: u64, answer: &Response) {
    // The client may have gone, or the host may have answered in the plugin's place.
    if let Err(error) = host.respond(request, answer) {
        host.debug(&format!("an answer was not taken: {error}"));
    }
}
