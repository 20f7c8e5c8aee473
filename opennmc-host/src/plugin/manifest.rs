//! `plugin.toml`: what a plugin is, what it asks for, and the shape of its configuration.
//!
//! The manifest asks; it grants nothing. An unknown key is an error, so that a misspelt need is never silently absent.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use semver::Version;
use serde::Deserialize;

use super::PluginError;

/// The version of the WIT package that this host offers, as major.minor.
pub(crate) const API: &str = "0.1";

/// More than any plugin in sight needs; a card has 128 MiB in all.
const MEMORY_CEILING: ByteSize = ByteSize::mib(64);
/// A call blocks only its own plugin, but a person waits for the answer.
const CALL_CEILING_MS: u64 = 5_000;
/// An id of a connection has 16 bits for its slot.
const CONNECTIONS_CEILING: u32 = 16_384;
/// Each costs an entry in a map; what needs more wants a queue of its own.
const TIMERS_CEILING: u32 = 1_024;
/// Ids become file names and host names of mounts.
const ID_LENGTH: usize = 64;

/// A plugin's `plugin.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// Who the plugin is.
    pub plugin: Identity,
    /// What it asks to be allowed to use.
    #[serde(default)]
    pub limits: Limits,
    /// Which abilities it asks for.
    #[serde(default)]
    pub needs: Needs,
    /// Its configuration keys with their defaults.
    #[serde(default)]
    pub config: toml::Table,
}

/// Who a plugin is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Identity {
    /// Lower-case letters, digits and hyphens; begins with a letter.
    pub id: String,
    /// Semantic version.
    pub version: Version,
    /// The major.minor of the plugin interface it was built against.
    pub api: String,
    /// One line for people.
    pub summary: String,
    /// SPDX expression.
    #[serde(default)]
    pub license: Option<String>,
}

/// What a plugin may use. The defaults suit a small plugin.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// Linear memory.
    pub memory: ByteSize,
    /// Milliseconds of one call into the plugin.
    pub call_ms: u64,
    /// Open connections at one time.
    pub connections: u32,
    /// Running timers at one time.
    pub timers: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: ByteSize::mib(4), call_ms: 250, connections: 1_024, timers: 64 }
    }
}

/// Which abilities a plugin asks for. `log`, `clock` and `timers` reach nothing outside the plugin and need no word.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Needs {
    /// The UPSes.
    #[serde(default)]
    pub ups: Option<UpsAccess>,
    /// TCP listeners by name, with the addresses they have unless the operator names others.
    #[serde(default)]
    pub listen: BTreeMap<String, Vec<SocketAddr>>,
    /// Let people log in at its listeners.
    #[serde(default)]
    pub auth: bool,
    /// Commands and settings of the UPSes.
    #[serde(default)]
    pub control: Option<ControlAccess>,
}

/// How far a plugin reaches the UPSes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpsAccess {
    /// Variables, names of commands, state.
    Read,
}

/// How far a plugin may act on the UPSes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlAccess {
    /// In the name of people who have logged in with it, and no further than their role goes.
    AsPrincipal,
}

impl Manifest {
    /// Parses and checks the text of a `plugin.toml`; `package` is for messages.
    pub fn parse(package: &Path, text: &str) -> Result<Self, PluginError> {
        let manifest: Self = toml::from_str(text).map_err(|error| PluginError::Manifest {
            path: package.to_owned(),
            line: error.span().map(|span| line_of(text, span.start)),
            problem: describe(text, &error),
        })?;
        manifest.check().map_err(|(key, problem)| PluginError::Manifest {
            path: package.to_owned(),
            line: line_with_key(text, key),
            problem: format!("`{key}` {problem}"),
        })?;
        Ok(manifest)
    }

    /// What serde can't know: the first rule that is broken, as key and problem.
    fn check(&self) -> Result<(), (&'static str, String)> {
        if !is_id(&self.plugin.id) {
            let problem = format!(
                "is \"{}\"; use at most {ID_LENGTH} lower-case letters, digits and hyphens, beginning with a letter",
                self.plugin.id
            );
            return Err(("id", problem));
        }
        if self.plugin.api != API {
            let problem = format!(
                "is \"{}\", but this OpenNMC offers \"{API}\"; get the plugin built for it",
                self.plugin.api
            );
            return Err(("api", problem));
        }
        if self.needs.auth && self.needs.listen.is_empty() {
            return Err(("auth", "lets people log in at a listener, but `listen` asks for none".to_owned()));
        }
        if self.needs.control == Some(ControlAccess::AsPrincipal) && !self.needs.auth {
            let problem = "acts for people who have logged in; ask for `auth = true` as well".to_owned();
            return Err(("control", problem));
        }
        if self.limits.memory > MEMORY_CEILING {
            return Err(("memory", format!("asks for {}; the most is {MEMORY_CEILING}", self.limits.memory)));
        }
        let counts = [
            ("call-ms", self.limits.call_ms, CALL_CEILING_MS),
            ("connections", self.limits.connections.into(), CONNECTIONS_CEILING.into()),
            ("timers", self.limits.timers.into(), TIMERS_CEILING.into()),
        ];
        match counts.into_iter().find(|(_, asked, ceiling)| !(1..=*ceiling).contains(asked)) {
            Some((key, asked, ceiling)) => Err((key, format!("is {asked}; it must be from 1 to {ceiling}"))),
            None => Ok(()),
        }
    }
}

