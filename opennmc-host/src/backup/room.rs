//! Whether there is room on a disk, before it is filled.

use std::path::Path;

use rustix::fs::statvfs;

use super::BackupError;

/// What has to stay free for users, settings and the history of the next minutes.
const RESERVE: u64 = 4 << 20;
const MIB: u64 = 1 << 20;

/// Fails when `bytes` do not fit on the disk of `folder`, which may not be there yet.
pub(super) fn check(folder: &Path, bytes: u64) -> Result<(), BackupError> {
    let existing = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    // A file system that does not tell is found full when it is.
    let Ok(disk) = statvfs(existing) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let needed = bytes.saturating_add(RESERVE);
    if needed <= free {
        return Ok(());
    }
    Err(BackupError::Room { folder: folder.to_owned(), needed: needed.div_ceil(MIB), free: free / MIB })
}
