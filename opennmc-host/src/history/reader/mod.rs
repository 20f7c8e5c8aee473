//! Reading what was recorded, on a connection of one's own.
//!
//! Nothing here holds a transaction longer than it takes to fill a page of rows: a reader that dawdles can't keep the
//! writer from checkpointing and trimming.

mod connection;
mod export;
mod filter;
mod records;
mod samples;

pub use self::connection::HistoryReader;
pub use self::export::Format;
pub use self::filter::{AuditFilter, EventFilter};
pub use self::records::AuditEntry;
pub use self::samples::{Resolution, SamplePoint, Series};