/// Whether `id` may name a plugin.
pub(super) fn is_id(id: &str) -> bool {
    id.len() <= ID_LENGTH
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// serde's message, with the line it is about: the line names the key.
fn describe(text: &str, error: &toml::de::Error) -> String {
    let line =
        error.span().and_then(|span| text.lines().nth(line_of(text, span.start) - 1)).unwrap_or("").trim();
    if line.is_empty() { error.message().to_owned() } else { format!("{} (at `{line}`)", error.message()) }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|&&byte| byte == b'\n').count() + 1
}

fn line_with_key(text: &str, key: &str) -> Option<usize> {
    let is_key = |line: &str| line.split('=').next().is_some_and(|name| name.trim() == key);
    text.lines().position(is_key).map(|index| index + 1)
}

/// A number of bytes, written with a unit: `"4 MiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ByteSize(pub u64);

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl ByteSize {
    /// So many mebibytes.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }
}

impl TryFrom<String> for ByteSize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong =
            || format!("\"{text}\" is no size; write a whole number and KiB or MiB, such as \"4 MiB\"");
        let (unit, bytes) = UNITS.iter().find(|(unit, _)| text.ends_with(unit)).ok_or_else(wrong)?;
        let count: u64 = text[..text.len() - unit.len()].trim().parse().map_err(|_| wrong())?;
        count.checked_mul(*bytes).map(ByteSize).ok_or_else(wrong)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, bytes): &&(&str, u64)| self.0 >= *bytes && self.0.is_multiple_of(*bytes);
        let (unit, bytes) = UNITS.iter().find(fits).unwrap_or(&("B", 1));
        write!(f, "{} {unit}", self.0 / bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"[plugin]
id = "nut-server"
version = "0.1.0"
api = "0.1"
summary = "Serves the UPS to NUT clients"
license = "MIT"
[limits]
memory = "4 MiB"
call-ms = 250
[needs]
ups = "read"
listen = { nut = ["127.0.0.1:3493"] }
[config]
max-connections = 4096
"#;

    fn parse(text: &str) -> Result<Manifest, String> {
        Manifest::parse(Path::new("x.onmc"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_complete_manifest_is_understood() {
        let manifest = parse(GOOD).unwrap();
        assert_eq!(manifest.plugin.id, "nut-server");
        assert_eq!(manifest.limits.memory, ByteSize::mib(4));
        assert_eq!(manifest.needs.ups, Some(UpsAccess::Read));
        assert_eq!(manifest.needs.listen["nut"], ["127.0.0.1:3493".parse().unwrap()]);
        assert_eq!(manifest.config["max-connections"].as_integer(), Some(4096));
    }

    #[test]
    fn an_unknown_key_is_an_error_with_file_line_and_key() {
        let error = parse(&GOOD.replace("call-ms", "call-mss")).unwrap_err();
        assert!(error.starts_with("x.onmc: plugin.toml line 9:"), "{error}");
        assert!(error.contains("call-mss") && error.contains("call-ms`"), "{error}");
    }

    #[test]
    fn a_misspelt_need_is_an_error_and_not_an_absent_need() {
        assert!(parse(&GOOD.replace("ups = ", "usp = ")).unwrap_err().contains("usp"));
        assert!(parse(&GOOD.replace("\"read\"", "\"wrte\"")).unwrap_err().contains("line 11"));
    }

    #[test]
    fn acting_for_people_needs_people_and_a_place_where_they_come_in() {
        let with = |needs: &str| parse(&GOOD.replace("ups = \"read\"", &format!("ups = \"read\"\n{needs}")));
        let manifest = with("auth = true\ncontrol = \"as-principal\"").unwrap();
        assert_eq!((manifest.needs.auth, manifest.needs.control), (true, Some(ControlAccess::AsPrincipal)));
        assert!(with("control = \"as-principal\"").unwrap_err().contains("auth = true"));
        assert!(with("control = \"all\"").unwrap_err().contains("as-principal"));
        let deaf = GOOD.replace("listen = { nut = [\"127.0.0.1:3493\"] }", "auth = true");
        assert!(parse(&deaf).unwrap_err().contains("listen"));
    }

    #[test]
    fn a_limit_above_the_ceiling_is_refused_with_the_ceiling() {
        let error = parse(&GOOD.replace("4 MiB", "1 GiB")).unwrap_err();
        assert!(error.contains("line 8") && error.contains("64 MiB"), "{error}");
        let error = parse(&GOOD.replace("call-ms = 250", "call-ms = 0")).unwrap_err();
        assert!(error.contains("line 9") && error.contains("5000"), "{error}");
    }

    #[test]
    fn a_plugin_for_another_interface_version_is_refused() {
        assert!(parse(&GOOD.replace("\"0.1\"", "\"0.2\"")).unwrap_err().contains("offers \"0.1\""));
    }

    #[test]
    fn an_id_can_not_be_a_path() {
        for id in ["", "../x", "a/b", "A", "1a", ".", "a b"] {
            assert!(parse(&GOOD.replace("\"nut-server\"", &format!("\"{id}\""))).is_err(), "{id}");
        }
    }

    #[test]
    fn sizes_read_back_as_they_are_shown() {
        for (text, bytes) in [("4 MiB", 4 << 20), ("64KiB", 64 << 10), ("17 B", 17)] {
            let size = ByteSize::try_from(text.to_owned()).unwrap();
            assert_eq!(size.0, bytes);
            assert_eq!(ByteSize::try_from(size.to_string()), Ok(size));
        }
        assert!(ByteSize::try_from("4".to_owned()).is_err());
        assert!(ByteSize::try_from("99999999999999 GiB".to_owned()).is_err());
    }
}
