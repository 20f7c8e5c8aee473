//! One daemon on one folder for state.
//!
//! Two would number their events alike, overwrite each other's grants, and each take over the other's plugins. The system
//! gives the lock back when the process ends, however it ends, and when it starts anew.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// The name; backups leave out what ends so.
const NAME: &str = "daemon.lock";
/// A child that compiles a plugin has the lock too, between its start and its program, and outlives a killed daemon so long.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// Held as long as the daemon runs.
#[derive(Debug)]
pub(crate) struct StateLock {
    _file: Option<File>,
}

/// Somebody else has the folder.
#[derive(Debug, thiserror::Error)]
#[error("another opennmc runs with the state folder {}: stop it, or give this one another `[state] dir`", .0.display())]
pub(crate) struct Taken(PathBuf);

impl StateLock {
    /// Takes `folder`. On a disk where no lock can be made, a full one or one that is only read, there is none: such a disk
    /// does not keep the UPSes from being watched.
    pub(crate) fn take(folder: &Path) -> Result<StateLock, Taken> {
        let path = folder.join(NAME);
        let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        // Where it can't be written, one that is there can be locked all the same.
        opened.map_or_else(|_| StateLock::take_made(folder), |file| StateLock::lock(file, folder))
    }

    /// As [`StateLock::take`], of a folder that a daemon has made; root makes no file there that the daemon could not open.
    pub(crate) fn take_made(folder: &Path) -> Result<StateLock, Taken> {
        File::open(folder.join(NAME))
            .map_or(Ok(StateLock { _file: None }), |file| StateLock::lock(file, folder))
    }

    fn lock(file: File, folder: &Path) -> Result<StateLock, Taken> {
        let began = Instant::now();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(StateLock { _file: Some(file) }),
                Err(Errno::WOULDBLOCK) if began.elapsed() < PATIENCE => sleep(PAUSE),
                Err(Errno::WOULDBLOCK) => return Err(Taken(folder.to_owned())),
                Err(_) => return Ok(StateLock { _file: None }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_daemon_and_is_free_when_that_ends() {
        let dir = tempfile::tempdir().unwrap();
        let first = StateLock::take(dir.path()).unwrap();
        let refused = StateLock::take(dir.path()).unwrap_err().to_string();
        assert!(
            refused.contains(dir.path().to_str().unwrap()) && refused.contains("[state] dir"),
            "{refused}"
        );
        drop(first);
        StateLock::take_made(dir.path()).unwrap();
    }

    #[test]
    fn a_folder_without_a_lock_keeps_nobody_from_watching() {
        StateLock::take(Path::new("/proc/no-such-folder")).unwrap();
    }
}
