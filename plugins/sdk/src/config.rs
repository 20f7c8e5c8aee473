//! The plugin's configuration: JSON text into the plugin's own type, once, at the start.

use core::fmt;

use serde::de::DeserializeOwned;

/// Reads a plugin's configuration.
pub fn parse_config<C: DeserializeOwned>(json: &str) -> Result<C, ConfigError> {
    serde_json::from_str(json).map_err(ConfigError)
}

/// The configuration does not have the shape that the plugin expects.
#[derive(Debug)]
pub struct ConfigError(serde_json::Error);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the plugin's configuration is not usable: {}", self.0)
    }
}

impl core::error::Error for ConfigError {}
