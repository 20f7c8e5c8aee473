//! `[control]`: the socket that the command line talks to, and who may.
//!
//! Names of groups and users are kept as written: who has them is looked up when somebody connects, so that a person who
//! joins a group need not wait for a restart of the daemon.

use std::path::PathBuf;

use serde::Deserialize;

use super::section::{Reader, Section};

pub use crate::host::DEFAULT_SOCKET;

/// Who may connect to the daemon, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ControlSettings {
    /// The socket.
    pub socket: PathBuf,
    /// Who owns the socket's group bits; none: the first group among the lists below.
    pub group: Option<AccountName>,
    /// Groups or users that may do everything, besides root and the daemon's own user.
    pub administrators: Vec<AccountName>,
    /// Groups or users that may order commands and settings.
    pub operators: Vec<AccountName>,
    /// Groups or users that may read.
    pub monitors: Vec<AccountName>,
    /// Groups or users that may make backups and nothing else.
    pub backups: Vec<AccountName>,
}

impl Default for ControlSettings {
    fn default() -> ControlSettings {
        ControlSettings {
            socket: DEFAULT_SOCKET.into(),
            group: None,
            administrators: Vec::new(),
            operators: Vec::new(),
            monitors: Vec::new(),
            backups: Vec::new(),
        }
    }
}

/// The name of a group or a user of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct AccountName(String);

impl AccountName {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccountName {
    type Error = String;

    fn try_from(name: String) -> Result<AccountName, String> {
        let is_name = !name.is_empty()
            && !name.starts_with('-')
            && !name
                .chars()
                .any(|letter| letter.is_control() || letter.is_whitespace() || ":,/".contains(letter));
        if is_name {
            Ok(AccountName(name))
        } else {
            Err(format!("`{name}` can't be the name of a group or a user of this machine"))
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>, file: &mut Section<'_>) -> ControlSettings {
    let mut settings = ControlSettings::default();
    let Some(mut section) = file.section(reader, "control") else { return settings };
    if let Some(socket) = section.optional::<PathBuf>(reader, "socket") {
        if socket.is_absolute() {
            settings.socket = socket;
        } else {
            let message = format!("`{}` is not an absolute path", socket.display());
            reader.problem(section.value_span("socket"), section.path_of("socket"), message);
        }
    }
    settings.group = section.optional(reader, "group");
    for (key, list) in [
        ("administrators", &mut settings.administrators),
        ("operators", &mut settings.operators),
        ("monitors", &mut settings.monitors),
        ("backups", &mut settings.backups),
    ] {
        *list = section.optional(reader, key).unwrap_or_default();
    }
    section.finish(reader);
    settings
}
