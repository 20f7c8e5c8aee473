//! `[plugin.ID]`: which plugins run, and what they are given.
//!
//! Only the host's own keys are checked here. What stands under `config` is checked against the shape in the plugin's
//! package when that is read.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::section::{Reader, Section};
use crate::plugin::{Allow, Digest, LimitsOverride, ListenAddress, Signer, SignerKey};

/// One plugin, as configured.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PluginSection {
    /// The id in the package's `plugin.toml`.
    pub id: String,
    /// This very file instead of the newest with the id in the plugin folders.
    pub package: Option<PathBuf>,
    /// The only `plugin.wasm` that it may be.
    pub sha256: Option<Digest>,
    /// False keeps the section and does not start the plugin.
    pub enabled: bool,
    /// Addresses by the name the plugin gave to a listener; what is not here keeps the plugin's default.
    pub listen: BTreeMap<String, Vec<ListenAddress>>,
    /// Likewise, for its UDP sockets.
    pub listen_udp: BTreeMap<String, Vec<SocketAddr>>,
    /// Limits in the place of the plugin's own.
    pub limits: LimitsOverride,
    /// What is granted in the place of what the plugin asks for.
    pub allow: Allow,
    /// What the plugin itself understands.
    pub config: toml::Table,
}

pub(super) fn read_all(reader: &mut Reader<'_>, file: &mut Section<'_>) -> Vec<PluginSection> {
    let mut all = Vec::new();
    let mut taken: BTreeMap<ListenAddress, String> = BTreeMap::new();
    for (id, mut section) in file.named_sections(reader, "plugin") {
        if !is_id(id.get_ref()) {
            let message = format!(
                "`{}` can't be a plugin's id: it has lower-case letters, digits and `-`",
                id.get_ref()
            );
            reader.problem(id.span(), "plugin", message);
        }
        let plugin = read_one(reader, id.into_inner(), &mut section);
        for address in
            plugin.listen.values().flatten().filter(|address| plugin.enabled && address.is_exclusive())
        {
            if let Some(other) = taken.insert(address.clone(), plugin.id.clone()) {
                let message = format!("{address} is already taken by `plugin.{other}`");
                reader.problem(section.value_span("listen"), section.path_of("listen"), message);
            }
        }
        section.finish(reader);
        all.push(plugin);
    }
    all
}

/// `[signer.NAME]`: whose signatures of packages count.
pub(super) fn read_signers(reader: &mut Reader<'_>, file: &mut Section<'_>) -> Vec<Signer> {
    let mut all = Vec::new();
    for (name, mut section) in file.named_sections(reader, "signer") {
        let key: Option<SignerKey> = section.required(reader, "key", "key = \"RW…\"");
        let precompile = section.optional(reader, "precompile").unwrap_or(false);
        section.finish(reader);
        all.extend(key.map(|key| Signer::new(name.into_inner(), key, precompile)));
    }
    all
}

fn read_one(reader: &mut Reader<'_>, id: String, section: &mut Section<'_>) -> PluginSection {
    PluginSection {
        id,
        package: section.optional(reader, "package"),
        enabled: section.optional(reader, "enabled").unwrap_or(true),
        sha256: section.optional(reader, "sha256"),
        listen: section.optional(reader, "listen").unwrap_or_default(),
        listen_udp: addresses(reader, section, "listen-udp"),
        limits: section.optional(reader, "limits").unwrap_or_default(),
        allow: section.optional(reader, "allow").unwrap_or_default(),
        config: section.optional(reader, "config").unwrap_or_default(),
    }
}

fn addresses(
    reader: &mut Reader<'_>,
    section: &mut Section<'_>,
    key: &'static str,
) -> BTreeMap<String, Vec<SocketAddr>> {
    let listen: Option<BTreeMap<String, Vec<Address>>> = section.optional(reader, key);
    let plain = |list: Vec<Address>| list.into_iter().map(|Address(address)| address).collect();
    listen.unwrap_or_default().into_iter().map(|(name, list)| (name, plain(list))).collect()
}

fn is_id(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    !text.is_empty() && text.chars().all(fits)
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Address(pub(super) SocketAddr);

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Address, String> {
        text.parse().map(Address).map_err(|_| {
            format!("`{text}` is not an address with a port; write for example `127.0.0.1:3493`, `[::1]:3493` or `0.0.0.0:3493`")
        })
    }
}
