//! What one plugin may do here: its manifest's needs, as the operator's settings have them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::manifest::{ControlAccess, Limits, UpsAccess};
use super::{Manifest, PluginError, PluginSettings};

/// What one plugin may do. Whatever is not here does not exist for the plugin.
#[derive(Debug, Clone)]
pub struct Grant {
    /// How far it reaches the UPSes; `None`: not at all.
    pub ups: Option<UpsAccess>,
    /// Its TCP listeners by name.
    pub listen: BTreeMap<String, Vec<SocketAddr>>,
    /// Whether people may log in with it.
    pub auth: bool,
    /// How far it may act on the UPSes; `None`: not at all.
    pub control: Option<ControlAccess>,
    /// How much it may use.
    pub limits: Limits,
}

impl Grant {
    /// Reads the grant from what the plugin asks for and what the operator set.
    pub fn new(manifest: &Manifest, settings: &PluginSettings) -> Result<Self, PluginError> {
        let mut listen = manifest.needs.listen.clone();
        for (name, addresses) in &settings.listen {
            let Some(slot) = listen.get_mut(name) else {
                let known = listen.keys().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
                let known =
                    if known.is_empty() { "it has none".to_owned() } else { format!("it has {known}") };
                let problem = format!("listen: the plugin has no listener `{name}`; {known}");
                return Err(PluginError::Settings { id: settings.id.clone(), problem });
            };
            slot.clone_from(addresses);
        }
        Ok(Self {
            ups: manifest.needs.ups,
            listen,
            auth: manifest.needs.auth,
            control: manifest.needs.control,
            limits: manifest.limits,
        })
    }

    /// Whether any address is listened on.
    pub fn listens(&self) -> bool {
        !self.listen.is_empty()
    }
}
