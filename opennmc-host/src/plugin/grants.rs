//! `STATE/grants.toml`: what was granted to each installed plugin, by whom, and which plugins a person has switched off.
//!
//! The file is replaced as a whole: written beside, synced, renamed, and the folder synced. After a crash or a pulled plug
//! it says what it said before or what it was to say. Only the daemon writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Digest, Limits, Needs, Package, PluginError, SignerName};

const NAME: &str = "grants.toml";
/// It tells who administers this machine.
const MODE: u32 = 0o600;
/// Two changes at once would lose one. There is one daemon, and one file.
static CHANGE: Mutex<()> = Mutex::new(());

/// The file in a state folder.
#[derive(Debug, Clone)]
pub struct Grants {
    path: PathBuf,
}

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GrantsFile {
    /// Plugins that are not started, installed or configured, until a person says otherwise.
    pub disabled: BTreeSet<String>,
    /// The installed plugins by id.
    pub plugin: BTreeMap<String, GrantRecord>,
}

/// Why a plugin is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its grant, or its package, has changed.
    Changed,
    /// The grant has gone back to what it was: what runs may go on.
    Known,
    /// A person wants a new instance.
    Restart,
}

/// One installed plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GrantRecord {
    /// Its version.
    pub version: String,
    /// The file in the folder of installed packages.
    pub package: String,
    /// Of `plugin.wasm`.
    pub sha256: Digest,
    /// Over all files of the package but the signature.
    pub contents: Digest,
    /// Who granted it.
    pub by: String,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// Whose signature the package had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<SignerName>,
    /// What it asked for.
    pub needs: toml::Table,
    /// How much it asked for.
    pub limits: toml::Table,
}

impl GrantRecord {
    /// Of what is in `package`, granted now by `by`.
    pub fn of(package: &Package, file: &str, by: &str) -> Self {
        Self {
            version: package.manifest.plugin.version.to_string(),
            package: file.to_owned(),
            sha256: package.digest,
            contents: package.contents(),
            by: by.to_owned(),
            at_ms: super::epitaph::wall_ms(),
            signer: package.signer.clone(),
            needs: table(&package.manifest.needs),
            limits: table(&package.manifest.limits),
        }
    }
}

/// Needs and limits are plain tables: there is nothing in them that TOML can't hold.
fn table(value: &impl Serialize) -> toml::Table {
    toml::Table::try_from(value).unwrap_or_default()
}

impl Needs {
    /// The needs that a grant holds; none when this host does not understand them.
    pub(super) fn deserialize_from(table: &toml::Table) -> Option<Self> {
        read_again(table)
    }
}

impl Limits {
    /// The limits that a grant holds; none when this host does not understand them.
    pub(super) fn deserialize_from(table: &toml::Table) -> Option<Self> {
        read_again(table)
    }
}

/// As manifests are read, from text: a second reader, of tables, would cost the program 50 KB.
fn read_again<T: DeserializeOwned>(table: &toml::Table) -> Option<T> {
    toml::to_string(table).ok().and_then(|text| toml::from_str(&text).ok())
}

impl Grants {
    /// Those of this state folder.
    pub fn of(state_dir: &Path) -> Self {
        Self { path: state_dir.join(NAME) }
    }

    /// What it says; nothing when there is no file.
    pub fn read(&self) -> Result<GrantsFile, PluginError> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(GrantsFile::default()),
            Err(error) => return Err(self.failed("can't be read", error)),
        };
        toml::from_str(&text).map_err(|error| self.failed("is damaged; bring it back from a backup", error))
    }

    /// Changes it, and gives what `change` gives.
    pub fn change<T>(&self, change: impl FnOnce(&mut GrantsFile) -> T) -> Result<T, PluginError> {
        let _turn = CHANGE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = self.read()?;
        let before = file.clone();
        let given = change(&mut file);
        if file != before {
            let text = toml::to_string(&file).map_err(|error| self.failed("can't be written", error))?;
            replace(&self.path, text.as_bytes()).map_err(|error| self.failed("can't be written", error))?;
        }
        Ok(given)
    }

    fn failed(&self, what: &str, error: impl std::fmt::Display) -> PluginError {
        PluginError::Grants { path: self.path.clone(), problem: format!("{what}: {error}") }
    }
}

/// Puts `bytes` in the place of the file `path`, whole or not at all.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (folder, name) = (path.parent(), path.file_name());
    let (Some(folder), Some(name)) = (folder, name) else {
        return Err(io::Error::other("it has no folder"));
    };
    // Hidden, and not a name that any package has.
    let new = folder.join(format!(".new-{}", name.to_string_lossy()));
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(folder)?.sync_all()
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_survives_and_a_file_without_one_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let grants = Grants::of(folder.path());
        assert_eq!(grants.read().unwrap(), GrantsFile::default());
        grants.change(|file| file.disabled.insert("x".to_owned())).unwrap();
        assert!(grants.read().unwrap().disabled.contains("x"));
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(folder.path().join(NAME)).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_file_is_an_error_and_not_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(NAME), "disabled = 5").unwrap();
        let error = Grants::of(folder.path()).change(|file| file.disabled.clear()).unwrap_err();
        assert!(error.to_string().contains("grants.toml"), "{error}");
    }
}
