//! `plugin.toml` and the code say the same.

use serde::Deserialize;

#[derive(Deserialize)]
struct Manifest {
    plugin: Identity,
}

#[derive(Deserialize)]
struct Identity {
    id: String,
    version: String,
}

#[test]
fn the_manifest_is_of_this_package() {
    let manifest: Manifest = toml::from_str(include_str!("../plugin.toml")).unwrap();
    assert_eq!(manifest.plugin.id, env!("CARGO_PKG_NAME"));
    assert_eq!(manifest.plugin.version, env!("CARGO_PKG_VERSION"));
}
