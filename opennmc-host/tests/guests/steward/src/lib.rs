//! A guest that lets its clients log in and asks the daemon for administration as they say: each line is one call of the
//! host, and each outcome is one line.

use std::cell::RefCell;
use std::collections::HashMap;

wit_bindgen::generate!({
    inline: "package fixture:steward; world steward {
        import opennmc:plugin/tcp@0.1.0;
        import opennmc:plugin/auth@0.1.0;
        import opennmc:plugin/admin@0.1.0;
        export opennmc:plugin/lifecycle@0.1.0;
        export opennmc:plugin/tcp-events@0.1.0;
        export opennmc:plugin/auth-events@0.1.0;
        export opennmc:plugin/admin-events@0.1.0;
    }",
    path: "../../../wit",
    world: "fixture:steward/steward",
    generate_all,
});

use exports::opennmc::plugin::tcp_events::{Inbound, Outbound};
use exports::opennmc::plugin::{admin_events, auth_events, lifecycle, tcp_events};
use opennmc::plugin::types::Error;
use opennmc::plugin::{admin, auth, tcp};

thread_local! {
    static CHECKS: RefCell<HashMap<u64, u64>> = RefCell::default();
    static ASKED: RefCell<HashMap<u64, u64>> = RefCell::default();
}

struct Steward;

impl lifecycle::Guest for Steward {
    fn start(_config: String) -> Result<(), String> {
        Ok(())
    }

    fn stop() {}
}

impl tcp_events::Guest for Steward {
    fn on_accept(_listener: String, _connection: u64, _peer: String) -> Result<(), String> {
        Ok(())
    }

    fn on_data(batch: Vec<Inbound>) -> Vec<Outbound> {
        for Inbound { connection, bytes } in batch {
            // The tests send whole lines.
            for line in String::from_utf8_lossy(&bytes).lines() {
                obey(connection, line);
            }
        }
        Vec::new()
    }

    fn on_closed(_connection: u64, _reason: String) {}
}

impl auth_events::Guest for Steward {
    fn on_checked(ticket: u64, outcome: Result<u64, Error>) {
        let connection = CHECKS.with_borrow_mut(|checks| checks.remove(&ticket));
        let answer = match outcome {
            Ok(principal) => format!("principal {principal}"),
            Err(error) => in_words(&error),
        };
        say(connection.unwrap_or_default(), &answer);
    }
}

impl admin_events::Guest for Steward {
    fn on_answer(ticket: u64, outcome: Result<String, String>) {
        let connection = ASKED.with_borrow_mut(|asked| asked.remove(&ticket));
        let answer = match outcome {
            Ok(json) => format!("answer {json}"),
            Err(refusal) => format!("refused {refusal}"),
        };
        say(connection.unwrap_or_default(), &answer);
    }
}

fn obey(connection: u64, line: &str) {
    let words: Vec<&str> = line.splitn(3, ' ').collect();
    match words[..] {
        ["login", name, password] => {
            asked(&CHECKS, connection, auth::check_password(connection, name, password))
        }
        ["ask", principal, request] => {
            asked(&ASKED, connection, admin::ask(principal.parse().unwrap_or_default(), request))
        }
        // So many of the same in one call.
        ["many", principal, rest] => {
            let (count, request) = rest.split_once(' ').unwrap_or_default();
            for _ in 0..count.parse().unwrap_or(0) {
                asked(&ASKED, connection, admin::ask(principal.parse().unwrap_or_default(), request));
            }
        }
        _ => say(connection, line),
    }
}

type Tickets = std::thread::LocalKey<RefCell<HashMap<u64, u64>>>;

/// Nothing is said yet, or why not.
fn asked(tickets: &'static Tickets, connection: u64, ticket: Result<u64, Error>) {
    match ticket {
        Ok(ticket) => {
            tickets.with_borrow_mut(|tickets| tickets.insert(ticket, connection));
        }
        Err(error) => say(connection, &in_words(&error)),
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

export!(Steward);
