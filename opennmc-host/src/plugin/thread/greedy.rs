//! Whose turn it is among the connections that send more than is read of them at once, or ask for more than they take.
//!
//! They are served after all others and only one of them in each turn, one after the other: whoever sends a gigabyte waits
//! for itself, and a client with one question hardly notices it.

use calloop::Readiness;

/// The greedy connections that are ready in this turn.
#[derive(Debug, Default)]
pub(super) struct Greedy {
    ready: Vec<(u64, Readiness)>,
    /// The one that was served last.
    last: u64,
}

impl Greedy {
    pub(super) fn put(&mut self, number: u64, readiness: Readiness) {
        self.ready.push((number, readiness));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// The next to be served: the first behind the one that was served last.
    pub(super) fn next(&mut self) -> Option<(u64, Readiness)> {
        let last = self.last;
        let order = |(number, _): &(u64, Readiness)| (*number <= last, *number);
        let index = (0..self.ready.len()).min_by_key(|index| order(&self.ready[*index]))?;
        let next = self.ready.swap_remove(index);
        self.last = next.0;
        Some(next)
    }

    /// Those that are not served in this turn; as their sockets stay ready, the loop names them again.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = u64> {
        self.ready.drain(..).map(|(number, _)| number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READABLE: Readiness = Readiness { readable: true, writable: false, error: false };

    /// Who is served of these in one turn.
    fn turn(greedy: &mut Greedy, ready: &[u64]) -> Option<u64> {
        for number in ready {
            greedy.put(*number, READABLE);
        }
        let served = greedy.next().map(|(number, _)| number);
        assert_eq!(greedy.drain().count(), ready.len().saturating_sub(1));
        assert!(greedy.is_empty());
        served
    }

    #[test]
    fn everybody_has_its_turn_before_anybody_has_a_second_one() {
        let mut greedy = Greedy::default();
        let served: Vec<_> = (0..7).filter_map(|_| turn(&mut greedy, &[9, 3, 7, 5, 1])).collect();
        assert_eq!(served, [1, 3, 5, 7, 9, 1, 3]);
        assert_eq!(turn(&mut greedy, &[3, 9]), Some(9));
        assert_eq!(turn(&mut greedy, &[4, 9]), Some(4));
        assert_eq!(turn(&mut greedy, &[4]), Some(4));
        assert_eq!(turn(&mut greedy, &[]), None);
    }
}
