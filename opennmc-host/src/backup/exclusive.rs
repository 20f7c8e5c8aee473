//! One backup or restore at a time, whichever process makes it.
//!
//! The lock is on the folder for state itself, so that it needs no file that root could make in the daemon's folder.

use std::fs::File;
use std::io;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{BackupError, Places};

/// Held while one is under way.
#[derive(Debug)]
pub(super) struct Exclusive {
    _folder: Option<File>,
}

impl Exclusive {
    pub(super) fn begin(places: &Places) -> Result<Exclusive, BackupError> {
        let failed = |source| BackupError::File { action: "lock", path: places.state_dir.clone(), source };
        let folder = match File::open(&places.state_dir) {
            Ok(folder) => folder,
            // A restore on a new machine makes it; no daemon has it yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Exclusive { _folder: None }),
            Err(error) => return Err(failed(error)),
        };
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Exclusive { _folder: Some(folder) }),
            Err(Errno::WOULDBLOCK) => Err(BackupError::Busy),
            Err(error) => Err(failed(error.into())),
        }
    }
}
