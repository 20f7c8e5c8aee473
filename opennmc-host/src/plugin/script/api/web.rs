//! What a script answers to a request: a text, a value that is sent as JSON, nothing, or all of it said.

use rhai::{Dynamic, Engine, Map};

use super::super::value::{self, Secret};
use super::Given;
use crate::http::check;
use crate::plugin::bindings::wit::types;

const OK: u16 = 200;
const NO_CONTENT: u16 = 204;
const TYPE: &str = "content-type";

/// What `response` gives.
#[derive(Clone)]
struct Response(types::Response);

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Response>("Response");
    engine.register_fn("response", |status: i64, body: Dynamic| response(status, &body, &Map::new()));
    engine.register_fn("response", |status: i64, body: Dynamic, more: Map| response(status, &body, &more));
}

/// The answer that the function for requests has given.
pub(in crate::plugin::script) fn of_value(given: Dynamic) -> Given<types::Response> {
    if given.is_unit() {
        return Ok(types::Response { status: NO_CONTENT, headers: Vec::new(), body: Vec::new() });
    }
    match given.try_cast_result::<Response>() {
        Ok(answer) => Ok(answer.0),
        Err(body) => made(OK, &body, Vec::new()),
    }
}

/// `more` has `headers`.
fn response(status: i64, body: &Dynamic, more: &Map) -> Given<Response> {
    if let Some(unknown) = more.keys().find(|key| *key != "headers") {
        return Err(format!("`{unknown}` is no option of a response; there is headers").into());
    }
    let mut headers = Vec::new();
    if let Some(given) = more.get("headers") {
        let given = given.clone().try_cast::<Map>().ok_or("headers must be a map")?;
        for (name, text) in given {
            headers.push((name.to_string(), value::to_text(&text)?));
        }
    }
    made(u16::try_from(status).unwrap_or(0), body, headers).map(Response)
}

/// A text is sent as it is, everything else as JSON.
fn made(status: u16, body: &Dynamic, mut headers: Vec<(String, String)>) -> Given<types::Response> {
    if body.is::<Secret>() {
        return Err("a secret can't be part of an answer".into());
    }
    let (kind, body) = match body.clone().into_immutable_string() {
        Ok(text) => ("text/plain; charset=utf-8", text.as_bytes().to_vec()),
        Err(_) if body.is_unit() => ("", Vec::new()),
        Err(_) => ("application/json", value::to_json(body, false)?.to_string().into_bytes()),
    };
    if !kind.is_empty() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(TYPE)) {
        headers.push((TYPE.to_owned(), kind.to_owned()));
    }
    match check(status, &headers, &body) {
        Some(problem) => Err(problem.into()),
        None => Ok(types::Response { status, headers, body }),
    }
}
