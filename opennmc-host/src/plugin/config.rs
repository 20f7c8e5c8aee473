//! A plugin's configuration: the manifest's defaults overlaid by the operator's settings, as JSON for the guest.

use serde_json::Value as Json;
use toml::{Table, Value};

use super::{Manifest, PluginError};

/// The whole configuration of a plugin as JSON text, or the first key that does not fit the manifest's shape.
pub fn effective_config(manifest: &Manifest, settings: &Table) -> Result<String, PluginError> {
    let mut config = manifest.config.clone();
    match overlay(&mut config, settings, &[]).into_iter().next() {
        None => Ok(json(&Value::Table(config)).to_string()),
        Some(misfit) => Err(PluginError::Settings {
            id: manifest.plugin.id.clone(),
            problem: format!("config: {}", misfit.problem),
        }),
    }
}

/// Everything in `settings` that does not fit the manifest's shape.
pub fn misfits(manifest: &Manifest, settings: &Table) -> Vec<Misfit> {
    overlay(&mut manifest.config.clone(), settings, &[])
}

/// One key that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// From the plugin's `config` down.
    pub path: Vec<String>,
    /// What is wrong, and what would be right.
    pub problem: String,
}

fn overlay(shape: &mut Table, settings: &Table, above: &[String]) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    for (key, value) in settings {
        let below = |key: &String| [above, std::slice::from_ref(key)].concat();
        let path = below(key);
        let name = path.join(".");
        let Some(slot) = shape.get_mut(key) else {
            let known = shape.keys().map(|known| format!("`{}`", below(known).join(".")));
            let known = known.collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {known}") };
            misfits.push(Misfit { path, problem: format!("the plugin has no key `{name}`; {known}") });
            continue;
        };
        match (slot, value) {
            // An empty table in the manifest takes any keys: a map whose names the operator chooses.
            (Value::Table(inner), Value::Table(table)) if !inner.is_empty() => {
                misfits.extend(overlay(inner, table, &path));
            }
            (slot @ Value::Float(_), Value::Integer(whole)) => *slot = Value::Float(*whole as f64),
            (slot, value) if slot.same_type(value) => *slot = value.clone(),
            (slot, value) => {
                let (wanted, found) = (slot.type_str(), value.type_str());
                misfits.push(Misfit {
                    path,
                    problem: format!("`{name}` must be of type {wanted}, not {found}"),
                });
            }
        }
    }
    misfits
}

fn json(value: &Value) -> Json {
    match value {
        Value::String(text) => Json::from(text.as_str()),
        Value::Integer(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::Boolean(truth) => Json::from(*truth),
        Value::Datetime(moment) => Json::from(moment.to_string()),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Table(table) => {
            Json::Object(table.iter().map(|(key, item)| (key.clone(), json(item))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const MANIFEST: &str = r#"
        [plugin]
        id = "x"
        version = "1.0.0"
        api = "0.1"
        summary = "x"
        [config]
        max = 4096
        ratio = 0.5
        limits = { idle = 60 }
        users = {}
    "#;

    fn effective(settings: &str) -> Result<Json, String> {
        let manifest = Manifest::parse(Path::new("x"), MANIFEST).unwrap();
        effective_config(&manifest, &toml::from_str(settings).unwrap())
            .map(|text| serde_json::from_str(&text).unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_stand_where_nothing_is_set() {
        let config = effective("").unwrap();
        assert_eq!(
            config,
            serde_json::json!({"max": 4096, "ratio": 0.5, "limits": {"idle": 60}, "users": {}})
        );
    }

    #[test]
    fn settings_win_and_open_tables_take_any_name() {
        let config = effective("max = 7\nratio = 1\nlimits.idle = 5\nusers.anna = 1").unwrap();
        let expected =
            serde_json::json!({"max": 7, "ratio": 1.0, "limits": {"idle": 5}, "users": {"anna": 1}});
        assert_eq!(config, expected);
    }

    #[test]
    fn an_unknown_or_ill_typed_key_is_named() {
        let error = effective("limits.idel = 5").unwrap_err();
        assert!(error.contains("`limits.idel`") && error.contains("`limits.idle`"), "{error}");
        let error = effective("max = \"7\"").unwrap_err();
        assert!(error.contains("`max`") && error.contains("integer"), "{error}");
    }
}
