//! What readers were last told of each UPS, and what is to be told now.

use std::time::{Duration, Instant};

use super::reader::Reader;
use super::{LOOK, frames};
use crate::control::now;
use crate::host::HostHandle;
use crate::state::{Device, Snapshot};

/// A UPS that says the same for ever is told of so often, so that readers see that it was heard.
const HEARD: Duration = Duration::from_secs(10);

/// What was told last.
#[derive(Default)]
pub(super) struct Shown {
    generation: u64,
    /// Something is known that is to be told a little later.
    due: bool,
    devices: Vec<Told>,
}

struct Told {
    name: String,
    generation: u64,
    heard_at_ms: Option<u64>,
    at: Option<Instant>,
}

impl Shown {
    /// As if this had been told.
    pub(super) fn of(snapshot: &Snapshot) -> Shown {
        let devices = snapshot.devices.iter().map(|device| Told::of(device, None)).collect();
        Shown { generation: snapshot.generation, due: false, devices }
    }

    /// Tells what is different now, of each UPS at most once in [`LOOK`].
    pub(super) fn look(&mut self, host: &HostHandle, now: Instant, readers: &[Reader]) {
        let snapshot = host.snapshots.load();
        if snapshot.generation == self.generation && !self.due {
            return;
        }
        self.generation = snapshot.generation;
        let names = snapshot.devices.iter().map(|device| &device.name);
        if !names.eq(self.devices.iter().map(|told| &told.name)) {
            // Others, or in another order: everything anew.
            *self = Shown::of(&snapshot);
            for reader in readers {
                let report = now::status(host, &snapshot, reader.ups.as_deref());
                reader.giving.give(&frames::snapshot(&report, reader.told));
            }
            return;
        }
        self.due = false;
        for (told, device) in self.devices.iter_mut().zip(&snapshot.devices) {
            let since = told.at.map(|at| now.duration_since(at));
            let is_other = told.generation != device.generation;
            let is_heard = told.heard_at_ms != device.heard_at_ms;
            let pause = if is_other { LOOK } else { HEARD };
            if !is_other && !is_heard {
                continue;
            }
            if since.is_some_and(|since| since < pause) {
                self.due |= is_other;
                continue;
            }
            *told = Told::of(device, Some(now));
            let mut piece = None;
            for reader in readers.iter().filter(|reader| reader.wants(&device.name)) {
                let write = || frames::status(&now::ups_of(host, device));
                reader.giving.give(piece.get_or_insert_with(write));
            }
        }
    }
}

impl Told {
    fn of(device: &Device, at: Option<Instant>) -> Told {
        let (name, generation) = (device.name.clone(), device.generation);
        Told { name, generation, heard_at_ms: device.heard_at_ms, at }
    }
}
