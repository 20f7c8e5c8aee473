//! The calendar, for what people read: when an outage began, how old a battery is.
//!
//! Nothing is decided by it. It is told the time of day now and then, may jump in either direction, and may be wrong
//! until a card without a clock has found the network's.

use apcsmart::Time;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::state::rules::DateOrder;

/// 2024-01-01. A clock that says less was never set.
const NEVER_SET_MS: u64 = 1_704_067_200_000;
/// Times of day are shown in seconds.
const SAME_MS: u64 = 500;
/// UPSes of this kind exist since then; two digits below it are of this century.
const FIRST_YEAR: i16 = 1985;

/// What time of day it is.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    /// A moment, and what the time of day was at it.
    anchor: Option<(Time, u64)>,
}

impl Calendar {
    /// It is so many milliseconds since 1970.
    pub(super) fn set(&mut self, now: Time, unix_ms: u64) {
        // Two clocks that are read one after the other differ by a little; moments of the past must not tremble.
        if self.unix_ms(now).is_some_and(|expected| expected.abs_diff(unix_ms) < SAME_MS) {
            return;
        }
        self.anchor = Some((now, unix_ms)).filter(|_| unix_ms >= NEVER_SET_MS);
    }

    /// A moment in milliseconds since 1970; none while the clock was never set.
    pub(super) fn unix_ms(&self, at: Time) -> Option<u64> {
        let (anchor, unix_ms) = self.anchor?;
        let ahead = u64::try_from(at.since(anchor).as_millis()).ok()?;
        let behind = u64::try_from(anchor.since(at).as_millis()).ok()?;
        unix_ms.checked_add(ahead)?.checked_sub(behind)
    }

    /// A moment as people and programs read it: `2026-11-22T16:00:00Z`.
    pub(super) fn text(unix_ms: u64) -> Option<String> {
        let timestamp = Timestamp::from_millisecond(i64::try_from(unix_ms).ok()?).ok()?;
        Some(timestamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    /// How many whole days ago a date was; none for one that lies ahead or makes no sense.
    pub(super) fn days_since(&self, now: Time, date: &str, order: DateOrder) -> Option<u32> {
        let today = Timestamp::from_millisecond(i64::try_from(self.unix_ms(now)?).ok()?).ok()?;
        let today = jiff::tz::Offset::UTC.to_datetime(today).date();
        let days = parse_date(date, order)?.until(today).ok()?.get_days();
        u32::try_from(days).ok()
    }
}

/// Reads `03/14/07`, `14/03/07`, `2007-03-14` and `2007/03/14`. A month above 12 shows which order was meant.
fn parse_date(text: &str, order: DateOrder) -> Option<Date> {
    let parts: Vec<&str> = text.trim().split(['/', '-', '.']).collect();
    let [first, second, third] = parts.as_slice() else { return None };
    if [first, second, third].iter().any(|part| !part.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let number = |part: &str| part.parse::<i16>().ok();
    let (year, month, day) = if first.len() == 4 {
        (number(first)?, number(second)?, number(third)?)
    } else {
        let (first, second, year) = (number(first)?, number(second)?, full_year(third)?);
        let month_first = second > 12 || (first <= 12 && order == DateOrder::MonthFirst);
        if month_first { (year, first, second) } else { (year, second, first) }
    };
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    (year >= FIRST_YEAR).then_some(date)
}

fn full_year(text: &str) -> Option<i16> {
    let year: i16 = text.parse().ok()?;
    match text.len() {
        4 => Some(year),
        2 if 1900 + year >= FIRST_YEAR => Some(1900 + year),
        2 => Some(2000 + year),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T16:00:00Z.
    const NOW_MS: u64 = 1_795_363_200_000;

    #[test]
    fn a_battery_is_as_old_as_its_date_says() {
        let mut calendar = Calendar::default();
        assert_eq!(calendar.days_since(Time::ZERO, "11/21/26", DateOrder::MonthFirst), None, "no clock");
        calendar.set(Time::ZERO, 1_000_000);
        assert_eq!(calendar.days_since(Time::ZERO, "11/21/26", DateOrder::MonthFirst), None, "never set");
        calendar.set(Time::ZERO, NOW_MS);
        for (date, order, expected) in [
            ("11/21/26", DateOrder::MonthFirst, Some(1)),
            ("21/11/26", DateOrder::MonthFirst, Some(1)),
            ("11/10/26", DateOrder::DayFirst, Some(42)),
            ("11/10/26", DateOrder::MonthFirst, Some(12)),
            ("2026-11-22", DateOrder::MonthFirst, Some(0)),
            ("2025/11/22", DateOrder::DayFirst, Some(365)),
            ("11/22/98", DateOrder::MonthFirst, Some(10_227)),
            ("11/23/26", DateOrder::MonthFirst, None),
            ("13/13/20", DateOrder::MonthFirst, None),
            ("00/00/00", DateOrder::MonthFirst, None),
            ("NONE", DateOrder::MonthFirst, None),
            ("", DateOrder::MonthFirst, None),
            ("1/2", DateOrder::MonthFirst, None),
            ("+1/-2/20", DateOrder::MonthFirst, None),
        ] {
            assert_eq!(calendar.days_since(Time::ZERO, date, order), expected, "{date} {order:?}");
        }
    }

    #[test]
    fn a_clock_that_is_set_right_sets_the_past_right() {
        let mut calendar = Calendar::default();
        let at = |seconds: u64| Time::from_millis(seconds * 1000);
        calendar.set(at(100), NOW_MS - 86_400_000);
        calendar.set(at(200), NOW_MS);
        assert_eq!(calendar.unix_ms(at(140)).and_then(Calendar::text).unwrap(), "2026-11-22T15:59:00Z");
        assert_eq!(calendar.unix_ms(at(260)).and_then(Calendar::text).unwrap(), "2026-11-22T16:01:00Z");
    }
}
