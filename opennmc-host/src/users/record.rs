//! `users.toml`: what is in it, and that it is right.
//!
//! Invariant: a [`Records`] that was parsed or is about to be written has names that are names, each once, hashes that
//! can be checked with bounded memory, and tokens whose users exist. A key that this version does not know is an error:
//! it could be a restriction.

use serde::{Deserialize, Serialize};

use super::hash::PasswordHash;
use super::name;
use super::role::{Role, Scope};

/// The form of the file.
const VERSION: u32 = 1;
/// What stands above it.
const HEADER: &str = "# The users of OpenNMC. Change them with `opennmc user`; every line here was checked and written by it.\n";

/// All users and tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) users: Vec<UserRecord>,
    pub(super) tokens: Vec<TokenRecord>,
}

/// One user on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct UserRecord {
    pub(super) name: String,
    pub(super) role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scopes: Option<Vec<Scope>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<PasswordHash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) weak: bool,
    pub(super) made_ms: u64,
}

/// One token on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TokenRecord {
    pub(super) sha256: String,
    pub(super) user: String,
    pub(super) label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scopes: Option<Vec<Scope>>,
    pub(super) made_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) used_ms: Option<u64>,
}

/// The file as it lies there.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    #[serde(default, rename = "user", skip_serializing_if = "Vec::is_empty")]
    users: Vec<UserRecord>,
    #[serde(default, rename = "token", skip_serializing_if = "Vec::is_empty")]
    tokens: Vec<TokenRecord>,
}

/// Only the version, whatever else a newer file may hold.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Records {
    /// Reads the text of the file; the error says what is wrong and where.
    pub(super) fn parse(text: &str) -> Result<Records, String> {
        let located = |error: toml::de::Error| {
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            // Only the message: the line itself may hold a hash.
            match line {
                Some(line) => format!("line {line}: {}", error.message()),
                None => error.message().to_owned(),
            }
        };
        let Versioned { version } = toml::from_str(text).map_err(located)?;
        if version != VERSION {
            return Err(format!(
                "it has version {version}, and this OpenNMC reads version {VERSION}: install the OpenNMC that wrote it"
            ));
        }
        let Document { users, tokens, .. } = toml::from_str(text).map_err(located)?;
        let records = Records { users, tokens };
        records.check()?;
        Ok(records)
    }

    /// The text of the file.
    pub(super) fn render(&self) -> Result<String, String> {
        let document = Document { version: VERSION, users: self.users.clone(), tokens: self.tokens.clone() };
        toml::to_string(&document).map(|text| format!("{HEADER}{text}")).map_err(|error| error.to_string())
    }

    pub(super) fn user(&self, name: &str) -> Option<&UserRecord> {
        self.users.iter().find(|user| user.name == name)
    }

    pub(super) fn user_mut(&mut self, name: &str) -> Option<&mut UserRecord> {
        self.users.iter_mut().find(|user| user.name == name)
    }

    /// Whether anybody could administer with a password.
    pub(super) fn has_administrator(&self) -> bool {
        self.users.iter().any(UserRecord::administers)
    }

    fn check(&self) -> Result<(), String> {
        for (index, user) in self.users.iter().enumerate() {
            if !name::is_name(&user.name) {
                return Err(format!("`{}` can't be the name of a user", user.name.escape_debug()));
            }
            if self.users[..index].iter().any(|other| other.name.eq_ignore_ascii_case(&user.name)) {
                return Err(format!("the user `{}` is there twice", user.name));
            }
        }
        for (index, token) in self.tokens.iter().enumerate() {
            let hex = token.sha256.len() == 64
                && token.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            if !hex {
                return Err(format!("a token of `{}` has no SHA-256", token.user.escape_debug()));
            }
            if self.user(&token.user).is_none() {
                return Err(format!("the token {} belongs to nobody", token.id()));
            }
            if self.tokens[..index].iter().any(|other| other.sha256 == token.sha256) {
                return Err(format!("the token {} is there twice", token.id()));
            }
        }
        Ok(())
    }
}

impl UserRecord {
    /// Whether this user can administer after a log-in with its password.
    pub(super) fn administers(&self) -> bool {
        self.role == Role::Administrator && self.scopes.is_none() && self.password.is_some()
    }
}

/// Digits of its hash that tell a token from all others that a base will ever hold.
const ID_DIGITS: usize = 12;

impl TokenRecord {
    /// What the token is called by.
    pub(super) fn id(&self) -> &str {
        &self.sha256[..ID_DIGITS]
    }
}
