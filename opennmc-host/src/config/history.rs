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
