//! What the history has to say about itself.

use std::fmt;
use std::path::PathBuf;

/// Told by the writer's thread, through the callback that was given to [`History::open`](super::History::open). The callback
/// must not block: no event is committed before it returns.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The event with this id is on disk: with [`Sync::Full`](super::Sync::Full) nothing can lose it any more.
    Committed(u64),
    /// The disk does not take anything at present; what happens is kept in memory. It is tried again and again.
    Degraded(Degradation),
    /// It does again, and what had been kept in memory is written.
    Recovered,
    /// The memory that stands in for the disk was full: so many were lost since the last such notice.
    Lost {
        /// Events.
        events: u64,
        /// Lines of the audit.
        audits: u64,
        /// Values of samples.
        samples: u64,
    },
    /// The size cap was reached before anything was old enough to go: so many of the oldest went.
    Trimmed {
        /// What they were.
        class: Class,
        /// How many.
        rows: u64,
    },
    /// The database was broken. It is kept under this name, and a new one was begun.
    MovedAside {
        /// The broken one.
        to: PathBuf,
        /// What was wrong with it.
        reason: String,
    },
}

/// What is kept, from what is trimmed first to what is trimmed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Samples as they were taken.
    Seconds,
    /// A minute's least, mean and greatest value.
    Minutes,
    /// An hour's.
    Hours,
    /// Events.
    Events,
    /// Who did what.
    Audit,
}

impl Class {
    /// All of them, in the order of trimming.
    pub const ALL: [Class; 5] = [Class::Seconds, Class::Minutes, Class::Hours, Class::Events, Class::Audit];

    /// For people and for the database.
    pub fn name(self) -> &'static str {
        match self {
            Class::Seconds => "seconds",
            Class::Minutes => "minutes",
            Class::Hours => "hours",
            Class::Events => "events",
            Class::Audit => "audit",
        }
    }
}

/// Why nothing can be written, or read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Degradation {
    /// The disk is full.
    Full,
    /// The file, its folder or the whole file system is read-only or not ours.
    ReadOnly,
    /// The file or its folder is gone.
    Gone,
    /// Another program holds the database.
    Locked,
    /// Another program reads from it for so long that it can't be kept within its size.
    HeldByReader,
    /// A newer version of this program made it.
    Newer {
        /// The version of its schema.
        found: i64,
        /// What this program knows.
        known: i64,
    },
    /// It is damaged.
    Corrupt(String),
    /// Anything else the system or SQLite says.
    Failed(String),
}

impl fmt::Display for Degradation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Degradation::Full => out.write_str("the disk is full; free some space on it"),
            Degradation::ReadOnly => out.write_str(
                "the file or its folder can't be written; check its owner, its mode and the mount",
            ),
            Degradation::Gone => out.write_str("the file or its folder is gone; was the disk unmounted?"),
            Degradation::Locked => out.write_str("another program holds the database; close it"),
            Degradation::HeldByReader => {
                out.write_str("another program has been reading from the database for too long; close it")
            }
            Degradation::Newer { found, known } => write!(
                out,
                "a newer version of OpenNMC made it (schema {found}, this one knows {known}); \
                 install that version again or move the file away"
            ),
            Degradation::Corrupt(what) => write!(out, "the database is damaged: {what}"),
            Degradation::Failed(what) => out.write_str(what),
        }
    }
}
