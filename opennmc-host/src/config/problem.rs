//! What is wrong with a configuration file, for people.
//!
//! One problem is one line, `FILE:LINE:COLUMN: KEY: what is wrong and what to write instead`, the form that editors
//! jump to.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// One thing that is wrong, or looks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The dotted path of the key, such as `ups.main.port`; empty when the file as a whole is meant.
    pub key: String,
    /// What is wrong, and what to do about it.
    pub message: String,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The file, or the part it is about, can't be used.
    Error,
    /// It can be used, and is probably not what was meant.
    Warning,
}

/// All that is wrong with one file, from top to bottom. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    path: PathBuf,
    list: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(path: &Path, mut list: Vec<Problem>) -> Problems {
        list.sort_by_key(|problem| (problem.line, problem.column));
        Problems { path: path.to_owned(), list }
    }

    /// From the top of the file to its end.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(out, &self.path, &self.list)
    }
}

/// One line per problem.
pub(super) fn write_lines(out: &mut fmt::Formatter<'_>, path: &Path, list: &[Problem]) -> fmt::Result {
    for (index, problem) in list.iter().enumerate() {
        if index > 0 {
            out.write_str("\n")?;
        }
        write!(out, "{}:{}:{}: ", path.display(), problem.line, problem.column)?;
        if problem.severity == Severity::Warning {
            out.write_str("warning: ")?;
        }
        if !problem.key.is_empty() {
            write!(out, "{}: ", problem.key)?;
        }
        out.write_str(&problem.message)?;
    }
    Ok(())
}

/// Line and column of a byte of `text`, both from 1; the column counts characters.
pub(super) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
