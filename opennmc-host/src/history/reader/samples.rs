//! Samples of a span of time, in a resolution that suits it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, params};

use super::connection::{HistoryReader, readable};
use crate::history::error::HistoryError;
use crate::history::mailbox::Point;
use crate::history::notice::Class;
use crate::history::samples::{self, Bucket, decode_buckets, decode_points, fold_buckets};

/// How fine samples are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resolution {
    /// The finest that is still kept for the whole span and gives at most so many points.
    Points(usize),
    /// As they were taken.
    Seconds,
    /// One point for each minute.
    Minutes,
    /// One point for each hour.
    Hours,
}

/// The samples of one number of one UPS.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Series {
    /// How much time a point stands for, in milliseconds; 0 when points are as they were taken.
    pub step_ms: u64,
    /// In the order of time. Where nothing was recorded there is none.
    pub points: Vec<SamplePoint>,
}

/// What was measured in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplePoint {
    /// When it begins, in milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// The least value.
    pub min: f64,
    /// The mean value.
    pub avg: f64,
    /// The greatest value.
    pub max: f64,
    /// Of how many samples.
    pub count: u64,
}

/// How often reading is tried anew when samples went to disk in the middle of it. They go once a second at most.
const ATTEMPTS: usize = 3;
/// Widths of points that people can read off an axis, in seconds.
const NICE_STEPS_S: [u64; 17] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200];
const DAY_S: u64 = 86_400;

impl HistoryReader {
    /// The samples of the number `name` (such as `input.voltage`) of `device` in `span`, milliseconds since 1970-01-01 UTC.
    ///
    /// # Errors
    ///
    /// When the database can't be read.
    pub fn samples(
        &self,
        device: &str,
        name: &str,
        span: Range<u64>,
        resolution: Resolution,
    ) -> Result<Series, HistoryError> {
        let mut series = Series::default();
        for _ in 0..ATTEMPTS {
            let (writes, waiting) = self.waiting_points(device, name);
            series = self.samples_with(device, name, &span, resolution, &waiting)?;
            if writes == self.waiting_points(device, name).0 {
                break;
            }
        }
        Ok(series)
    }

    /// Which numbers were ever sampled: UPS and name.
    ///
    /// # Errors
    ///
    /// When the database can't be read.
    pub fn series(&self) -> Result<Vec<(String, String)>, HistoryError> {
        let mut all: BTreeSet<(String, String)> = BTreeSet::new();
        if let Some(mailbox) = &self.mailbox {
            let content = mailbox.lock();
            let waiting = content.samples.series().chain(content.samples_in_flight.series());
            all.extend(waiting.map(|(device, name, _)| (device.to_owned(), name.to_owned())));
        }
        if let Some(connection) = self.connection()? {
            let mut statement = readable(connection.prepare_cached("SELECT device, name FROM series"))?;
            let rows = readable(statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))))?;
            for row in rows {
                all.insert(readable(row)?);
            }
        }
        Ok(all.into_iter().collect())
    }

    /// What is not on disk yet, and how often such things went there.
    fn waiting_points(&self, device: &str, name: &str) -> (u64, Vec<Point>) {
        let Some(mailbox) = &self.mailbox else { return (0, Vec::new()) };
        let content = mailbox.lock();
        let mut points = content.samples_in_flight.of(device, name).to_vec();
        points.extend_from_slice(content.samples.of(device, name));
        (content.sample_writes, points)
    }

    fn samples_with(
        &self,
        device: &str,
        name: &str,
        span: &Range<u64>,
        resolution: Resolution,
        waiting: &[Point],
    ) -> Result<Series, HistoryError> {
        let connection = self.connection()?;
        let stored = match &connection {
            Some(connection) => {
                let id = connection
                    .prepare_cached("SELECT id FROM series WHERE device = ?1 AND name = ?2")
                    .and_then(|mut statement| {
                        statement.query_row([device, name], |row| row.get(0)).optional()
                    });
                readable(id)?.map(|series| Stored { connection, series })
            }
            None => None,
        };
        let (class, step_ms) = match resolution {
            Resolution::Seconds => (Class::Seconds, 0),
            Resolution::Minutes => (Class::Minutes, samples::step_ms(Class::Minutes)),
            Resolution::Hours => (Class::Hours, samples::step_ms(Class::Hours)),
            Resolution::Points(most) => {
                let step_ms = nice_step_ms(span, most);
                let class = match &stored {
                    Some(stored) => readable(stored.finest_for(span.start, step_ms))?,
                    None => Class::Seconds,
                };
                (class, step_ms.max(if class == Class::Seconds { 0 } else { samples::step_ms(class) }))
            }
        };
        let mut points: BTreeMap<u64, Bucket> = BTreeMap::new();
        if let Some(stored) = &stored {
            points
                .extend(readable(stored.read(class, span))?.into_iter().map(|bucket| (bucket.at_ms, bucket)));
        }
        let waiting = waiting.iter().filter(|point| span.contains(&point.at_ms));
        for bucket in waiting.copied().map(Bucket::from) {
            let step = if class == Class::Seconds { 1 } else { samples::step_ms(class) };
            let at_ms = bucket.at_ms - bucket.at_ms % step;
            let merge = |known: &mut Bucket| {
                *known = if class == Class::Seconds { bucket } else { known.with(bucket) };
            };
            points.entry(at_ms).and_modify(merge).or_insert(Bucket { at_ms, ..bucket });
        }
        let mut buckets: Vec<Bucket> = points.into_values().collect();
        if step_ms > samples::step_ms(class) {
            buckets = fold_buckets(&buckets, step_ms);
        }
        Ok(Series { step_ms, points: buckets.into_iter().map(SamplePoint::from).collect() })
    }
}

