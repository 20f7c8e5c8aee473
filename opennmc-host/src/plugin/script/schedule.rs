//! When something is due by the calendar: `at("03:00")` and `cron("0 3 * * 1")`, in a time zone with summer time.
//!
//! Pure functions of a moment. The rule for the two odd nights: a time that does not exist is due at the next moment that
//! does, once, and a time that comes twice is due the first time only.

use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan as _, Zoned};

/// The 29th of February is at most eight years away.
const DAYS: i64 = 366 * 9;

/// Times of the calendar that come again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Calendar {
    /// Every day.
    Daily(Time),
    Cron(Box<Cron>),
}

/// The five fields of a crontab line, each as the set of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    /// Sunday is 0.
    weekdays: u64,
    /// With both restricted, either suffices, as cron has it.
    either_day: bool,
}

impl Calendar {
    /// `"03:00"` or `"03:00:30"`.
    pub(super) fn daily(text: &str) -> Result<Self, String> {
        let time = [5, 8].contains(&text.len()).then(|| text.parse::<Time>().ok()).flatten();
        time.map(Calendar::Daily)
            .ok_or_else(|| format!("`{text}` is no time of day; write for example \"03:00\""))
    }

    /// `"0 3 * * 1"`.
    pub(super) fn cron(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(format!(
                "`{text}` has {} fields; write five: minute, hour, day, month, weekday, for example \"0 3 * * 1\"",
                fields.len()
            ));
        };
        let wrong = |what: &'static str| move |field: String| format!("`{field}` is no {what} in `{text}`");
        let week = set(weekdays, 0, 7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"])
            .map_err(wrong("weekday"))?;
        Ok(Calendar::Cron(Box::new(Cron {
            minutes: set(minutes, 0, 59, &[]).map_err(wrong("minute"))?,
            hours: set(hours, 0, 23, &[]).map_err(wrong("hour"))?,
            days: set(days, 1, 31, &[]).map_err(wrong("day"))?,
            months: set(months, 1, 12, &[]).map_err(wrong("month"))?,
            weekdays: (week | week >> 7) & 0x7f,
            either_day: !days.starts_with('*') && !weekdays.starts_with('*'),
        })))
    }

    /// The first moment after this one; none when there never is one, such as on the 31st of February.
    pub(super) fn next(&self, after: &Zoned) -> Option<Timestamp> {
        let zone = after.time_zone();
        // A time of the day before may come to pass today only: where a zone skips midnight.
        let mut day = after.date().checked_sub(1.day()).ok()?;
        for _ in 0..DAYS {
            let due = self
                .times(day)
                .find_map(|time| moment(day, time, zone).filter(|moment| *moment > after.timestamp()));
            if due.is_some() {
                return due;
            }
            day = day.checked_add(1.day()).ok()?;
        }
        None
    }

    /// The times of this day, in their order.
    fn times(&self, day: Date) -> Box<dyn Iterator<Item = Time> + '_> {
        match self {
            Calendar::Daily(time) => Box::new(std::iter::once(*time)),
            Calendar::Cron(cron) if !cron.is_on(day) => Box::new(std::iter::empty()),
            Calendar::Cron(cron) => {
                let hours = (0..24i8).filter(|hour| has(cron.hours, *hour));
                Box::new(hours.flat_map(|hour| {
                    let minutes = (0..60i8).filter(|minute| has(cron.minutes, *minute));
                    minutes.filter_map(move |minute| Time::new(hour, minute, 0, 0).ok())
                }))
            }
        }
    }
}

impl Cron {
    fn is_on(&self, date: Date) -> bool {
        let (day, weekday) =
            (has(self.days, date.day()), has(self.weekdays, date.weekday().to_sunday_zero_offset()));
        has(self.months, date.month()) && if self.either_day { day || weekday } else { day && weekday }
    }
}

fn has(set: u64, value: i8) -> bool {
    set & (1 << value) != 0
}

/// `*`, `*/5`, `1-5`, `10-30/10`, `1,3,5`; the error is the part that can't be understood.
fn set(field: &str, least: u32, most: u32, names: &[&str]) -> Result<u64, String> {
    let mut values = 0;
    for part in field.split(',') {
        let wrong = || part.to_owned();
        let number = |text: &str| {
            let named = names.iter().position(|name| text.eq_ignore_ascii_case(name));
            let number = named.and_then(|index| u32::try_from(index).ok()).or_else(|| text.parse().ok());
            number.filter(|number| (least..=most).contains(number)).ok_or_else(wrong)
        };
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                (range, step.parse::<usize>().ok().filter(|step| *step > 0).ok_or_else(wrong)?)
            }
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((from, to)) => (number(from)?, number(to)?),
            None if step > 1 => (number(range)?, most),
            None => (number(range)?, number(range)?),
        };
        if from > to {
            return Err(wrong());
        }
        (from..=to).step_by(step).for_each(|value| values |= 1 << value);
    }
    Ok(values)
}

