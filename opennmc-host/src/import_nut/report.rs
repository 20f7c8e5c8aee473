//! What became of every line, for people and for programs.
//!
//! The invariant: no password is in here. Whoever makes an entry passes the words through [`shown`].

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::lexer::Statement;

/// The whole account of an import.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ImportReport {
    /// The folder that was read.
    pub folder: PathBuf,
    /// What was read there.
    pub files: Vec<FileRead>,
    /// One entry per statement, in the order of the files and their lines.
    pub entries: Vec<Entry>,
    /// The users that were found, in the order of the file.
    pub users: Vec<UserFound>,
    /// What is left for a person to do, in this order.
    pub next: Vec<String>,
}

/// One file of NUT's.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileRead {
    /// Its name in the folder.
    pub name: &'static str,
    /// How many lines it has; none when it is not there.
    pub lines: Option<usize>,
    /// How many of them are empty or comments. All others are in entries.
    pub idle: usize,
}

/// What became of one statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// The file.
    pub file: &'static str,
    /// Its first line, from 1.
    pub line: usize,
    /// How many lines it takes.
    pub lines: usize,
    /// What it says, without secrets.
    pub text: String,
    /// What became of it.
    pub fate: Fate,
    /// What it became, or why it did not.
    pub note: String,
}

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It has no counterpart, and somebody who relied on it will miss it.
    NotCarried,
    /// It is in the new configuration, or among the users.
    Carried,
    /// NUT's client programs go on reading it where it is.
    Client,
    /// It is about how NUT's server works inside; nobody will miss it.
    NotNeeded,
}

/// A user of `upsd.users`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct UserFound {
    /// The name.
    pub name: String,
    /// What it may do at most.
    pub role: String,
    /// What of that it may do.
    pub scopes: Vec<String>,
    /// Its password would be refused today; known once the user is made.
    pub weak: bool,
}

/// What is decided about one statement.
#[derive(Debug)]
pub(super) struct Judgement {
    pub(super) fate: Fate,
    pub(super) note: String,
}

impl Judgement {
    pub(super) fn carried(note: impl Into<String>) -> Judgement {
        Judgement { fate: Fate::Carried, note: note.into() }
    }

    pub(super) fn not_carried(note: impl Into<String>) -> Judgement {
        Judgement { fate: Fate::NotCarried, note: note.into() }
    }

    pub(super) fn client(note: impl Into<String>) -> Judgement {
        Judgement { fate: Fate::Client, note: note.into() }
    }

    pub(super) fn not_needed(note: impl Into<String>) -> Judgement {
        Judgement { fate: Fate::NotNeeded, note: note.into() }
    }
}

impl Entry {
    /// The entry for `statement`, which shows as `text`.
    pub(super) fn new(
        file: &'static str,
        statement: &Statement,
        text: String,
        judgement: Judgement,
    ) -> Entry {
        let Judgement { fate, note } = judgement;
        Entry { file, line: statement.line, lines: statement.lines, text, fate, note }
    }
}

/// Stands for a secret.
pub(super) const HIDDEN: &str = "***";

/// The words of a statement as a line again, but for those that `is_secret` picks by their position.
pub(super) fn shown(words: &[String], is_secret: impl Fn(usize) -> bool) -> String {
    let quoted = |word: &String| {
        let bare = !word.is_empty()
            && !word.contains(|letter: char| letter.is_whitespace() || "\"#\\=".contains(letter));
        if bare || word == "=" {
            word.clone()
        } else {
            format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
        }
    };
    let words = words.iter().enumerate();
    let words = words.map(|(index, word)| if is_secret(index) { HIDDEN.to_owned() } else { quoted(word) });
    words.collect::<Vec<_>>().join(" ")
}

impl ImportReport {
    /// The entries with this fate.
    pub fn with_fate(&self, fate: Fate) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.fate == fate)
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read: Vec<&str> =
            self.files.iter().filter(|file| file.lines.is_some()).map(|file| file.name).collect();
        writeln!(out, "Read {} in {}.", read.join(", "), self.folder.display())?;
        let sections = [
            (Fate::NotCarried, "Not carried over"),
            (Fate::Carried, "Carried over"),
            (Fate::Client, "Left to NUT's clients, which go on reading it where it is"),
            (Fate::NotNeeded, "Not needed"),
        ];
        for (fate, title) in sections {
            let mut entries = self.with_fate(fate).peekable();
            if entries.peek().is_none() {
                continue;
            }
            writeln!(out, "\n{title}:")?;
            for entry in entries {
                writeln!(out, "  {}:{}: {}\n      {}", entry.file, entry.line, entry.text, entry.note)?;
            }
        }
        if !self.users.is_empty() {
            writeln!(out, "\nUsers:")?;
            for user in &self.users {
                let weak = if user.weak { "  (weak password)" } else { "" };
                writeln!(out, "  {}: {}, only {}{weak}", user.name, user.role, user.scopes.join(" "))?;
            }
        }
        if !self.next.is_empty() {
            writeln!(out, "\nWhat to do next:")?;
            for (index, step) in self.next.iter().enumerate() {
                writeln!(out, "  {}. {step}", index + 1)?;
            }
        }
        Ok(())
    }
}
