//! `plugin.toml` and the code say the same.

use nut_server::Config;
use serde::Deserialize;

#[derive(Deserialize)]
struct Manifest {
    plugin: Identity,
    limits: Limits,
    config: Config,
}

#[derive(Deserialize)]
struct Identity {
    id: String,
    version: String,
}

#[derive(Deserialize)]
struct Limits {
    connections: usize,
}

#[test]
fn the_manifest_s_defaults_are_a_configuration_that_the_plugin_can_use() {
    let manifest: Manifest = toml::from_str(include_str!("../plugin.toml")).unwrap();
    assert_eq!(manifest.plugin.id, env!("CARGO_PKG_NAME"));
    assert_eq!(manifest.plugin.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest.config.max_connections, manifest.limits.connections);
    assert!(manifest.config.idle_seconds > 0);
}
