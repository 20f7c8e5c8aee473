//! Clocks and timers of the simulated host: time passes only when a test says so.

use core::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::SimulatedHost;
use crate::{Clock, Error, LocalTime, Random, Timers};

/// Seconds of a day.
const DAY_S: u64 = 86_400;
/// A repeating timer that is faster than this is a busy loop.
const SHORTEST_PERIOD_MS: u64 = 10;

#[derive(Debug, Default)]
pub(super) struct Time {
    now_ms: Cell<u64>,
    timers: RefCell<BTreeMap<u64, Timer>>,
    made: Cell<u64>,
    random: Cell<u64>,
    most: Cell<Option<usize>>,
}

#[derive(Debug, Clone, Copy)]
struct Timer {
    ms: u64,
    due_ms: u64,
    repeats: bool,
}

impl SimulatedHost {
    /// Sets both clocks. No timer fires.
    pub fn set_time_ms(&self, now_ms: u64) {
        self.time.now_ms.set(now_ms);
    }

    /// Lets `ms` pass: `fire` is called for each timer that becomes due, in their order and with the clocks at its time.
    /// Timers that are set or cancelled meanwhile count.
    ///
    /// ```
    /// # use opennmc_plugin::{SimulatedHost, Timers};
    /// let host = SimulatedHost::new();
    /// let timer = host.every(400).unwrap();
    /// let mut fired = Vec::new();
    /// host.advance(1_000, |due| fired.push(due));
    /// assert_eq!(fired, [timer, timer]);
    /// ```
    pub fn advance(&self, ms: u64, mut fire: impl FnMut(u64)) {
        let end = self.time.now_ms.get().saturating_add(ms);
        while let Some(timer) = self.time.take_due(end) {
            fire(timer);
        }
        self.time.now_ms.set(end);
    }

    /// So many timers may run at one time: `timers` under `[limits]` in plugin.toml. Before, any number.
    pub fn limit_timers(&self, most: usize) {
        self.time.most.set(Some(most));
    }

    /// The timers that are set: number and period or delay in milliseconds.
    pub fn timers(&self) -> Vec<(u64, u64)> {
        self.time.timers.borrow().iter().map(|(number, timer)| (*number, timer.ms)).collect()
    }
}

impl Time {
    fn add(&self, ms: u64, repeats: bool) -> Result<u64, Error> {
        if self.most.get().is_some_and(|most| self.timers.borrow().len() >= most) {
            return Err(Error::Limit("no more timers may run".to_owned()));
        }
        let number = self.made.get() + 1;
        self.made.set(number);
        let due_ms = self.now_ms.get().saturating_add(ms);
        self.timers.borrow_mut().insert(number, Timer { ms, due_ms, repeats });
        Ok(number)
    }

    /// The next timer that is due until `end`; the clock goes to its time.
    fn take_due(&self, end: u64) -> Option<u64> {
        let mut timers = self.timers.borrow_mut();
        let next = timers.iter().min_by_key(|(number, timer)| (timer.due_ms, **number));
        let (number, timer) = next.map(|(number, timer)| (*number, *timer))?;
        if timer.due_ms > end {
            return None;
        }
        self.now_ms.set(self.now_ms.get().max(timer.due_ms));
        if timer.repeats {
            timers.insert(number, Timer { due_ms: timer.due_ms + timer.ms, ..timer });
        } else {
            timers.remove(&number);
        }
        Some(number)
    }
}

impl Clock for SimulatedHost {
    fn wall_ms(&self) -> u64 {
        self.time.now_ms.get()
    }

    fn uptime_ms(&self) -> u64 {
        self.time.now_ms.get()
    }

    /// In UTC.
    fn local_time(&self, at_ms: u64) -> LocalTime {
        let seconds = at_ms / 1_000;
        let (days, rest) = (seconds / DAY_S, seconds % DAY_S);
        let (year, month, day) = civil(days);
        LocalTime {
            year,
            month,
            day,
            hour: (rest / 3_600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
            // 1970-01-01 was a Thursday.
            weekday: ((days + 3) % 7 + 1) as u8,
            offset_s: 0,
        }
    }
}

impl Random for SimulatedHost {
    /// The same bytes in every run, so that tests can tell what follows from them.
    fn random_bytes(&self, count: u32) -> Vec<u8> {
        let first = self.time.random.get();
        let count = u64::from(count.min(1_024));
        self.time.random.set(first + count);
        (first..first + count).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
    }
}

impl Timers for SimulatedHost {
    fn after(&self, ms: u64) -> Result<u64, Error> {
        self.time.add(ms, false)
    }

    fn every(&self, ms: u64) -> Result<u64, Error> {
        if ms < SHORTEST_PERIOD_MS {
            return Err(Error::Invalid(format!("a period of {ms} ms; the shortest is {SHORTEST_PERIOD_MS}")));
        }
        self.time.add(ms, true)
    }

    fn cancel(&self, timer: u64) {
        self.time.timers.borrow_mut().remove(&timer);
    }
}

/// Year, month and day of a day counted from 1970-01-01.
fn civil(mut days: u64) -> (i16, u8, u8) {
    let mut year = 1970_i16;
    let leap = |year: i16| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    while days >= if leap(year) { 366 } else { 365 } && year < 9999 {
        days -= if leap(year) { 366 } else { 365 };
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length || month == 12 {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days as u8 + 1)
}
