//! The folders with scripts, looked at by the housekeeping timer: what came, what was changed, what went.
//!
//! Only names, sizes and times are looked at here; a script's own thread reads the file. Editors save by deleting and
//! making anew, so a file that is gone is believed to be gone at the second look.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::config::{Settings, script_settings};
use crate::plugin::script::PREFIX;
use crate::plugin::{PluginSettings, is_script_name};

/// More are a mistake: each has a thread.
const MOST: usize = 64;

/// What is known of the scripts since the last look.
#[derive(Default)]
pub(super) struct Scripts {
    known: BTreeMap<String, Known>,
    /// Names that were complained about.
    misnamed: Vec<PathBuf>,
}

#[derive(Debug, Clone, PartialEq)]
struct Known {
    stamp: Option<Stamp>,
    settings: PluginSettings,
    /// Looks at which it was not there.
    missed: u32,
}

/// By which a changed file is known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
}

/// What a look has found.
#[derive(Debug)]
pub(super) enum Seen {
    /// It is there, for the first time or other than before.
    Run(Box<PluginSettings>),
    /// It is gone.
    Stop(String),
}

impl Scripts {
    /// What is different since the last look.
    pub(super) fn look(&mut self, settings: &Settings) -> Vec<Seen> {
        let found = self.find(settings);
        let mut seen = Vec::new();
        for (name, (stamp, wanted)) in &found {
            let is_same = self.known.get_mut(name).is_some_and(|known| {
                known.missed = 0;
                known.stamp == *stamp && known.settings == *wanted
            });
            if !is_same {
                let known = Known { stamp: stamp.clone(), settings: wanted.clone(), missed: 0 };
                self.known.insert(name.clone(), known);
                seen.push(Seen::Run(Box::new(wanted.clone())));
            }
        }
        let is_off =
            |name: &str| settings.scripts.iter().any(|section| section.name == name && !section.enabled);
        self.known.retain(|name, known| {
            if found.contains_key(name) {
                return true;
            }
            known.missed += 1;
            let stays = known.missed < 2 && !is_off(name);
            if !stays {
                seen.push(Seen::Stop(known.settings.id.clone()));
            }
            stays
        });
        seen
    }

    /// How the script with this id, among those of plugins, is to run; none: there is none.
    pub(super) fn settings(&self, id: &str) -> Option<PluginSettings> {
        self.known.get(id.strip_prefix(PREFIX)?).map(|known| known.settings.clone())
    }

    /// Every script that is to run, by its name. The first folder wins.
    fn find(&mut self, settings: &Settings) -> BTreeMap<String, (Option<Stamp>, PluginSettings)> {
        let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
        let own = settings.state_dir.join("scripts");
        for folder in std::iter::once(&own).chain(&settings.script_dirs) {
            for (name, file) in self.in_folder(folder) {
                files.entry(name).or_insert(file);
            }
        }
        let section = |name: &str| settings.scripts.iter().find(|section| section.name == name);
        for named in settings.scripts.iter().filter(|section| section.enabled) {
            if let Some(file) = &named.file {
                files.insert(named.name.clone(), file.clone());
            }
        }
        let enabled =
            files.into_iter().filter(|(name, _)| section(name).is_none_or(|section| section.enabled));
        // One that does not exist has no stamp; its start says what is wrong, unless it is only in a folder.
        let found = enabled.filter_map(|(name, file)| {
            let stamp = stamp(&file);
            let is_named = section(&name).is_some_and(|section| section.file.is_some());
            (stamp.is_some() || is_named).then(|| {
                let wanted = script_settings(&name, file, section(&name));
                (name, (stamp, wanted))
            })
        });
        found.take(MOST).collect()
    }

