//! What happened, what was measured and who did what, kept over restarts in one SQLite file.
//!
//! One thread writes; everybody else holds a [`HistoryHandle`] and puts things into a bounded [`mailbox`]. The invariant:
//! **no caller ever waits for the disk.** A disk that is full, read-only, gone or broken costs history, never the UPS path:
//! what can't be written waits in memory, within bounds, and a [`Notice`] says so.
//!
//! An event is *acknowledged* once [`Notice::Committed`] names it: from then on neither `kill -9` nor a pulled plug loses it.
//! Readers have a connection of their own ([`HistoryReader`]) and see what still waits in memory, too.

mod audit;
mod error;
mod handle;
mod mailbox;
mod notice;
mod options;
mod reader;
mod samples;
mod secrets;
mod store;
mod writer;

pub use audit::AuditRecord;
pub use error::HistoryError;
pub use handle::{History, HistoryHandle};
pub use notice::{Class, Degradation, Notice};
pub use options::{HistoryOptions, Sync};
pub use reader::{
    AuditEntry, AuditFilter, EventFilter, Format, HistoryReader, Resolution, SamplePoint, Series,
};
// The plugins' store is another such file.
pub(crate) use store::{Failure, identity_of, move_aside};

/// What the file is called in the state folder.
pub const FILE_NAME: &str = "history.db";
