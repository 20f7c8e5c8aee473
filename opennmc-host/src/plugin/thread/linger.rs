//! Whether to look for the next request of a client that has just been answered, before going to sleep.
//!
//! Going to sleep and being woken costs more than a request. A client that asks again at once is worth a look or two; one that
//! does not is soon no longer waited for. Only where there is a second processor: on the only one the client could not run.

use std::thread::available_parallelism;
use std::time::Duration;

/// How long is looked: about what a client needs to read an answer and to ask again.
pub(super) const LOOK: Duration = Duration::from_micros(50);
/// Requests that are answered in a row before everybody else gets a turn.
pub(super) const IN_A_ROW: u32 = 16;
/// Turns in a row in which one client alone asked something, after which it is looked for.
const ALONE: u32 = 4;
/// After so many looks for nothing in a row, the next is after 2 to this power of turns.
const MOST_MISSES: u32 = 10;

/// What came of earlier looks.
#[derive(Debug)]
pub(super) struct Linger {
    possible: bool,
    /// The only client of the last turns, and of how many.
    alone: Option<(u64, u32)>,
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
        Self { possible: processors > 1, alone: None, misses: 0, rest: 0 }
    }

    /// Whether to look after this turn, in which `client` was the only one that asked something, if there was only one.
    pub(super) fn is_worth_it(&mut self, client: Option<u64>) -> bool {
        let before = self.alone.filter(|(number, _)| Some(*number) == client).map_or(0, |(_, turns)| turns);
        self.alone = client.map(|number| (number, before.saturating_add(1)));
        if client.is_none() || before + 1 < ALONE {
            return false;
        }
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
            let looks = linger.is_worth_it(Some(7));
            if looks {
                linger.missed();
            }
            looks
        });
        assert!(looks.count() < 25);
        linger.hit();
        let before = (0..2_000).position(|_| linger.is_worth_it(Some(7))).unwrap();
        linger.hit();
        assert!(before <= 1 << MOST_MISSES);
        assert!(linger.is_worth_it(Some(7)), "one that came is followed by another look");
    }

    #[test]
    fn nobody_is_waited_for_while_several_ask() {
        let mut linger = Linger::on(2);
        assert!((0..100).all(|turn| !linger.is_worth_it(Some(turn % 3))));
        assert!((0..100).all(|turn| !linger.is_worth_it((turn % 4 > 0).then_some(7))));
        assert!((0..4).any(|_| linger.is_worth_it(Some(7))));
    }

    #[test]
    fn the_only_processor_is_the_client_s() {
        let mut linger = Linger::on(1);
        assert!((0..100).all(|_| !linger.is_worth_it(Some(7))));
    }
}
