//! The orders of one UPS: which waits, which the line has, and until when. Pure.
//!
//! The line takes one order at a time; one that only watches for its effect no longer has the line, so that a shutdown can
//! still be taken back. What interrupts or saves the load goes before what can wait.

use std::collections::VecDeque;
use std::time::Duration;

use apcsmart::Time;

use super::{OrderId, OrderResult};

/// More orders than people give by hand in the time that one takes; a program that goes wild is refused.
const LONGEST_QUEUE: usize = 8;
/// Stepping a setting through its longest list takes half a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(90);
/// A driver ends its orders itself, the slowest (off after a grace of ten minutes) within eleven. This is for a driver that
/// forgets one.
const LONGEST_ORDER: Duration = Duration::from_secs(900);

/// The orders of one UPS that have not ended.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    begun: Vec<Begun>,
}

#[derive(Debug)]
struct Waiting {
    id: OrderId,
    urgent: bool,
    until: Time,
}

#[derive(Debug)]
struct Begun {
    id: OrderId,
    /// The driver's number for it.
    ticket: u64,
    until: Time,
}

impl Queue {
    /// Puts an order in line.
    pub(super) fn push(&mut self, now: Time, id: OrderId, urgent: bool) -> Result<(), OrderResult> {
        if self.waiting.len() >= LONGEST_QUEUE {
            let text = format!("{LONGEST_QUEUE} orders wait for this UPS already: try again when they ended");
            return Err(OrderResult::Refused(text));
        }
        let place = if urgent {
            self.waiting.iter().take_while(|other| other.urgent).count()
        } else {
            self.waiting.len()
        };
        self.waiting.insert(place, Waiting { id, urgent, until: now + LONGEST_WAIT });
        Ok(())
    }

    /// The order whose turn it is, when the line is free.
    pub(super) fn first(&self) -> Option<OrderId> {
        self.waiting.front().map(|order| order.id)
    }

    /// The line took it.
    pub(super) fn begun(&mut self, now: Time, id: OrderId, ticket: u64) {
        self.forget(id);
        self.begun.push(Begun { id, ticket, until: now + LONGEST_ORDER });
    }

    /// It ended without having been begun.
    pub(super) fn forget(&mut self, id: OrderId) {
        self.waiting.retain(|order| order.id != id);
    }

    /// The driver says that one has ended.
    pub(super) fn ended(&mut self, ticket: u64) -> Option<OrderId> {
        let place = self.begun.iter().position(|order| order.ticket == ticket)?;
        Some(self.begun.swap_remove(place).id)
    }

    /// Takes out what has waited or run for too long.
    pub(super) fn expire(&mut self, now: Time) -> Vec<(OrderId, OrderResult)> {
        let mut expired = Vec::new();
        self.waiting.retain(|order| {
            let in_time = now < order.until;
            if !in_time {
                let text = "other orders were under way all the time: try again when they ended";
                expired.push((order.id, OrderResult::Refused(text.to_owned())));
            }
            in_time
        });
        self.begun.retain(|order| {
            let in_time = now < order.until;
            if !in_time {
                expired.push((order.id, OrderResult::TimedOut));
            }
            in_time
        });
        expired
    }

    /// The UPS is gone for good: takes out everything.
    pub(super) fn abandon(&mut self) -> Vec<(OrderId, OrderResult)> {
        let begun = self.begun.drain(..).map(|order| (order.id, OrderResult::TimedOut));
        let waiting = self.waiting.drain(..).map(|order| (order.id, OrderResult::Stale));
        begun.chain(waiting).collect()
    }

    /// When [`Queue::expire`] takes something out.
    pub(super) fn deadline(&self) -> Time {
        let waiting = self.waiting.iter().map(|order| order.until);
        waiting.chain(self.begun.iter().map(|order| order.until)).min().unwrap_or(Time::NEVER)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.begun.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(5000);

    #[test]
    fn orders_go_in_the_order_they_came_but_urgent_ones_first() {
        let mut queue = Queue::default();
        for (id, urgent) in [(1, false), (2, false), (3, true), (4, true)] {
            queue.push(NOW, OrderId(id), urgent).unwrap();
        }
        let mut seen = Vec::new();
        while let Some(id) = queue.first() {
            queue.begun(NOW, id, id.0);
            seen.push(id.0);
        }
        assert_eq!(seen, [3, 4, 1, 2]);
        assert_eq!((queue.ended(4), queue.ended(4)), (Some(OrderId(4)), None), "each ends once");
    }

    #[test]
    fn a_program_gone_wild_is_refused() {
        let mut queue = Queue::default();
        for id in 0..LONGEST_QUEUE as u64 {
            queue.push(NOW, OrderId(id), false).unwrap();
        }
        assert!(matches!(queue.push(NOW, OrderId(99), true), Err(OrderResult::Refused(_))));
    }

    #[test]
    fn what_waits_too_long_was_not_done_and_what_runs_too_long_is_not_known() {
        let mut queue = Queue::default();
        queue.push(NOW, OrderId(1), false).unwrap();
        queue.begun(NOW, OrderId(1), 7);
        queue.push(NOW, OrderId(2), false).unwrap();
        assert_eq!(queue.deadline(), NOW + LONGEST_WAIT);
        let nearly = LONGEST_WAIT - Duration::from_millis(1);
        assert_eq!(queue.expire(NOW + nearly), []);
        let expired = queue.expire(NOW + LONGEST_WAIT);
        assert!(matches!(&expired[..], [(OrderId(2), OrderResult::Refused(_))]), "{expired:?}");
        assert_eq!(queue.deadline(), NOW + LONGEST_ORDER);
        assert_eq!(queue.expire(NOW + LONGEST_ORDER), [(OrderId(1), OrderResult::TimedOut)]);
        assert!(queue.is_empty());
        assert_eq!(queue.deadline(), Time::NEVER);
        assert_eq!(queue.ended(7), None, "an end that comes too late is nobody's");
    }

    #[test]
    fn a_ups_that_is_gone_leaves_no_order_open() {
        let mut queue = Queue::default();
        queue.push(NOW, OrderId(1), false).unwrap();
        queue.begun(NOW, OrderId(1), 7);
        queue.push(NOW, OrderId(2), false).unwrap();
        let ended = queue.abandon();
        assert_eq!(ended, [(OrderId(1), OrderResult::TimedOut), (OrderId(2), OrderResult::Stale)]);
        assert!(queue.is_empty());
    }
}
