//! What is said on a stream, as `text/event-stream` writes it (the HTML standard, server-sent events).

use std::collections::BTreeMap;

use hyper::body::Bytes;
use serde::Serialize;

use crate::control::report::{DaemonReport, EventReport, StatusReport, UpsReport};
use crate::state::Event;

/// Shows that the stream lives.
pub(super) const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");
/// Milliseconds after which a browser that was cut off comes back.
const RETRY: u32 = 2_000;

/// Where numbers were missed that the history could not give.
#[derive(Serialize)]
struct Gap {
    /// The last event before it.
    after: u64,
    /// Events are told again behind this one.
    until: u64,
}

/// A UPS, as `/api/v1/ups` shows it.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    description: Option<&'a str>,
    availability: &'a str,
    heard_at: Option<&'a str>,
    age_s: Option<f64>,
    commands: &'a [String],
    variables: BTreeMap<&'a str, &'a str>,
}

impl<'a> Shown<'a> {
    fn of(ups: &'a UpsReport) -> Shown<'a> {
        Shown {
            name: &ups.name,
            description: ups.description.as_deref(),
            availability: &ups.availability,
            heard_at: ups.heard_at.as_deref(),
            age_s: ups.age_s,
            commands: &ups.commands,
            variables: ups.variables.iter().map(|(name, it)| (name.as_str(), it.value.as_str())).collect(),
        }
    }
}

/// All that is known now.
#[derive(Serialize)]
struct Everything<'a> {
    daemon: &'a DaemonReport,
    upses: Vec<Shown<'a>>,
}

/// Everything, as it is now. Events behind the one with this number follow.
pub(super) fn snapshot(report: &StatusReport, newest: u64) -> Bytes {
    let upses = report.upses.iter().map(Shown::of).collect();
    let everything = json(&Everything { daemon: &report.daemon, upses });
    format!("retry: {RETRY}\nevent: snapshot\nid: {newest}\ndata: {everything}\n\n").into()
}

/// One UPS, as it is now.
pub(super) fn status(report: &UpsReport) -> Bytes {
    format!("event: status\ndata: {}\n\n", json(&Shown::of(report))).into()
}

/// Things that happened, in the order of their numbers.
pub(super) fn events<'e>(events: impl Iterator<Item = &'e Event>) -> Bytes {
    let frame = |event: &Event| {
        format!("event: event\nid: {}\ndata: {}\n\n", event.id, json(&EventReport::of(event)))
    };
    events.map(frame).collect::<String>().into()
}

/// Some events can't be told.
pub(super) fn gap(after: u64, until: u64) -> Bytes {
    format!("event: gap\nid: {until}\ndata: {}\n\n", json(&Gap { after, until })).into()
}

/// Without a line end in it: within texts those are escaped.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| {
        tracing::error!("http: a report can't be written as JSON: {error}");
        "null".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Severity;

    #[test]
    fn a_text_with_line_ends_stays_within_its_event() {
        let fields = vec![("why".to_owned(), "a\n\nevent: snapshot\ndata: {}\r\n\u{2028}".to_owned())];
        let event = Event {
            id: 7,
            kind: "ups.x".to_owned(),
            severity: Severity::Info,
            device: String::new(),
            at_ms: 0,
            fields,
        };
        let text = String::from_utf8(events([&event].into_iter()).to_vec()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[1], lines[3]), (4, "event: event", "id: 7", ""), "{text}");
        assert!(lines[2].starts_with("data: {") && lines[2].ends_with('}') && !lines[2].contains('\r'));
    }
}
