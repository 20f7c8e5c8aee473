//! Who asks: a token, a name and a password, or the cookie of a session.
//!
//! Tokens and passwords are checked by the base that all services share, on the users' own thread, and failures count for
//! the lock-out of the client's address. A header that says who asks goes before any cookie. A browser sends a cookie
//! whoever wrote the page, so whoever changes something with one has to show that the page may read what is here.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::http::request::Parts;

use super::answer::Here;
use super::base64;
use super::cookie;
use super::reply::{Reply, later, said, who_are_you};
use super::sessions::Key;
use super::slot::slot;
use crate::users::{AuthError, Check, Origin, Principal, Secret};

/// A card may have to check some passwords before this one.
const CHECKING: Duration = Duration::from_secs(30);
/// Where a request with a cookie shows what its page was told at the log-in.
pub(super) const CSRF: &str = "x-csrf-token";

/// Who asks, and how that is known.
pub(super) struct Who {
    pub(super) principal: Principal,
    pub(super) by: By,
}

/// How it is known who asks.
pub(super) enum By {
    Password,
    Token(Secret),
    Session(Key),
}

/// A request with the cookie of a session that the page of anybody could have made.
pub(super) struct Unconfirmed;

impl From<Unconfirmed> for Reply {
    fn from(_: Unconfirmed) -> Reply {
        let sentence =
            "a request with a session's cookie has to show `csrf` of the log-in in its header `X-CSRF-Token`";
        said(StatusCode::FORBIDDEN, sentence)
    }
}

/// Who asks something of `service`; none when nobody has logged in. The error is the answer.
pub(super) async fn who(here: &Here, parts: &Parts, service: &str) -> Result<Option<Who>, Reply> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return with_cookie(here, parts, service).map_err(Reply::from);
    };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let check = text.and_then(asked_for).ok_or_else(|| {
        who_are_you("the header `Authorization` is malformed: it is `Bearer TOKEN`, or `Basic` with a name and a password")
    })?;
    let by = match &check {
        Check::Token(secret) => By::Token(secret.clone()),
        Check::Password { .. } => By::Password,
    };
    let principal = checked(here, check, service).await?;
    Ok(Some(Who { principal, by }))
}

/// Whose password or token this is. The error is the answer.
pub(super) async fn checked(here: &Here, check: Check, service: &str) -> Result<Principal, Reply> {
    let (giver, taker) = slot();
    let done = Box::new(move |result| {
        // The client may have gone.
        let _ = giver.give(result);
    });
    here.shared.users.check_later(check, origin(here, service), done).map_err(refused)?;
    match here.pace.within(CHECKING, taker).await {
        Some(Some(result)) => result.map_err(refused),
        Some(None) | None => {
            Err(later(StatusCode::SERVICE_UNAVAILABLE, 5, "log-ins take too long at present"))
        }
    }
}

/// The session that a request comes from, when it has one that stands.
pub(super) fn session(here: &Here, parts: &Parts) -> Result<Option<Key>, Unconfirmed> {
    let now = here.shared.clock.borrow().now();
    let mut sessions = here.shared.sessions.borrow_mut();
    let mut standing = Vec::new();
    for key in cookie::brought(&parts.headers, here.secure).map(Key::of) {
        let Some(session) = sessions.find(key, now) else { continue };
        if here.shared.users.principal(&session.basis, Origin::Host).is_some() {
            standing.push(key);
        } else {
            // The password, the role or the user is another by now.
            sessions.end(key);
        }
    }
    standing.dedup();
    // Two that stand: one was slipped in, and nobody can tell which.
    let [key] = standing[..] else { return Ok(None) };
    if !matches!(parts.method.as_str(), "GET" | "HEAD") {
        let token = parts.headers.get(CSRF).map(HeaderValue::to_str).and_then(Result::ok);
        let confirmed = |token| sessions.find(key, now).is_some_and(|session| session.is_confirmed_by(token));
        if !token.is_some_and(confirmed) {
            return Err(Unconfirmed);
        }
    }
    sessions.touch(key, now);
    Ok(Some(key))
}

fn with_cookie(here: &Here, parts: &Parts, service: &str) -> Result<Option<Who>, Unconfirmed> {
    let Some(key) = session(here, parts)? else { return Ok(None) };
    let now = here.shared.clock.borrow().now();
    let sessions = here.shared.sessions.borrow();
    let basis = sessions.find(key, now).map(|session| &session.basis);
    let principal = basis.and_then(|basis| here.shared.users.principal(basis, origin(here, service)));
    Ok(principal.map(|principal| Who { principal, by: By::Session(key) }))
}

fn origin(here: &Here, service: &str) -> Origin {
    Origin::Network { service: service.to_owned(), peer: here.peer.ip().to_canonical() }
}

fn asked_for(value: &str) -> Option<Check> {
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return (!rest.is_empty()).then(|| Check::Token(Secret::from(rest.to_owned())));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(base64::decode(rest)?).ok()?;
    let (name, password) = pair.split_once(':')?;
    Some(Check::Password { name: name.to_owned(), password: Secret::from(password.to_owned()) })
}

fn refused(error: AuthError) -> Reply {
    match error {
        AuthError::Refused => who_are_you("the name, the password or the token is wrong"),
        AuthError::LockedOut { wait } => later(
            StatusCode::TOO_MANY_REQUESTS,
            wait.as_secs() + 1,
            &AuthError::LockedOut { wait }.to_string(),
        ),
        AuthError::Busy => later(StatusCode::SERVICE_UNAVAILABLE, 1, "too many log-ins are being checked"),
        // What is wrong with a file of this host is not for strangers; it is in the log.
        _ => said(
            StatusCode::SERVICE_UNAVAILABLE,
            "nobody can log in at present; the log of the host says why",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_password_and_a_token_are_understood() {
        let Some(Check::Password { name, password }) = asked_for("Basic am86YTpi") else { panic!() };
        assert_eq!((name.as_str(), password.reveal()), ("jo", "a:b"));
        let Some(Check::Token(token)) = asked_for("bearer onmc_x ") else { panic!() };
        assert_eq!(token.reveal(), "onmc_x");
        for other in ["", "Basic", "Basic ", "Basic am8=", "Basic ****", "Bearer ", "Digest x", "am86YTpi"] {
            assert!(asked_for(other).is_none(), "{other}");
        }
    }
}
