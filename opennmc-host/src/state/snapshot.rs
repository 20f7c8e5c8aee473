//! What is known of every UPS at one moment.
//!
//! A snapshot never changes: the main loop builds the next one and swaps the pointer, so that readers on any thread
//! (plugins above all) read without a lock and see one moment, not a mixture.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Heartbeat;

/// Every UPS at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Goes up with every snapshot.
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
pub struct SnapshotCell {
    newest: Arc<ArcSwap<Snapshot>>,
    heartbeat: Option<Heartbeat>,
}

impl SnapshotCell {
    /// A place whose snapshots count as stale when their maker hangs.
    pub fn watched(heartbeat: Heartbeat) -> SnapshotCell {
        SnapshotCell { newest: Arc::default(), heartbeat: Some(heartbeat) }
    }

    /// The newest snapshot; never blocks. When the main loop hangs, what was live is shown as stale: nobody knows any more.
    pub fn load(&self) -> Arc<Snapshot> {
        let newest = self.newest.load_full();
        match &self.heartbeat {
            Some(heartbeat) if heartbeat.has_stopped() => Arc::new(newest.gone_stale()),
            _ => newest,
        }
    }

    /// Makes `snapshot` the newest. Only the main loop calls this.
    pub fn store(&self, snapshot: Snapshot) {
        self.newest.store(Arc::new(snapshot));
    }
}

impl Snapshot {
    /// The generation after this one. Every other number is left to [`Snapshot::gone_stale`].
    pub(crate) fn next_generation(&self) -> u64 {
        self.generation + 2
    }

    /// This snapshot when nobody keeps it up to date. It has a generation of its own, so that whoever compares those sees the
    /// difference.
    fn gone_stale(&self) -> Snapshot {
        let generation = self.generation + 1;
        let gone_stale = |device: &Arc<Device>| match device.availability {
            Availability::Live => {
                Arc::new(Device { availability: Availability::Stale, generation, ..Device::clone(device) })
            }
            _ => Arc::clone(device),
        };
        Snapshot { generation, devices: self.devices.iter().map(gone_stale).collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn device(name: &str, availability: Availability) -> Arc<Device> {
        Arc::new(Device {
            name: name.to_owned(),
            description: None,
            availability,
            generation: 4,
            heard_at_ms: Some(7),
            variables: BTreeMap::new(),
            commands: BTreeSet::new(),
        })
    }

    #[test]
    fn when_the_loop_hangs_what_was_live_is_stale_until_it_goes_on() {
        let long_ago = Instant::now() - Heartbeat::LIMIT * 2;
        let heartbeat = Heartbeat::new(long_ago);
        let cell = SnapshotCell::watched(heartbeat.clone());
        let devices = vec![device("a", Availability::Live), device("b", Availability::Waiting)];
        cell.store(Snapshot { generation: 8, devices });
        assert_eq!(cell.load().generation, 8);
        heartbeat.stop_for_test();
        let hung = cell.load();
        assert_eq!((hung.generation, hung.devices[0].generation), (9, 9), "everybody sees the change");
        assert_eq!(hung.devices[0].availability, Availability::Stale);
        assert_eq!(hung.devices[0].heard_at_ms, Some(7), "and since when");
        assert_eq!((hung.devices[1].availability, hung.devices[1].generation), (Availability::Waiting, 4));
        heartbeat.beat();
        assert_eq!(cell.load().devices[0].availability, Availability::Live);
    }
}
