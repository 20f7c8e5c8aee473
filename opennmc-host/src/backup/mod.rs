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
mod journal;
mod manifest;
mod places;
mod restore;
mod seal;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use self::error::BackupError;
pub use self::journal::{Recovered, recover};
pub use self::manifest::{Manifest, Member};
pub use self::places::Places;
pub use self::restore::Staged;

use crate::config::{self, Existing};
use crate::users::{Principal, Right};

/// Only for whoever made it: there are password hashes in it.
const MODE: u32 = 0o600;
/// More than any card's history; what is larger was not made here. Of what comes out of the compression, too.
const MOST_BYTES: u64 = 512 << 20;

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
    if !by.may(&Right::BackUp) {
        return Err(BackupError::Denied { who: by.name.clone(), what: "make backups".to_owned() });
    }
    let collected = collect::collect(places)?;
    let key = seal::key(&places.state_dir)?;
    let manifest = Manifest::new(&collected.files, &key);
    let bytes = archive::pack(&manifest, &collected.files)?;
    let existing = if force { Existing::Replace } else { Existing::Keep };
    config::write_file(output, &bytes, MODE, existing).map_err(|source| BackupError::File {
        action: "write",
        path: output.to_owned(),
        source,
    })?;
    // A file that was there before has kept its mode; that may be too wide for this one.
    std::fs::set_permissions(output, std::os::unix::fs::PermissionsExt::from_mode(MODE))
        .map_err(|source| BackupError::File { action: "protect", path: output.to_owned(), source })?;
    Ok(BackupReport { manifest, skipped: collected.skipped, bytes: bytes.len() as u64 })
}
