//! What goes wrong with users: log-ins that are refused, and changes that can't be made.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why somebody was not let in.
///
/// What a network service tells its client must not depend on more than the variant: [`AuthError::Refused`] is the same for
/// an unknown user, a wrong password and a token that has expired.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Unknown user or token, wrong password, or a token that is no longer good.
    #[error("the name or the password is wrong, or the token is not valid")]
    Refused,
    /// Too many failures; nothing is checked until then.
    #[error("too many failed log-ins; the next one is looked at in {} s", wait.as_secs().max(1))]
    LockedOut {
        /// For so long.
        wait: Duration,
    },
    /// Too many log-ins wait to be checked; trying again later helps.
    #[error("too many log-ins are being checked; try again")]
    Busy,
    /// The users can't be read: nobody can log in until that is repaired.
    #[error("nobody can log in: {0}")]
    Unavailable(String),
}

/// Why users could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserError {
    /// A name that can't be one.
    #[error(
        "`{0}` can't be the name of a user: take 1 to 64 letters, digits, `.`, `_`, `-`, `@` or `+`, beginning with a letter or digit"
    )]
    Name(String),
    /// There is one already, perhaps spelt with other capitals.
    #[error("there is a user `{0}` already")]
    Exists(String),
    /// There is none.
    #[error("there is no user `{0}`")]
    Unknown(String),
    /// There is no such token.
    #[error("there is no token `{0}`")]
    UnknownToken(String),
    /// The password does not meet the rules.
    #[error("this password will not do: {0}")]
    Password(String),
    /// A scope that the role does not carry, or a token that asks for more than its user has.
    #[error("{0}")]
    Scope(String),
    /// Nobody could administer over the network after this.
    #[error("`{0}` is the last administrator: make another one first")]
    LastAdministrator(String),
    /// There are as many as there may be.
    #[error("{0}")]
    Limit(String),
    /// Who asks may not.
    #[error("{0} may not change users: that needs an administrator")]
    Denied(String),
    /// The file is not what this version can read.
    #[error("{}: {problem}; restore it from a backup, or move it away: the next start makes a new administrator", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// With the line where there is one.
        problem: String,
    },
    /// Reading or writing failed; what was on the disk is still there.
    #[error("can't {action} {}: {source}", path.display())]
    File {
        /// Such as `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The hash could not be computed, or the system gave no randomness.
    #[error("can't {0}")]
    Crypto(String),
}
