//! The `clock` interface: what time it is.

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

/// The origin of the host's uptime.
pub(in crate::plugin) struct State {
    started: Instant,
}

impl State {
    pub(in crate::plugin) fn new(started: Instant) -> Self {
        Self { started }
    }

    pub(super) fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl clock::Host for InstanceState {
    fn wall_ms(&mut self) -> u64 {
        epitaph::wall_ms()
    }

    fn uptime_ms(&mut self) -> u64 {
        self.clock.uptime_ms()
    }

    fn local(&mut self, at_ms: u64) -> clock::LocalTime {
        in_zone(at_ms, TimeZone::system())
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
