//! What the daemon's administration is asked for: requests of the control socket, in the name of whoever asks here.
//!
//! The daemon checks the right and carries it out; only the shape of the answer is made here.

use std::collections::{HashMap, VecDeque};

use opennmc_plugin::{Error, Host, Principal, Response, WebRequest};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::endpoint::Endpoint;
use crate::input::{self, Query};
use crate::problem::Problem;
use crate::{Handled, json as answer};

/// Requests that wait because others are under way.
const MOST_WAITING: usize = 64;
const USUAL_LIMIT: u64 = 100;
const MOST_LIMIT: u64 = 1_000;
const USUAL_POINTS: u64 = 300;
const MOST_POINTS: u64 = 2_000;
/// The last day, when nobody says which time.
const USUAL_SPAN_MS: u64 = 24 * 60 * 60 * 1_000;
/// Scripts are plugins with this before their name.
const SCRIPT: &str = "script.";

/// What is under way, and what waits for that.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    /// By the host's ticket.
    under_way: HashMap<u64, Asked>,
    waiting: VecDeque<Asked>,
}

/// A request and what is still to be asked for it.
#[derive(Debug)]
struct Asked {
    request: u64,
    principal: Principal,
    errand: Errand,
}

/// What is asked, one after the other, and what is made of the last answer.
#[derive(Debug)]
pub(crate) struct Errand {
    steps: VecDeque<Value>,
    shape: Shape,
}

