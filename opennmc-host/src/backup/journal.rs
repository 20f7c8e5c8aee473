//! The journal of a restore: what remains to be done so that the new files are in their places.
//!
//! It is written when every new file is on the disk, and it goes when all of them are in their places. While it is there,
//! the restore is certain: every step may be done again, so it does not matter where the last attempt ended.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use serde::{Deserialize, Serialize};

use super::{BackupError, Places};
use crate::config::{self, Existing};

/// Beside the configuration, which is the one place that is always known; in the folder for state when the daemon may not
/// write beside its configuration, which then is not among what is restored.
const FILE: &str = ".opennmc-restore.journal";
/// What the names of staged files begin with.
pub(super) const STAGED: &str = ".opennmc-restore-";
/// As deep as staged files may be.
const DEEPEST: usize = 8;

/// What a recovery did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// How many files came from the backup.
    pub restored: usize,
    /// How many were not in it and are gone.
    pub removed: usize,
    /// Whose restore it was, and of what.
    pub note: Note,
}

/// What the audit is to tell of a restore. The history in which it is told is the one that comes out of the backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Note {
    /// Who restored it.
    pub by: String,
    /// In which role.
    pub role: String,
    /// From where.
    pub origin: String,
    /// The machine that the backup was made on.
    pub host: String,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub made_ms: u64,
}

/// What remains to be done.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Journal {
    pub(super) steps: Vec<Step>,
    pub(super) remove: Vec<PathBuf>,
    /// What goes as well if it is there then: it belongs to a file that is replaced.
    pub(super) side_files: Vec<PathBuf>,
    pub(super) note: Note,
}

/// One file to be put in its place.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Step {
    pub(super) staged: PathBuf,
    pub(super) target: PathBuf,
}

/// Finishes a restore that was committed, if there is one. To be called before the configuration at `config` is read; with
/// no restore to finish it costs one look at the folder.
pub fn recover(config: &Path) -> Result<Option<Recovered>, BackupError> {
    recover_with(config, &mut Steps::default())
}

/// Finishes a restore by a daemon that may not write beside its configuration. To be called when the process is the user
/// that it stays, before anything in the folder for state is read.
pub fn recover_state(state_dir: &Path) -> Result<Option<Recovered>, BackupError> {
    let path = state_dir.join(FILE);
    // Root must not follow a journal that another user could have written: it names any file.
    let own = rustix::process::geteuid().as_raw();
    if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.uid() != own) {
        let source =
            io::Error::new(io::ErrorKind::PermissionDenied, "the daemon's own user has to start once");
        return Err(BackupError::Recovery { action: "follow", path, source });
    }
    finish(&path, &mut Steps::default())
}

pub(super) fn recover_with(config: &Path, steps: &mut Steps) -> Result<Option<Recovered>, BackupError> {
    finish(&journal_of(config), steps)
}

fn finish(path: &Path, steps: &mut Steps) -> Result<Option<Recovered>, BackupError> {
    let failed = |action: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| BackupError::Recovery { action, path, source }
    };
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let journal: Journal =
        serde_json::from_slice(&text).map_err(|error| failed("understand", path)(error.into()))?;
    for old in journal.remove.iter().chain(&journal.side_files) {
        steps.before("remove").and_then(|()| remove(old)).map_err(failed("remove", old))?;
    }
    for Step { staged, target } in &journal.steps {
        let renamed = steps.before("rename").and_then(|()| match fs::rename(staged, target) {
            // An earlier attempt has done it.
            Err(error) if error.kind() == io::ErrorKind::NotFound && target.exists() => Ok(()),
            result => result,
        });
        renamed.map_err(failed("put in its place", target))?;
    }
    for folder in journal.folders() {
        let synced = steps.before("sync folder").and_then(|()| File::open(&folder)?.sync_all());
        synced.map_err(failed("make durable", &folder))?;
    }
    steps.before("end").and_then(|()| remove(path)).map_err(failed("remove", path))?;
    steps
        .before("sync end")
        .and_then(|()| File::open(folder_of(path))?.sync_all())
        .map_err(failed("make durable", path))?;
    Ok(Some(Recovered { restored: journal.steps.len(), removed: journal.remove.len(), note: journal.note }))
}

impl Journal {
    /// Makes the restore certain.
    pub(super) fn write(&self, places: &Places, steps: &mut Steps) -> Result<(), BackupError> {
        let path = match may_write(places.config_dir()) {
            true => journal_of(&places.config),
            false => places.state_dir.join(FILE),
        };
        let failed = |source| BackupError::File { action: "write", path: path.clone(), source };
        let text = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        steps.before("journal").map_err(failed)?;
        config::write_file(&path, &text, 0o600, Existing::Keep).map_err(failed)
    }

    /// Removes what was staged.
    pub(super) fn clear_staged(&self) {
        for step in &self.steps {
            // The next restore tries again.
            let _ = fs::remove_file(&step.staged);
        }
    }

    /// Every folder whose entries change.
    pub(super) fn folders(&self) -> BTreeSet<PathBuf> {
        let paths = self.steps.iter().map(|step| &step.target).chain(&self.remove);
        paths.map(|path| folder_of(path).to_owned()).filter(|folder| folder.is_dir()).collect()
    }
}

/// Removes what earlier restores staged and neither committed nor discarded. Refused while one is to be finished.
pub(super) fn clear_stale(places: &Places) -> Result<(), BackupError> {
    for journal in [journal_of(&places.config), places.state_dir.join(FILE)] {
        if !journal.exists() {
            continue;
        }
        let source = io::Error::new(
            io::ErrorKind::AlreadyExists,
            "a restore is to be finished first; restart the daemon",
        );
        return Err(BackupError::File { action: "restore while there is", path: journal, source });
    }
    let failed = |source| BackupError::File { action: "clear", path: places.state_dir.clone(), source };
    // Of the configuration's folder only what is in it: it may be any folder.
    for (folder, depth) in [(places.config_dir(), DEEPEST), (&places.scripts(), 0), (&places.state_dir, 0)] {
        clear_folder(folder, depth).map_err(failed)?;
    }
    Ok(())
}

fn clear_folder(folder: &Path, depth: usize) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && depth < DEEPEST {
            clear_folder(&entry.path(), depth + 1)?;
        } else if kind.is_file() && entry.file_name().as_encoded_bytes().starts_with(STAGED.as_bytes()) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether this process may make and remove files in `folder`.
pub(super) fn may_write(folder: &Path) -> bool {
    access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

fn journal_of(config: &Path) -> PathBuf {
    folder_of(config).join(FILE)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Counts what is done to the disk, so that tests can end it before any of it.
#[derive(Debug, Default)]
pub(super) struct Steps {
    #[cfg(test)]
    pub(super) until: Option<usize>,
    #[cfg(test)]
    pub(super) done: usize,
}

impl Steps {
    /// Fails when everything is to end here, as if the power had gone.
    #[cfg(test)]
    pub(super) fn before(&mut self, what: &str) -> io::Result<()> {
        if self.crashed() {
            return Err(io::Error::other(format!("the power went before: {what}")));
        }
        self.done += 1;
        Ok(())
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    pub(super) fn before(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    /// Whether nothing may be tidied up any more.
    pub(super) fn crashed(&self) -> bool {
        #[cfg(test)]
        {
            self.until.is_some_and(|until| self.done >= until)
        }
        #[cfg(not(test))]
        {
            false
        }
    }
}
