//! Roles, the rights they carry, and scopes that narrow them.
//!
//! A role says what a person may do at most. A scope takes away, never adds: an API token, or a user that only `upsmon`
//! logs in as, has the rights of its role that its scopes name as well.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a person may do at most. The four roles of the product; there are no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Role {
    /// Everything.
    Administrator,
    /// Commands and settings of the UPSes; no users, no plugins, no configuration.
    Operator,
    /// Reads.
    Monitor,
    /// Makes backups and restores them, and nothing else.
    Backup,
}

impl Role {
    /// All of them, from the most to the least.
    pub const ALL: [Role; 4] = [Role::Administrator, Role::Operator, Role::Monitor, Role::Backup];

    /// As it is written in configurations and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::Operator => "operator",
            Role::Monitor => "monitor",
            Role::Backup => "backup",
        }
    }

    /// Whether this role carries `right`.
    pub fn carries(self, right: &Right) -> bool {
        match right {
            Right::Read | Right::Login => self != Role::Backup,
            Right::Command(_) | Right::Set(_) | Right::ForcedShutdown => {
                matches!(self, Role::Administrator | Role::Operator)
            }
            Right::BackUp => matches!(self, Role::Administrator | Role::Backup),
            Right::Audit | Right::Administer => self == Role::Administrator,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Role, UnknownRole> {
        Role::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

impl TryFrom<String> for Role {
    type Error = UnknownRole;

    fn try_from(text: String) -> Result<Role, UnknownRole> {
        text.parse()
    }
}

impl From<Role> for String {
    fn from(role: Role) -> String {
        role.name().to_owned()
    }
}

/// One thing that somebody wants to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Right {
    /// Read the state of the UPSes, the events and the history.
    Read,
    /// Be counted as a machine that a UPS feeds: NUT's `LOGIN`.
    Login,
    /// Run this command, by its NUT name.
    Command(String),
    /// Set this variable, by its NUT name.
    Set(String),
    /// Set or clear the forced shutdown: NUT's `FSD`, and `PRIMARY` before it.
    ForcedShutdown,
    /// Make a backup, or restore one.
    BackUp,
    /// Read who did what.
    Audit,
    /// Users, plugins, configuration, log levels: everything about the daemon itself.
    Administer,
}

/// What is left of a role: `read`, `login`, `fsd`, `command`, `command:NAME`, `set`, `set:NAME`, `backup`, `audit`, `admin`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(String);

/// Scopes without an argument.
const PLAIN_SCOPES: [&str; 8] = ["read", "login", "fsd", "command", "set", "backup", "audit", "admin"];
/// Scopes that may name one command or variable behind a colon.
const NAMING_SCOPES: [&str; 2] = ["command", "set"];

impl Scope {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What both scopes leave, if that is anything: the narrower one.
    pub fn narrowed_by(&self, other: &Scope) -> Option<Scope> {
        let within = |narrow: &Scope, wide: &Scope| {
            narrow.0 == wide.0 || narrow.0.split_once(':').is_some_and(|(kind, _)| kind == wide.0)
        };
        if within(self, other) {
            Some(self.clone())
        } else if within(other, self) {
            Some(other.clone())
        } else {
            None
        }
    }

    /// What two lists of scopes leave; none: all of a role.
    pub fn both(one: Option<&[Scope]>, other: Option<&[Scope]>) -> Option<Vec<Scope>> {
        let (Some(one), Some(other)) = (one, other) else { return one.or(other).map(<[Scope]>::to_vec) };
        let mut left: Vec<Scope> =
            one.iter().flat_map(|scope| other.iter().filter_map(|other| scope.narrowed_by(other))).collect();
        left.sort_unstable();
        left.dedup();
        Some(left)
    }

    /// The right that this scope is about, to ask whether a role carries it.
    pub fn right(&self) -> Right {
        let (kind, name) = self.0.split_once(':').unwrap_or((&self.0, ""));
        match kind {
            "login" => Right::Login,
            "fsd" => Right::ForcedShutdown,
            "command" => Right::Command(name.to_owned()),
            "set" => Right::Set(name.to_owned()),
            "backup" => Right::BackUp,
            "audit" => Right::Audit,
            "admin" => Right::Administer,
            _ => Right::Read,
        }
    }

    /// Whether this scope leaves `right`.
    pub fn leaves(&self, right: &Right) -> bool {
        let (kind, name) = match right {
            Right::Read => ("read", None),
            Right::Login => ("login", None),
            Right::Command(name) => ("command", Some(name)),
            Right::Set(name) => ("set", Some(name)),
            Right::ForcedShutdown => ("fsd", None),
            Right::BackUp => ("backup", None),
            Right::Audit => ("audit", None),
            Right::Administer => ("admin", None),
        };
        match self.0.split_once(':') {
            None => self.0 == kind,
            Some((own, only)) => own == kind && name.is_some_and(|name| name.eq_ignore_ascii_case(only)),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Scope, UnknownScope> {
        let known = match text.split_once(':') {
            None => PLAIN_SCOPES.contains(&text),
            Some((kind, name)) => {
                let spelled =
                    |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
                NAMING_SCOPES.contains(&kind) && !name.is_empty() && name.chars().all(spelled)
            }
        };
        if known { Ok(Scope(text.to_ascii_lowercase())) } else { Err(UnknownScope(text.to_owned())) }
    }
}

impl TryFrom<String> for Scope {
    type Error = UnknownScope;

    fn try_from(text: String) -> Result<Scope, UnknownScope> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> String {
        scope.0
    }
}

/// Something else than a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role: write administrator, operator, monitor or backup")]
pub struct UnknownRole(String);

/// Something else than a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a scope: write read, login, fsd, command, command:NAME, set, set:NAME, backup, audit or admin"
)]
pub struct UnknownScope(String);
