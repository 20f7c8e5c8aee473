//! How many sockets all plugins may have open together.
//!
//! Plugins share the process's file descriptors with the UPS links. Without a common budget a flood of clients could
//! leave none for reopening a serial port.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rustix::process::{Resource, getrlimit};

/// File descriptors that plugins never get: serial ports, the control socket, logs, databases, the loops themselves.
const RESERVED: usize = 128;
/// When the system sets no limit.
const UNLIMITED: usize = 65_536;

/// What is left of it.
#[derive(Debug, Clone)]
pub(in crate::plugin) struct Budget(Arc<AtomicUsize>);

impl Budget {
    /// From the process's limit as it is now: raise the limit before.
    pub(in crate::plugin) fn of_process() -> Self {
        let limit = getrlimit(Resource::Nofile)
            .current
            .map_or(UNLIMITED, |limit| usize::try_from(limit).unwrap_or(UNLIMITED));
        Self::of(limit.saturating_sub(RESERVED).max(limit / 2))
    }

    fn of(places: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(places)))
    }

    /// A place for one socket, if there is one left.
    pub(super) fn take(&self) -> Option<Place> {
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
