//! What one plugin may do here: its manifest's needs, as the operator's settings have them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::manifest::{ControlAccess, Destination, Limits, Needs, Scheme};
use super::{Manifest, PluginError, PluginSettings};

/// What one plugin may do. Whatever is not here does not exist for the plugin.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Its abilities, with the operator's addresses, destinations and names in the place of the manifest's.
    pub needs: Needs,
    /// How much it may use.
    pub limits: Limits,
}

/// `allow` in `[plugin.ID]`: what the operator grants in the place of what the manifest asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct Allow {
    /// Where it may connect to.
    pub connect: Option<BTreeSet<Destination>>,
    /// What it may do to UPSes in its own name.
    pub ups: Option<AllowUps>,
}

/// `allow.ups`: what a plugin may do to UPSes in its own name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct AllowUps {
    /// Commands by their NUT names.
    pub commands: BTreeSet<String>,
    /// Variables by their NUT names.
    pub variables: BTreeSet<String>,
    /// Set and clear the forced shutdown.
    pub forced_shutdown: bool,
}

impl Grant {
    /// Reads the grant from what the plugin asks for and what the operator set.
    pub fn new(manifest: &Manifest, settings: &PluginSettings) -> Result<Self, PluginError> {
        let wrong = |problem: String| PluginError::Settings { id: settings.id.clone(), problem };
        let mut needs = manifest.needs.clone();
        let may_listen = |name: &str| manifest.needs.may_listen(name);
        replace("listen", &mut needs.listen, &settings.listen, may_listen).map_err(wrong)?;
        let may_receive = |name: &str| manifest.needs.listen_udp.contains_key(name);
        replace("listen-udp", &mut needs.listen_udp, &settings.listen_udp, may_receive).map_err(wrong)?;
        if let Some(connect) = &settings.allow.connect {
            needs.connect.clone_from(connect);
        }
        if let Some(AllowUps { commands, variables, forced_shutdown }) = &settings.allow.ups {
            let asked = needs.control.as_ref().ok_or_else(|| {
                wrong("allow.ups: the plugin does not ask for `control` and could not use it".to_owned())
            })?;
            needs.control = Some(ControlAccess {
                as_principal: asked.as_principal,
                commands: commands.clone(),
                variables: variables.clone(),
                forced_shutdown: *forced_shutdown,
            });
        }
        let limits = settings
            .limits
            .apply(manifest.limits)
            .map_err(|(key, problem)| wrong(format!("limits.{key} {problem}")))?;
        Ok(Self { needs, limits })
    }

    /// Whether it has connections of its own: those that peers make, or those that it makes.
    pub fn has_connections(&self) -> bool {
        self.listens() || self.connects()
    }

    /// Whether any TCP listener is granted.
    pub fn listens(&self) -> bool {
        !self.needs.listen.is_empty()
    }

    /// Whether it may make connections.
    pub fn connects(&self) -> bool {
        self.speaks(&[Scheme::Tcp, Scheme::Tls])
    }

    /// Whether it may send or receive datagrams.
    pub fn has_datagrams(&self) -> bool {
        !self.needs.listen_udp.is_empty() || self.speaks(&[Scheme::Udp])
    }

    /// Whether it may send HTTP requests.
    pub fn fetches(&self) -> bool {
        self.speaks(&[Scheme::Http, Scheme::Https])
    }

    /// Whether people can log in with it.
    pub fn knows_people(&self) -> bool {
        self.needs.auth || self.needs.http.is_some()
    }

    fn speaks(&self, schemes: &[Scheme]) -> bool {
        self.needs.connect.iter().any(|destination| schemes.contains(&destination.scheme))
    }
}

/// Puts the operator's addresses in the place of the manifest's.
fn replace<Address: Clone>(
    key: &str,
    listeners: &mut BTreeMap<String, Vec<Address>>,
    settings: &BTreeMap<String, Vec<Address>>,
    is_known: impl Fn(&str) -> bool,
) -> Result<(), String> {
    for (name, addresses) in settings {
        if !is_known(name) {
            let known = listeners.keys().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {known}") };
            return Err(format!("{key}: the plugin has no listener `{name}`; {known}"));
        }
        listeners.insert(name.clone(), addresses.clone());
    }
    Ok(())
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
        [needs]
        connect = ["tcp://a.example:25"]
        control = { commands = ["beeper.mute"] }
    "#;

    fn grant(manifest: &str, set: impl FnOnce(&mut PluginSettings)) -> Result<Grant, String> {
        let manifest = Manifest::parse(Path::new("x"), manifest).unwrap();
        let mut settings = PluginSettings { id: "x".to_owned(), ..PluginSettings::default() };
        set(&mut settings);
        Grant::new(&manifest, &settings).map_err(|error| error.to_string())
    }

    #[test]
    fn what_the_operator_allows_stands_in_the_place_of_what_the_plugin_asks_for() {
        let allow = "connect = [\"tls://b.example:465\"]\nups.commands = [\"test.battery.start\"]";
        let grant = grant(MANIFEST, |settings| settings.allow = toml::from_str(allow).unwrap()).unwrap();
        let connect: Vec<String> = grant.needs.connect.iter().map(ToString::to_string).collect();
        assert_eq!(connect, ["tls://b.example:465"]);
        let control = grant.needs.control.unwrap();
        assert_eq!(control.commands.into_iter().collect::<Vec<_>>(), ["test.battery.start"]);
    }

    #[test]
    fn an_empty_list_takes_everything_away() {
        let grant =
            grant(MANIFEST, |settings| settings.allow = toml::from_str("connect = []").unwrap()).unwrap();
        assert!(!grant.connects() && !grant.has_connections());
    }

    #[test]
    fn control_that_the_plugin_does_not_ask_for_is_not_granted_by_mistake() {
        let without = MANIFEST.replace("control = { commands = [\"beeper.mute\"] }", "");
        let allow = "ups.commands = [\"load.off\"]";
        let error = grant(&without, |settings| settings.allow = toml::from_str(allow).unwrap()).unwrap_err();
        assert!(error.contains("[plugin.x] allow.ups"), "{error}");
    }

    #[test]
    fn a_limit_beyond_its_ceiling_is_named_with_its_key() {
        let error = grant(MANIFEST, |settings| settings.limits = toml::from_str("call-ms = 9999").unwrap());
        assert!(error.unwrap_err().contains("limits.call-ms"));
    }
}
