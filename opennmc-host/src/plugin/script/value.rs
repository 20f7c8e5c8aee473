//! Between the host's values and a script's.
//!
//! Numbers are numbers and what is missing is `()`. A secret is a value of its own kind that nothing prints.

use std::rc::Rc;

use rhai::{Array, Dynamic, EvalAltResult, ImmutableString, Map};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::instance::Asked;
use crate::door::OrderResult;
use crate::plugin::outbound::Reply;
use crate::plugin::past::{Answer, Problem};
use crate::state::{Event, Kind, Severity, Variable};

/// What is shown in the place of a secret.
pub(super) const HIDDEN: &str = "•••";
/// Bytes of a body that a script is given; it is one string, and strings have their limit.
const BODY: usize = super::engine::STRING_BYTES;

/// Something that only headers, addresses and bodies of HTTP requests may contain.
#[derive(Clone)]
pub(super) struct Secret(pub(super) Rc<Zeroizing<String>>);

impl Secret {
    pub(super) fn new(text: String) -> Self {
        Secret(Rc::new(Zeroizing::new(text)))
    }
}

/// A whole or decimal number as people write it; nothing else.
pub(super) fn number(text: &str) -> Option<Dynamic> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit())
        || !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    {
        return None;
    }
    let whole = text.parse::<i64>().ok().map(Dynamic::from_int);
    whole.or_else(|| text.parse::<f64>().ok().map(Dynamic::from_float))
}

/// A variable of a UPS.
pub(super) fn of_variable(variable: &Variable) -> Dynamic {
    let as_number = match variable.kind {
        Kind::Number | Kind::Choice(_) | Kind::Range(_) => number(&variable.value),
        Kind::Text(_) => None,
    };
    as_number.unwrap_or_else(|| variable.value.as_str().into())
}

pub(super) fn of_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// An event; its fields can be read like its own, with `_` for `-`.
pub(super) fn of_event(event: &Event) -> Dynamic {
    let mut map = Map::new();
    let mut fields = Map::new();
    for (name, text) in &event.fields {
        let value = number(text).unwrap_or_else(|| text.as_str().into());
        fields.insert(name.as_str().into(), value.clone());
        map.insert(name.replace('-', "_").into(), value);
    }
    map.insert("kind".into(), event.kind.as_str().into());
    map.insert("severity".into(), of_severity(event.severity).into());
    map.insert(
        "ups".into(),
        if event.device.is_empty() { Dynamic::UNIT } else { event.device.as_str().into() },
    );
    map.insert("at".into(), Dynamic::from_int(i64::try_from(event.at_ms).unwrap_or(i64::MAX)));
    map.insert("fields".into(), fields.into());
    map.into()
}

/// `PLUGIN.TOPIC`; the ids of scripts have a dot of their own.
pub(super) fn sender(rest: &str) -> (String, String) {
    let begin = if rest.starts_with(super::PREFIX) { super::PREFIX.len() } else { 0 };
    let dot = rest[begin..].find('.').map_or(rest.len(), |dot| begin + dot);
    (rest[..dot].to_owned(), rest.get(dot + 1..).unwrap_or("").to_owned())
}

/// What was said on the bus: the text of a message that is only that, otherwise all its fields.
pub(super) fn message(fields: &[(String, String)]) -> Dynamic {
    match fields {
        [(name, text)] if name == "text" => text.as_str().into(),
        fields => {
            let entry = |(name, text): &(String, String)| {
                (name.as_str().into(), number(text).unwrap_or_else(|| text.as_str().into()))
            };
            fields.iter().map(entry).collect::<Map>().into()
        }
    }
}

pub(super) fn of_order(result: &OrderResult) -> Map {
    let mut map = Map::new();
    map.insert("ok".into(), result.is_success().into());
    map.insert("name".into(), result.name().into());
    map.insert("text".into(), result.to_string().into());
    map
}

