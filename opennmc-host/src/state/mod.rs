//! What is known of each UPS, and what happened to it.

pub mod device;
pub mod event;
pub mod heartbeat;
pub mod kinds;
pub mod memory;
pub mod rules;
pub mod snapshot;

pub use device::{DeviceState, Happening, Identity, Input};
pub use event::{Event, Severity};
pub use heartbeat::Heartbeat;
pub use memory::Memory;
pub use rules::{DateOrder, Rules};
pub use snapshot::{Availability, Device, Kind, Snapshot, SnapshotCell, Variable};
