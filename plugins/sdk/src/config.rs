//! The plugin's configuration: JSON text into the plugin's own type, once, at the start.
//!
//! The host has checked keys and types against `plugin.toml` before, so the reader here may be small: it needs a type that
//! says what it expects (no untagged enums, free-form values or tables with arbitrary keys), and its messages don't name
//! the key. A plugin that needs more reads its configuration itself: [`crate::Plugin::read_config`].

use core::fmt;

use serde::de::DeserializeOwned;

/// Reads a plugin's configuration: structures, numbers, texts, booleans, lists, options and plain enums.
///
/// # Panics
///
/// For a map with `String` keys, whatever the text: the plugin's first test finds it.
pub fn parse_config<C: DeserializeOwned>(json: &str) -> Result<C, ConfigError> {
    // A text without its escapes is never longer than with them.
    let mut unescaped = vec![0; json.len()];
    let (config, used) =
        serde_json_core::from_str_escaped(json, &mut unescaped).map_err(ConfigError::Malformed)?;
    match json.get(used..).map(str::trim_start) {
        Some("") => Ok(config),
        _ => Err(ConfigError::Trailing),
    }
}

/// The configuration does not have the shape that the plugin expects.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not JSON, or of another type than the plugin expects.
    Malformed(serde_json_core::de::Error),
    /// Something follows the configuration.
    Trailing,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the plugin's configuration is not usable: ")?;
        match self {
            ConfigError::Malformed(error) => write!(f, "{error}"),
            ConfigError::Trailing => f.write_str("something follows it"),
        }
    }
}

impl core::error::Error for ConfigError {}
