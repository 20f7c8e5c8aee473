//! What is wrong with a configuration file, for people.
//!
//! One problem is one line, `FILE:LINE:COLUMN: KEY: what is wrong and what to write instead`, the form that editors
//! jump to.

use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The dotted path of the key, such as `ups.main.port`; empty when the file as a whole is meant.
    pub key: String,
    /// What is wrong, and what to do about it.
    pub message: String,
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
        for (index, problem) in self.list.iter().enumerate() {
            if index > 0 {
                out.write_str("\n")?;
            }
            write!(out, "{}:{}:{}: ", self.path.display(), problem.line, problem.column)?;
            if !problem.key.is_empty() {
                write!(out, "{}: ", problem.key)?;
            }
            out.write_str(&problem.message)?;
        }
        Ok(())
    }
}
