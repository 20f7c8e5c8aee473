//! A guest that does for its clients what they say: each line is one call of the host, and each outcome is one line.

use std::cell::RefCell;
use std::collections::HashMap;

wit_bindgen::generate!({
    inline: "package fixture:clerk; world clerk {
        import opennmc:plugin/tcp@0.1.0;
        import opennmc:plugin/auth@0.1.0;
        import opennmc:plugin/ups-control@0.1.0;
        export opennmc:plugin/lifecycle@0.1.0;
        export opennmc:plugin/tcp-events@0.1.0;
        export opennmc:plugin/auth-events@0.1.0;
        export opennmc:plugin/control-events@0.1.0;
    }",
    path: "../../../wit",
    world: "fixture:clerk/clerk",
    generate_all,
});

use exports::opennmc::plugin::tcp_events::{Inbound, Outbound};
use exports::opennmc::plugin::{auth_events, control_events, lifecycle, tcp_events};
use opennmc::plugin::types::Error;
use opennmc::plugin::{auth, tcp, ups_control};

thread_local! {
    static CHECKS: RefCell<HashMap<u64, u64>> = RefCell::default();
    static ORDERS: RefCell<HashMap<u64, u64>> = RefCell::default();
}

struct Clerk;

impl lifecycle::Guest for Clerk {
    fn start(_config: String) -> Result<(), String> {
        Ok(())
    }

    fn stop() {}
}

impl tcp_events::Guest for Clerk {
    fn on_accept(_listener: String, _connection: u64, _peer: String) -> Result<(), String> {
        Ok(())
    }

    fn on_data(batch: Vec<Inbound>) -> Vec<Outbound> {
        for Inbound { connection, bytes } in batch {
            // The tests send whole lines.
            for line in String::from_utf8_lossy(&bytes).lines() {
                if let Some(answer) = obey(connection, line) {
                    say(connection, &answer);
                }
            }
        }
        Vec::new()
    }

    fn on_closed(_connection: u64, _reason: String) {}
}

impl auth_events::Guest for Clerk {
    fn on_checked(ticket: u64, outcome: Result<u64, Error>) {
        let connection = CHECKS.with_borrow_mut(|checks| checks.remove(&ticket));
        let answer = match outcome {
            Ok(principal) => format!("principal {principal}"),
            Err(error) => in_words(&error),
        };
        say(connection.unwrap_or_default(), &answer);
    }
}

impl control_events::Guest for Clerk {
    fn on_ended(ticket: u64, success: bool, outcome: String, detail: String) {
        let connection = ORDERS.with_borrow_mut(|orders| orders.remove(&ticket));
        say(connection.unwrap_or_default(), &format!("ended {success} {outcome}: {detail}"));
    }
}

fn obey(connection: u64, line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let principal = words.get(1).and_then(|word| word.parse().ok()).unwrap_or_default();
    match words[..] {
        ["login", name, password] => {
            asked(&CHECKS, connection, auth::check_password(connection, name, password))
        }
        ["login-as", other, name, password] => {
            let other = other.parse().unwrap_or_default();
            asked(&CHECKS, connection, auth::check_password(other, name, password))
        }
        ["token", token] => asked(&CHECKS, connection, auth::check_token(connection, token)),
        ["may", _, right] => Some(match auth::may(principal, right) {
            Ok(may) => may.to_string(),
            Err(error) => in_words(&error),
        }),
        ["release", _] => {
            auth::release(principal);
            Some("released".to_owned())
        }
        ["run", _, device, command] => {
            asked(&ORDERS, connection, ups_control::run(principal, device, command, None, false))
        }
        ["set", _, device, variable, value] => {
            asked(&ORDERS, connection, ups_control::set(principal, device, variable, value))
        }
        ["fsd", _, device] => {
            asked(&ORDERS, connection, ups_control::forced_shutdown(principal, device, true))
        }
        _ => Some(line.to_owned()),
    }
}

type Tickets = std::thread::LocalKey<RefCell<HashMap<u64, u64>>>;

/// Nothing yet, or why not.
fn asked(tickets: &'static Tickets, connection: u64, ticket: Result<u64, Error>) -> Option<String> {
    match ticket {
        Ok(ticket) => {
            tickets.with_borrow_mut(|tickets| tickets.insert(ticket, connection));
            None
        }
        Err(error) => Some(in_words(&error)),
    }
}

fn in_words(error: &Error) -> String {
    match error {
        Error::Denied(text) => format!("denied {text}"),
        Error::NotFound => "not-found".to_owned(),
        Error::Invalid(text) => format!("invalid {text}"),
        Error::Busy => "busy".to_owned(),
        Error::Limit(text) => format!("limit {text}"),
        Error::Unavailable(text) => format!("unavailable {text}"),
    }
}

fn say(connection: u64, line: &str) {
    let _ = tcp::send(connection, format!("{line}\n").as_bytes());
}

export!(Clerk);
