//! Room on the disk that history and users are on.

use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};

use super::{Area, Facts, Finding, Severity};

/// Below this the history's size cap may not be reached before the disk is full.
const LITTLE: u64 = 64 * 1024 * 1024;
/// Below this the next write of users or configuration may fail.
const HARDLY_ANY: u64 = 4 * 1024 * 1024;

/// The disk under a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskFacts {
    /// The folder.
    pub path: PathBuf,
    /// Bytes that are free for the daemon.
    pub free: u64,
    /// Bytes in all.
    pub size: u64,
    /// Nothing can be written.
    pub read_only: bool,
}

/// What is to be known about the disk under `path`; none when the folder is not there.
pub fn disk_facts(path: &Path) -> Option<DiskFacts> {
    let disk = statvfs(path).ok()?;
    Some(DiskFacts {
        path: path.to_owned(),
        free: disk.f_bavail.saturating_mul(disk.f_frsize),
        size: disk.f_blocks.saturating_mul(disk.f_frsize),
        read_only: disk.f_flag.contains(StatVfsMountFlags::RDONLY),
    })
}

pub(super) fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    findings.extend(facts.disk.as_ref().and_then(judge));
}

fn judge(disk: &DiskFacts) -> Option<Finding> {
    let path = disk.path.display();
    if disk.read_only {
        let message = format!("the disk under {path} is read-only: history and users can't be written");
        let fix = "look at `dmesg` for errors of the disk, then mount it writable again".to_owned();
        return Some(Finding::new(Severity::Critical, Area::Disk, message, fix));
    }
    let severity = match disk.free {
        free if free < HARDLY_ANY => Severity::Critical,
        free if free < LITTLE => Severity::Warning,
        _ => return None,
    };
    let mib = disk.free / (1024 * 1024);
    let message = format!("there are {mib} MiB left on the disk under {path}");
    Some(Finding::new(severity, Area::Disk, message, "make room, or set smaller limits under `[history]`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(free: u64, read_only: bool) -> Option<Severity> {
        judge(&DiskFacts { path: "/x".into(), free, size: u64::MAX, read_only })
            .map(|finding| finding.severity)
    }

    #[test]
    fn a_full_or_read_only_disk_is_found() {
        assert_eq!(severity(1 << 40, false), None);
        assert_eq!(severity(32 << 20, false), Some(Severity::Warning));
        assert_eq!(severity(0, false), Some(Severity::Critical));
        assert_eq!(severity(1 << 40, true), Some(Severity::Critical));
        assert!(disk_facts("/".as_ref()).is_some_and(|disk| disk.size > 0));
    }
}
