//! A queue that is bounded in bytes and forgets the oldest of the least important first.
//!
//! Two lanes, each with a bound of its own: what is not important never displaces what is.

use std::collections::VecDeque;

/// The queue.
pub(in crate::history) struct Backlog<T> {
    /// What is not important, and what is.
    lanes: [Lane<T>; 2],
    /// Of each lane.
    most_bytes: usize,
    next_place: u64,
    lost: u64,
}

struct Lane<T> {
    entries: VecDeque<Entry<T>>,
    bytes: usize,
}

struct Entry<T> {
    place: u64,
    bytes: usize,
    item: T,
}

impl<T: Clone> Backlog<T> {
    /// An empty one with lanes of `most_bytes` each.
    pub(in crate::history) fn new(most_bytes: usize) -> Backlog<T> {
        let lane = || Lane { entries: VecDeque::new(), bytes: 0 };
        Backlog { lanes: [lane(), lane()], most_bytes, next_place: 0, lost: 0 }
    }

    pub(in crate::history) fn push(&mut self, item: T, bytes: usize, important: bool) {
        let lane = &mut self.lanes[usize::from(important)];
        lane.entries.push_back(Entry { place: self.next_place, bytes, item });
        lane.bytes += bytes;
        self.next_place += 1;
        while lane.bytes > self.most_bytes {
            let Some(oldest) = lane.entries.pop_front() else { break };
            lane.bytes -= oldest.bytes;
            self.lost += 1;
        }
    }

    pub(in crate::history) fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.entries.is_empty())
    }

    pub(in crate::history) fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.entries.len()).sum()
    }

    /// The first items in the order of their coming, about `most_bytes` of them, and the place up to which they go.
    pub(in crate::history) fn first(&self, most_bytes: usize) -> (Vec<T>, u64) {
        let (mut items, mut bytes, mut through) = (Vec::new(), 0, 0);
        for entry in self.in_order() {
            if bytes >= most_bytes {
                break;
            }
            bytes += entry.bytes;
            through = entry.place;
            items.push(entry.item.clone());
        }
        (items, through)
    }

    /// Everything that waits, in the order of its coming.
    pub(in crate::history) fn all(&self) -> impl Iterator<Item = &T> {
        self.in_order().map(|entry| &entry.item)
    }

    fn in_order(&self) -> impl Iterator<Item = &Entry<T>> {
        let mut lanes = self.lanes.each_ref().map(|lane| lane.entries.iter().peekable());
        std::iter::from_fn(move || {
            let [ordinary, important] = &mut lanes;
            match (ordinary.peek(), important.peek()) {
                (Some(left), Some(right)) if left.place < right.place => ordinary.next(),
                (Some(_), None) => ordinary.next(),
                _ => important.next(),
            }
        })
    }

    /// Forgets everything up to and with the place `through`: it is on disk.
    pub(in crate::history) fn remove_through(&mut self, through: u64) {
        for lane in &mut self.lanes {
            while let Some(entry) = lane.entries.pop_front_if(|entry| entry.place <= through) {
                lane.bytes -= entry.bytes;
            }
        }
    }

    /// How many were forgotten for want of room since this was last asked.
    pub(in crate::history) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_out_in_the_order_of_their_coming_whatever_their_lane() {
        let mut backlog = Backlog::new(100);
        for item in 0..6 {
            backlog.push(item, 1, item % 3 == 0);
        }
        assert_eq!(backlog.first(4), (vec![0, 1, 2, 3], 3));
        backlog.remove_through(3);
        assert_eq!(backlog.all().copied().collect::<Vec<u32>>(), [4, 5]);
    }

    #[test]
    fn a_storm_of_the_unimportant_displaces_itself_only() {
        let mut backlog = Backlog::new(10);
        backlog.push(1_000, 1, true);
        for item in 0..100 {
            backlog.push(item, 1, false);
        }
        assert_eq!(
            backlog.all().copied().collect::<Vec<u32>>(),
            [1_000, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99]
        );
        assert_eq!((backlog.take_lost(), backlog.take_lost()), (90, 0));
    }

    #[test]
    fn what_came_while_others_were_written_stays() {
        let mut backlog = Backlog::new(10);
        backlog.push(1, 1, false);
        let (_, through) = backlog.first(10);
        backlog.push(2, 1, true);
        backlog.remove_through(through);
        assert_eq!(backlog.len(), 1);
    }
}
