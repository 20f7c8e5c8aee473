//! Backups: configuration, users, scripts, plugins and history in one file, and back again all or nothing.
//!
//! ```text
//! collect ─ members ─ manifest (hashes, modes, seal) ─ tar.gz, 0600
//! tar.gz ─ verify everything ─ stage beside the targets ─ journal ─ rename into place
//! ```
//!
//! The invariant of restoring: until the journal is on the disk, nothing that exists was touched; once it is, every new
//! file is on the disk as well, and [`recover`] can finish at any later time. [`recover`] therefore runs before the
//! configuration is read, at every start. A running daemon must not have its files swapped: it stages, writes the journal
//! and starts anew.
//!
//! A backup holds the users' password hashes. Whoever can make the daemon take a forged one is an administrator; so a
//! principal who is none may only restore what this host sealed itself.

mod archive;
mod collect;
mod error;
mod exclusive;
mod journal;
mod manifest;
mod places;
mod restore;
mod room;
mod seal;
mod stage;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

pub use self::error::BackupError;
pub use self::journal::{Note, Recovered, recover, recover_state};
pub use self::manifest::{Manifest, Member};
pub use self::places::Places;
pub use self::restore::Staged;

use self::exclusive::Exclusive;
use crate::config::{self, Existing};
use crate::users::{Principal, Right};

/// Only for whoever made it: there are password hashes in it.
const MODE: u32 = 0o600;

/// What a backup was made of.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BackupReport {
    /// What is in the file.
    pub manifest: Manifest,
    /// What is not, and why: links, sockets, files that are too large.
    pub skipped: Vec<String>,
    /// The size of the file.
    pub bytes: u64,
}

/// Writes a backup of `places` to `output`. An `output` that exists is only overwritten with `force`. May run beside
/// the daemon: the history is taken as of one moment.
pub fn back_up(
    places: &Places,
    output: &Path,
    force: bool,
    by: &Principal,
) -> Result<BackupReport, BackupError> {
    /// What fails is either what is written or where it is written to.
    enum Failed {
        Target(io::Error),
        Backup(BackupError),
    }
    impl From<io::Error> for Failed {
        fn from(error: io::Error) -> Failed {
            Failed::Target(error)
        }
    }
    let existing = if force { Existing::Supersede } else { Existing::Keep };
    let written = config::write_with(output, MODE, existing, |file| {
        back_up_into(places, file, output, by).map_err(Failed::Backup)
    });
    written.map_err(|failed| match failed {
        Failed::Target(source) => BackupError::File { action: "write", path: output.to_owned(), source },
        Failed::Backup(error) => error,
    })
}

/// Writes a backup of `places` into `file`, which is empty, and makes it durable. `shown` is how the file is called in
/// errors.
pub fn back_up_into(
    places: &Places,
    file: &File,
    shown: &Path,
    by: &Principal,
) -> Result<BackupReport, BackupError> {
    if !by.may(&Right::BackUp) {
        return Err(BackupError::Denied { who: by.name.clone(), what: "make backups".to_owned() });
    }
    let failed = |source| BackupError::File { action: "write", path: shown.to_owned(), source };
    let _exclusive = Exclusive::begin(places)?;
    let collected = collect::collect(places)?;
    let key = seal::key(&places.state_dir)?;
    let manifest = Manifest::new(&collected.files, &key);
    let out = archive::pack(&manifest, &collected.files, BufWriter::new(file))?;
    out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    Ok(BackupReport { manifest, skipped: collected.skipped, bytes })
}
