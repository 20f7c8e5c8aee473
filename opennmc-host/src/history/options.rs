//! How much is kept, for how long, and how carefully it is written.

use std::time::Duration;

use serde::Deserialize;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What `[history]` sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryOptions {
    /// The database and its write-ahead log together never take more bytes than this.
    pub max_bytes: u64,
    /// How often the numbers of each UPS are to be sampled; the main loop does it.
    pub sample_every: Duration,
    /// How often samples go to disk while all is well: what a power cut may cost. After a warning they go every second.
    pub write_samples_every: Duration,
    /// How long samples are kept as they were taken.
    pub keep_seconds: Duration,
    /// How long each minute's least, mean and greatest value are kept.
    pub keep_minutes: Duration,
    /// How long those of each hour are kept.
    pub keep_hours: Duration,
    /// How long events and the audit are kept, if there is room.
    pub keep_events: Duration,
    /// What must have reached the disk before an event counts as committed.
    pub sync: Sync,
    /// How long after a failure the disk is tried again at first; the pause doubles up to [`HistoryOptions::retry_most`].
    pub retry_first: Duration,
    /// The longest such pause.
    pub retry_most: Duration,
}

impl Default for HistoryOptions {
    fn default() -> HistoryOptions {
        HistoryOptions {
            // One UPS with 20 numbers fills about a third of it in five years; the smallest data partitions have 128 MiB.
            max_bytes: 64 << 20,
            sample_every: Duration::from_secs(1),
            // Flash is written in pages: a minute's samples cost hardly more of it than a second's.
            write_samples_every: Duration::from_secs(60),
            keep_seconds: DAY,
            keep_minutes: 31 * DAY,
            keep_hours: 5 * 366 * DAY,
            keep_events: 10 * 366 * DAY,
            sync: Sync::Full,
            retry_first: Duration::from_secs(1),
            retry_most: Duration::from_secs(30),
        }
    }
}

/// What must have reached the disk before an event counts as committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Sync {
    /// The event itself, through every cache: one `fsync` for each group of events.
    #[default]
    Full,
    /// Nothing: the system writes it when it likes. It survives the daemon's death, but not the power's.
    Lazy,
}
