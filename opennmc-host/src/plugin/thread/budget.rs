//! How many sockets all plugins may have open together.
//!
//! Plugins share the process's file descriptors with the UPS links. Without a common budget a flood of clients could
//! leave none for reopening a serial port.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// File descriptors that plugins never get: serial ports, the control socket, logs, databases, the loops themselves.
const RESERVED: usize = 128;
/// More than any card or rack has clients, and a bound on what the kernel keeps for us.
const MOST: usize = 65_536;

/// What is left of it.
#[derive(Debug, Clone)]
pub(in crate::plugin) struct Budget(Arc<AtomicUsize>);

impl Budget {
    /// From the process's limit, after raising it as far as it goes: the customary 1,024 are for programs that call
    /// `select`, which we don't.
    pub(in crate::plugin) fn of_process() -> Self {
        let limits = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: limits.maximum, maximum: limits.maximum };
        let limit = if setrlimit(Resource::Nofile, raised).is_ok() { limits.maximum } else { limits.current };
        let limit = limit.map_or(MOST, |limit| usize::try_from(limit).unwrap_or(MOST)).min(MOST);
        Self::of(limit.saturating_sub(RESERVED).max(limit / 2))
    }

    fn of(places: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(places)))
    }

    /// A place for one socket, if there is one left.
    pub(in crate::plugin) fn take(&self) -> Option<Place> {
        self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).ok()?;
        Some(Place(Arc::clone(&self.0)))
    }
}

/// One socket's place; dropping it gives it back.
#[derive(Debug)]
pub(in crate::plugin) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_socket_gives_its_place_back() {
        let budget = Budget::of(1);
        let place = budget.take().unwrap();
        assert!(budget.take().is_none());
        drop(place);
        assert!(budget.take().is_some());
    }
}
