//! The `clock` interface: what time it is. Every capability that reads a clock reads this one, so that a rehearsal can have
//! its own.

#[cfg(feature = "author")]
use std::cell::Cell;
#[cfg(feature = "author")]
use std::rc::Rc;
#[cfg(feature = "author")]
use std::time::Duration;
use std::time::Instant;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use wasmtime::component::{HasSelf, Linker};

use crate::plugin::bindings::wit::clock;
use crate::plugin::epitaph;
use crate::plugin::instance::InstanceState;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    clock::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// What tells one instance the time.
#[derive(Clone, Default)]
pub(in crate::plugin) enum Clock {
    /// The system.
    #[default]
    System,
    /// A rehearsal, where a day takes a second.
    #[cfg(feature = "author")]
    Rehearsed(Rc<RehearsedClock>),
}

impl Clock {
    /// For durations: it never goes back.
    pub(in crate::plugin) fn now(&self) -> Instant {
        match self {
            Clock::System => Instant::now(),
            #[cfg(feature = "author")]
            Clock::Rehearsed(clock) => clock.begin + clock.passed.get(),
        }
    }

    /// Milliseconds since 1970-01-01 UTC; it may jump.
    pub(in crate::plugin) fn wall_ms(&self) -> u64 {
        match self {
            Clock::System => epitaph::wall_ms(),
            #[cfg(feature = "author")]
            Clock::Rehearsed(clock) => clock.wall_ms.get(),
        }
    }

    pub(in crate::plugin) fn zone(&self) -> TimeZone {
        match self {
            Clock::System => TimeZone::system(),
            #[cfg(feature = "author")]
            Clock::Rehearsed(clock) => clock.zone.clone(),
        }
    }

    /// The wall clock as people here read it.
    pub(in crate::plugin) fn local(&self) -> Zoned {
        let ms = i64::try_from(self.wall_ms()).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX).to_zoned(self.zone())
    }
}

/// A clock that is set by hand.
#[cfg(feature = "author")]
pub(in crate::plugin) struct RehearsedClock {
    begin: Instant,
    passed: Cell<Duration>,
    wall_ms: Cell<u64>,
    zone: TimeZone,
}

#[cfg(feature = "author")]
impl RehearsedClock {
    pub(in crate::plugin) fn new(zone: TimeZone) -> Self {
        Self { begin: Instant::now(), passed: Cell::default(), wall_ms: Cell::default(), zone }
    }

    /// So much has passed since the beginning, and the wall clock shows this.
    pub(in crate::plugin) fn set(&self, passed: Duration, wall_ms: u64) {
        self.passed.set(passed);
        self.wall_ms.set(wall_ms);
    }

    /// How long after the beginning this moment is.
    pub(in crate::plugin) fn passed_at(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.begin)
    }
}

/// The clock, and the origin of the host's uptime.
pub(in crate::plugin) struct State {
    started: Instant,
    clock: Clock,
}

impl State {
    pub(in crate::plugin) fn new(started: Instant, clock: Clock) -> Self {
        Self { started, clock }
    }

    /// For durations.
    pub(in crate::plugin) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub(in crate::plugin) fn wall_ms(&self) -> u64 {
        self.clock.wall_ms()
    }

    pub(super) fn uptime_ms(&self) -> u64 {
        let up = self.now().saturating_duration_since(self.started);
        u64::try_from(up.as_millis()).unwrap_or(u64::MAX)
    }
}

impl clock::Host for InstanceState {
    fn wall_ms(&mut self) -> u64 {
        self.clock.wall_ms()
    }

    fn uptime_ms(&mut self) -> u64 {
        self.clock.uptime_ms()
    }

    fn local(&mut self, at_ms: u64) -> clock::LocalTime {
        in_zone(at_ms, self.clock.clock.zone())
    }
}

fn in_zone(at_ms: u64, zone: TimeZone) -> clock::LocalTime {
    let asked = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let at: Zoned = asked.unwrap_or(Timestamp::MAX).to_zoned(zone);
    clock::LocalTime {
        year: at.year(),
        month: at.month().unsigned_abs(),
        day: at.day().unsigned_abs(),
        hour: at.hour().unsigned_abs(),
        minute: at.minute().unsigned_abs(),
        second: at.second().unsigned_abs(),
        weekday: at.weekday().to_monday_one_offset().unsigned_abs(),
        offset_s: at.offset().seconds(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(at_ms: u64, zone: &str) -> String {
        let zone = TimeZone::posix(zone).unwrap();
        let t = in_zone(at_ms, zone);
        format!(
            "{}-{:02}-{:02} {:02}:{:02}:{:02} day {} {:+}",
            t.year, t.month, t.day, t.hour, t.minute, t.second, t.weekday, t.offset_s
        )
    }

    #[test]
    fn a_moment_is_told_as_the_zone_has_it_in_summer_and_in_winter() {
        const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
        assert_eq!(shown(1_795_303_800_000, BERLIN), "2026-11-22 00:30:00 day 7 +3600");
        assert_eq!(shown(1_782_081_000_000, BERLIN), "2026-06-22 00:30:00 day 1 +7200");
    }

    #[test]
    fn a_moment_that_no_calendar_has_is_taken_for_the_last_one() {
        assert_eq!(shown(u64::MAX, "UTC0"), "9999-12-30 22:00:00 day 4 +0");
    }
}
