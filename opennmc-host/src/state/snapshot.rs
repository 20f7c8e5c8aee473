//! What is known of every UPS at one moment.
//!
//! A snapshot never changes: the main loop builds the next one and swaps the pointer, so that readers on any thread
//! (plugins above all) read without a lock and see one moment, not a mixture.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;

/// Every UPS at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Goes up by one with every snapshot.
    pub generation: u64,
    /// In the order of the configuration.
    pub devices: Vec<Arc<Device>>,
}

impl Snapshot {
    /// The device with this name. NUT compares UPS names without regard to case, and so does this.
    pub fn device(&self, name: &str) -> Option<&Arc<Device>> {
        self.devices.iter().find(|device| device.name.eq_ignore_ascii_case(name))
    }
}

/// One UPS at one moment.
#[derive(Debug, Clone)]
pub struct Device {
    /// The name in the configuration, which NUT clients see.
    pub name: String,
    /// As configured.
    pub description: Option<String>,
    /// How far the variables can be trusted.
    pub availability: Availability,
    /// The snapshot generation in which this device last changed.
    pub generation: u64,
    /// When the UPS last gave a valid answer, in milliseconds of the host's uptime; none before the first.
    pub heard_at_ms: Option<u64>,
    /// By NUT name. Empty until the UPS was heard.
    pub variables: BTreeMap<String, Variable>,
    /// NUT command names that this UPS takes.
    pub commands: BTreeSet<String>,
}

/// How far a device's variables can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// First contact is under way; nothing is known yet.
    Waiting,
    /// Live.
    Live,
    /// Was live once; too old to trust now.
    Stale,
    /// The port can't be opened, or nothing answers on it.
    Disconnected,
}

/// One value and how it may be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// As NUT clients read it.
    pub value: String,
    /// What values it takes.
    pub kind: Kind,
    /// Whether it can be set at all.
    pub settable: bool,
}

/// What values a variable takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Text of at most this many bytes when set; 0 for text that can't be set.
    Text(u32),
    /// A decimal number.
    Number,
    /// One of these, in the UPS's own order.
    Choice(Vec<String>),
    /// An integer within one of these inclusive bounds.
    Range(Vec<(i64, i64)>),
}

/// The place where the newest snapshot is found. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct SnapshotCell(Arc<ArcSwap<Snapshot>>);

impl SnapshotCell {
    /// The newest snapshot; never blocks.
    pub fn load(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// Makes `snapshot` the newest. Only the main loop calls this.
    pub fn store(&self, snapshot: Snapshot) {
        self.0.store(Arc::new(snapshot));
    }
}
