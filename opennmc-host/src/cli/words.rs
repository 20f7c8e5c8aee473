//! States, times and amounts in words for people.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::terminal::Tone;
use crate::control::report::UpsReport;

/// Tokens of `ups.status` in words, those that matter most first.
const TOKENS: [(&str, &str, Tone); 17] = [
    ("FSD", "forced shutdown", Tone::Critical),
    ("LB", "low battery", Tone::Critical),
    ("OFF", "output off", Tone::Critical),
    ("OVER", "overloaded", Tone::Critical),
    ("OB", "on battery", Tone::Warning),
    ("OL", "on line", Tone::Good),
    ("BYPASS", "on bypass", Tone::Warning),
    ("RB", "replace battery", Tone::Warning),
    ("ALARM", "alarm", Tone::Warning),
    ("CAL", "calibrating", Tone::Warning),
    ("TEST", "testing itself", Tone::Good),
    ("TRIM", "trimming high input", Tone::Good),
    ("BOOST", "boosting low input", Tone::Good),
    ("CHRG", "charging", Tone::Good),
    ("DISCHRG", "discharging", Tone::Plain),
    ("HB", "battery overcharged", Tone::Warning),
    ("WAIT", "being read for the first time", Tone::Plain),
];

/// What state a UPS is in, and how worrying that is.
pub(super) fn state(ups: &UpsReport) -> (String, Tone) {
    match ups.availability.as_str() {
        "waiting" => return ("not heard yet".to_owned(), Tone::Warning),
        "disconnected" => return ("not connected".to_owned(), Tone::Critical),
        "stale" => return ("no contact".to_owned(), Tone::Critical),
        _ => {}
    }
    let status = ups.value("ups.status").unwrap_or_default();
    let (words, tone) = of_status(status);
    if words.is_empty() { ("state unknown".to_owned(), Tone::Warning) } else { (words, tone) }
}

/// Tokens of `ups.status` in words, and the worst of their tones.
pub(super) fn of_status(status: &str) -> (String, Tone) {
    let tokens: Vec<&str> = status.split_ascii_whitespace().collect();
    let known = TOKENS.iter().filter(|(token, ..)| tokens.contains(token));
    let words = known.clone().map(|(_, words, _)| (*words).to_owned());
    let others = tokens.iter().filter(|token| TOKENS.iter().all(|(known, ..)| known != *token));
    let all: Vec<String> = words.chain(others.map(|token| super::terminal::clean(token))).collect();
    let rank = |tone: &Tone| match tone {
        Tone::Critical => 3,
        Tone::Warning => 2,
        Tone::Good => 1,
        _ => 0,
    };
    let tone = known.map(|(.., tone)| *tone).max_by_key(rank).unwrap_or(Tone::Plain);
    (all.join(", "), tone)
}

/// The result of a self test, which APC's units tell in two letters.
pub(super) fn test_result(told: &str) -> String {
    match told {
        "OK" => "passed".to_owned(),
        "BT" => "failed: the battery's capacity is too small".to_owned(),
        "NG" => "failed: overloaded".to_owned(),
        "NO" => "none yet".to_owned(),
        other => other.to_owned(),
    }
}

/// Seconds, in the two largest units that matter.
pub(super) fn duration(seconds: f64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let whole = seconds.max(0.0) as u64;
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match whole {
        _ if seconds < 10.0 => format!("{:.1} s", seconds.max(0.0)),
        0..MINUTE => format!("{whole} s"),
        MINUTE..HOUR if whole < 10 * MINUTE => two(whole / MINUTE, "min", whole % MINUTE, "s"),
        MINUTE..HOUR => format!("{} min", whole / MINUTE),
        HOUR..DAY => two(whole / HOUR, "h", whole % HOUR / MINUTE, "min"),
        _ => two(whole / DAY, "d", whole % DAY / HOUR, "h"),
    }
}

/// An amount of memory or disk.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut amount = count as f64;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    if unit == 0 || amount >= 100.0 {
        format!("{amount:.0} {}", UNITS[unit])
    } else {
        format!("{amount:.1} {}", UNITS[unit])
    }
}

/// An RFC 3339 time as this machine's people write it; as it is when it is none.
pub(super) fn local_time(at: &str) -> String {
    match at.parse::<Timestamp>() {
        Ok(at) => at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => super::terminal::clean(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_what_matters() {
        for (seconds, words) in [
            (-1.0, "0.0 s"),
            (0.44, "0.4 s"),
            (42.0, "42 s"),
            (61.0, "1 min 1 s"),
            (600.0, "10 min"),
            (3540.0, "59 min"),
            (3600.0, "1 h"),
            (5400.0, "1 h 30 min"),
            (90_000.0, "1 d 1 h"),
        ] {
            assert_eq!(duration(seconds), words);
        }
    }

    #[test]
    fn a_status_is_told_with_the_worst_first() {
        assert_eq!(of_status("OL CHRG"), ("on line, charging".to_owned(), Tone::Good));
        assert_eq!(
            of_status("OB DISCHRG LB"),
            ("low battery, on battery, discharging".to_owned(), Tone::Critical)
        );
        assert_eq!(of_status("OL RB"), ("on line, replace battery".to_owned(), Tone::Warning));
        assert_eq!(of_status("OL NEW"), ("on line, NEW".to_owned(), Tone::Good));
    }
}
