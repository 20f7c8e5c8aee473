//! A guest that keeps, publishes, notifies and delivers as its clients say: each line is one call of the host. What it
//! hears of the host is noted, and told on request.

use std::cell::RefCell;

wit_bindgen::generate!({
    inline: "package fixture:keeper; world keeper {
        import opennmc:plugin/tcp@0.1.0;
        import opennmc:plugin/store@0.1.0;
        import opennmc:plugin/bus@0.1.0;
        import opennmc:plugin/notify@0.1.0;
        import opennmc:plugin/delivery@0.1.0;
        import opennmc:plugin/history@0.1.0;
        export opennmc:plugin/lifecycle@0.1.0;
        export opennmc:plugin/events@0.1.0;
        export opennmc:plugin/tcp-events@0.1.0;
        export opennmc:plugin/notifier@0.1.0;
        export opennmc:plugin/history-events@0.1.0;
    }",
    path: "../../../wit",
    world: "fixture:keeper/keeper",
    generate_all,
});

use exports::opennmc::plugin::tcp_events::{Inbound, Outbound};
use exports::opennmc::plugin::{events, history_events, lifecycle, notifier, tcp_events};
use opennmc::plugin::types::{Error, Notice, Severity};
use opennmc::plugin::{bus, delivery, history, notify, store};

thread_local! {
    static HEARD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static PARTIAL: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Keeper;

impl lifecycle::Guest for Keeper {
    fn start(_config: String) -> Result<(), String> {
        Ok(())
    }

    fn stop() {
        let _ = store::set("stopped", b"yes");
    }
}

impl events::Guest for Keeper {
    fn on_event(event: events::Event) {
        let fields: String = event.fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        note(format!("event {} {:?} {}{fields}", event.kind, event.severity, event.device));
    }
}

impl notifier::Guest for Keeper {
    fn deliver(id: u64, notice: notifier::Notice, at_ms: u64, attempt: u32) {
        let is_of_now = at_ms > 1_700_000_000_000;
        let fields: String = notice.fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        note(format!(
            "deliver {id} {} {} {} {attempt} {is_of_now}{fields}",
            notice.title, notice.body, notice.device
        ));
    }
}

impl history_events::Guest for Keeper {
    fn on_events(ticket: u64, outcome: Result<Vec<events::Event>, Error>) {
        note(match outcome {
            Ok(events) => {
                let kinds: Vec<String> = events.into_iter().map(|event| event.kind).collect();
                format!("past {ticket} {}", kinds.join(" "))
            }
            Err(error) => format!("past {ticket} {}", in_words(&error)),
        });
    }

    fn on_samples(ticket: u64, outcome: Result<Vec<history_events::Sample>, Error>) {
        note(match outcome {
            Ok(samples) => {
                let sound = samples.iter().all(|it| it.least <= it.mean && it.mean <= it.greatest);
                format!("samples {ticket} {} {sound}", samples.len())
            }
            Err(error) => format!("samples {ticket} {}", in_words(&error)),
        });
    }
}

impl tcp_events::Guest for Keeper {
    fn on_accept(_listener: String, _connection: u64, _peer: String) -> Result<(), String> {
        Ok(())
    }

    fn on_data(batch: Vec<Inbound>) -> Vec<Outbound> {
        batch.into_iter().map(answer).collect()
    }

    fn on_closed(_connection: u64, _reason: String) {}
}

/// The tests speak with one client at a time.
fn answer(Inbound { connection, bytes }: Inbound) -> Outbound {
    let mut pending = PARTIAL.take();
    pending.extend(bytes);
    let mut answers = Vec::new();
    while let Some(end) = pending.iter().position(|&byte| byte == b'\n') {
        let line = String::from_utf8_lossy(&pending[..end]).into_owned();
        pending.drain(..=end);
        answers.extend(obey(&line).into_bytes());
        answers.push(b'\n');
    }
    PARTIAL.set(pending);
    Outbound { connection, bytes: answers, close: false }
}

fn obey(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let number = |word: &str| word.parse::<u64>().unwrap_or_default();
    let text = |word: &str, character: &str| character.repeat(number(word) as usize);
    match words[..] {
        ["get", key] => match store::get(key) {
            Some(value) => {
                format!("{} {}", value.len(), String::from_utf8_lossy(&value[..value.len().min(40)]))
            }
            None => "none".to_owned(),
        },
        ["set", key, value] => said(store::set(key, value.as_bytes())),
        ["fill", key, count] => said(store::set(key, text(count, "x").as_bytes())),
        ["long-key", count] => said(store::set(&text(count, "k"), b"")),
        ["delete", key] => {
            store::delete(key);
            "ok".to_owned()
        }
        ["keys", prefix] => format!("keys {}", store::keys(prefix).join(" ")),
        ["publish", topic, device, name, value] => {
            said(bus::publish(topic, Severity::Warning, device, &[(name.to_owned(), value.to_owned())]))
        }
        ["storm", topic, count] => {
            let send = |_| bus::publish(topic, Severity::Info, "", &[]);
            let sent = (0..number(count)).map(send).filter(Result::is_ok).count();
            format!("sent {sent}")
        }
        ["fields", count] => {
            let fields = vec![("a".to_owned(), String::new()); number(count) as usize];
            said(bus::publish("reading", Severity::Info, "", &fields))
        }
        ["notify", title, body, device] => send(title, body, device),
        ["long-title", count] => send(&text(count, "t"), "", ""),
        ["long-body", count] => send("title", &text(count, "b"), ""),
        ["two-lines"] => send("one\ntwo", "", ""),
        ["delivered", id] => said(delivery::delivered(number(id))),
        ["failed", id, reason, again] => said(delivery::failed(number(id), reason, again == "again")),
        ["past", kind, from, until, limit] => asked(history::events(&history::EventQuery {
            from_ms: number(from),
            until_ms: number(until),
            device: String::new(),
            kind: kind.to_owned(),
            limit: number(limit) as u32,
        })),
        ["samples", device, variable] => asked(history::samples(&history::SampleQuery {
            device: device.to_owned(),
            variable: variable.to_owned(),
            from_ms: 0,
            until_ms: 0,
            points: 0,
        })),
        ["heard"] => HEARD.with_borrow(|heard| heard.join("; ")),
        ["trap"] => panic!("as asked"),
        _ => line.to_owned(),
    }
}

fn send(title: &str, body: &str, device: &str) -> String {
    let notice = Notice {
        severity: Severity::Warning,
        device: device.to_owned(),
        title: title.to_owned(),
        body: body.to_owned(),
        fields: Vec::new(),
    };
    match notify::send(&notice) {
        Ok(ticket) => format!("ticket {ticket}"),
        Err(error) => in_words(&error),
    }
}

fn asked(ticket: Result<u64, Error>) -> String {
    match ticket {
        Ok(ticket) => format!("ticket {ticket}"),
        Err(error) => in_words(&error),
    }
}

fn note(what: String) {
    HEARD.with_borrow_mut(|heard| heard.push(what));
}

fn said(result: Result<(), Error>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(error) => in_words(&error),
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

export!(Keeper);