pub(super) fn of_reply(result: Result<Reply, String>) -> Map {
    let mut map = Map::new();
    match result {
        Ok(Reply { status, headers, body }) => {
            let text = String::from_utf8_lossy(&body);
            let text = &text[..text.floor_char_boundary(BODY)];
            let json = serde_json::from_str::<Json>(text).ok();
            let headers = headers.into_iter().map(|(name, value)| (name.to_lowercase().into(), value.into()));
            map.insert("ok".into(), (200..300).contains(&status).into());
            map.insert("status".into(), Dynamic::from_int(status.into()));
            map.insert("text".into(), format!("HTTP status {status}").into());
            map.insert("headers".into(), headers.collect::<Map>().into());
            map.insert("json".into(), json.as_ref().map_or(Dynamic::UNIT, of_json));
            map.insert("body".into(), text.into());
        }
        Err(problem) => {
            map.insert("ok".into(), false.into());
            map.insert("status".into(), Dynamic::from_int(0));
            map.insert("text".into(), problem.into());
        }
    }
    map
}

pub(super) fn of_answer(answer: Answer) -> Map {
    let mut map = Map::new();
    let (key, found) = match answer {
        Answer::Events(events) => {
            ("events", events.map(|events| events.iter().map(of_event).collect::<Array>()))
        }
        Answer::Samples(series) => (
            "samples",
            series.map(|series| {
                let half = series.step_ms / 2;
                let point = |point: &crate::history::SamplePoint| {
                    let mut shown = Map::new();
                    let at = i64::try_from(point.at_ms + half).unwrap_or(i64::MAX);
                    shown.insert("at".into(), Dynamic::from_int(at));
                    shown.insert("mean".into(), Dynamic::from_float(point.avg));
                    shown.insert("min".into(), Dynamic::from_float(point.min));
                    shown.insert("max".into(), Dynamic::from_float(point.max));
                    Dynamic::from_map(shown)
                };
                series.points.iter().map(point).collect()
            }),
        ),
    };
    map.insert("ok".into(), found.is_ok().into());
    match found {
        Ok(list) => map.insert(key.into(), list.into()),
        Err(Problem::TooLong(most)) => {
            map.insert("text".into(), format!("the answer is longer than {most} bytes; ask for less").into())
        }
        Err(Problem::Unreadable(reason)) => map.insert("text".into(), reason.into()),
    };
    map
}

/// A result as it could come, for dry runs.
pub(super) fn canned(asked: Asked) -> Map {
    match asked {
        Asked::Order => of_order(&OrderResult::Executed),
        Asked::Http => of_reply(Ok(Reply { status: 200, headers: Vec::new(), body: b"{}".to_vec() })),
        Asked::Past => {
            let mut map = Map::new();
            map.insert("ok".into(), true.into());
            map.insert("events".into(), Array::new().into());
            map.insert("samples".into(), Array::new().into());
            map
        }
    }
}

pub(super) fn of_json(json: &Json) -> Dynamic {
    match json {
        Json::Null => Dynamic::UNIT,
        Json::Bool(truth) => (*truth).into(),
        Json::Number(number) => number
            .as_i64()
            .map(Dynamic::from_int)
            .unwrap_or_else(|| Dynamic::from_float(number.as_f64().unwrap_or(f64::NAN))),
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => items.iter().map(of_json).collect::<Array>().into(),
        Json::Object(entries) => {
            entries.iter().map(|(key, item)| (key.as_str().into(), of_json(item))).collect::<Map>().into()
        }
    }
}

