//! Whether to look for the next request of a client that has just been answered, before going to sleep.
//!
//! Going to sleep and being woken costs more than a request. A client that asks again at once is worth a look or two; one that
//! does not is soon no longer waited for. Only where there is a second processor: on the only one the client could not run.

use std::thread::available_parallelism;
use std::time::Duration;

/// How long is looked: about what a client needs to read an answer and to ask again.
pub(super) const LOOK: Duration = Duration::from_micros(12);
/// Requests that are answered in a row before everybody else gets a turn.
pub(super) const IN_A_ROW: u32 = 16;
/// After so many looks for nothing in a row, the next is after 2 to this power of turns.
const MOST_MISSES: u32 = 10;

/// What came of earlier looks.
#[derive(Debug)]
pub(super) struct Linger {
    possible: bool,
    /// Looks for nothing, in a row.
    misses: u32,
    /// Turns without a look that are left.
    rest: u32,
}

impl Linger {
    pub(super) fn new() -> Self {
        Self::on(available_parallelism().map_or(1, usize::from))
    }

    fn on(processors: usize) -> Self {
        Self { possible: processors > 1, misses: 0, rest: 0 }
    }

    /// Whether to look after this turn.
    pub(super) fn is_worth_it(&mut self) -> bool {
        if self.rest > 0 {
            self.rest -= 1;
            return false;
        }
        self.possible
    }

    /// Something came.
    pub(super) fn hit(&mut self) {
        self.misses = 0;
    }

    /// Nothing came.
    pub(super) fn missed(&mut self) {
        self.rest = 1 << self.misses;
        self.misses = (self.misses + 1).min(MOST_MISSES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_never_asks_at_once_is_hardly_ever_waited_for() {
        let mut linger = Linger::on(2);
        let looks = (0..10_000).filter(|_| {
            let looks = linger.is_worth_it();
            if looks {
                linger.missed();
            }
            looks
        });
        assert!(looks.count() < 25);
        linger.hit();
        let before = (0..2_000).position(|_| linger.is_worth_it()).unwrap();
        linger.hit();
        assert!(
            before <= 1 << MOST_MISSES && linger.is_worth_it(),
            "one that came is followed by another look"
        );
    }

    #[test]
    fn the_only_processor_is_the_client_s() {
        let mut linger = Linger::on(1);
        assert!((0..100).all(|_| !linger.is_worth_it()));
    }
}
