//! Backups through the daemon, for whoever may not read or replace its files: the caller opens the file with its own rights
//! and hands it over, the daemon writes into it or reads from it.
//!
//! Nothing is restored before everything was found good; from then on the restore is certain, and the daemon starts anew.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::answer::{Answered, Host};
use super::now::wall_ms;
use super::protocol::{Code, Problem};
use super::replies::Replies;
use crate::backup::{BackupError, Manifest, Places, Staged, back_up_into};
use crate::history::AuditRecord;
use crate::users::Principal;

/// What was backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeReport {
    /// What is in the backup.
    pub manifest: Manifest,
    /// What is not, and why.
    pub skipped: Vec<String>,
}

/// What will have been restored when the daemon has started anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoredReport {
    /// What is in the backup.
    pub manifest: Manifest,
    /// How many files come from it.
    pub restored: usize,
    /// How many that are not in it go.
    pub removed: usize,
}

/// Makes one for `by` in the file that came with the request.
pub(super) fn make(host: &Host, by: &Principal, shown: &str, replies: &mut dyn Replies) -> Answered {
    Ok(attached(replies, shown).and_then(|file| {
        let empty = file.metadata().is_ok_and(|metadata| metadata.len() == 0);
        if !empty {
            return Err(Problem::new(Code::Refused, format!("{shown} is not empty")));
        }
        let made = back_up_into(&places(host), &file, Path::new(shown), by);
        match &made {
            Ok(report) => {
                let files = report.manifest.members.len();
                tracing::info!("{} has made a backup", by.name);
                audit(host, by, "make a backup", &format!("done: {files} files, {} bytes", report.bytes));
            }
            Err(error) => audit(host, by, "make a backup", &result(error)),
        }
        let report = made.map_err(|error| problem(&error))?;
        json(&MadeReport { manifest: report.manifest, skipped: report.skipped })
    }))
}

/// Restores the one in the file that came with the request. After the answer the daemon starts anew.
pub(super) fn restore(host: &Host, by: &Principal, shown: &str, replies: &mut dyn Replies) -> Answered {
    if !host.restarts {
        let message = "this daemon can't start anew, and so restores nothing: it is a demonstration";
        return Ok(Err(Problem::new(Code::Refused, message)));
    }
    Ok(attached(replies, shown).and_then(|file| {
        let committed = Staged::read_from(file, Path::new(shown), &places(host), by).and_then(|staged| {
            let (restored, removed) = staged.changes();
            let manifest = staged.manifest().clone();
            staged.commit().map(|()| RestoredReport { manifest, restored, removed })
        });
        match committed {
            Ok(report) => {
                // What came of it is told by the next start, in the history that comes out of the backup.
                tracing::info!("{} restores a backup of {}", by.name, report.manifest.host);
                replies.start_anew_after();
                json(&report)
            }
            Err(error) => {
                tracing::warn!("{} has tried to restore a backup: {error}", by.name);
                audit(host, by, "restore a backup", &result(&error));
                Err(problem(&error))
            }
        }
    }))
}

/// The file that came with the request, when it is one.
pub(super) fn attached(replies: &mut dyn Replies, shown: &str) -> Result<File, Problem> {
    let refused = |message: &str| Problem::new(Code::BadRequest, message);
    let file: OwnedFd =
        replies.attached().ok_or_else(|| refused("the opened file has to come with the request"))?;
    let file = File::from(file);
    // Anything else could keep the daemon waiting for ever.
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(refused(&format!("{shown} is not a plain file")));
    }
    Ok(file)
}

fn places(host: &Host) -> Places {
    let paths = &host.handle.paths;
    Places { config: paths.config.clone(), state_dir: paths.state_dir.clone() }
}

fn audit(host: &Host, by: &Principal, what: &str, result: &str) {
    if let Some(history) = &host.handle.history {
        history.audit(AuditRecord::new(wall_ms(SystemTime::now()), by, "", what, result));
    }
}

fn result(error: &BackupError) -> String {
    match error {
        BackupError::Denied { .. } => format!("denied: {error}"),
        _ => format!("failed: {error}"),
    }
}

fn problem(error: &BackupError) -> Problem {
    let code = match error {
        BackupError::Denied { .. } => Code::Denied,
        BackupError::Unusable { .. } | BackupError::ReadOnly(_) | BackupError::Busy => Code::Refused,
        _ => Code::Failed,
    };
    Problem::new(code, error.to_string())
}

fn json(value: &impl Serialize) -> Result<serde_json::Value, Problem> {
    serde_json::to_value(value).map_err(|error| Problem::new(Code::Failed, error.to_string()))
}
