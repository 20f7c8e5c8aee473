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
    /// Of one address; 0: as many as there may be in all.
    pub max_connections_per_address: usize,
    /// Whether who has not logged in may read.
    pub anonymous_read: bool,
    /// Who may connect.
    pub allow: Allow,
}

/// Addresses and networks by listener; an empty list takes everybody.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the listeners'")]
pub struct Allow {
    pub nut: Vec<String>,
    pub guests: Vec<String>,
}
