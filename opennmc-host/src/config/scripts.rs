//! `[scripts]` and `[script.NAME]`: where scripts are found, and what single ones may do beyond what every script may.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::section::{Reader, Section};
use crate::plugin::script::PREFIX;
use crate::plugin::{LimitsOverride, PluginSettings, ScriptAllow, ScriptSettings, is_script_name};

/// One script, as configured.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ScriptSection {
    /// Its name: of its file without `.rhai`, unless `file` says otherwise.
    pub name: String,
    /// False keeps the section and does not start the script.
    pub enabled: bool,
    /// This very file instead of the one with its name in the folders.
    pub file: Option<PathBuf>,
    /// What it reads as `config`.
    pub config: toml::Table,
    /// Files with its secrets, by the names under which it uses them.
    pub secrets: BTreeMap<String, PathBuf>,
    /// What it may do besides reading, hearing and notifying.
    pub allow: ScriptAllow,
    /// Limits in the place of the usual ones.
    pub limits: LimitsOverride,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Secret {
    file: PathBuf,
}

/// How the script of this name runs. One without a section has what every script has.
pub(crate) fn script_settings(name: &str, file: PathBuf, section: Option<&ScriptSection>) -> PluginSettings {
    let id = format!("{PREFIX}{name}");
    let Some(section) = section else {
        let script = ScriptSettings { file, ..ScriptSettings::default() };
        return PluginSettings { id, script: Some(script), ..PluginSettings::default() };
    };
    PluginSettings {
        id,
        limits: section.limits,
        config: section.config.clone(),
        script: Some(ScriptSettings { file, secrets: section.secrets.clone(), allow: section.allow.clone() }),
        ..PluginSettings::default()
    }
}

/// The folders in which scripts are looked for, when the file names any.
pub(super) fn read_dirs(reader: &mut Reader<'_>, file: &mut Section<'_>) -> Option<Vec<PathBuf>> {
    let mut section = file.section(reader, "scripts")?;
    let dirs = section.optional(reader, "dirs");
    section.finish(reader);
    dirs
}

pub(super) fn read_all(reader: &mut Reader<'_>, file: &mut Section<'_>) -> Vec<ScriptSection> {
    let mut all = Vec::new();
    for (name, mut section) in file.named_sections(reader, "script") {
        if !is_script_name(name.get_ref()) {
            let message = format!(
                "`{}` can't be a script's name: it has lower-case letters, digits and `-`, and begins with a letter",
                name.get_ref()
            );
            reader.problem(name.span(), "script", message);
        }
        let secrets: Option<BTreeMap<String, Secret>> = section.optional(reader, "secrets");
        all.push(ScriptSection {
            name: name.into_inner(),
            enabled: section.optional(reader, "enabled").unwrap_or(true),
            file: section.optional(reader, "file"),
            config: section.optional(reader, "config").unwrap_or_default(),
            secrets: secrets
                .unwrap_or_default()
                .into_iter()
                .map(|(name, secret)| (name, secret.file))
                .collect(),
            allow: section.optional(reader, "allow").unwrap_or_default(),
            limits: section.optional(reader, "limits").unwrap_or_default(),
        });
        section.finish(reader);
    }
    all
}
