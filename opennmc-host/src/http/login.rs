//! Who asks: a token or a name and a password, checked by the base that all services share.
//!
//! Passwords are checked on the users' own thread, and failures count for the lock-out of the client's address.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, HeaderMap};

use super::base64;
use super::pace::Pace;
use super::reply::{Reply, later, said, who_are_you};
use super::slot::slot;
use crate::users::{AuthError, Check, Origin, Principal, Secret, UserBase};

/// A card may have to check some passwords before this one.
const CHECKING: Duration = Duration::from_secs(30);

/// Who asks; none when nobody has logged in. The error is the answer.
pub(super) async fn who(
    users: &Arc<UserBase>,
    pace: &Pace,
    headers: &HeaderMap,
    plugin: &str,
    peer: IpAddr,
) -> Result<Option<Principal>, Reply> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let check = text.and_then(asked_for).ok_or_else(|| {
        who_are_you("the header `Authorization` is malformed: it is `Bearer TOKEN`, or `Basic` with a name and a password")
    })?;
    let (giver, taker) = slot();
    let origin = Origin::Network { service: plugin.to_owned(), peer };
    users
        .check_later(
            check,
            origin,
            Box::new(move |result| {
                // The client may have gone.
                let _ = giver.give(result);
            }),
        )
        .map_err(refused)?;
    match pace.within(CHECKING, taker).await {
        Some(Some(result)) => result.map(Some).map_err(refused),
        Some(None) | None => {
            Err(later(StatusCode::SERVICE_UNAVAILABLE, 5, "log-ins take too long at present"))
        }
    }
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
