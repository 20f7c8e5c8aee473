//! From a backup to files that wait beside their places.
//!
//! The backup goes through once: each file is written under a hidden name in the folder where it belongs, so that a rename
//! within one file system finishes the work, and everything is verified on what was written. Nothing that exists is touched
//! here; when anything is wrong, what was written goes again.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rusqlite::OpenFlags;

use super::archive::unpack;
use super::exclusive::Exclusive;
use super::journal::{Journal, Note, Steps, clear_stale};
use super::stage::Staging;
use super::{BackupError, Manifest, Places, seal};
use crate::config::Settings;
use crate::users::{Principal, Right, UserBase};

/// A backup that was found good and waits beside the files that it will replace.
///
/// [`Staged::commit`] or [`Staged::discard`] ends it; when neither happens, the next restore clears it away.
#[derive(Debug)]
pub struct Staged {
    places: Places,
    manifest: Manifest,
    journal: Journal,
    _exclusive: Exclusive,
}

impl Staged {
    /// Verifies the backup in `file` and stages it. A principal who is no administrator may only restore what this host
    /// sealed. A restore that was interrupted earlier must have been recovered.
    pub fn read(file: &Path, places: &Places, by: &Principal) -> Result<Staged, BackupError> {
        Staged::read_with(file, places, by, &mut Steps::default())
    }

    /// As [`Staged::read`], from a file that somebody has opened. `shown` is how it is called in errors.
    pub fn read_from(
        file: impl Read,
        shown: &Path,
        places: &Places,
        by: &Principal,
    ) -> Result<Staged, BackupError> {
        Staged::take(file, shown, places, by, &mut Steps::default())
    }

    pub(super) fn read_with(
        file: &Path,
        places: &Places,
        by: &Principal,
        steps: &mut Steps,
    ) -> Result<Staged, BackupError> {
        let opened = File::open(file).map_err(|source| BackupError::File {
            action: "read",
            path: file.to_owned(),
            source,
        })?;
        Staged::take(opened, file, places, by, steps)
    }

    fn take(
        file: impl Read,
        shown: &Path,
        places: &Places,
        by: &Principal,
        steps: &mut Steps,
    ) -> Result<Staged, BackupError> {
        if !by.may(&Right::BackUp) {
            return Err(BackupError::Denied { who: by.name.clone(), what: "restore backups".to_owned() });
        }
        let exclusive = Exclusive::begin(places)?;
        clear_stale(places)?;
        let mut staging = Staging::begin(places, |manifest| may_restore(manifest, places, by), steps)?;
        let staged = unpack(io::BufReader::new(file), shown, places, &mut staging).and_then(|manifest| {
            let unusable = |problem| BackupError::Unusable { path: shown.to_owned(), problem };
            check_configuration(&staging, places).map_err(unusable)?;
            check_users(&staging).map_err(unusable)?;
            check_databases(&staging).map_err(unusable)?;
            staging.complete()?;
            Ok(manifest)
        });
        match staged {
            Ok(manifest) => {
                let note = Note {
                    by: by.name.clone(),
                    role: by.role.name().to_owned(),
                    origin: by.origin.to_string(),
                    host: manifest.host.clone(),
                    made_ms: manifest.made_ms,
                };
                let journal = Journal { note, ..staging.into_journal() };
                Ok(Staged { places: places.clone(), manifest, journal, _exclusive: exclusive })
            }
            Err(error) => {
                staging.abandon();
                Err(error)
            }
        }
    }

    /// What is in the backup.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// How many files will be replaced or made, and how many will go.
    pub fn changes(&self) -> (usize, usize) {
        (self.journal.steps.len(), self.journal.remove.len())
    }

    /// Makes the restore certain: from here on it is finished by [`recover`](super::recover), however often the power
    /// fails. To be called by the daemon as its last act before it starts anew, or followed by
    /// [`recover`](super::recover) when none runs.
    pub fn commit(self) -> Result<(), BackupError> {
        self.commit_with(&mut Steps::default())
    }

    pub(super) fn commit_with(self, steps: &mut Steps) -> Result<(), BackupError> {
        self.journal.write(&self.places, steps).inspect_err(|_| {
            if !steps.crashed() {
                self.journal.clear_staged();
            }
        })
    }

    /// Forgets about it.
    pub fn discard(self) {
        self.journal.clear_staged();
    }
}

/// Whoever could have a forged backup restored would be an administrator with it.
fn may_restore(manifest: &Manifest, places: &Places, by: &Principal) -> Result<(), BackupError> {
    let sealed = seal::existing_key(&places.state_dir)?.is_some_and(|key| manifest.is_sealed_with(&key));
    if sealed || by.may(&Right::Administer) {
        return Ok(());
    }
    let what = "restore a backup that was not made on this machine: that needs an administrator";
    Err(BackupError::Denied { who: by.name.clone(), what: what.to_owned() })
}

fn check_configuration(staging: &Staging<'_>, places: &Places) -> Result<(), String> {
    let bytes = staging.config.as_ref().ok_or("there is no configuration in it")?;
    let text = std::str::from_utf8(bytes).map_err(|_| "its configuration is not text")?;
    Settings::parse(&places.config, text)
        .map(|_| ())
        .map_err(|error| format!("its configuration is not valid:\n{error}"))
}

fn check_users(staging: &Staging<'_>) -> Result<(), String> {
    match staging.users.as_deref().and_then(UserBase::problem_in) {
        Some(problem) => Err(format!("its users can't be read: {problem}")),
        None => Ok(()),
    }
}

fn check_databases(staging: &Staging<'_>) -> Result<(), String> {
    staging.databases.iter().try_for_each(|(name, path)| check_database(name, path))
}

/// It is a sound database: looked at where it waits, without writing anything beside it.
fn check_database(name: &str, path: &Path) -> Result<(), String> {
    let path =
        path.to_str().ok_or(format!("its {name} can't be checked: the folder for state is not UTF-8"))?;
    let escaped = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let sound = rusqlite::Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)
        .and_then(|database| database.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)));
    match sound.as_deref() {
        Ok("ok") => Ok(()),
        Ok(problem) => Err(format!("its {name} is damaged: {problem}")),
        Err(error) => Err(format!("its {name} is damaged: {error}")),
    }
}
