//! What the host answers itself, whatever plugins have mounted: `/api/v1/session` and `/api/v1/stream`.
//!
//! Its answers are JSON, and its refusals `application/problem+json`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, SET_COOKIE};
use hyper::http::request::Parts;
use serde::{Deserialize, Serialize};

use super::answer::{Here, collect, is_from_elsewhere};
use super::cookie;
use super::login::{self, By, Who};
use super::reply::{self, Reply, later, said};
use super::sessions::Key;
use super::stream;
use crate::control::report::time;
use crate::users::{Check, Principal, Secret};

/// Where everything of the host's own is.
const SESSION: &str = "/api/v1/session";
/// What log-ins at the host itself are called in the audit.
pub(super) const SERVICE: &str = "web";
/// A name and a password, in any alphabet.
const LARGEST_LOG_IN: usize = 4 << 10;

/// Who is logged in.
#[derive(Serialize)]
struct SessionReport<'a> {
    user: &'a str,
    role: &'a str,
    /// What requests that change something have to show; none when a header says who asks.
    csrf: Option<&'a str>,
    /// When it ends if nothing is asked for until then; none when a header says who asks.
    expires: Option<String>,
}

/// What a log-in form sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogIn {
    name: String,
    password: Secret,
}

/// Whether the host itself answers at this path.
pub(super) fn is_own(path: &str) -> bool {
    [SESSION, stream::PATH].contains(&path)
}

/// The answer; the error is one, too.
pub(super) async fn respond(here: &Here, path: &str, parts: &Parts, body: Incoming) -> Result<Reply, Reply> {
    if path == stream::PATH {
        return stream::respond(here, parts).await;
    }
    match parts.method.as_str() {
        "GET" | "HEAD" => tell(here, parts).await,
        "POST" => log_in(here, parts, body).await,
        "DELETE" => match log_out(here, parts) {
            reply if reply.status().is_success() => Ok(reply),
            refusal => Err(refusal),
        },
        _ => Err(reply::only("GET, HEAD, POST, DELETE")),
    }
}

async fn tell(here: &Here, parts: &Parts) -> Result<Reply, Reply> {
    let Some(Who { principal, by }) = login::who(here, parts, SERVICE).await? else {
        return Err(reply::who_are_you("log in first"));
    };
    match by {
        By::Session(key) => report(here, &principal, key).ok_or_else(|| reply::who_are_you("log in first")),
        By::Password | By::Token(_) => Ok(shown(&principal, None, None)),
    }
}

async fn log_in(here: &Here, parts: &Parts, body: Incoming) -> Result<Reply, Reply> {
    if is_from_elsewhere(here, parts) {
        return Err(said(StatusCode::FORBIDDEN, "nobody is logged in by the page of another host"));
    }
    // A form of another page could not say so without asking first.
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(said(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a log-in is `application/json`"));
    }
    let mut share = here.shared.bodies.share();
    let body = collect(here, body, LARGEST_LOG_IN, &mut share).await?;
    let LogIn { name, password } = serde_json::from_slice(&body).map_err(|_| {
        // The error of the parser may quote the password.
        said(StatusCode::BAD_REQUEST, "a log-in is an object with the texts `name` and `password`")
    })?;
    here.shared.take_log_in(here.peer.ip().to_canonical()).map_err(|wait| {
        let sentence = "there were too many log-ins from this address; come back later";
        later(StatusCode::TOO_MANY_REQUESTS, wait.as_secs() + 1, sentence)
    })?;
    let users = &here.shared.users;
    // Before the check: a password that is set meanwhile is not the one that was checked.
    let basis = users.basis(&name);
    let principal = login::checked(here, Check::Password { name, password }, SERVICE).await?;
    let gone = || said(StatusCode::UNAUTHORIZED, "the user was changed just now; log in again");
    let basis = basis.filter(|basis| basis.user() == principal.name).ok_or_else(gone)?;
    let now = here.shared.clock.borrow().now();
    let identifier = {
        let mut sessions = here.shared.sessions.borrow_mut();
        // The browser forgets the one that it had.
        cookie::brought(&parts.headers, here.secure).for_each(|old| sessions.end(Key::of(old)));
        sessions.begin(basis, now).map_err(|error| {
            tracing::error!("http: no session can be made: get randomness: {error}");
            said(
                StatusCode::SERVICE_UNAVAILABLE,
                "nobody can log in at present; the log of the host says why",
            )
        })?
    };
    let gone = || said(StatusCode::SERVICE_UNAVAILABLE, "too many people log in at present");
    let mut reply = report(here, &principal, Key::of(&identifier)).ok_or_else(gone)?;
    set_cookie(&mut reply, &cookie::given(&identifier, here.secure));
    Ok(reply)
}

fn log_out(here: &Here, parts: &Parts) -> Reply {
    if is_from_elsewhere(here, parts) {
        return said(StatusCode::FORBIDDEN, "nobody is logged out by the page of another host");
    }
    match login::session(here, parts) {
        Ok(Some(key)) => here.shared.sessions.borrow_mut().end(key),
        Ok(None) => {}
        Err(unconfirmed) => return unconfirmed.into(),
    }
    let mut reply = reply::nothing();
    set_cookie(&mut reply, &cookie::taken(here.secure));
    reply
}

fn report(here: &Here, principal: &Principal, key: Key) -> Option<Reply> {
    let sessions = here.shared.sessions.borrow();
    let now = here.shared.clock.borrow().now();
    let session = sessions.find(key, now)?;
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(shown(principal, Some(&session.csrf), Some(wall + session.left(now))))
}

fn shown(principal: &Principal, csrf: Option<&str>, expires: Option<Duration>) -> Reply {
    let expires = expires.map(|at| time(u64::try_from(at.as_millis()).unwrap_or(u64::MAX)));
    let (user, role) = (principal.name.as_str(), principal.role.name());
    reply::json(&SessionReport { user, role, csrf, expires })
}

fn set_cookie(reply: &mut Reply, text: &str) {
    if let Ok(value) = HeaderValue::try_from(text) {
        reply.headers_mut().append(SET_COOKIE, value);
    }
}
