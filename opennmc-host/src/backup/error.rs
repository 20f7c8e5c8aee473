//! Why a backup could not be made, or was not restored.

use std::io;
use std::path::PathBuf;

/// What went wrong. Unless it says otherwise, nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Who asks may not.
    #[error("{who} may not {what}")]
    Denied {
        /// The user.
        who: String,
        /// Such as `make backups`.
        what: String,
    },
    /// Reading or writing failed.
    #[error("can't {action} {}: {source}", path.display())]
    File {
        /// Such as `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not a backup, or not a whole one, or not one for this version.
    #[error("{}: {problem}; nothing was restored", path.display())]
    Unusable {
        /// The backup.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The history, or what plugins keep, can't be copied.
    #[error("can't copy the database {}: {problem}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        problem: String,
    },
    /// Somebody else makes or restores one.
    #[error("another backup is being made or restored; try again when that is done")]
    Busy,
    /// The disk is too full.
    #[error("there is too little room in {}: {needed} MiB are needed and {free} MiB are free", folder.display())]
    Room {
        /// Where.
        folder: PathBuf,
        /// MiB, rounded up.
        needed: u64,
        /// MiB, rounded down.
        free: u64,
    },
    /// The daemon's user may not write where the backup's configuration or scripts belong.
    #[error(
        "this process may not write in {}, and what is there is not what is in the backup; nothing was restored. As root: \
         stop the daemon (`systemctl stop opennmc`), restore, and start it again", .0.display()
    )]
    ReadOnly(PathBuf),
    /// The system gave no randomness.
    #[error("can't make a key: {0}")]
    Key(String),
    /// A restore was under way when the power went, and can't be finished.
    #[error("a restore was interrupted and can't be finished: can't {action} {}: {source}; mend that and start again", path.display())]
    Recovery {
        /// Such as `rename`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
