//! What was: events, the audit, and what was measured. Events and the audit come newest first.

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::lookup::Lookup;
use crate::problem::Problem;
use crate::step::Step;

/// When nobody says how many.
const USUAL_LIMIT: u64 = 100;
const MOST: u64 = 1000;
const USUAL_POINTS: u64 = 300;
const MOST_POINTS: u64 = 2000;
/// How far back measurements go when nobody says.
const USUAL_SPAN_MS: u64 = 24 * 3600 * 1000;

/// `GET /api/v1/events`.
pub fn events(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&["ups", "kind", "severity", "from", "to", "before", "limit"])?;
    let mut query = logged(call, "events")?;
    if let Some(severity) = call.parameter("severity") {
        if !["info", "warning", "critical"].contains(&severity) {
            return Err(Problem::bad("`severity` in the query is info, warning or critical"));
        }
        query.insert("severity".to_owned(), severity.into());
    }
    if let Some(kind) = call.parameter("kind") {
        if kind.contains('*') {
            return Err(Problem::bad(
                "`kind` in the query is how kinds begin, such as `ups.`, without a `*`",
            ));
        }
        query.insert("kind".to_owned(), kind.into());
    }
    if let Some(before) = call.number("before", 1, i64::MAX as u64)? {
        query.insert("before".to_owned(), before.into());
    }
    newest_first(query)
}

/// `GET /api/v1/audit`.
pub fn audit(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&["ups", "user", "from", "to", "limit"])?;
    let mut query = logged(call, "audit")?;
    if let Some(user) = call.parameter("user") {
        query.insert("user".to_owned(), user.into());
    }
    newest_first(query)
}

/// `GET /api/v1/ups/{ups}/series`.
pub fn series(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    let ups = call.part(0);
    Step::ask(json!({"do": "series", "ups": ups}), move |lookup, told| {
        let nothing = told.as_array().is_none_or(Vec::is_empty);
        known(lookup, &ups, nothing)?;
        Ok(Step::json(200, &json!({"ups": ups, "variables": told})))
    })
}

/// `GET /api/v1/ups/{ups}/history`.
pub fn samples(call: &Call, lookup: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&["variable", "from", "to", "points"])?;
    let variable = call.parameter("variable").filter(|variable| !variable.is_empty());
    let variable = variable.ok_or_else(|| Problem::bad("`variable` is missing in the query"))?;
    let until = call.moment("to")?.unwrap_or_else(|| lookup.now_ms().saturating_add(1));
    let since = call.moment("from")?.unwrap_or_else(|| until.saturating_sub(USUAL_SPAN_MS));
    if since >= until {
        return Err(Problem::bad("`from` in the query must be before `to`"));
    }
    let points = call.number("points", 1, MOST_POINTS)?.unwrap_or(USUAL_POINTS);
    let ups = call.part(0);
    let query = json!({
        "do": "samples", "ups": ups, "variable": variable, "since_ms": since, "until_ms": until,
        "resolution": points.to_string(),
    });
    Step::ask(query, move |lookup, told| {
        known(lookup, &ups, told["points"].as_array().is_none_or(Vec::is_empty))?;
        Ok(Step::json(200, &told))
    })
}

/// A UPS that is gone may have a past; one without that never was.
fn known(lookup: &dyn Lookup, ups: &str, nothing: bool) -> Result<(), Problem> {
    if nothing && !lookup.has_ups(ups) { Err(Problem::none("there is no such UPS")) } else { Ok(()) }
}

/// What both logs can be asked for.
fn logged(call: &Call, what: &str) -> Result<Map<String, Value>, Problem> {
    let mut query = Map::new();
    query.insert("do".to_owned(), what.into());
    if let Some(ups) = call.parameter("ups") {
        query.insert("ups".to_owned(), ups.into());
    }
    for (parameter, field) in [("from", "since_ms"), ("to", "until_ms")] {
        if let Some(at) = call.moment(parameter)? {
            query.insert(field.to_owned(), at.into());
        }
    }
    let limit = call.number("limit", 1, MOST)?.unwrap_or(USUAL_LIMIT);
    query.insert("last".to_owned(), limit.into());
    Ok(query)
}

fn newest_first(query: Map<String, Value>) -> Result<Step, Problem> {
    Step::ask(Value::Object(query), |_, mut told| {
        if let Some(items) = told.as_array_mut() {
            items.reverse();
        }
        Ok(Step::json(200, &told))
    })
}
