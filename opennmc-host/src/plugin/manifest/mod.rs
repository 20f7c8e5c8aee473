//! `plugin.toml`: what a plugin is, what it asks for, and the shape of its configuration.
//!
//! The manifest asks; it grants nothing. An unknown key is an error, so that a misspelt need is never silently absent.

mod destination;
mod limits;
mod needs;
mod pattern;
mod size;

use std::path::Path;

use semver::Version;
use serde::Deserialize;

pub use self::destination::{Destination, HostPattern, Scheme};
pub use self::limits::{Limits, LimitsOverride};
pub(super) use self::needs::ANY_LISTENER;
pub use self::needs::{AdminAccess, ControlAccess, HistoryAccess, HttpNeed, Needs, UpsAccess};
pub use self::pattern::EventPattern;
pub use self::size::ByteSize;

use super::PluginError;

/// The version of the WIT package that this host offers, as major.minor.
pub(crate) const API: &str = "0.1";

/// A summary is one line, in lists and before the question whether a package may be installed: it must not push the
/// answer off the screen.
const SUMMARY_LENGTH: usize = 200;
/// The longest SPDX expressions have some dozens.
const LICENSE_LENGTH: usize = 200;
/// Of a line of the manifest that is quoted.
const QUOTED: usize = 120;

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
        let is_line = |text: &str, most| text.chars().count() <= most && !text.chars().any(char::is_control);
        if !is_line(&self.plugin.summary, SUMMARY_LENGTH) {
            return Err(("summary", format!("is one line of at most {SUMMARY_LENGTH} letters")));
        }
        if self.plugin.license.as_ref().is_some_and(|license| !is_line(license, LICENSE_LENGTH)) {
            return Err(("license", format!("is one line of at most {LICENSE_LENGTH} letters")));
        }
        self.needs.check()?;
        self.limits.check()
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
    let line = match line.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    };
    if line.is_empty() { error.message().to_owned() } else { format!("{} (at `{line}`)", error.message()) }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|&&byte| byte == b'\n').count() + 1
}

fn line_with_key(text: &str, key: &str) -> Option<usize> {
    let is_key = |line: &str| line.split('=').next().is_some_and(|name| name.trim() == key);
    text.lines().position(is_key).map(|index| index + 1)
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
        assert!(manifest.needs.auth && manifest.needs.control.is_some_and(|control| control.as_principal));
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
    fn a_summary_is_one_line_that_leaves_room_for_the_question() {
        let with = |summary: &str| parse(&GOOD.replace("Serves the UPS to NUT clients", summary));
        assert!(with(&"ä".repeat(SUMMARY_LENGTH)).is_ok());
        for bad in ["x".repeat(SUMMARY_LENGTH + 1), "fine\\nIt may do nothing".to_owned()] {
            let error = with(&bad).unwrap_err();
            assert!(error.contains("line 5: `summary`") && error.len() < 200, "{error}");
        }
        assert!(parse(&GOOD.replace("\"MIT\"", "\"MIT\\u001b[2J\"")).unwrap_err().contains("license"));
    }

    #[test]
    fn a_message_quotes_no_more_of_a_line_than_fits() {
        let error = parse(&GOOD.replace("4096", &"[".repeat(20_000))).unwrap_err();
        assert!(error.contains("line 14") && error.len() < 400, "{}", error.len());
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
}
