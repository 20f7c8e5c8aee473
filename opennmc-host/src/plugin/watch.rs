//! The watchdog of guest calls: wasmtime's epoch, moved on by the main loop while any call is in flight.
//!
//! Plugin threads say when they enter the guest; the main loop ticks every [`TICK`] as long as there was a call since
//! the last tick or one still runs, and otherwise sleeps. A hot plugin pays two uncontended atomic additions a call;
//! only the first call after a quiet time wakes the main loop. Nothing here blocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// How often the epoch moves: the grain of every deadline.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// No ticks are under way; the next call wakes the main loop.
const IDLE: u8 = 0;
/// Ticks are under way, and there was no call since the last one.
const TICKING: u8 = 1;
/// Ticks are under way, and there was a call since the last one.
const USED: u8 = 2;

/// Shared by the main loop and all plugin threads.
pub(super) struct Watch {
    in_flight: AtomicUsize,
    state: AtomicU8,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Watch {
    /// `wake` makes the main loop begin to tick; it is called from plugin threads and must not block.
    pub(super) fn new(wake: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { in_flight: AtomicUsize::new(0), state: AtomicU8::new(IDLE), wake: Box::new(wake) })
    }

    /// To hold for as long as guest code runs.
    pub(super) fn enter(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, SeqCst);
        if self.state.load(SeqCst) != USED && self.state.swap(USED, SeqCst) == IDLE {
            (self.wake)();
        }
        InFlight(self)
    }

    /// After each tick, on the main loop: whether another is needed.
    pub(super) fn keeps_ticking(&self) -> bool {
        if self.state.compare_exchange(USED, TICKING, SeqCst, SeqCst).is_ok()
            || self.in_flight.load(SeqCst) > 0
        {
            return true;
        }
        // A call that begins here has made this USED, and the exchange fails; one that begins later wakes us again.
        self.state.compare_exchange(TICKING, IDLE, SeqCst, SeqCst).is_err()
    }
}

/// A guest call is in flight while this lives.
pub(super) struct InFlight<'a>(&'a Watch);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> (Arc<Watch>, Arc<AtomicUsize>) {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&wakes);
        let watch = Watch::new(move || {
            counter.fetch_add(1, SeqCst);
        });
        (watch, wakes)
    }

    #[test]
    fn only_the_first_call_after_a_quiet_time_wakes_the_main_loop() {
        let (watch, wakes) = watch();
        for _ in 0..1_000 {
            drop(watch.enter());
        }
        assert_eq!(wakes.load(SeqCst), 1);
        assert!(watch.keeps_ticking(), "there was a call since the last tick");
        assert!(!watch.keeps_ticking(), "there was none");
        drop(watch.enter());
        assert_eq!(wakes.load(SeqCst), 2);
    }

    #[test]
    fn ticks_go_on_while_a_call_is_in_flight() {
        let (watch, wakes) = watch();
        let call = watch.enter();
        for _ in 0..100 {
            assert!(watch.keeps_ticking());
        }
        drop(call);
        assert!(!watch.keeps_ticking());
        assert_eq!(wakes.load(SeqCst), 1);
    }
}
