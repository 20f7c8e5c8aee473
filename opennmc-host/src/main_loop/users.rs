//! The users: opened at the start, each change and each failed log-in in the log and in the audit.

use std::path::Path;
use std::sync::Arc;

use crate::history::{AuditRecord, HistoryHandle};
use crate::users::{Happening, Notice, UserBase, UserError};

/// Opens the users of the state folder. Users that can't be read are no reason not to start: the UPSes need none.
pub(super) fn init(state_dir: &Path, history: HistoryHandle) -> Result<Arc<UserBase>, UserError> {
    let users = UserBase::open(state_dir)?;
    if let Some(problem) = users.problem() {
        tracing::error!("nobody can log in: {problem}");
    }
    users.set_audit(move |notice| {
        log(&notice);
        history.audit(record(&notice));
    });
    Ok(users)
}

fn log(Notice { by, origin, what, .. }: &Notice) {
    let from = origin.to_string();
    let by = by.as_ref().map_or("", |principal| principal.name.as_str());
    match what {
        Happening::Unreadable(_) => tracing::error!("{what}"),
        Happening::LoginFailed { .. }
        | Happening::TokenRefused { .. }
        | Happening::UserLockedOut { .. }
        | Happening::PeerLockedOut { .. } => tracing::warn!(from, "{what}"),
        _ => tracing::info!(by, from, "{what}"),
    }
}

fn record(notice: &Notice) -> AuditRecord {
    let by = notice.by.as_ref();
    AuditRecord {
        at_ms: notice.at_ms,
        principal: by.map_or_else(String::new, |by| by.name.clone()),
        role: by.map_or_else(String::new, |by| by.role.name().to_owned()),
        origin: notice.origin.to_string(),
        device: String::new(),
        what: notice.what.to_string(),
        result: String::new(),
    }
}
