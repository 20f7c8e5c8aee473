//! `[history]`: how much of the past is kept, for how long, and how carefully it is written.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::section::{Reader, Section};
use crate::history::{HistoryOptions, Sync};

/// Below the first a day of events would hardly fit; above the second looking through it takes minutes.
const MAX_MB: RangeInclusive<u64> = 4..=16_384;
/// A UPS has nothing new more often than once a second.
const SAMPLE_S: RangeInclusive<u64> = 1..=3600;
const WRITE_S: RangeInclusive<u64> = 1..=3600;
const KEEP_SECONDS_HOURS: RangeInclusive<u64> = 1..=24 * 366;
const KEEP_DAYS: RangeInclusive<u64> = 1..=366 * 100;

/// Reads the section; what it does not say is as by default.
pub(super) fn read(reader: &mut Reader<'_>, file: &mut Section<'_>) -> HistoryOptions {
    let mut options = HistoryOptions::default();
    let Some(mut section) = file.section(reader, "history") else { return options };
    if let Some(megabytes) = section.number_within(reader, "max-mb", MAX_MB, "MiB") {
        options.max_bytes = megabytes << 20;
    }
    let mut duration = |key, bounds: RangeInclusive<u64>, unit, seconds: u64, into: &mut Duration| {
        if let Some(number) = section.number_within(reader, key, bounds, unit) {
            *into = Duration::from_secs(number * seconds);
        }
    };
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    duration("sample-every", SAMPLE_S, "seconds", 1, &mut options.sample_every);
    duration("write-samples-every", WRITE_S, "seconds", 1, &mut options.write_samples_every);
    duration("keep-seconds-hours", KEEP_SECONDS_HOURS, "hours", HOUR, &mut options.keep_seconds);
    duration("keep-minutes-days", KEEP_DAYS, "days", DAY, &mut options.keep_minutes);
    duration("keep-hours-days", KEEP_DAYS, "days", DAY, &mut options.keep_hours);
    duration("keep-events-days", KEEP_DAYS, "days", DAY, &mut options.keep_events);
    if let Some(sync) = section.optional::<Sync>(reader, "sync") {
        options.sync = sync;
    }
    section.finish(reader);
    options
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Settings;

    const UPS: &str = "[ups.main]\nport = \"sim:smart-ups-1500\"\n";

    fn parsed(section: &str) -> Result<HistoryOptions, String> {
        let settings = Settings::parse(Path::new("test.toml"), &format!("{UPS}{section}"));
        settings.map(|settings| settings.history).map_err(|error| error.to_string())
    }

    #[test]
    fn every_key_of_the_section_reaches_its_option() {
        assert_eq!(parsed("").unwrap(), HistoryOptions::default());
        let options = parsed(
            "[history]\nmax-mb = 128\nsample-every = 5\nwrite-samples-every = 30\nkeep-seconds-hours = 48\n\
             keep-minutes-days = 7\nkeep-hours-days = 365\nkeep-events-days = 30\nsync = \"lazy\"\n",
        );
        let seconds = Duration::from_secs;
        let expected = HistoryOptions {
            max_bytes: 128 << 20,
            sample_every: seconds(5),
            write_samples_every: seconds(30),
            keep_seconds: seconds(48 * 3600),
            keep_minutes: seconds(7 * 86_400),
            keep_hours: seconds(365 * 86_400),
            keep_events: seconds(30 * 86_400),
            sync: Sync::Lazy,
            ..HistoryOptions::default()
        };
        assert_eq!(options.unwrap(), expected);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_key() {
        for (section, key) in [
            ("[history]\nmax-mb = 1\n", "history.max-mb"),
            ("[history]\nsync = \"never\"\n", "history.sync"),
            ("[history]\nsample-every = 0\n", "history.sample-every"),
            ("[history]\nmax = 1\n", "history.max"),
        ] {
            let problem = parsed(section).unwrap_err();
            assert!(problem.contains(key), "{problem}");
        }
    }
}
