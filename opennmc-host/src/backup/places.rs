//! Where the parts of an installation are, and which names they have in a backup.
//!
//! A name in a backup is `ROOT/PATH` with one of four roots. It becomes a path in exactly one place, here, and only when
//! all its parts are plain: nothing in a backup can name a place outside its root.

use std::path::{Path, PathBuf};

/// An installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The configuration file.
    pub config: PathBuf,
    /// The folder for state.
    pub state_dir: PathBuf,
}

/// The configuration's name in a backup, whatever its file is called.
pub(super) const CONFIG: &str = "config/opennmc.toml";
/// What is in SQLite's hands, by its name in the folder for state: the history, and what plugins keep.
pub(super) const DATABASES: [&str; 2] = ["history.db", "store.db"];
/// The users, by their name in a backup.
pub(super) const USERS: &str = "state/users.toml";
/// Where scripts are, beside the configuration.
pub(super) const SCRIPTS: &str = "scripts";
/// Where packages are that came with a backup, below the folder for state.
pub(super) const PLUGINS: &str = "plugins";
/// Longer ones would not fit a plain tar header.
pub(super) const LONGEST_NAME: usize = 100;

impl Places {
    /// Beside the configuration: its scripts, and the journal of a restore.
    pub(super) fn config_dir(&self) -> &Path {
        self.config.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    pub(super) fn scripts(&self) -> PathBuf {
        self.config_dir().join(SCRIPTS)
    }

    /// Where the member `name` belongs; none when it is not a name that a backup may have.
    pub(super) fn target(&self, name: &str) -> Option<PathBuf> {
        if name == CONFIG {
            return Some(self.config.clone());
        }
        let (root, rest) = name.split_once('/')?;
        if name.len() > LONGEST_NAME || !rest.split('/').all(is_plain) {
            return None;
        }
        match root {
            "scripts" => Some(self.scripts().join(rest)),
            "plugins" => Some(self.state_dir.join(PLUGINS).join(rest)),
            "state" => Some(self.state_dir.join(rest)),
            _ => None,
        }
    }
}

/// A part of a path that is just a name. Hidden files are never in a backup: they are work in progress.
pub(super) fn is_plain(part: &str) -> bool {
    let fits = |letter: char| letter.is_alphanumeric() || " ._-+@=,()".contains(letter);
    !part.is_empty() && !part.starts_with('.') && part.chars().all(fits)
}
