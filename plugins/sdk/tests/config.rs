//! The configuration as the host hands it over, read into a plugin's own type.

use opennmc_plugin::parse_config;
use serde::Deserialize;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Config {
    max_connections: u32,
    greeting: String,
    ratio: f64,
    enabled: bool,
    #[serde(default)]
    names: Vec<String>,
    limit: Option<u64>,
    room: Option<Room>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Room {
    kind: Kind,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Rack,
    Office,
}

const WHOLE: &str = r#" { "max-connections": 7, "greeting": "a \"b\" \u00e4 \\ é", "ratio": 1.5, "enabled": true,
    "names": ["x", "y\n"], "limit": null, "room": { "kind": "rack" } } "#;

#[test]
fn every_shape_that_a_toml_table_takes_is_read() {
    let config: Config = parse_config(WHOLE).unwrap();
    let expected = Config {
        max_connections: 7,
        greeting: "a \"b\" ä \\ é".to_owned(),
        ratio: 1.5,
        enabled: true,
        names: vec!["x".to_owned(), "y\n".to_owned()],
        limit: None,
        room: Some(Room { kind: Kind::Rack }),
    };
    assert_eq!(config, expected);
}

#[test]
fn what_does_not_fit_the_type_is_an_error() {
    let minimal = r#"{"max-connections":1,"greeting":"","ratio":0,"enabled":false,"limit":3}"#;
    assert!(parse_config::<Config>(minimal).is_ok());
    let broken = [
        "",
        "{",
        "[]",
        r#"{"max-connections":1}"#,
        &minimal.replace("1,", "-1,"),
        &minimal.replace("\"\"", "5"),
        &minimal.replace("\"limit\"", "\"limits\""),
        &format!("{minimal} x"),
        &WHOLE.replace("\"rack\"", "\"cellar\""),
    ];
    for json in broken {
        assert!(parse_config::<Config>(json).is_err(), "{json}");
    }
}
