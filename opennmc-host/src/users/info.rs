//! Users and tokens as they are shown and as they are asked for; never with a secret in what is shown.

use std::time::Duration;

use serde::Serialize;

use super::role::{Role, Scope};
use super::secret::Secret;

/// A user as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct UserInfo {
    /// The name.
    pub name: String,
    /// What it may do at most.
    pub role: Role,
    /// What is left of that; none: all of it.
    pub scopes: Option<Vec<Scope>>,
    /// Whether it can log in with a password; without one it lives on tokens.
    pub has_password: bool,
    /// Its password was kept although it does not meet the rules.
    pub weak: bool,
    /// Milliseconds since 1970-01-01 UTC.
    pub made_ms: u64,
    /// When the password was set last, in milliseconds since 1970-01-01 UTC.
    pub password_ms: Option<u64>,
    /// Its last log-in since the daemon started, in milliseconds since 1970-01-01 UTC.
    pub login_ms: Option<u64>,
    /// Seconds for which it is locked out yet.
    pub locked_seconds: Option<u64>,
    /// How many tokens it has.
    pub tokens: usize,
}

/// A token as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TokenInfo {
    /// What to call it by when it is revoked: the beginning of its hash.
    pub id: String,
    /// Whose it is.
    pub user: String,
    /// What it is for, in its owner's words.
    pub label: String,
    /// What is left of its user's rights; none: all of them.
    pub scopes: Option<Vec<Scope>>,
    /// Milliseconds since 1970-01-01 UTC.
    pub made_ms: u64,
    /// Milliseconds since 1970-01-01 UTC; none: never.
    pub expires_ms: Option<u64>,
    /// Its last use, in milliseconds since 1970-01-01 UTC. What is on disk may be a day old.
    pub used_ms: Option<u64>,
}

/// A user to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The name.
    pub name: String,
    /// What it may do at most.
    pub role: Role,
    /// What is left of that; none: all of it.
    pub scopes: Option<Vec<Scope>>,
    /// None: it can only use tokens.
    pub password: Option<Secret>,
}

/// A token to be made.
#[derive(Debug, Clone, Default)]
pub struct NewToken {
    /// What it is for, in its owner's words.
    pub label: String,
    /// What is left of its user's rights; none: all of them.
    pub scopes: Option<Vec<Scope>>,
    /// From now; none: it does not expire.
    pub lifetime: Option<Duration>,
}

/// How strict to be with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordRules {
    /// What people choose now: long enough, not a common one.
    Strict,
    /// What existed elsewhere and is in use: kept, but marked as weak where the strict rules would refuse it.
    KeepWeak,
}

/// What the first start made.
#[derive(Debug)]
pub struct FirstAdministrator {
    /// Its name.
    pub name: String,
    /// To be shown once to whoever starts the daemon; it is nowhere else.
    pub password: Secret,
}
