//! What is known of each UPS, and what happened to it.

pub mod event;
pub mod snapshot;

pub use event::{Event, Severity};
pub use snapshot::{Availability, Device, Kind, Snapshot, SnapshotCell, Variable};
