//! The users: opened at the start, each change and each failed log-in in the log and in the audit, and an event.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use calloop::{LoopHandle, channel};

use super::State;
use crate::history::{AuditRecord, HistoryHandle};
use crate::state::{Event, Severity};
use crate::users::{Happening, Notice, UserBase};

/// Events of a minute. Whoever tries passwords must not drive the UPSes' events out of the history; the audit has all.
const EVENTS_A_MINUTE: u32 = 30;

/// Opens the users of the state folder. Users that can't be read are no reason not to start: the UPSes need none.
pub(super) fn init(
    handle: &LoopHandle<'static, State>,
    state_dir: &Path,
    history: HistoryHandle,
) -> Result<Arc<UserBase>, super::Error> {
    let users = UserBase::open(state_dir)?;
    let (events, happened) = channel::channel();
    handle
        .insert_source(happened, |message, (), state: &mut State| {
            if let channel::Event::Msg(event) = message {
                state.happened.push(event);
            }
        })
        .map_err(|error| error.error)?;
    let minute = Mutex::new((Instant::now(), 0));
    if let Some(problem) = users.problem() {
        tracing::error!("nobody can log in: {problem}");
    }
    users.set_audit(move |notice| {
        log(&notice);
        history.audit(record(&notice));
        if admits(&minute) {
            // The loop may have ended.
            let _ = events.send(event(&notice));
        }
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

/// Whether one more event may be made in this minute.
fn admits(minute: &Mutex<(Instant, u32)>) -> bool {
    let mut minute = minute.lock().unwrap_or_else(PoisonError::into_inner);
    if minute.0.elapsed() >= Duration::from_secs(60) {
        *minute = (Instant::now(), 0);
    }
    minute.1 += 1;
    minute.1 <= EVENTS_A_MINUTE
}

fn event(Notice { at_ms, by, origin, what }: &Notice) -> Event {
    let (kind, severity, user) = match what {
        Happening::Added { user, .. } => ("added", Severity::Info, Some(user)),
        Happening::Removed { user } => ("removed", Severity::Info, Some(user)),
        Happening::PasswordSet { user, .. } => ("password-set", Severity::Info, Some(user)),
        Happening::RoleSet { user, .. } => ("role-set", Severity::Info, Some(user)),
        Happening::Unlocked { user } => ("unlocked", Severity::Info, Some(user)),
        Happening::TokenMade { user, .. } => ("token-made", Severity::Info, Some(user)),
        Happening::TokenRevoked { user, .. } => ("token-revoked", Severity::Info, Some(user)),
        Happening::LoginFailed { user } => ("login-failed", Severity::Warning, user.as_ref()),
        Happening::TokenRefused { user, .. } => ("token-refused", Severity::Warning, user.as_ref()),
        Happening::UserLockedOut { user, .. } => ("locked-out", Severity::Warning, user.as_ref()),
        Happening::PeerLockedOut { .. } => ("peer-locked-out", Severity::Warning, None),
        Happening::Unreadable(_) => ("unreadable", Severity::Critical, None),
        Happening::Readable => ("readable", Severity::Info, None),
    };
    let mut fields = vec![("detail".to_owned(), what.to_string()), ("from".to_owned(), origin.to_string())];
    fields.extend(user.map(|user| ("user".to_owned(), user.clone())));
    fields.extend(by.as_ref().map(|by| ("by".to_owned(), by.name.clone())));
    Event { id: 0, kind: format!("user.{kind}"), severity, device: String::new(), at_ms: *at_ms, fields }
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
