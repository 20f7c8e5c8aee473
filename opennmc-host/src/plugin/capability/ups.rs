//! The `ups` interface: the state of every UPS, read from one snapshot per call into the plugin.

use std::sync::Arc;

use apcsmart::table::{Danger, INSTANT_COMMANDS};
use wasmtime::component::{HasSelf, Linker};

use super::descriptions;
use crate::plugin::bindings::wit::ups;
use crate::plugin::instance::InstanceState;
use crate::state::{Availability, Device, Kind, Snapshot, SnapshotCell, Variable};

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    ups::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// Where snapshots are found, and the one that this call into the plugin sees.
pub(in crate::plugin) struct State {
    cell: SnapshotCell,
    pinned: Option<Arc<Snapshot>>,
}

impl State {
    pub(in crate::plugin) fn new(cell: SnapshotCell) -> Self {
        Self { cell, pinned: None }
    }

    /// A call into the plugin begins: the first look takes the newest snapshot, and all looks after it the same one.
    pub(in crate::plugin) fn begin_call(&mut self) {
        self.pinned = None;
    }

    pub(in crate::plugin) fn snapshot(&mut self) -> &Snapshot {
        self.pinned.get_or_insert_with(|| self.cell.load())
    }

    fn device(&mut self, name: &str) -> Option<&Arc<Device>> {
        self.snapshot().device(name)
    }

    fn variable(&mut self, device: &str, variable: &str) -> Option<&Variable> {
        self.device(device)?.variables.get(variable)
    }
}

impl ups::Host for InstanceState {
    fn generation(&mut self) -> u64 {
        self.ups.snapshot().generation
    }

    fn devices(&mut self) -> Vec<ups::Device> {
        let now = self.clock.uptime_ms();
        self.ups.snapshot().devices.iter().map(|device| shown(device, now)).collect()
    }

    fn variables(&mut self, device: String) -> Option<Vec<ups::Variable>> {
        let device = self.ups.device(&device)?;
        Some(device.variables.iter().map(|(name, variable)| shown_variable(name, variable)).collect())
    }

    fn commands(&mut self, device: String) -> Option<Vec<String>> {
        Some(self.ups.device(&device)?.commands.iter().cloned().collect())
    }

    fn choices(&mut self, device: String, variable: String) -> Vec<String> {
        match self.ups.variable(&device, &variable).map(|variable| &variable.kind) {
            Some(Kind::Choice(choices)) => choices.clone(),
            _ => Vec::new(),
        }
    }

    fn ranges(&mut self, device: String, variable: String) -> Vec<(i64, i64)> {
        match self.ups.variable(&device, &variable).map(|variable| &variable.kind) {
            Some(Kind::Range(ranges)) => ranges.clone(),
            _ => Vec::new(),
        }
    }

    fn describe_variable(&mut self, name: String) -> Option<String> {
        descriptions::variable(&name)
    }

    fn describe_command(&mut self, name: String) -> Option<String> {
        descriptions::command(&name).map(str::to_owned)
    }

    fn needs_confirmation(&mut self, name: String) -> bool {
        INSTANT_COMMANDS
            .iter()
            .any(|known| known.name.eq_ignore_ascii_case(&name) && known.danger == Danger::Confirmed)
    }
}

fn shown(device: &Device, now_ms: u64) -> ups::Device {
    ups::Device {
        name: device.name.clone(),
        description: device.description.clone().unwrap_or_default(),
        availability: match device.availability {
            Availability::Waiting => ups::Availability::Waiting,
            Availability::Live => ups::Availability::Live,
            Availability::Stale => ups::Availability::Stale,
            Availability::Disconnected => ups::Availability::Disconnected,
        },
        generation: device.generation,
        age_ms: device.heard_at_ms.map_or(now_ms, |heard| now_ms.saturating_sub(heard)),
    }
}

fn shown_variable(name: &str, variable: &Variable) -> ups::Variable {
    let (kind, max_length) = match &variable.kind {
        Kind::Text(longest) => (ups::Kind::Text, *longest),
        Kind::Number => (ups::Kind::Number, 0),
        Kind::Choice(_) => (ups::Kind::Choice, 0),
        Kind::Range(_) => (ups::Kind::Range, 0),
    };
    ups::Variable {
        name: name.to_owned(),
        value: variable.value.clone(),
        settable: variable.settable,
        kind,
        max_length: if variable.settable { max_length } else { 0 },
    }
}
