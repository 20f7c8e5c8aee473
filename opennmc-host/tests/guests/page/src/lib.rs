//! A guest that serves web pages: the path says what it does.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

wit_bindgen::generate!({
    inline: "package fixture:page; world page {
        import opennmc:plugin/auth@0.1.0;
        import opennmc:plugin/http-answers@0.1.0;
        import opennmc:plugin/timers@0.1.0;
        export opennmc:plugin/lifecycle@0.1.0;
        export opennmc:plugin/http-handler@0.1.0;
        export opennmc:plugin/timer-events@0.1.0;
    }",
    path: "../../../wit",
    world: "fixture:page/page",
    generate_all,
});

use exports::opennmc::plugin::{http_handler, lifecycle, timer_events};
use http_handler::Request;
use opennmc::plugin::types::{Error, Response};
use opennmc::plugin::{auth, http_answers, timers};

thread_local! {
    static CONFIG: RefCell<String> = RefCell::default();
    /// Requests by the timers that answer them.
    static OPEN: RefCell<HashMap<u64, u64>> = RefCell::default();
    /// A principal of an earlier request.
    static KEPT: Cell<u64> = const { Cell::new(0) };
    /// The last request that was left open, and how the last answer to one ended.
    static LEFT: Cell<u64> = const { Cell::new(0) };
    static SAID: RefCell<String> = RefCell::default();
}

struct Page;

impl lifecycle::Guest for Page {
    fn start(config: String) -> Result<(), String> {
        CONFIG.set(config);
        Ok(())
    }

    fn stop() {}
}

impl timer_events::Guest for Page {
    fn on_timer(timer: u64) {
        if let Some(request) = OPEN.with_borrow_mut(|open| open.remove(&timer)) {
            let said = http_answers::respond(request, &text(200, "later"));
            SAID.set(in_words(&said));
        }
    }
}

impl http_handler::Guest for Page {
    fn handle(request: Request) -> Option<Response> {
        let path = request.path.clone();
        let words: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match words[..] {
            ["later", ms] => {
                if let Ok(timer) = timers::after(ms.parse().unwrap_or(1)) {
                    OPEN.with_borrow_mut(|open| open.insert(timer, request.id));
                }
                None
            }
            ["never"] => {
                LEFT.set(request.id);
                None
            }
            ["answer-the-one-left"] => {
                let said = http_answers::respond(LEFT.get(), &text(200, "at last"));
                Some(text(200, &in_words(&said)))
            }
            ["twice"] => {
                let first = http_answers::respond(request.id, &text(200, "first"));
                let second = http_answers::respond(request.id, &text(200, "second"));
                SAID.set(format!("{} {}", in_words(&first), in_words(&second)));
                Some(text(200, "third"))
            }
            ["badly"] => {
                let said = http_answers::respond(request.id, &text(99, ""));
                Some(text(200, &in_words(&said)))
            }
            ["said"] => Some(text(200, &SAID.with_borrow(String::clone))),
            ["config"] => Some(text(200, &CONFIG.with_borrow(String::clone))),
            ["status", status] => Some(text(status.parse().unwrap_or(0), "as asked")),
            ["header", name, value] => {
                let mut response = text(200, "");
                response.headers.push((name.to_owned(), value.replace('~', "\r\n")));
                Some(response)
            }
            ["large", count] => Some(text(200, &"x".repeat(count.parse().unwrap_or(0)))),
            ["headers"] => {
                let lines: Vec<String> =
                    request.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
                Some(text(200, &lines.concat()))
            }
            ["echo"] => Some(Response { status: 200, headers: Vec::new(), body: request.body }),
            ["may", right] => Some(text(200, &may(request.principal.unwrap_or(0), right))),
            ["keep"] => {
                KEPT.set(request.principal.unwrap_or(0));
                Some(text(200, "kept"))
            }
            ["may-kept", right] => Some(text(200, &may(KEPT.get(), right))),
            ["trap"] => panic!("as asked"),
            ["spin"] => loop {
                std::hint::spin_loop();
            },
            _ => Some(text(
                200,
                &format!(
                    "{} {} [{}] by {} with {} bytes",
                    request.method,
                    request.path,
                    request.query,
                    request.user,
                    request.body.len()
                ),
            )),
        }
    }
}

fn may(principal: u64, right: &str) -> String {
    match auth::may(principal, right) {
        Ok(may) => may.to_string(),
        Err(Error::NotFound) => "not-found".to_owned(),
        Err(_) => "refused".to_owned(),
    }
}

fn text(status: u16, body: &str) -> Response {
    let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
    Response { status, headers, body: body.as_bytes().to_vec() }
}

fn in_words(said: &Result<(), Error>) -> String {
    match said {
        Ok(()) => "ok".to_owned(),
        Err(Error::NotFound) => "not-found".to_owned(),
        Err(Error::Invalid(why)) => format!("invalid {why}"),
        Err(_) => "refused".to_owned(),
    }
}

export!(Page);
