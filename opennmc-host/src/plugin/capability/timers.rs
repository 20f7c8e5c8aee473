//! The `timers` interface: one-shot and repeating timers of one instance.
//!
//! The plugin's loop asks for the next one due and sleeps no longer; there is no other clock work.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use wasmtime::component::{HasSelf, Linker};

use crate::plugin::Mark;
use crate::plugin::bindings::wit::{timers, types::Error};
use crate::plugin::instance::InstanceState;

/// A repeating timer that is faster than this is a busy loop.
const SHORTEST_PERIOD_MS: u64 = 10;
/// Ten years: far enough, and no sum of it overflows.
const LONGEST_MS: u64 = 10 * 366 * 86_400_000;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    timers::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// The timers of one instance.
pub(in crate::plugin) struct State {
    limit: usize,
    last: u64,
    queue: BTreeSet<(Instant, u64)>,
    running: HashMap<u64, Timer>,
    pub(in crate::plugin) mark: Mark,
}

struct Timer {
    due: Instant,
    period: Option<Duration>,
}

impl State {
    pub(in crate::plugin) fn new(limit: u32) -> Self {
        Self {
            limit: limit as usize,
            last: 0,
            queue: BTreeSet::new(),
            running: HashMap::new(),
            mark: Mark::default(),
        }
    }

    /// When the next timer is due.
    pub(in crate::plugin) fn next_due(&self) -> Option<Instant> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// The number of a timer that is due; a repeating one runs on, from now when it is late.
    pub(in crate::plugin) fn pop_due(&mut self, now: Instant) -> Option<u64> {
        let (due, number) = self.queue.first().copied().filter(|(due, _)| *due <= now)?;
        self.queue.remove(&(due, number));
        let period = self.running.get(&number)?.period;
        match period {
            None => {
                self.running.remove(&number);
            }
            Some(period) => {
                let next = if due + period > now { due + period } else { now + period };
                self.schedule(number, next, Some(period));
            }
        }
        Some(number)
    }

    fn add(&mut self, now: Instant, ms: u64, period: Option<Duration>) -> Result<u64, Error> {
        if ms > LONGEST_MS {
            return Err(Error::Invalid(format!("a timer of {ms} ms; the longest is {LONGEST_MS}")));
        }
        if self.running.len() >= self.limit {
            self.mark.hit();
            return Err(Error::Limit(format!("{} timers are running, which is the most", self.limit)));
        }
        self.last += 1;
        self.schedule(self.last, now + Duration::from_millis(ms), period);
        self.mark.see(self.running.len() as u64);
        Ok(self.last)
    }

    fn schedule(&mut self, number: u64, due: Instant, period: Option<Duration>) {
        self.queue.insert((due, number));
        self.running.insert(number, Timer { due, period });
    }

    fn cancel(&mut self, number: u64) {
        if let Some(timer) = self.running.remove(&number) {
            self.queue.remove(&(timer.due, number));
        }
    }
}

impl timers::Host for InstanceState {
    fn after(&mut self, ms: u64) -> Result<u64, Error> {
        self.timers.add(self.clock.now(), ms, None)
    }

    fn every(&mut self, ms: u64) -> Result<u64, Error> {
        if ms < SHORTEST_PERIOD_MS {
            return Err(Error::Invalid(format!("a period of {ms} ms; the shortest is {SHORTEST_PERIOD_MS}")));
        }
        self.timers.add(self.clock.now(), ms, Some(Duration::from_millis(ms)))
    }

    fn cancel(&mut self, timer: u64) {
        self.timers.cancel(timer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn timers_come_due_in_order_and_once() {
        let (mut timers, now) = (State::new(8), Instant::now());
        let late = timers.add(now, 20, None).unwrap();
        let early = timers.add(now, 10, None).unwrap();
        assert_eq!(timers.next_due(), Some(now + 10 * MS));
        assert_eq!(timers.pop_due(now + 9 * MS), None);
        assert_eq!(timers.pop_due(now + 30 * MS), Some(early));
        assert_eq!(timers.pop_due(now + 30 * MS), Some(late));
        assert_eq!(timers.pop_due(now + 30 * MS), None);
        assert_eq!(timers.next_due(), None);
    }

    #[test]
    fn a_late_repeating_timer_does_not_fire_for_every_period_it_missed() {
        let (mut timers, now) = (State::new(8), Instant::now());
        let every = timers.add(now, 10, Some(10 * MS)).unwrap();
        assert_eq!(timers.pop_due(now + 95 * MS), Some(every));
        assert_eq!(timers.pop_due(now + 95 * MS), None);
        assert_eq!(timers.next_due(), Some(now + 105 * MS));
    }

    #[test]
    fn a_cancelled_timer_frees_its_place() {
        let (mut timers, now) = (State::new(1), Instant::now());
        let timer = timers.add(now, 10, None).unwrap();
        assert!(matches!(timers.add(now, 10, None), Err(Error::Limit(_))));
        timers.cancel(timer);
        assert_eq!(timers.next_due(), None);
        assert!(timers.add(now, 10, None).is_ok());
    }
}
