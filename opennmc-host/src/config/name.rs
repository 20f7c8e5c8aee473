//! Names of UPSes, as NUT clients will type them.

use serde::Deserialize;

/// Longer names would not fit the columns and file names that clients make of them.
const LONGEST: usize = 64;

/// The name of a UPS: letters, digits, `-`, `_` and `.`, because clients write it as `NAME@HOST:PORT` and unquoted on a
/// line of the NUT protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct DeviceName(String);

impl DeviceName {
    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for DeviceName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl TryFrom<String> for DeviceName {
    type Error = InvalidName;

    fn try_from(name: String) -> Result<DeviceName, InvalidName> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        if name.is_empty() || name.len() > LONGEST || !name.chars().all(fits) {
            return Err(InvalidName(name));
        }
        Ok(DeviceName(name))
    }
}

/// Something else than a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` can't be the name of a UPS: NUT clients need 1 to {LONGEST} letters, digits, `-`, `_` or `.`, \
     without blanks or quotes"
)]
pub struct InvalidName(String);
