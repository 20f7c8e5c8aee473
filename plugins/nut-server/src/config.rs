//! What the operator can set, with the names and defaults of `plugin.toml`.

use serde::Deserialize;

/// The plugin's configuration. The host fills in every default before the plugin sees it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Connections beyond this are refused.
    pub max_connections: usize,
    /// A client that sends no complete request for this many seconds is disconnected; 0 lets it stay for ever.
    pub idle_seconds: u64,
}