/// How an answer of the daemon becomes one of the API.
#[derive(Debug)]
enum Shape {
    /// Unchanged.
    Same,
    /// Unchanged, and something is there that was not before.
    Made,
    /// Nothing is told but that it was done.
    Nothing,
    /// The other way round: the newest first.
    NewestFirst,
    /// Only the user with this name.
    User(String),
    /// All plugins that are no scripts.
    Plugins,
    Plugin(String),
    Scripts,
    Script(String),
    /// Names of series of this UPS.
    Series(String),
    /// What a simulated UPS said.
    Simulated(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct AddUser {
    name: String,
    role: String,
    #[serde(default)]
    scopes: Option<Vec<String>>,
    #[serde(default)]
    password: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct ChangeUser {
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    role: Option<String>,
    /// Null is another thing than not there.
    #[serde(default, deserialize_with = "present")]
    scopes: Option<Option<Vec<String>>>,
    #[serde(default)]
    unlock: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct AddToken {
    user: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    scopes: Option<Vec<String>>,
    #[serde(default)]
    lifetime_s: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct SimulateLine {
    line: String,
}

/// What is looked at of a user.
#[derive(Deserialize)]
struct Named {
    name: String,
}

fn present<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(from).map(Some)
}

/// What is to be asked for a request.
pub(crate) fn errand(
    endpoint: Endpoint,
    name: &str,
    request: &WebRequest,
    query: &Query,
) -> Result<Errand, Problem> {
    use Endpoint as E;
    let plugin = |what: &str| json!({"do": "plugin", "plugin": {"what": what, "id": name}});
    let user = |user: Value| json!({"do": "user", "user": user});
    let plugins = || json!({"do": "plugins"});
    Ok(match endpoint {
        E::Series => Errand::one(json!({"do": "series", "ups": name}), Shape::Series(name.to_owned())),
        E::History => Errand::one(samples(name, query)?, Shape::Same),
        E::Events => Errand::one(events(query)?, Shape::NewestFirst),
        E::Audit => Errand::one(audit(query)?, Shape::NewestFirst),
        E::Users => Errand::one(user(json!({"what": "list"})), Shape::Same),
        E::AddUser => {
            let AddUser { name, role, scopes, password } = input::body(request)?;
            let new =
                json!({"what": "add", "name": name, "role": role, "scopes": scopes, "password": password});
            Errand::one(user(new), Shape::Made)
        }
        E::ChangeUser => change_user(name, input::body(request)?)?,
        E::RemoveUser => Errand::one(user(json!({"what": "remove", "name": name})), Shape::Nothing),
        E::Tokens => Errand::one(user(json!({"what": "token-list"})), Shape::Same),
        E::AddToken => {
            let AddToken { user: name, label, scopes, lifetime_s } = input::body(request)?;
            let new = json!({"what": "token-add", "name": name, "label": label, "scopes": scopes, "lifetime_s": lifetime_s});
            Errand::one(user(new), Shape::Made)
        }
        E::RevokeToken => Errand::one(user(json!({"what": "token-revoke", "id": name})), Shape::Nothing),
        E::Plugins => Errand::one(plugins(), Shape::Plugins),
        E::Plugin => Errand::one(plugins(), Shape::Plugin(name.to_owned())),
        E::PluginLog => Errand::one(plugin("logs"), Shape::Same),
        E::EnablePlugin => Errand::one(plugin("enable"), Shape::Same),
        E::DisablePlugin => Errand::one(plugin("disable"), Shape::Same),
        E::RestartPlugin => Errand::one(plugin("restart"), Shape::Same),
        E::Scripts => Errand::one(plugins(), Shape::Scripts),
        E::Script => Errand::one(plugins(), Shape::Script(name.to_owned())),
        E::ScriptLog => {
            let id = format!("{SCRIPT}{name}");
            Errand::one(json!({"do": "plugin", "plugin": {"what": "logs", "id": id}}), Shape::Same)
        }
        E::Health => Errand::one(json!({"do": "health"}), Shape::Same),
        E::Reload => Errand::one(json!({"do": "reload"}), Shape::Same),
        E::Simulate => {
            let SimulateLine { line } = input::body(request)?;
            let said = json!({"do": "simulate", "ups": name, "line": line});
            Errand::one(said, Shape::Simulated(name.to_owned()))
        }
        _ => return Err(Problem::no_such_path(&request.path)),
    })
}

/// The changes one after the other, and then how the user is.
fn change_user(name: &str, change: ChangeUser) -> Result<Errand, Problem> {
    let ChangeUser { password, role, scopes, unlock } = change;
    let mut steps = VecDeque::new();
    let mut step = |user: Value| steps.push_back(json!({"do": "user", "user": user}));
    if let Some(role) = role {
        step(json!({"what": "role", "name": name, "role": role}));
    }
    if let Some(scopes) = scopes {
        step(json!({"what": "scopes", "name": name, "scopes": scopes}));
    }
    if let Some(password) = password {
        step(json!({"what": "password", "name": name, "password": password}));
    }
    if unlock {
        step(json!({"what": "unlock", "name": name}));
    }
    if steps.is_empty() {
        let detail = "nothing is to be changed; say `password`, `role`, `scopes` or `\"unlock\": true`";
        return Err(Problem::bad(detail));
    }
    steps.push_back(json!({"do": "user", "user": {"what": "list"}}));
    Ok(Errand { steps, shape: Shape::User(name.to_owned()) })
}

fn samples(ups: &str, query: &Query) -> Result<Value, Problem> {
    let Some(variable) = query.text("variable").filter(|variable| !variable.is_empty()) else {
        return Err(Problem::bad("`variable` is missing: a name that /series lists"));
    };
    let points = query.number("points", 1, MOST_POINTS)?.unwrap_or(USUAL_POINTS);
    let (from, to) = query.span()?;
    Ok(json!({
        "do": "samples", "ups": ups, "variable": variable, "resolution": points.to_string(),
        "since_ms": from, "until_ms": to,
    }))
}

fn events(query: &Query) -> Result<Value, Problem> {
    let before = query.number("before", 1, u64::MAX)?;
    let (from, to) = query.span()?;
    Ok(json!({
        "do": "events", "ups": query.text("ups"), "kind": query.text("kind"), "severity": query.text("severity"),
        "since_ms": from, "until_ms": to, "before": before, "last": limit(query)?,
    }))
}

fn audit(query: &Query) -> Result<Value, Problem> {
    let (from, to) = query.span()?;
    Ok(json!({
        "do": "audit", "ups": query.text("ups"), "user": query.text("user"),
        "since_ms": from, "until_ms": to, "last": limit(query)?,
    }))
}

fn limit(query: &Query) -> Result<u64, Problem> {
    Ok(query.number("limit", 1, MOST_LIMIT)?.unwrap_or(USUAL_LIMIT))
}

impl Asking {
    /// Asks, or has it wait for its turn.
    pub(crate) fn ask(
        &mut self,
        host: &impl Host,
        request: u64,
        principal: Principal,
        mut errand: Errand,
    ) -> Handled {
        errand.complete(host.wall_ms());
        let asked = Asked { request, principal, errand };
        if self.waiting.len() >= MOST_WAITING {
            return Err(Problem::busy("too many requests wait for the daemon"));
        }
        self.waiting.push_back(asked);
        self.go_on(host);
        Ok(None)
    }

    /// The daemon has answered.
    pub(crate) fn answered(&mut self, host: &impl Host, ticket: u64, outcome: Result<String, String>) {
        let Some(asked) = self.under_way.remove(&ticket) else { return self.go_on(host) };
        match outcome {
            Ok(_) if !asked.errand.steps.is_empty() => self.waiting.push_front(asked),
            Ok(text) => {
                let response = asked.errand.shape.response(&text).unwrap_or_else(Problem::response);
                // Its client may have gone away.
                let _ = host.respond(asked.request, &response);
            }
            Err(refusal) => {
                let _ = host.respond(asked.request, &asked.errand.shape.refused(&refusal).response());
            }
        }
        self.go_on(host);
    }

    /// Asks for those that wait, as far as the host lets it.
    fn go_on(&mut self, host: &impl Host) {
        while let Some(mut asked) = self.waiting.pop_front() {
            let Some(step) = asked.errand.steps.front() else { continue };
            match host.ask_admin(asked.principal, &step.to_string()) {
                Ok(ticket) => {
                    asked.errand.steps.pop_front();
                    self.under_way.insert(ticket, asked);
                }
                // An answer that is on its way makes room.
                Err(Error::Limit(_) | Error::Busy) if !self.under_way.is_empty() => {
                    return self.waiting.push_front(asked);
                }
                Err(error) => {
                    let _ = host.respond(asked.request, &Problem::of(error).response());
                }
            }
        }
    }
}

impl Errand {
    fn one(step: Value, shape: Shape) -> Errand {
        Errand { steps: VecDeque::from([step]), shape }
    }

    /// Samples are asked for with both ends of the time; by itself it is the last day.
    fn complete(&mut self, now_ms: u64) {
        for step in &mut self.steps {
            if step["do"] != "samples" {
                continue;
            }
            let until = step["until_ms"].as_u64().unwrap_or(now_ms);
            let since = step["since_ms"].as_u64().unwrap_or_else(|| until.saturating_sub(USUAL_SPAN_MS));
            step["until_ms"] = until.into();
            step["since_ms"] = since.into();
        }
    }
}

impl Shape {
    fn refused(&self, refusal: &str) -> Problem {
        match (self, refusal.strip_prefix("failed: ")) {
            // It is not simulated, or the simulator does not know the line.
            (Shape::Simulated(_), Some(why)) => Problem::new(409, why),
            _ => Problem::of_refusal(refusal),
        }
    }

    fn response(self, text: &str) -> Result<Response, Problem> {
        let not_understood = |error| Problem::busy(format!("the daemon's answer is not understood: {error}"));
        let list = || serde_json::from_str::<Vec<Value>>(text).map_err(not_understood);
        let only = |mut found: Vec<Value>, what: String| match found.pop() {
            Some(one) => Ok(answer(200, one.to_string())),
            None => Err(Problem::not_found(what)),
        };
        Ok(match self {
            Shape::Same => answer(200, text),
            Shape::Made => answer(201, text),
            Shape::Nothing => Response { status: 204, headers: Vec::new(), body: Vec::new() },
            Shape::NewestFirst => {
                // Lists can be long: their parts are moved, not understood.
                let parts: Vec<&RawValue> = serde_json::from_str(text).map_err(not_understood)?;
                let turned: Vec<&str> = parts.iter().rev().map(|part| part.get()).collect();
                answer(200, format!("[{}]", turned.join(",")))
            }
            Shape::User(name) => {
                let users: Vec<&RawValue> = serde_json::from_str(text).map_err(not_understood)?;
                let is_named = |user: &&&RawValue| {
                    serde_json::from_str::<Named>(user.get()).is_ok_and(|known| known.name == name)
                };
                match users.iter().find(is_named) {
                    Some(user) => answer(200, user.get()),
                    None => return Err(Problem::not_found(format!("there is no user `{name}` any more"))),
                }
            }
            Shape::Plugins => {
                let plugins = list()?.into_iter().filter(|plugin| !is_script(plugin)).collect();
                answer(200, Value::Array(plugins).to_string())
            }
            Shape::Plugin(id) => {
                let found =
                    list()?.into_iter().filter(|plugin| !is_script(plugin) && plugin["id"] == *id).collect();
                return only(found, format!("there is no plugin `{id}`"));
            }
            Shape::Scripts => {
                let scripts = list()?.iter().filter(|plugin| is_script(plugin)).map(script).collect();
                answer(200, Value::Array(scripts).to_string())
            }
            Shape::Script(name) => {
                let all = list()?;
                let scripts = all.iter().filter(|plugin| is_script(plugin)).map(script);
                let found = scripts.filter(|script| script["name"] == *name).collect();
                return only(found, format!("there is no script `{name}`"));
            }
            Shape::Series(ups) => answer(200, json!({"ups": ups, "variables": list()?}).to_string()),
            Shape::Simulated(ups) => {
                let said: Value = serde_json::from_str(text).unwrap_or_default();
                answer(200, json!({"ups": ups, "answer": said}).to_string())
            }
        })
    }
}

fn is_script(plugin: &Value) -> bool {
    plugin["id"].as_str().is_some_and(|id| id.starts_with(SCRIPT))
}

/// A script, from the daemon's report on it as a plugin.
fn script(plugin: &Value) -> Value {
    let name = plugin["id"].as_str().and_then(|id| id.strip_prefix(SCRIPT)).unwrap_or_default();
    json!({
        "name": name, "state": plugin["state"], "error": plugin["last_failure"], "failed_at": plugin["failed_at"],
        "calls": plugin["calls"], "restarts": plugin["restarts"], "metrics": plugin["metrics"], "pages": plugin["pages"],
    })
}
