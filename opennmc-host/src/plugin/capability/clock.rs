//! The `clock` interface: what time it is.

use std::time::Instant;

use wasmtime::component::{HasSelf, Linker};

use crate::plugin::bindings::wit::clock;
use crate::plugin::epitaph;
use crate::plugin::instance::InstanceState;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    clock::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// The origin of the host's uptime.
pub(in crate::plugin) struct State {
    started: Instant,
}

impl State {
    pub(in crate::plugin) fn new(started: Instant) -> Self {
        Self { started }
    }

    pub(super) fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl clock::Host for InstanceState {
    fn wall_ms(&mut self) -> u64 {
        epitaph::wall_ms()
    }

    fn uptime_ms(&mut self) -> u64 {
        self.clock.uptime_ms()
    }
}
