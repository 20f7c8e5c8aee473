//! Memory that all connections share: bodies that arrive and answers that go out.
//!
//! A client that sends or reads slowly keeps what it has been given; together they get no more than this.

use std::cell::Cell;
use std::rc::Rc;

/// Bytes that are left.
#[derive(Clone)]
pub(super) struct Room(Rc<Cell<usize>>);

impl Room {
    pub(super) fn of(bytes: usize) -> Room {
        Room(Rc::new(Cell::new(bytes)))
    }

    /// A share of it, empty yet.
    pub(super) fn share(&self) -> Share {
        Share { room: self.clone(), bytes: 0 }
    }
}

/// What one request or answer has of it; given back when dropped.
pub(super) struct Share {
    room: Room,
    bytes: usize,
}

impl Share {
    /// Takes more; false when there is not so much left.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let Some(left) = self.room.0.get().checked_sub(bytes) else { return false };
        self.room.0.set(left);
        self.bytes += bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.0.set(self.room.0.get() + self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_there_again() {
        let room = Room::of(10);
        let (mut one, mut other) = (room.share(), room.share());
        assert!(one.grow(6) && one.grow(2) && !other.grow(3) && other.grow(2));
        drop(one);
        assert!(other.grow(8) && !other.grow(1));
    }
}
