//! Requests that a script answers: what it sees of each, and what its answer becomes.
//!
//! Each is one call, with the limits of a call. Whoever asks is never told why a script has failed: that is for its operator.

use rhai::{Dynamic, EvalAltResult, Map};

use super::instance::ScriptInstance;
use super::{api, engine, hooks, value};
use crate::http::query;
use crate::plugin::Epitaph;
use crate::plugin::bindings::wit::types::Response;
use crate::plugin::instance::PageRequest;
use crate::users::Principal;

/// Bytes of a request's body: the script has it as one text.
pub(in crate::plugin) const LARGEST_BODY: usize = engine::STRING_BYTES;
/// Names in a query; more stand for a mistake, and a script's map has no room for them.
const QUERY_NAMES: usize = 256;
const FORBIDDEN: u16 = 403;
const NOT_FOUND: u16 = 404;
const FAILED: u16 = 500;

impl ScriptInstance {
    /// Answers a request.
    pub(in crate::plugin) fn on_http(&mut self, request: &PageRequest) -> Result<Response, Epitaph> {
        let asker = match request.principal.map(|number| self.state().auth.principal(number)).transpose() {
            Ok(asker) => asker,
            // The account was taken away while the request was on its way.
            Err(_) => return Ok(said(FORBIDDEN, "there is no such user any more")),
        };
        self.respond(shown(request, asker.as_ref()))
    }

    /// Requests as they could come, for a dry run, with what the script would answer. None: it answers none.
    pub(super) fn rehearse_requests(&mut self) -> Result<Option<Vec<Response>>, Epitaph> {
        if !self.has_function(hooks::ON_HTTP) {
            return Ok(None);
        }
        canned().map(|request| self.respond(shown(&request, None))).collect::<Result<_, _>>().map(Some)
    }

    fn respond(&mut self, request: Map) -> Result<Response, Epitaph> {
        let Some(given) = self.ask(hooks::ON_HTTP, vec![request.into()]) else {
            return Ok(said(NOT_FOUND, "this script answers no requests"));
        };
        let place = self.line_of(hooks::ON_HTTP);
        let answer = given.and_then(|answer| {
            api::of_value(answer).map_err(|error| match *error {
                EvalAltResult::ErrorRuntime(words, _) => EvalAltResult::ErrorRuntime(words, place).into(),
                other => Box::new(other),
            })
        });
        match answer {
            Ok(response) => Ok(response),
            Err(error) => self.tell(&error).map(|()| said(FAILED, "the script has failed")),
        }
    }
}

/// What the script sees. What is not there is `()`.
fn shown(request: &PageRequest, asker: Option<&Principal>) -> Map {
    let body = String::from_utf8_lossy(&request.body);
    let body = &body[..body.floor_char_boundary(LARGEST_BODY)];
    let json = serde_json::from_str::<serde_json::Value>(body).ok();
    let mut headers = Map::new();
    for (name, text) in &request.headers {
        let text = match headers.get(name.as_str()) {
            Some(before) => format!("{before}, {text}"),
            None => text.clone(),
        };
        headers.insert(name.as_str().into(), text.into());
    }
    let query = query(&request.query).take(QUERY_NAMES).map(|(name, text)| (name.into(), text.into()));
    // A token that was given a part of a user's rights must not pass for the user.
    let role = asker.filter(|asker| asker.scopes.is_none()).map(|asker| asker.role.name());
    let scopes = asker.and_then(|asker| asker.scopes.as_ref());
    let scopes =
        scopes.map(|scopes| -> rhai::Array { scopes.iter().map(|scope| scope.to_string().into()).collect() });
    let entries: [(&str, Dynamic); 9] = [
        ("method", request.method.as_str().into()),
        ("path", request.path.as_str().into()),
        ("query", query.collect::<Map>().into()),
        ("headers", headers.into()),
        ("body", body.into()),
        ("json", json.as_ref().map_or(Dynamic::UNIT, value::of_json)),
        ("user", asker.map_or(Dynamic::UNIT, |asker| asker.name.as_str().into())),
        ("role", role.map_or(Dynamic::UNIT, Dynamic::from)),
        ("scopes", scopes.map_or(Dynamic::UNIT, Dynamic::from)),
    ];
    entries.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// A sentence for people.
fn said(status: u16, sentence: &str) -> Response {
    let headers = vec![("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())];
    Response { status, headers, body: format!("{sentence}\n").into_bytes() }
}

fn canned() -> impl Iterator<Item = PageRequest> {
    let request = |method: &str, headers: &[(&str, &str)], body: &str| PageRequest {
        id: 0,
        method: method.to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        headers: headers.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
        body: body.as_bytes().to_vec(),
        principal: None,
        user: String::new(),
        peer: String::new(),
    };
    let json = [("host", "localhost"), ("content-type", "application/json")];
    [request("GET", &json[..1], ""), request("POST", &json, "{}")].into_iter()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::check;
    use crate::plugin::PluginSettings;

    #[test]
    fn a_dry_run_asks_too_and_tells_what_the_script_would_answer() {
        let text = r#"fn on_http(request) {
            if request.method == "GET" { return; }
            notify(info, `asked ${request.json}`);
            request.jason.x
        }"#;
        let checked = check(Path::new("x.rhai"), text, &PluginSettings::default(), &[]);
        let calls: Vec<&String> = checked.calls.iter().flat_map(|called| &called.calls).collect();
        assert_eq!(
            calls,
            ["notify(info, \"asked #{}\")", "answer 204 with 0 bytes", "answer 500 with 22 bytes"]
        );
        let [error] = &checked.errors[..] else { panic!("{checked:?}") };
        assert!(error.starts_with("x.rhai:4:"), "{error}");
    }
}
