//! Who can change or read the files that the daemon trusts.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Area, Facts, Finding, Severity};

const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
const OTHERS: u32 = 0o007;

/// Who may do what to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// The file or folder.
    pub path: PathBuf,
    /// What it is to the daemon.
    pub what: Trusted,
    /// Permission bits.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
}

/// What a file is to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trusted {
    /// Says what the daemon does: nobody but its owner may change it.
    Configuration,
    /// Holds users and history: others may not even read it.
    State,
    /// Who can connect to it.
    Socket,
    /// Holds code that runs, though in a sandbox.
    Packages,
}

/// What is to be known about `path`; none when it is not there.
pub fn file_facts(path: &Path, what: Trusted) -> Option<FileFacts> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(FileFacts { path: path.to_owned(), what, mode: metadata.mode() & 0o7777, uid: metadata.uid() })
}

pub(super) fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    findings.extend(facts.files.iter().filter_map(judge));
}

fn judge(file: &FileFacts) -> Option<Finding> {
    let FileFacts { path, what, mode, .. } = file;
    let path = path.display();
    let finding =
        |severity, message: String, fix: String| Some(Finding::new(severity, Area::Files, message, fix));
    match what {
        Trusted::Configuration | Trusted::Packages if mode & (GROUP_WRITES | OTHERS_WRITE) != 0 => {
            let who = if mode & OTHERS_WRITE != 0 { "every user of this machine" } else { "its group" };
            let severity = if mode & OTHERS_WRITE != 0 { Severity::Critical } else { Severity::Warning };
            finding(
                severity,
                format!("{path} can be changed by {who} (mode {mode:03o})"),
                format!("`chmod go-w {path}`"),
            )
        }
        Trusted::State if mode & OTHERS != 0 => {
            let severity = if mode & OTHERS_WRITE != 0 { Severity::Critical } else { Severity::Warning };
            let message = format!("{path} is open to every user of this machine (mode {mode:03o})");
            finding(severity, message, format!("`chmod o= {path}`"))
        }
        Trusted::Socket if mode & OTHERS_WRITE != 0 => {
            let message = format!("every user of this machine can connect to {path} (mode {mode:03o})");
            finding(
                Severity::Critical,
                message,
                "restart the daemon, which makes it anew with mode 660".to_owned(),
            )
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(what: Trusted, mode: u32) -> Option<Severity> {
        judge(&FileFacts { path: "/x".into(), what, mode, uid: 0 }).map(|finding| finding.severity)
    }

    #[test]
    fn what_others_can_change_is_found_and_what_they_can_not_is_not() {
        assert_eq!(severity(Trusted::Configuration, 0o644), None);
        assert_eq!(severity(Trusted::Configuration, 0o664), Some(Severity::Warning));
        assert_eq!(severity(Trusted::Configuration, 0o666), Some(Severity::Critical));
        assert_eq!(severity(Trusted::Packages, 0o755), None);
        assert_eq!(severity(Trusted::Packages, 0o777), Some(Severity::Critical));
        assert_eq!(severity(Trusted::State, 0o750), None);
        assert_eq!(severity(Trusted::State, 0o755), Some(Severity::Warning));
        assert_eq!(severity(Trusted::State, 0o777), Some(Severity::Critical));
        assert_eq!(severity(Trusted::Socket, 0o660), None);
        assert_eq!(severity(Trusted::Socket, 0o666), Some(Severity::Critical));
    }
}
