//! Real output of `--json`, held against the schemas in docs/schema/.
//!
//! The checker knows the keywords that those schemas use and fails on any other, so that no rule is passed over.

use std::path::Path;

use serde_json::Value;

/// What is wrong with `value` by the schema `name`.
pub(crate) fn assert_valid(name: &str, value: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/schema/{name}.json"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut wrong = Vec::new();
    check(&schema, value, "$", &mut wrong);
    assert!(wrong.is_empty(), "{name}: {wrong:#?}\n{value:#}");
}

fn check(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let mut complain = |what: String| wrong.push(format!("{at}: {what}"));
    let rules = schema.as_object().unwrap();
    for (keyword, rule) in rules {
        match keyword.as_str() {
            "$schema" | "title" | "description" | "properties" | "additionalProperties" | "items" => {}
            "type" => {
                let names: Vec<&str> = match rule {
                    Value::Array(names) => names.iter().map(|name| name.as_str().unwrap()).collect(),
                    name => vec![name.as_str().unwrap()],
                };
                if !names.iter().any(|name| is(value, name)) {
                    complain(format!("{value} is none of {names:?}"));
                }
            }
            "enum" if !rule.as_array().unwrap().contains(value) => {
                complain(format!("{value} is not in {rule}"))
            }
            "enum" => {}
            "required" => {
                for key in rule.as_array().unwrap() {
                    if value.is_object() && value.get(key.as_str().unwrap()).is_none() {
                        complain(format!("{key} is missing"));
                    }
                }
            }
            "pattern" => {
                // The one pattern in use is that of times.
                let is_time =
                    |text: &str| text.len() >= 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z');
                if value.as_str().is_some_and(|text| !is_time(text)) {
                    complain(format!("{value} is not a time"));
                }
            }
            other => panic!("the schema uses `{other}`, which this checker does not know"),
        }
    }
    if let Value::Object(fields) = value {
        for (key, field) in fields {
            let own = rules.get("properties").and_then(|properties| properties.get(key));
            match own.or(rules.get("additionalProperties")) {
                Some(Value::Bool(false)) => wrong.push(format!("{at}.{key}: there is no such field")),
                Some(schema) => check(schema, field, &format!("{at}.{key}"), wrong),
                None => {}
            }
        }
    }
    if let (Value::Array(items), Some(schema)) = (value, rules.get("items")) {
        for (index, item) in items.iter().enumerate() {
            check(schema, item, &format!("{at}[{index}]"), wrong);
        }
    }
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the schema uses the type `{other}`"),
    }
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let refused = |name: &str, text: &str| {
        let value: Value = serde_json::from_str(text).unwrap();
        std::panic::catch_unwind(|| assert_valid(name, &value)).is_err()
    };
    assert!(!refused("log-level", r#"{"level": "info"}"#));
    assert!(refused("log-level", r#"{"level": 1}"#));
    assert!(refused("log-level", r#"{}"#));
    assert!(refused("log-level", r#"{"level": "info", "more": 1}"#));
    assert!(refused("reload", r#"{"changed": [1], "needs_restart": []}"#));
    assert!(refused("order", r#"{"order": null, "result": "fine", "message": null}"#));
    assert!(refused("event", r#"{"id":1,"at":"now","kind":"x","severity":"info","ups":null,"fields":{}}"#));
}
