//! Samples into blocks: seconds as they were taken, and from them minutes and hours, all in the transaction that brings
//! the samples. So a coarse block never lacks what a fine one has, whenever the power fails.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension, params};

use crate::history::mailbox::Point;
use crate::history::notice::Class;
use crate::history::samples::{
    Bucket, block_start, class_code, decode_buckets, decode_points, encode_buckets, encode_points,
    fold_buckets, fold_points, step_ms,
};

/// Numbers of series, so that they need not be looked up for each write.
pub(super) type SeriesIds = HashMap<String, HashMap<String, i64>>;

/// By how much the room that each class takes has changed.
pub(super) type Growth = BTreeMap<Class, i64>;

/// What one block of seconds may cost in the log, with the minutes and hours that follow from it: its own page or two,
/// theirs, and their indices'.
pub(super) const MOST_BYTES_WRITTEN: u64 = 24 << 10;

/// About how many blocks of seconds `points` go into.
pub(super) fn expected_blocks(points: &[Point]) -> usize {
    let starts = points.chunk_by(|left, right| {
        block_start(Class::Seconds, left.at_ms) == block_start(Class::Seconds, right.at_ms)
    });
    starts.count()
}

/// Writes the samples of one series. Of a moment that has a value already, the new one counts.
pub(super) fn insert_samples(
    connection: &Connection,
    ids: &mut SeriesIds,
    (device, name): (&str, &str),
    points: &[Point],
    growth: &mut Growth,
) -> rusqlite::Result<()> {
    let series = series_id(connection, ids, device, name)?;
    let mut writer = SeriesWriter { connection, series, growth };
    let mut blocks: BTreeMap<u64, Vec<Point>> = BTreeMap::new();
    for point in points {
        blocks.entry(block_start(Class::Seconds, point.at_ms)).or_default().push(*point);
    }
    blocks.into_iter().try_for_each(|(start, points)| writer.add_points(start, points))
}

struct SeriesWriter<'a> {
    connection: &'a Connection,
    series: i64,
    growth: &'a mut Growth,
}

impl SeriesWriter<'_> {
    fn add_points(&mut self, start: u64, new: Vec<Point>) -> rusqlite::Result<()> {
        let stored = self.load(Class::Seconds, start)?;
        let mut merged: BTreeMap<u64, f64> = BTreeMap::new();
        let old = stored.as_ref().map(|bytes| decode_points(start, bytes)).unwrap_or_default();
        merged.extend(old.into_iter().chain(new.iter().copied()).map(|point| (point.at_ms, point.value)));
        let points: Vec<Point> = merged.into_iter().map(|(at_ms, value)| Point { at_ms, value }).collect();
        let known = stored.is_some();
        self.save(Class::Seconds, start, stored, &encode_points(start, &points))?;

        let minute = step_ms(Class::Minutes);
        let touched = |at_ms: u64| new.iter().any(|point| point.at_ms / minute == at_ms / minute);
        let minutes =
            fold_points(&points, minute).into_iter().filter(|bucket| touched(bucket.at_ms)).collect();
        self.add_buckets(Class::Minutes, minutes, known)
    }

    /// Puts `new` into blocks of `class`, and what follows from it into those of the next coarser class. With `whole`,
    /// they tell of everything that was measured in their time; else the finer block of that time was trimmed, and what
    /// is there already tells of the rest.
    fn add_buckets(&mut self, class: Class, new: Vec<Bucket>, whole: bool) -> rusqlite::Result<()> {
        let step = step_ms(class);
        let mut blocks: BTreeMap<u64, Vec<Bucket>> = BTreeMap::new();
        for bucket in new {
            blocks.entry(block_start(class, bucket.at_ms)).or_default().push(bucket);
        }
        for (start, new) in blocks {
            let stored = self.load(class, start)?;
            let known = stored.is_some();
            let old = stored.as_ref().map(|bytes| decode_buckets(start, step, bytes)).unwrap_or_default();
            let mut merged: BTreeMap<u64, Bucket> =
                old.into_iter().map(|bucket| (bucket.at_ms, bucket)).collect();
            for bucket in &new {
                let merge = |old: &mut Bucket| *old = if whole { *bucket } else { old.with(*bucket) };
                merged.entry(bucket.at_ms).and_modify(merge).or_insert(*bucket);
            }
            let buckets: Vec<Bucket> = merged.into_values().collect();
            self.save(class, start, stored, &encode_buckets(start, step, &buckets))?;
            if class == Class::Minutes {
                let hour = step_ms(Class::Hours);
                let touched = |at_ms: u64| new.iter().any(|bucket| bucket.at_ms / hour == at_ms / hour);
                let hours = fold_buckets(&buckets, hour).into_iter().filter(|bucket| touched(bucket.at_ms));
                self.add_buckets(Class::Hours, hours.collect(), known)?;
            }
        }
        Ok(())
    }

    fn load(&self, class: Class, start: u64) -> rusqlite::Result<Option<Vec<u8>>> {
        self.connection
            .prepare_cached("SELECT points FROM block WHERE class = ?1 AND series = ?2 AND start = ?3")?
            .query_row(params![class_code(class), self.series, start], |row| row.get(0))
            .optional()
    }

    fn save(
        &mut self,
        class: Class,
        start: u64,
        stored: Option<Vec<u8>>,
        bytes: &[u8],
    ) -> rusqlite::Result<()> {
        if stored.as_deref() == Some(bytes) {
            return Ok(());
        }
        self.connection
            .prepare_cached(
                "INSERT INTO block (class, series, start, points) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET points = ?4",
            )?
            .execute(params![class_code(class), self.series, start, bytes])?;
        let before = stored.map_or(0, |stored| stored.len() as i64);
        *self.growth.entry(class).or_default() += bytes.len() as i64 - before;
        Ok(())
    }
}

fn series_id(
    connection: &Connection,
    ids: &mut SeriesIds,
    device: &str,
    name: &str,
) -> rusqlite::Result<i64> {
    if let Some(id) = ids.get(device).and_then(|names| names.get(name)) {
        return Ok(*id);
    }
    connection
        .prepare_cached("INSERT INTO series (device, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute([device, name])?;
    let id = connection
        .prepare_cached("SELECT id FROM series WHERE device = ?1 AND name = ?2")?
        .query_row([device, name], |row| row.get(0))?;
    ids.entry(device.to_owned()).or_default().insert(name.to_owned(), id);
    Ok(id)
}
