//! How the UPSes are.

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::lookup::Lookup;
use crate::problem::Problem;
use crate::step::Step;

/// Words for the tokens of `ups.status`, those that matter most first, as `opennmc status` has them.
const WORDS: [(&str, &str); 17] = [
    ("FSD", "forced shutdown"),
    ("LB", "low battery"),
    ("OFF", "output off"),
    ("OVER", "overloaded"),
    ("OB", "on battery"),
    ("OL", "on line"),
    ("BYPASS", "on bypass"),
    ("RB", "replace battery"),
    ("ALARM", "alarm"),
    ("CAL", "calibrating"),
    ("TEST", "testing itself"),
    ("TRIM", "trimming high input"),
    ("BOOST", "boosting low input"),
    ("CHRG", "charging"),
    ("DISCHRG", "discharging"),
    ("HB", "battery overcharged"),
    ("WAIT", "being read for the first time"),
];

/// Commands that the daemon wants confirmed, as they may take the power from the load or use up the battery. This is for
/// what a page asks its user; the daemon decides.
const DANGEROUS: [&str; 11] = [
    "bypass.start",
    "bypass.stop",
    "calibrate.start",
    "experimental.ecomode.start",
    "load.off",
    "load.on",
    "shutdown.reboot",
    "shutdown.return",
    "shutdown.stayoff",
    "test.battery.start",
    "test.failure.start",
];

/// `GET /api/v1/ups`.
pub fn list(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    Step::ask(json!({"do": "status"}), |_, told| {
        Ok(Step::json(200, &upses(&told).iter().map(flat).collect::<Value>()))
    })
}

/// `GET /api/v1/ups/{ups}`.
pub fn one(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    of_one(call, |_, ups| Ok(flat(ups)))
}

/// `GET /api/v1/ups/{ups}/variables`.
pub fn variables(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    of_one(call, |_, ups| {
        Ok(json!({
            "ups": ups["name"], "availability": ups["availability"], "heard_at": ups["heard_at"],
            "age_s": ups["age_s"], "variables": ups["variables"],
        }))
    })
}

/// `GET /api/v1/ups/{ups}/variables/{name}`.
pub fn variable(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    let name = call.part(1);
    of_one(call, move |lookup, ups| {
        let variable = ups["variables"].get(&name);
        let variable = variable.ok_or_else(|| Problem::none("this UPS has no such variable now"))?;
        Ok(described(lookup, &name, variable))
    })
}

/// `GET /api/v1/ups/{ups}/settings`.
pub fn settings(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    of_one(call, |lookup, ups| {
        let variables = ups["variables"].as_object().into_iter().flatten();
        let settable = variables.filter(|(_, variable)| variable["settable"] == true);
        Ok(settable.map(|(name, variable)| described(lookup, name, variable)).collect())
    })
}

/// `GET /api/v1/ups/{ups}/commands`.
pub fn commands(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    of_one(call, |lookup, ups| {
        let names = ups["commands"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Ok(names
            .map(|name| {
                let danger = DANGEROUS.contains(&name);
                json!({"name": name, "description": lookup.command(name), "danger": danger})
            })
            .collect())
    })
}

/// `GET /status.json`.
pub fn simple(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    Step::ask(json!({"do": "status"}), |_, told| {
        let upses: Value = upses(&told).iter().map(simplified).collect();
        Ok(Step::json(200, &json!({"upses": upses})))
    })
}

/// Asks for the UPS of the path and shows it so.
fn of_one(
    call: &Call,
    show: impl FnOnce(&dyn Lookup, &Value) -> Result<Value, Problem> + 'static,
) -> Result<Step, Problem> {
    call.only(&[])?;
    Step::ask(json!({"do": "status", "ups": call.part(0)}), move |lookup, told| {
        let ups = upses(&told).first().ok_or_else(|| Problem::none("there is no such UPS"))?;
        Ok(Step::json(200, &show(lookup, ups)?))
    })
}

fn upses(told: &Value) -> &[Value] {
    told["upses"].as_array().map_or(&[], Vec::as_slice)
}

/// Variables by name with their values alone, and the state in words.
fn flat(ups: &Value) -> Value {
    let variables = ups["variables"].as_object().into_iter().flatten();
    let values: Map<String, Value> =
        variables.map(|(name, variable)| (name.clone(), variable["value"].clone())).collect();
    json!({
        "name": ups["name"], "description": ups["description"], "availability": ups["availability"],
        "state": state(ups), "heard_at": ups["heard_at"], "age_s": ups["age_s"], "commands": ups["commands"],
        "variables": values,
    })
}

fn state(ups: &Value) -> String {
    match ups["availability"].as_str() {
        Some("waiting") => return "not heard yet".to_owned(),
        Some("disconnected") => return "not connected".to_owned(),
        Some("stale") => return "no contact".to_owned(),
        _ => {}
    }
    let tokens = tokens(ups);
    let known = WORDS.iter().filter(|(token, _)| tokens.contains(token)).map(|(_, words)| *words);
    let others = tokens.iter().copied().filter(|token| WORDS.iter().all(|(known, _)| known != token));
    let words: Vec<&str> = known.chain(others).collect();
    if words.is_empty() { "state unknown".to_owned() } else { words.join(", ") }
}

fn tokens(ups: &Value) -> Vec<&str> {
    value(ups, "ups.status").unwrap_or_default().split_ascii_whitespace().collect()
}

fn value<'v>(ups: &'v Value, name: &str) -> Option<&'v str> {
    ups["variables"].get(name)?.get("value")?.as_str()
}

fn simplified(ups: &Value) -> Value {
    let number = |name| value(ups, name)?.parse().ok().filter(|number: &f64| number.is_finite());
    let tokens = tokens(ups);
    json!({
        "name": ups["name"], "status": tokens, "availability": ups["availability"],
        "charge": number("battery.charge"), "runtime": number("battery.runtime"), "load": number("ups.load"),
        "input_voltage": number("input.voltage"), "on_battery": tokens.contains(&"OB"),
        "low_battery": tokens.contains(&"LB"), "age_s": ups["age_s"],
    })
}

fn described(lookup: &dyn Lookup, name: &str, variable: &Value) -> Value {
    let mut fields = variable.as_object().cloned().unwrap_or_default();
    fields.insert("name".to_owned(), name.into());
    fields.insert("description".to_owned(), lookup.variable(name).into());
    Value::Object(fields)
}
