//! Timers, the calendar, and times in words.

use std::rc::Rc;

use jiff::{Timestamp, Zoned};
use rhai::{Dynamic, Engine, FnPtr, ImmutableString, Map};

use super::super::instance::{Shared, Timer, When, wait_for};
use super::super::schedule::Calendar;
use super::super::value;
use super::Given;
use crate::plugin::bindings::wit::timers;
use crate::plugin::capability::Clock;

pub(super) fn register(engine: &mut Engine, shared: &Rc<Shared>) {
    let host = Rc::clone(shared);
    engine.register_fn("every", move |period: Dynamic, function: FnPtr| -> Given<i64> {
        add(&host, function, When::Again, value::duration_ms(&period)?)
    });
    let host = Rc::clone(shared);
    engine.register_fn("after", move |delay: Dynamic, function: FnPtr| -> Given<i64> {
        add(&host, function, When::Once, value::duration_ms(&delay)?)
    });
    let host = Rc::clone(shared);
    engine.register_fn("at", move |time: ImmutableString, function: FnPtr| -> Given<i64> {
        calendar(&host, function, Calendar::daily(&time)?)
    });
    let host = Rc::clone(shared);
    engine.register_fn("cron", move |line: ImmutableString, function: FnPtr| -> Given<i64> {
        calendar(&host, function, Calendar::cron(&line)?)
    });
    let host = Rc::clone(shared);
    engine.register_fn("cancel", move |number: i64| cancel(&host, number));
    // Whoever has not set the timer yet has `()` in its place.
    engine.register_fn("cancel", |(): ()| ());
    // The language has one that would keep the thread, and with it the end of the script.
    engine.register_fn("sleep", |_: i64| no_sleep());
    engine.register_fn("sleep", |_: f64| no_sleep());
    let clock = shared.clock.clone();
    engine.register_fn("now", move || now(&clock));
    let clock = shared.clock.clone();
    engine.register_fn("local", move |ms: i64| local(&clock, ms));
    let clock = shared.clock.clone();
    engine.register_fn("local", move || local(&clock, now(&clock)));
    let clock = shared.clock.clone();
    engine.register_fn("time_text", move |ms: i64| time_text(&clock, ms, "%Y-%m-%d %H:%M"));
    let clock = shared.clock.clone();
    engine.register_fn("time_text", move |ms: i64, format: ImmutableString| time_text(&clock, ms, &format));
    engine.register_fn("duration_text", |seconds: i64| duration_text(seconds));
    engine.register_fn("duration_text", |seconds: f64| duration_text(seconds as i64));
    engine.register_fn("round", |number: f64, digits: i64| {
        let factor = 10f64.powi(digits.clamp(0, 9) as i32);
        (number * factor).round() / factor
    });
}

fn no_sleep() -> Given<()> {
    Err("a script must not sleep; write after(\"10s\", || …)".into())
}

fn add(shared: &Shared, function: FnPtr, when: When, ms: u64) -> Given<i64> {
    let number = shared.last_timer.get() + 1;
    shared.arm(number, ms, matches!(when, When::Again))?;
    shared.last_timer.set(number);
    shared.timers.borrow_mut().insert(number, Timer { function, when });
    Ok(i64::try_from(number).unwrap_or(i64::MAX))
}

fn calendar(shared: &Shared, function: FnPtr, calendar: Calendar) -> Given<i64> {
    let (wait, due) = wait_for(&calendar, &shared.clock.local()).ok_or("this never comes")?;
    add(shared, function, When::Calendar(calendar, due), wait)
}

fn cancel(shared: &Shared, number: i64) -> Given<()> {
    let Ok(number) = u64::try_from(number) else { return Ok(()) };
    shared.timers.borrow_mut().remove(&number);
    let beneath: Vec<u64> =
        shared.due.borrow().iter().filter(|(_, own)| **own == number).map(|(beneath, _)| *beneath).collect();
    for beneath in beneath {
        shared.due.borrow_mut().remove(&beneath);
        shared.with(|state| timers::Host::cancel(state, beneath))?;
    }
    Ok(())
}

fn now(clock: &Clock) -> i64 {
    i64::try_from(clock.wall_ms()).unwrap_or(i64::MAX)
}

fn zoned(clock: &Clock, ms: i64) -> Given<Zoned> {
    let moment =
        Timestamp::from_millisecond(ms).map_err(|_| format!("{ms} is no moment that a calendar has"))?;
    Ok(moment.to_zoned(clock.zone()))
}

fn local(clock: &Clock, ms: i64) -> Given<Map> {
    let at = zoned(clock, ms)?;
    let parts: [(&str, i64); 7] = [
        ("year", at.year().into()),
        ("month", at.month().into()),
        ("day", at.day().into()),
        ("hour", at.hour().into()),
        ("minute", at.minute().into()),
        ("second", at.second().into()),
        ("weekday", at.weekday().to_monday_one_offset().into()),
    ];
    Ok(parts.into_iter().map(|(name, part)| (name.into(), Dynamic::from_int(part))).collect())
}

fn time_text(clock: &Clock, ms: i64, format: &str) -> Given<String> {
    let at = zoned(clock, ms)?;
    jiff::fmt::strtime::format(format, &at).map_err(|error| format!("the format `{format}`: {error}").into())
}

/// The two largest units: `1 h 5 min`.
fn duration_text(seconds: i64) -> String {
    let total = seconds.unsigned_abs();
    let parts =
        [(total / 86_400, "d"), (total / 3_600 % 24, "h"), (total / 60 % 60, "min"), (total % 60, "s")];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(parts.len() - 1);
    let shown = parts[first..].iter().take(2).filter(|(count, _)| *count > 0);
    let words: Vec<String> = shown.map(|(count, unit)| format!("{count} {unit}")).collect();
    match words.is_empty() {
        true => "0 s".to_owned(),
        false => format!("{}{}", if seconds < 0 { "-" } else { "" }, words.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_their_two_largest_units() {
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (65, "1 min 5 s"),
            (3_600, "1 h"),
            (90_061, "1 d 1 h"),
            (-65, "-1 min 5 s"),
        ] {
            assert_eq!(duration_text(seconds), words);
        }
    }
}
