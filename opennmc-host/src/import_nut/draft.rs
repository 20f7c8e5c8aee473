//! The configuration in the making, and the authority on what may be in it: the reader of configurations itself.

use std::net::SocketAddr;
use std::path::Path;

use crate::config::{ConfigError, Settings};
use crate::users::{Role, Scope};

/// Everything that was found so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) upses: Vec<DraftUps>,
    pub(super) users: Vec<DraftUser>,
    pub(super) listen: Vec<SocketAddr>,
    pub(super) max_connections: Option<u32>,
    pub(super) stale_after: Option<u64>,
}

/// One `[ups.NAME]`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DraftUps {
    pub(super) name: String,
    pub(super) port: String,
    pub(super) description: Option<String>,
    pub(super) cable: Option<String>,
    pub(super) low_battery_charge: Option<u8>,
    pub(super) low_battery_runtime: Option<u64>,
    pub(super) ignore_low_battery: bool,
    pub(super) overrides: Vec<(String, String)>,
}

/// One user to be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DraftUser {
    pub(super) name: String,
    pub(super) password: String,
    pub(super) role: Role,
    pub(super) scopes: Vec<Scope>,
}

/// Whether a configuration with these lines about a UPS would be accepted; else what would be said about it.
pub(super) fn would_be_accepted(lines: &str) -> Result<(), String> {
    let text = format!("[ups.x]\nport = \"/dev/ttyS0\"\n{lines}");
    match Settings::parse(Path::new(""), &text) {
        Ok(_) => Ok(()),
        Err(ConfigError::Invalid(problems)) => {
            Err(problems.iter().next().map(|problem| problem.message.clone()).unwrap_or_default())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// `text` as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

impl Draft {
    /// The whole `opennmc.toml`; the folder for state is named when it is not the usual one.
    pub(super) fn render(&self, source: &Path, state_dir: Option<&Path>) -> String {
        let mut text = format!(
            "# Made by `opennmc import-nut {}` from NUT's configuration.\n",
            source.display().to_string().escape_debug()
        );
        if self.upses.is_empty() {
            text.push_str(
                "\n# NUT's configuration names no UPS that OpenNMC can reach. Remove this line when there is a [ups.NAME].\n\
                 allow-no-ups = true\n",
            );
        }
        if let Some(dir) = state_dir {
            text.push_str(&format!("\n[state]\ndir = {}\n", quoted(&dir.display().to_string())));
        }
        for ups in &self.upses {
            text.push_str(&render_ups(ups, self.stale_after));
        }
        let addresses: Vec<String> = self.listen.iter().map(|address| quoted(&address.to_string())).collect();
        text.push_str(&format!("\n[plugin.nut-server]\nlisten = {{ nut = [{}] }}\n", addresses.join(", ")));
        if let Some(most) = self.max_connections {
            text.push_str(&format!("config = {{ max-connections = {most} }}\n"));
        }
        text
    }
}

fn render_ups(ups: &DraftUps, stale_after: Option<u64>) -> String {
    let mut text = format!("\n[ups.{}]\nport = {}\n", key(&ups.name), quoted(&ups.port));
    let mut line = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!("{key} = {value}\n"));
        }
    };
    line("description", ups.description.as_deref().map(quoted));
    line("cable", ups.cable.as_deref().map(quoted));
    line("stale-after", stale_after.map(|seconds| seconds.to_string()));
    if ups.ignore_low_battery {
        text.push_str(&format!("\n[ups.{}.rules]\nignore-low-battery = true\n", key(&ups.name)));
        if let Some(charge) = ups.low_battery_charge {
            text.push_str(&format!("low-battery-charge = {charge}\n"));
        }
        if let Some(runtime) = ups.low_battery_runtime {
            text.push_str(&format!("low-battery-runtime = {runtime}\n"));
        }
    }
    if !ups.overrides.is_empty() {
        text.push_str(&format!("\n[ups.{}.override]\n", key(&ups.name)));
        for (name, value) in &ups.overrides {
            text.push_str(&format!("{} = {}\n", quoted(name), quoted(value)));
        }
    }
    text
}

/// A name as a part of a dotted key.
fn key(name: &str) -> String {
    let bare = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if name.chars().all(bare) { name.to_owned() } else { quoted(name) }
}
