//! What SQLite and the system say, sorted by what can be done about it.

use rusqlite::ErrorCode;

use crate::history::notice::Degradation;

/// Why the database did not do what it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It is damaged: it must be moved aside, trying again can't help.
    Damaged(String),
    /// Anything else: it may be better later.
    Unavailable(Degradation),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        let code = error.sqlite_error_code();
        match code {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Failure::Damaged(error.to_string()),
            _ => Failure::Unavailable(match code {
                Some(ErrorCode::DiskFull) => Degradation::Full,
                Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Degradation::ReadOnly,
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Degradation::Locked,
                _ => Degradation::Failed(error.to_string()),
            }),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        use std::io::ErrorKind::{
            NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
        };
        Failure::Unavailable(match error.kind() {
            StorageFull | QuotaExceeded => Degradation::Full,
            PermissionDenied | ReadOnlyFilesystem => Degradation::ReadOnly,
            NotFound => Degradation::Gone,
            _ => Degradation::Failed(error.to_string()),
        })
    }
}

impl From<Failure> for Degradation {
    fn from(failure: Failure) -> Degradation {
        match failure {
            Failure::Damaged(what) => Degradation::Corrupt(what),
            Failure::Unavailable(degradation) => degradation,
        }
    }
}
