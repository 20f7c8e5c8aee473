//! From what the links believe to what everybody sees: the snapshot and the events.
//!
//! A reader on another thread sees the state after a whole batch of input, never half of it: there is one swap per turn
//! of the loop, and none when nothing changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use apcsmart::Time;

use super::clock::Clock;
use super::links::Links;
use super::records::Records;
use crate::link::LinkId;
use crate::state::kinds::EventKind;
use crate::state::{Device, Event, Happening, Heartbeat, Severity, Snapshot, SnapshotCell};

/// The time at which a UPS was last heard is brought up to date this often when nothing else changes: it is shown in
/// seconds, and a snapshot per answer would wake plugins for nothing.
const HEARD_REFRESH: Duration = Duration::from_secs(1);

/// Makes the snapshots.
pub(super) struct Publisher {
    cell: SnapshotCell,
    newest: Snapshot,
    devices: BTreeMap<LinkId, Published>,
    last_event: u64,
}

/// A device as it stands in the newest snapshot.
struct Published {
    device: Arc<Device>,
    heard: Option<Time>,
}

impl Publisher {
    pub(super) fn new(heartbeat: Heartbeat) -> Publisher {
        let cell = SnapshotCell::watched(heartbeat);
        Publisher { cell, newest: Snapshot::default(), devices: BTreeMap::new(), last_event: 0 }
    }

    pub(super) fn snapshots(&self) -> SnapshotCell {
        self.cell.clone()
    }

    /// The next event has this number.
    pub(super) fn number_from(&mut self, next: u64) {
        self.last_event = next.saturating_sub(1);
    }

    /// Gives an event that was made elsewhere its number.
    pub(super) fn number(&mut self, event: Event) -> Arc<Event> {
        self.last_event += 1;
        Arc::new(Event { id: self.last_event, ..event })
    }

    /// A device as it stands in the newest snapshot.
    pub(super) fn device(&self, link: LinkId) -> Option<Arc<Device>> {
        self.devices.get(&link).map(|published| Arc::clone(&published.device))
    }

    /// Stores a snapshot if anything changed, and gives the events that were not given yet.
    ///
    /// What the state engine must not forget goes to `records` on the way.
    pub(super) fn publish(
        &mut self,
        links: &mut Links,
        records: Option<&Records>,
        clock: Clock,
    ) -> Vec<Arc<Event>> {
        let next = self.newest.next_generation();
        let mut changed = links.take_arranged();
        let mut events = Vec::new();
        for id in links.take_touched() {
            let Some(link) = links.touch(id) else {
                changed |= self.devices.remove(&id).is_some();
                continue;
            };
            link.device().set_calendar(clock.now(), clock.wall_ms());
            let heard = link.device().heard();
            let contents_changed = link.take_changed();
            let published = self.devices.get(&id);
            if contents_changed || published.is_none_or(|published| is_outdated(published.heard, heard)) {
                // Equal generations of a device mean equal contents, and when it was heard is none of them.
                let generation = match published {
                    Some(published) if !contents_changed => published.device.generation,
                    _ => next,
                };
                let device = Arc::new(link.shown(generation, heard.map(|heard| clock.uptime_ms(heard))));
                self.devices.insert(id, Published { device, heard });
                changed = true;
            }
            let state = link.device();
            while let Some(happening) = state.poll_happening() {
                let kind = happening.kind;
                let event = event(state.name(), happening, clock);
                log(&event, kind);
                events.push(self.number(event));
            }
            if let Some(records) = records {
                records.remember(link);
            }
        }
        // Looking at them was no change.
        links.take_touched();
        if changed {
            let devices = links.iter().filter_map(|link| self.device(link.id())).collect();
            self.newest = Snapshot { generation: next, devices };
            self.cell.store(self.newest.clone());
        }
        events
    }
}

fn is_outdated(published: Option<Time>, heard: Option<Time>) -> bool {
    match (published, heard) {
        (Some(published), Some(heard)) => heard.since(published) >= HEARD_REFRESH,
        (published, heard) => published != heard,
    }
}

fn event(device: &str, happening: Happening, clock: Clock) -> Event {
    Event {
        id: 0,
        kind: happening.kind.name.to_owned(),
        severity: happening.severity,
        device: device.to_owned(),
        at_ms: clock.wall_ms(),
        fields: happening.fields,
    }
}

/// One line: what happened, in words, and the details as `name=value`.
fn log(event: &Event, kind: &EventKind) {
    let details: String = event.fields.iter().map(|(name, value)| format!(" {name}={value:?}")).collect();
    let line = format_args!("UPS {} {}{details}", event.device, kind.message);
    match event.severity {
        Severity::Info => tracing::info!("{line}"),
        Severity::Warning => tracing::warn!("{line}"),
        Severity::Critical => tracing::error!("{line}"),
    }
}
