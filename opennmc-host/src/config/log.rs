//! How much goes into the log.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::section::suggestion;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// A level, or several for parts of the program: `info`, or `info,opennmc_host::link=debug`.
///
/// Checked here because the log library takes a mistyped level for the name of a module and then logs nothing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LogFilter(String);

impl LogFilter {
    /// In the log library's notation.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LogFilter {
    fn default() -> LogFilter {
        LogFilter("info".to_owned())
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for LogFilter {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<LogFilter, InvalidFilter> {
        for directive in text.split(',') {
            let (module, level) = directive.rsplit_once('=').unwrap_or(("opennmc_host", directive));
            let is_module =
                !module.is_empty() && module.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c));
            if !LEVELS.contains(&level) || !is_module {
                return Err(InvalidFilter(directive.to_owned(), suggestion(level, &LEVELS)));
            }
        }
        Ok(LogFilter(text.to_owned()))
    }
}

impl TryFrom<String> for LogFilter {
    type Error = InvalidFilter;

    fn try_from(text: String) -> Result<LogFilter, InvalidFilter> {
        text.parse()
    }
}

/// Something else than a level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a log level; {1}")]
pub struct InvalidFilter(String, String);
