//! Users and tokens.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::call::{Call, missing};
use crate::lookup::Lookup;
use crate::problem::Problem;
use crate::step::Step;

const ROLES: [&str; 4] = ["administrator", "operator", "monitor", "backup"];
const LONGEST_NAME: usize = 64;
const LONGEST_PASSWORD: usize = 1024;
const LONGEST_LABEL: usize = 200;

/// `GET /api/v1/users`.
pub fn users(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    Step::pass_on(user(json!({"what": "list"})))
}

/// `POST /api/v1/users`.
pub fn add_user(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    let body = call.body(&["name", "role", "scopes", "password"])?;
    let name = body.text("name", 1, LONGEST_NAME)?;
    let role = body.word_if_any("role", &ROLES)?.ok_or_else(|| missing("role"))?;
    let scopes = body.scopes_if_any("scopes")?.unwrap_or_default();
    let password = body.text_if_any("password", 1, LONGEST_PASSWORD)?;
    let request = json!({"what": "add", "name": name, "role": role, "scopes": scopes, "password": password});
    made(user(request))
}

/// `PATCH /api/v1/users/{name}`: one change after the other; what can't be done stops it, and the answer says what was.
pub fn change_user(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    let body = call.body(&["password", "role", "scopes", "unlock"])?;
    if body.is_empty() {
        return Err(Problem::bad("the body says nothing to change"));
    }
    let name = call.part(0);
    let mut changes = VecDeque::new();
    if let Some(role) = body.word_if_any("role", &ROLES)? {
        changes.push_back(("role", json!({"what": "role", "name": name, "role": role})));
    }
    if let Some(scopes) = body.scopes_if_any("scopes")? {
        changes.push_back(("scopes", json!({"what": "scopes", "name": name, "scopes": scopes})));
    }
    if let Some(password) = body.text_if_any("password", 1, LONGEST_PASSWORD)? {
        changes.push_back(("password", json!({"what": "password", "name": name, "password": password})));
    }
    match body.flag_if_any("unlock")? {
        Some(true) => changes.push_back(("lock-out", json!({"what": "unlock", "name": name}))),
        Some(false) => return Err(Problem::bad("`unlock` in the body can only be true")),
        None => {}
    }
    change(name, changes, Vec::new())
}

/// `DELETE /api/v1/users/{name}`.
pub fn remove_user(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    gone(user(json!({"what": "remove", "name": call.part(0)})))
}

/// `GET /api/v1/tokens`.
pub fn tokens(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    Step::pass_on(user(json!({"what": "token-list"})))
}

/// `POST /api/v1/tokens`.
pub fn add_token(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    let body = call.body(&["user", "label", "scopes", "lifetime_s"])?;
    let name = body.text("user", 1, LONGEST_NAME)?;
    let label = body.text_if_any("label", 0, LONGEST_LABEL)?.unwrap_or_default();
    let scopes = body.scopes_if_any("scopes")?.unwrap_or_default();
    let lifetime = body.count_if_any("lifetime_s")?;
    made(user(
        json!({"what": "token-add", "name": name, "label": label, "scopes": scopes, "lifetime_s": lifetime}),
    ))
}

/// `DELETE /api/v1/tokens/{id}`.
pub fn revoke_token(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    gone(user(json!({"what": "token-revoke", "id": call.part(0)})))
}

fn user(what: Value) -> Value {
    json!({"do": "user", "user": what})
}

fn made(request: Value) -> Result<Step, Problem> {
    Step::ask(request, |_, told| Ok(Step::json(201, &told)))
}

fn gone(request: Value) -> Result<Step, Problem> {
    Step::ask(request, |_, _| Ok(Step::nothing()))
}

/// The next change; after the last the user as it is then.
fn change(
    name: String,
    mut changes: VecDeque<(&'static str, Value)>,
    mut done: Vec<&'static str>,
) -> Result<Step, Problem> {
    let Some((what, request)) = changes.pop_front() else {
        return Step::ask(user(json!({"what": "list"})), move |_, told| {
            let found = told.as_array().into_iter().flatten().find(|user| user["name"] == name.as_str());
            found.map(|user| Step::json(200, user)).ok_or_else(|| Problem::none("there is no such user"))
        });
    };
    let then = move |_: &dyn Lookup, told: Result<Value, _>| match told {
        Ok(_) => {
            done.push(what);
            change(name, changes, done)
        }
        Err(refusal) => {
            let mut problem = Problem::from(refusal);
            if !done.is_empty() {
                problem.detail =
                    format!("{}; what was changed before that: {}", problem.detail, done.join(", "));
            }
            Err(problem)
        }
    };
    Ok(Step::Ask(user(request), Box::new(then)))
}
