//! Answers, held against openapi.json. The checker fails on keywords that it does not know, so that no rule is passed over.

use std::sync::OnceLock;

use serde_json::Value;

use crate::scene::Answer;

/// The document.
pub(crate) fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT
        .get_or_init(|| serde_json::from_str(include_str!("../../../plugins/web-ui/openapi.json")).unwrap())
}

/// The answer to this request is one that the document foresees.
pub(crate) fn assert_foreseen(method: &str, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap();
    let fits = |pattern: &str| {
        let (wanted, there): (Vec<&str>, Vec<&str>) =
            (pattern.split('/').collect(), path.split('/').collect());
        let one = |(wanted, there): (&&str, &&str)| wanted == there || wanted.starts_with('{');
        wanted.len() == there.len() && wanted.iter().zip(&there).all(one)
    };
    let paths = document()["paths"].as_object().unwrap();
    let Some(operations) =
        paths.get(path).or_else(|| paths.iter().find(|(known, _)| fits(known)).map(|it| it.1))
    else {
        assert!([400, 404].contains(&answer.status), "{method} {path}: {answer:?}");
        return assert_problem(answer);
    };
    let Some(operation) = operations.get(method.to_ascii_lowercase()) else {
        assert_eq!(answer.status, 405, "{method} {path}: {answer:?}");
        assert!(answer.header("allow").is_some());
        return assert_problem(answer);
    };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {path}: {} is not foreseen: {answer:?}", answer.status);
    let response = followed(response);
    let Some(contents) = response["content"].as_object() else {
        assert!(answer.text.is_empty(), "{method} {path}: {answer:?}");
        return;
    };
    let kind = answer.header("content-type").unwrap();
    let content = contents.get(kind).unwrap_or_else(|| panic!("{method} {path}: {kind}"));
    let mut wrong = Vec::new();
    check(&content["schema"], &answer.json(), "$", &mut wrong);
    assert!(wrong.is_empty(), "{method} {path}: {wrong:#?}\n{answer:?}");
}

fn assert_problem(answer: &Answer) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    let mut wrong = Vec::new();
    check(&document()["components"]["schemas"]["Problem"], &answer.json(), "$", &mut wrong);
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(answer.json()["status"], answer.status);
}

fn followed(schema: &Value) -> &Value {
    match schema["$ref"].as_str() {
        Some(to) => document().pointer(to.strip_prefix('#').unwrap()).unwrap(),
        None => schema,
    }
}

fn check(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let schema = followed(schema);
    let rules = schema.as_object().unwrap();
    for (keyword, rule) in rules {
        let holds = match keyword.as_str() {
            "description" | "properties" | "additionalProperties" | "items" | "format" => true,
            "type" => match rule {
                Value::Array(names) => names.iter().any(|name| is(value, name.as_str().unwrap())),
                name => is(value, name.as_str().unwrap()),
            },
            "enum" => rule.as_array().unwrap().contains(value),
            "const" => rule == value,
            "required" => {
                let keys = rule.as_array().unwrap();
                keys.iter().all(|key| !value.is_object() || value.get(key.as_str().unwrap()).is_some())
            }
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
            // The one pattern in use is that of times.
            "pattern" => value
                .as_str()
                .is_none_or(|text| text.len() >= 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z')),
            other => panic!("the document uses `{other}`, which this checker does not know"),
        };
        if !holds {
            wrong.push(format!("{at}: {value} breaks {keyword} {rule}"));
        }
    }
    for (key, field) in value.as_object().into_iter().flatten() {
        let own = rules.get("properties").and_then(|properties| properties.get(key));
        match own.or(rules.get("additionalProperties")) {
            Some(Value::Bool(false)) => wrong.push(format!("{at}.{key}: there is no such field")),
            Some(schema) => check(schema, field, &format!("{at}.{key}"), wrong),
            None => {}
        }
    }
    if let Some(schema) = rules.get("items") {
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
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
        other => panic!("the document uses the type `{other}`"),
    }
}

#[test]
fn the_checker_finds_what_is_wrong() {
    let refused = |path: &str, text: &str| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n".to_owned();
        let answer = Answer { status: 200, head, text: text.to_owned() };
        std::panic::catch_unwind(|| assert_foreseen("GET", path, &answer)).is_err()
    };
    assert!(!refused("/api/v1", r#"{"name": "opennmc", "version": "1", "api": 1}"#));
    assert!(refused("/api/v1", r#"{"name": "opennmc", "version": "1", "api": 2}"#));
    assert!(refused("/api/v1", r#"{"name": "opennmc", "version": "1"}"#));
    assert!(refused("/api/v1", r#"{"name": "opennmc", "version": "1", "api": 1, "more": 1}"#));
    assert!(refused("/api/v1/users", r#"[{"name": "jo"}]"#));
    assert!(refused("/api/v1/nothing", "{}"));
}