    fn in_folder(&mut self, folder: &Path) -> Vec<(String, PathBuf)> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let mut found = Vec::new();
        for file in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let Some(name) = file.file_name().and_then(|name| name.to_str()) else { continue };
            // Definitions lie beside the scripts, where editors find them.
            let Some(name) = name.strip_suffix(".rhai").filter(|name| !name.ends_with(".d")) else {
                continue;
            };
            if is_script_name(name) {
                found.push((name.to_owned(), file.clone()));
            } else if !self.misnamed.contains(&file) && self.misnamed.len() < MOST {
                tracing::warn!(
                    "{} is not run: a script's name has lower-case letters, digits and `-`, and begins with a letter",
                    file.display()
                );
                self.misnamed.push(file);
            }
        }
        found
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file)?;
    Some(Stamp { size: meta.len(), modified: meta.modified().ok() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(folder: &Path, more: &str) -> Settings {
        let text = format!(
            "[state]\ndir = {0:?}\n[scripts]\ndirs = [{1:?}]\n[ups.a]\nport = \"/dev/ttyS0\"\n{more}",
            folder.join("state"),
            folder.join("etc")
        );
        Settings::parse(Path::new("opennmc.toml"), &text).unwrap()
    }

    fn folders() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("state/scripts")).unwrap();
        std::fs::create_dir_all(folder.path().join("etc")).unwrap();
        folder
    }

    fn shown(seen: &[Seen]) -> Vec<String> {
        let one = |seen: &Seen| match seen {
            Seen::Run(settings) => format!("run {}", settings.id),
            Seen::Stop(id) => format!("stop {id}"),
        };
        seen.iter().map(one).collect()
    }

    #[test]
    fn a_script_comes_is_changed_and_goes_at_the_second_look() {
        let folder = folders();
        let (file, settings) = (folder.path().join("etc/night.rhai"), settings(folder.path(), ""));
        let mut scripts = Scripts::default();
        std::fs::write(&file, "1").unwrap();
        std::fs::write(folder.path().join("etc/Not A Name.rhai"), "1").unwrap();
        std::fs::write(folder.path().join("etc/opennmc.d.rhai"), "1").unwrap();
        assert_eq!(shown(&scripts.look(&settings)), ["run script.night"]);
        assert_eq!(
            scripts.misnamed,
            [folder.path().join("etc/Not A Name.rhai")],
            "definitions are no mistake"
        );
        assert!(scripts.look(&settings).is_empty());
        std::fs::write(&file, "12").unwrap();
        assert_eq!(shown(&scripts.look(&settings)), ["run script.night"]);
        std::fs::remove_file(&file).unwrap();
        assert!(scripts.look(&settings).is_empty(), "an editor may be saving it");
        assert_eq!(shown(&scripts.look(&settings)), ["stop script.night"]);
        assert!(scripts.look(&settings).is_empty());
    }

    #[test]
    fn the_first_folder_wins_and_a_section_adds_what_is_allowed() {
        let folder = folders();
        for place in ["etc", "state/scripts"] {
            std::fs::write(folder.path().join(place).join("night.rhai"), place).unwrap();
        }
        let more = "[script.night]\nallow = { ups = { commands = [\"beeper.mute\"] }, connect = [\"https://ntfy.sh\"] }";
        let seen = Scripts::default().look(&settings(folder.path(), more));
        let [Seen::Run(wanted)] = &seen[..] else { panic!("{seen:?}") };
        let script = wanted.script.as_ref().unwrap();
        assert_eq!(script.file, folder.path().join("state/scripts/night.rhai"));
        assert!(script.allow.ups.commands.contains("beeper.mute") && script.allow.connect.len() == 1);
    }

    #[test]
    fn a_script_that_is_switched_off_stops_at_once() {
        let folder = folders();
        std::fs::write(folder.path().join("etc/night.rhai"), "1").unwrap();
        let mut scripts = Scripts::default();
        assert_eq!(scripts.look(&settings(folder.path(), "")).len(), 1);
        let off = settings(folder.path(), "[script.night]\nenabled = false");
        assert_eq!(shown(&scripts.look(&off)), ["stop script.night"]);
    }
}