/// A value as JSON. With `secrets` those may be in it; otherwise one is an error.
pub(super) fn to_json(value: &Dynamic, secrets: bool) -> Result<Json, Box<EvalAltResult>> {
    if let Some(secret) = value.clone().try_cast::<Secret>() {
        return match secrets {
            true => Ok(Json::String(secret.0.to_string())),
            false => {
                Err("a secret can only be used in headers, addresses and bodies of HTTP requests".into())
            }
        };
    }
    if value.is_unit() {
        return Ok(Json::Null);
    }
    if let Ok(truth) = value.as_bool() {
        return Ok(truth.into());
    }
    if let Ok(whole) = value.as_int() {
        return Ok(whole.into());
    }
    if let Ok(float) = value.as_float() {
        return Ok(serde_json::Number::from_f64(float).map_or(Json::Null, Json::Number));
    }
    if let Ok(text) = value.clone().into_immutable_string() {
        return Ok(Json::String(text.to_string()));
    }
    if let Some(items) = value.clone().try_cast::<Array>() {
        return items.iter().map(|item| to_json(item, secrets)).collect();
    }
    if let Some(entries) = value.clone().try_cast::<Map>() {
        let mut map = serde_json::Map::new();
        for (key, item) in &entries {
            map.insert(key.to_string(), to_json(item, secrets)?);
        }
        return Ok(Json::Object(map));
    }
    Err(format!("a value of type {} can't be written as JSON", value.type_name()).into())
}

/// A value in one line of plain text; a secret has none.
pub(super) fn to_text(value: &Dynamic) -> Result<String, Box<EvalAltResult>> {
    match value.clone().into_immutable_string() {
        Ok(text) => Ok(text.to_string()),
        Err(_) => match to_json(value, false)? {
            Json::Null => Ok(String::new()),
            json => Ok(json.to_string()),
        },
    }
}

/// What was thrown, without where.
#[cfg(feature = "author")]
pub(super) fn plain(error: &EvalAltResult) -> String {
    match error {
        EvalAltResult::ErrorRuntime(thrown, _) => thrown.to_string(),
        other => other.to_string(),
    }
}

/// Text or a secret.
pub(super) fn to_sendable(value: &Dynamic) -> Result<String, Box<EvalAltResult>> {
    match value.clone().try_cast::<Secret>() {
        Some(secret) => Ok(secret.0.to_string()),
        None => to_text(value),
    }
}

/// `"5m"`, `"1h 30m"`, `"90s"`, `"2d"`, or a number of seconds; in milliseconds.
pub(super) fn duration_ms(value: &Dynamic) -> Result<u64, Box<EvalAltResult>> {
    let wrong = || -> Box<EvalAltResult> {
        format!("`{value}` is no duration; write for example \"30s\", \"5m\", \"1h 30m\" or \"2d\"").into()
    };
    if let Ok(seconds) = value.as_int() {
        return u64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(1_000)).ok_or_else(wrong);
    }
    let text: ImmutableString = value.clone().into_immutable_string().map_err(|_| wrong())?;
    let mut total: u64 = 0;
    for part in text.split_whitespace() {
        let digits = part.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let count: u64 = part[..digits].parse().map_err(|_| wrong())?;
        let unit = match &part[digits..] {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        total = count.checked_mul(unit).and_then(|ms| total.checked_add(ms)).ok_or_else(wrong)?;
    }
    if text.trim().is_empty() { Err(wrong()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_number_becomes_one() {
        assert_eq!(number("85").unwrap().as_int(), Ok(85));
        assert_eq!(number("13.8").unwrap().as_float(), Ok(13.8));
        for text in ["", "-", "OL CHRG", "1.2.3", "2026-11-22", "1e5", "NaN", ".5"] {
            assert!(number(text).is_none(), "{text}");
        }
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, ms) in [("30s", 30_000), ("5m", 300_000), ("1h 30m", 5_400_000), ("2d", 172_800_000)] {
            assert_eq!(duration_ms(&text.into()).unwrap(), ms);
        }
        for text in ["", "5", "m", "-5m", "5 m", "99999999999999999999s", "18446744073709551615d"] {
            assert!(duration_ms(&text.into()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_sender_of_a_message_may_be_a_script() {
        assert_eq!(sender("thermo.reading.rack"), ("thermo".to_owned(), "reading.rack".to_owned()));
        assert_eq!(sender("script.night.state"), ("script.night".to_owned(), "state".to_owned()));
    }
}
