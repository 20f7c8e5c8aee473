//! Plugins, and scripts, which are plugins with an id `script.NAME`.

use serde_json::{Value, json};

use crate::call::Call;
use crate::lookup::Lookup;
use crate::problem::Problem;
use crate::step::Step;

const SCRIPT: &str = "script.";

/// `GET /api/v1/plugins`.
pub fn list(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    Step::pass_on(json!({"do": "plugins"}))
}

/// `GET /api/v1/plugins/{id}`.
pub fn one(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    find(call, call.part(0), Value::clone)
}

/// `GET /api/v1/plugins/{id}/log`.
pub fn log(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    Step::pass_on(plugin("logs", call.part(0)))
}

/// `POST /api/v1/plugins/{id}/enable`.
pub fn enable(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    done(call, "enable")
}

/// `POST /api/v1/plugins/{id}/disable`.
pub fn disable(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    done(call, "disable")
}

/// `POST /api/v1/plugins/{id}/restart`.
pub fn restart(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    done(call, "restart")
}

/// `GET /api/v1/scripts`.
pub fn scripts(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    Step::ask(json!({"do": "plugins"}), |_, told| {
        let all = told.as_array().into_iter().flatten();
        let is_script = |plugin: &&Value| plugin["id"].as_str().is_some_and(|id| id.starts_with(SCRIPT));
        Ok(Step::json(200, &all.filter(is_script).map(as_script).collect()))
    })
}

/// `GET /api/v1/scripts/{name}`.
pub fn script(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    find(call, format!("{SCRIPT}{}", call.part(0)), as_script)
}

/// `GET /api/v1/scripts/{name}/log`.
pub fn script_log(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    Step::pass_on(plugin("logs", format!("{SCRIPT}{}", call.part(0))))
}

fn plugin(what: &str, id: String) -> Value {
    json!({"do": "plugin", "plugin": {"what": what, "id": id}})
}

fn done(call: &Call, what: &str) -> Result<Step, Problem> {
    call.only(&[])?;
    Step::ask(plugin(what, call.part(0)), |_, _| Ok(Step::json(200, &json!({"done": true}))))
}

fn find(call: &Call, id: String, show: fn(&Value) -> Value) -> Result<Step, Problem> {
    call.only(&[])?;
    Step::ask(json!({"do": "plugins"}), move |_, told| {
        let found = told.as_array().into_iter().flatten().find(|plugin| plugin["id"] == id.as_str());
        let none = || Problem::none("no such plugin or script is running or configured");
        found.map(|plugin| Step::json(200, &show(plugin))).ok_or_else(none)
    })
}

fn as_script(plugin: &Value) -> Value {
    let name = plugin["id"].as_str().map(|id| id.strip_prefix(SCRIPT).unwrap_or(id));
    json!({
        "name": name, "state": plugin["state"], "error": plugin["last_failure"], "failed_at": plugin["failed_at"],
        "calls": plugin["calls"], "restarts": plugin["restarts"], "metrics": plugin["metrics"],
        "pages": plugin["pages"],
    })
}
