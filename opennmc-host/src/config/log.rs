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
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In the log library's notation. A plain level is about this program: its libraries only warn, because their
    /// `debug` would bury ours.
    pub(crate) fn directives(&self) -> String {
        let directives = self.0.split(',').map(|directive| match directive {
            "info" | "debug" | "trace" => format!("warn,opennmc_host={directive}"),
            directive => directive.to_owned(),
        });
        directives.collect::<Vec<String>>().join(",")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_level_is_about_this_program_only() {
        let directives = |text: &str| text.parse::<LogFilter>().unwrap().directives();
        assert_eq!(directives("debug"), "warn,opennmc_host=debug");
        assert_eq!(directives("error"), "error");
        assert_eq!(directives("info,calloop=trace"), "warn,opennmc_host=info,calloop=trace");
    }
}