/// When a clock in this zone shows this; the rule for what it never or twice shows is at the top.
fn moment(day: Date, time: Time, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_zoned(day.to_datetime(time));
    match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => {
            let before = ambiguous.earlier().ok()?.timestamp();
            let change = zone.following(before).next();
            change.map(|change| change.timestamp())
        }
        _ => ambiguous.earlier().ok().map(|zoned| zoned.timestamp()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Forward on the last Sunday of March at 02:00, back on the last of October at 03:00.
    const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

    fn due(calendar: Calendar, after: &str, count: usize) -> Vec<String> {
        let zone = TimeZone::posix(BERLIN).unwrap();
        let mut now = after.parse::<jiff::civil::DateTime>().unwrap().to_zoned(zone.clone()).unwrap();
        let next = |_| {
            now = calendar.next(&now).unwrap().to_zoned(zone.clone());
            now.strftime("%F %H:%M %:z").to_string()
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn the_table_of_odd_nights() {
        let at = |text| Calendar::daily(text).unwrap();
        let cron = |text| Calendar::cron(text).unwrap();
        for (calendar, after, expected) in [
            (at("03:00"), "2026-06-01T02:00", ["2026-06-01 03:00 +02:00", "2026-06-02 03:00 +02:00"]),
            (at("03:00"), "2026-06-01T03:00", ["2026-06-02 03:00 +02:00", "2026-06-03 03:00 +02:00"]),
            // It does not exist on the 29th, and comes at 03:00, once.
            (at("02:30"), "2026-03-28T12:00", ["2026-03-29 03:00 +02:00", "2026-03-30 02:30 +02:00"]),
            (
                cron("*/10 2 29 3 *"),
                "2026-03-28T12:00",
                ["2026-03-29 03:00 +02:00", "2027-03-29 02:00 +02:00"],
            ),
            // It comes twice on the 25th, and is due the first time.
            (at("02:30"), "2026-10-24T12:00", ["2026-10-25 02:30 +02:00", "2026-10-26 02:30 +01:00"]),
            (cron("0 3 * * 1"), "2026-10-24T12:00", ["2026-10-26 03:00 +01:00", "2026-11-02 03:00 +01:00"]),
            (cron("0 3 29 2 *"), "2026-01-01T00:00", ["2028-02-29 03:00 +01:00", "2032-02-29 03:00 +01:00"]),
            (
                cron("0 0 13 * fri"),
                "2026-11-01T00:00",
                ["2026-11-06 00:00 +01:00", "2026-11-13 00:00 +01:00"],
            ),
            (
                cron("0 9 * * mon-fri"),
                "2026-11-20T10:00",
                ["2026-11-23 09:00 +01:00", "2026-11-24 09:00 +01:00"],
            ),
            (cron("0 9 * * 7"), "2026-11-20T10:00", ["2026-11-22 09:00 +01:00", "2026-11-29 09:00 +01:00"]),
        ] {
            assert_eq!(due(calendar.clone(), after, 2), expected, "{calendar:?} after {after}");
        }
    }

    #[test]
    fn what_never_comes_is_said_to_never_come() {
        let never = Calendar::cron("0 0 31 2 *").unwrap();
        let now = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        assert_eq!(never.next(&now), None);
    }

    #[test]
    fn what_is_no_time_is_refused_with_the_part_that_is_wrong() {
        for (text, word) in [
            ("0 3 * *", "4 fields"),
            ("60 3 * * *", "minute"),
            ("0 24 * * *", "hour"),
            ("0 3 0 * *", "day"),
            ("0 3 * 13 *", "month"),
            ("0 3 * * 8", "weekday"),
            ("5-1 * * * *", "5-1"),
            ("*/0 * * * *", "*/0"),
        ] {
            assert!(Calendar::cron(text).unwrap_err().contains(word), "{text}");
        }
        for text in ["3", "25:00", "03:00:00.5", "", "noon"] {
            assert!(Calendar::daily(text).is_err(), "{text}");
        }
    }
}
