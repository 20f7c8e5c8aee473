//! What a person should repair about the users: material for `opennmc doctor`.

use std::fmt;

use super::base::UserBase;

/// One thing to repair.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// Nobody can log in.
    Unreadable(String),
    /// Others than the daemon's user can read the file; its permission bits.
    Permissions(u32),
    /// No administrator can log in over the network.
    NoAdministrator,
    /// This user's password was taken over from elsewhere and does not meet the rules.
    WeakPassword(String),
    /// This user has neither password nor token: it can't log in at all.
    Useless(String),
    /// This token has expired and only takes room.
    ExpiredToken {
        /// Its id.
        id: String,
        /// Whose.
        user: String,
    },
}

impl Finding {
    /// What to do about it, as a command where there is one.
    pub fn fix(&self) -> String {
        match self {
            Finding::Unreadable(_) => {
                "restore users.toml from a backup, or move it away and restart: a new administrator is made"
                    .to_owned()
            }
            Finding::Permissions(_) => "chmod 600 users.toml".to_owned(),
            Finding::NoAdministrator => "opennmc user add NAME --role administrator".to_owned(),
            Finding::WeakPassword(user) => format!("opennmc user password {user}"),
            Finding::Useless(user) => format!("opennmc user password {user}, or opennmc user remove {user}"),
            Finding::ExpiredToken { id, .. } => format!("opennmc user token revoke {id}"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Unreadable(problem) => write!(out, "nobody can log in: {problem}"),
            Finding::Permissions(mode) => {
                write!(out, "users.toml has mode {mode:03o}: others can read or change the password hashes")
            }
            Finding::NoAdministrator => out.write_str("no administrator with a password exists"),
            Finding::WeakPassword(user) => write!(out, "the password of `{user}` is easy to guess"),
            Finding::Useless(user) => write!(out, "`{user}` has neither a password nor a token"),
            Finding::ExpiredToken { id, user } => write!(out, "the token {id} of `{user}` has expired"),
        }
    }
}

/// Group and others.
const NOT_THE_OWNER: u32 = 0o077;

impl UserBase {
    /// What should be repaired.
    pub fn findings(&self) -> Vec<Finding> {
        if let Some(problem) = self.problem() {
            return vec![Finding::Unreadable(problem)];
        }
        let now_ms = self.clock.wall_ms();
        let inner = self.inner();
        let Ok(records) = &inner.records else { return Vec::new() };
        let mode = self.file.mode().filter(|mode| mode & NOT_THE_OWNER != 0).map(Finding::Permissions);
        let administrator = (!records.has_administrator()).then_some(Finding::NoAdministrator);
        let weak = records
            .users
            .iter()
            .filter(|user| user.weak)
            .map(|user| Finding::WeakPassword(user.name.clone()));
        let useless = records
            .users
            .iter()
            .filter(|user| {
                user.password.is_none() && !records.tokens.iter().any(|token| token.user == user.name)
            })
            .map(|user| Finding::Useless(user.name.clone()));
        let expired = records
            .tokens
            .iter()
            .filter(|token| token.is_over(now_ms))
            .map(|token| Finding::ExpiredToken { id: token.id().to_owned(), user: token.user.clone() });
        mode.into_iter().chain(administrator).chain(weak).chain(useless).chain(expired).collect()
    }
}
