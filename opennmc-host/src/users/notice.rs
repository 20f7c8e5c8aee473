//! What happened to users and log-ins, for the audit. Never a secret, and never a name that does not exist: people type
//! their password where the name belongs.

use std::fmt;
use std::time::Duration;

use super::principal::{Origin, Principal};
use super::role::Role;

/// One line of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// Who did it; none: nobody that is known, such as a failed log-in.
    pub by: Option<Principal>,
    /// From where.
    pub origin: Origin,
    /// What.
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// A user was made.
    Added {
        /// Its name.
        user: String,
        /// Its role.
        role: Role,
    },
    /// A user and its tokens are gone.
    Removed {
        /// Its name.
        user: String,
    },
    /// A password was set.
    PasswordSet {
        /// Whose.
        user: String,
        /// It does not meet the rules.
        weak: bool,
    },
    /// Role or scopes were changed.
    RoleSet {
        /// Whose.
        user: String,
        /// The new one.
        role: Role,
        /// The scopes, separated by blanks; empty: all.
        scopes: String,
    },
    /// A lock-out was ended by hand.
    Unlocked {
        /// Of whom.
        user: String,
    },
    /// A token was made.
    TokenMade {
        /// Its id.
        id: String,
        /// Whose.
        user: String,
    },
    /// A token was revoked.
    TokenRevoked {
        /// Its id.
        id: String,
        /// Whose.
        user: String,
    },
    /// A log-in with a password failed.
    LoginFailed {
        /// None: no user has the name that was given.
        user: Option<String>,
    },
    /// A token was not accepted.
    TokenRefused {
        /// Whose it was; none: no such token.
        user: Option<String>,
        /// It exists but has expired.
        expired: bool,
    },
    /// After too many failures this user can't log in from anywhere it did not log in from before.
    UserLockedOut {
        /// None: no user has the name that was given.
        user: Option<String>,
        /// For so long.
        wait: Duration,
    },
    /// After too many failures nobody can log in from this peer; the origin says which.
    PeerLockedOut {
        /// For so long.
        wait: Duration,
    },
    /// The file can't be read: nobody can log in over the network.
    Unreadable(String),
    /// The file can be read again.
    Readable,
}

impl fmt::Display for Happening {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |user: &Option<String>| {
            user.as_ref().map_or("an unknown user".to_owned(), |name| format!("`{name}`"))
        };
        match self {
            Happening::Added { user, role } => write!(out, "user `{user}` made, role {role}"),
            Happening::Removed { user } => write!(out, "user `{user}` removed"),
            Happening::PasswordSet { user, weak } => {
                write!(out, "password of `{user}` set{}", if *weak { ", a weak one" } else { "" })
            }
            Happening::RoleSet { user, role, scopes } if scopes.is_empty() => {
                write!(out, "role of `{user}` set to {role}")
            }
            Happening::RoleSet { user, role, scopes } => {
                write!(out, "role of `{user}` set to {role}, narrowed to {scopes}")
            }
            Happening::Unlocked { user } => write!(out, "lock-out of `{user}` ended"),
            Happening::TokenMade { id, user } => write!(out, "token {id} of `{user}` made"),
            Happening::TokenRevoked { id, user } => write!(out, "token {id} of `{user}` revoked"),
            Happening::LoginFailed { user } => write!(out, "failed log-in of {}", named(user)),
            Happening::TokenRefused { user, expired: true } => {
                write!(out, "expired token of {}", named(user))
            }
            Happening::TokenRefused { .. } => out.write_str("unknown token"),
            Happening::UserLockedOut { user, wait } => {
                write!(out, "{} locked out for {} s", named(user), wait.as_secs())
            }
            Happening::PeerLockedOut { wait } => write!(out, "peer locked out for {} s", wait.as_secs()),
            Happening::Unreadable(problem) => write!(out, "nobody can log in: {problem}"),
            Happening::Readable => out.write_str("users can be read again"),
        }
    }
}