/// The least width that gives at most `most` points: one of a few that people can read off an axis.
fn nice_step_ms(span: &Range<u64>, most: usize) -> u64 {
    let length_s = span.end.saturating_sub(span.start) / 1000;
    // One more point than there are steps: the first and the last may be cut.
    let least = length_s / (most as u64).saturating_sub(1).max(1);
    let nice = NICE_STEPS_S.into_iter().find(|step| *step > least);
    nice.unwrap_or(least.div_ceil(DAY_S).max(1) * DAY_S) * 1000
}

/// What is on disk of one series.
struct Stored<'c> {
    connection: &'c Connection,
    series: i64,
}

impl Stored<'_> {
    /// The coarsest class that is fine enough for points of `step_ms`; a coarser one when only that goes back to `from_ms`.
    fn finest_for(&self, from_ms: u64, step_ms: u64) -> rusqlite::Result<Class> {
        let classes = [Class::Hours, Class::Minutes, Class::Seconds];
        let mut fitting: Vec<Class> =
            classes.into_iter().filter(|class| samples::step_ms(*class) <= step_ms).collect();
        if fitting.is_empty() {
            fitting.push(Class::Seconds);
        }
        let wanted = fitting[0];
        let oldest = |class| self.oldest(class);
        // What every class would show: the time before anything was measured is no reason for a coarser one.
        let everything = oldest(Class::Hours)?.unwrap_or(u64::MAX);
        for class in [Class::Seconds, Class::Minutes].into_iter().filter(|class| *class >= wanted) {
            let from = from_ms.max(everything);
            if oldest(class)?.is_some_and(|oldest| oldest <= from.saturating_add(samples::span_ms(class))) {
                return Ok(class);
            }
        }
        Ok(Class::Hours)
    }

    /// When the first point of this class is from.
    fn oldest(&self, class: Class) -> rusqlite::Result<Option<u64>> {
        let first: Option<(u64, Vec<u8>)> = self
            .connection
            .prepare_cached(
                "SELECT start, points FROM block WHERE class = ?1 AND series = ?2 ORDER BY start LIMIT 1",
            )?
            .query_row(params![samples::class_code(class), self.series], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(first.and_then(|(start, bytes)| Some(decode(class, start, &bytes).first()?.at_ms)))
    }

    fn read(&self, class: Class, span: &Range<u64>) -> rusqlite::Result<Vec<Bucket>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT start, points FROM block
             WHERE class = ?1 AND series = ?2 AND start >= ?3 AND start < ?4 ORDER BY start",
        )?;
        let from = samples::block_start(class, span.start);
        let to = span.end.min(i64::MAX as u64);
        let mut rows = statement.query(params![samples::class_code(class), self.series, from.min(to), to])?;
        let mut buckets = Vec::new();
        while let Some(row) = rows.next()? {
            let start = row.get(0)?;
            let decoded = decode(class, start, row.get_ref(1)?.as_blob()?);
            buckets.extend(decoded.into_iter().filter(|bucket| span.contains(&bucket.at_ms)));
        }
        Ok(buckets)
    }
}

fn decode(class: Class, start: u64, bytes: &[u8]) -> Vec<Bucket> {
    match class {
        Class::Seconds => decode_points(start, bytes).into_iter().map(Bucket::from).collect(),
        _ => decode_buckets(start, samples::step_ms(class), bytes),
    }
}

impl From<Bucket> for SamplePoint {
    fn from(Bucket { at_ms, min, avg, max, count }: Bucket) -> SamplePoint {
        SamplePoint { at_ms, min, avg, max, count }
    }
}
