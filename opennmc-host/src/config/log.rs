//! `[log]`: how much is logged, and where.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

use super::section::{Reader, Section, suggestion};

/// A log of this size holds some weeks of a quiet UPS and opens in any editor.
const DEFAULT_LARGEST_KIB: u64 = 1024;
/// A file below the first would be put aside with nearly every line; above the second nobody finds anything in it.
const LARGEST_KIB: std::ops::RangeInclusive<u64> = 16..=1024 * 1024;
const DEFAULT_KEPT: u32 = 3;
const KEPT: std::ops::RangeInclusive<u64> = 0..=99;

/// Where a log without a journal goes, and how large it may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// The file that is written; older ones are beside it, as `FILE.1` (the newest) and so on.
    pub path: PathBuf,
    /// In bytes. A file that would become larger is put aside first.
    pub largest: u64,
    /// How many are kept beside it.
    pub kept: u32,
}

/// The level and the file, as far as the section says.
pub(super) fn read(
    reader: &mut Reader<'_>,
    mut section: Section<'_>,
) -> (Option<LogFilter>, Option<LogFile>) {
    let level = section.optional(reader, "level");
    let path: Option<PathBuf> = section.optional(reader, "file");
    if path.as_ref().is_some_and(|path| !path.is_absolute()) {
        let message = "a log file needs its whole path, such as `/var/log/opennmc.log`";
        reader.problem(section.value_span("file"), section.path_of("file"), message);
    }
    for key in ["max-size-kib", "keep"] {
        if path.is_none() && section.contains(key) {
            let message = "this is about the log file, and there is no `file`";
            reader.problem(section.value_span(key), section.path_of(key), message);
        }
    }
    let largest = section.number_within(reader, "max-size-kib", LARGEST_KIB, "KiB");
    let kept = section.number_within(reader, "keep", KEPT, "files");
    section.finish(reader);
    let file = path.map(|path| LogFile {
        path,
        largest: largest.unwrap_or(DEFAULT_LARGEST_KIB) * 1024,
        kept: kept.and_then(|kept| u32::try_from(kept).ok()).unwrap_or(DEFAULT_KEPT),
    });
    (level, file)
}

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
