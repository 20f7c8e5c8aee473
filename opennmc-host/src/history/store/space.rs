//! Keeping the database within its size.
//!
//! Two bounds, the file's and that of its write-ahead log, make up the cap. When the file is nearly full, the oldest
//! rows of a class that takes more than its share go, seconds first and the audit last: a storm of events can't cost
//! the years of samples, nor samples the audit. Everything goes in small transactions, so that the log stays small, too.

use rusqlite::{Connection, params};

use super::failure::Failure;
use super::records::{self, counter};
use super::schema::pragma;
use crate::history::notice::{Class, Degradation};
use crate::history::samples::class_code;

/// Of the whole, for the write-ahead log: an eighth, within these bounds. A bigger one would only hold the same pages
/// several times.
const LEAST_LOG_BYTES: u64 = 512 << 10;
const MOST_LOG_BYTES: u64 = 4 << 20;
/// Of the file's pages that may be in use before rows go, and after. The rest is for what one transaction may add.
const FULL_PERCENT: u64 = 90;
const TRIMMED_PERCENT: u64 = 85;
/// Free pages in the file beyond which some are given back to the system, in percent of the file's bound.
const SLACK_PERCENT: u64 = 15;
/// Pages that are given back in one transaction.
const VACUUM_PAGES: u64 = 64;
/// Rows that go in one transaction: events by their number, blocks are bigger.
const TRIM_EVENTS: u64 = 256;
const TRIM_BLOCKS: u64 = 32;

/// How big things may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Of the file, in pages.
    pub(super) pages: u64,
    /// Of the write-ahead log, in bytes.
    pub(super) log_bytes: u64,
}

impl Bounds {
    pub(super) fn of(max_bytes: u64, page_bytes: u64) -> Bounds {
        let log_bytes = (max_bytes / 8).clamp(LEAST_LOG_BYTES, MOST_LOG_BYTES);
        Bounds { pages: max_bytes.saturating_sub(log_bytes) / page_bytes.max(1), log_bytes }
    }

    /// About how many bytes of rows one transaction may bring: their pages in the log are half of its bound at most.
    pub(super) fn batch_bytes(self) -> usize {
        usize::try_from(self.log_bytes / 16).unwrap_or(usize::MAX)
    }
}

/// The share of the rows' bytes that a class has for sure, in percent.
fn share(class: Class) -> u64 {
    match class {
        Class::Seconds => 30,
        Class::Minutes => 20,
        Class::Hours => 15,
        Class::Events => 25,
        Class::Audit => 10,
    }
}

/// Pages of the file that hold something.
pub(super) fn used_pages(connection: &Connection) -> rusqlite::Result<u64> {
    Ok(pages(connection)?.saturating_sub(free_pages(connection)?))
}

/// Whether rows must go before any are added.
pub(super) fn is_full(connection: &Connection, bounds: Bounds) -> rusqlite::Result<bool> {
    Ok(used_pages(connection)? > bounds.pages * FULL_PERCENT / 100)
}

/// Whether a transaction that found no room found the file's bound and not the disk's.
pub(super) fn is_at_bound(connection: &Connection, bounds: Bounds) -> rusqlite::Result<bool> {
    Ok(used_pages(connection)? > bounds.pages * TRIMMED_PERCENT / 100)
}

/// Whether enough of them went.
pub(super) fn is_trimmed(connection: &Connection, bounds: Bounds) -> rusqlite::Result<bool> {
    Ok(used_pages(connection)? <= bounds.pages * TRIMMED_PERCENT / 100)
}

/// Lets some of the oldest rows go; tells which and how many. None when there is nothing that could.
pub(super) fn trim_some(connection: &mut Connection) -> Result<Option<(Class, u64)>, Failure> {
    let mut sizes = Vec::new();
    for class in Class::ALL {
        sizes.push((class, counter(connection, class_counter(class))?));
    }
    let total: u64 = sizes.iter().map(|(_, bytes)| bytes).sum();
    let over = sizes.iter().filter(|(class, bytes)| *bytes > 0 && bytes * 100 >= total * share(*class));
    for (class, _) in over {
        let rows = forget_oldest(connection, *class, u64::MAX)?;
        if rows > 0 {
            return Ok(Some((*class, rows)));
        }
    }
    Ok(None)
}

/// Lets some of the oldest rows of `class` go, as far as they are from before `before_ms`.
pub(super) fn forget_oldest(
    connection: &mut Connection,
    class: Class,
    before_ms: u64,
) -> Result<u64, Failure> {
    let before_ms = i64::try_from(before_ms).unwrap_or(i64::MAX);
    let transaction = connection.transaction()?;
    let (rows, bytes) = {
        // The newest event stays: its number is where numbering goes on.
        let query = match class {
            Class::Events => {
                "DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY id LIMIT ?1)
                 AND at_ms < ?2 AND id < (SELECT max(id) FROM event)
                 RETURNING length(kind) + length(device) + length(fields)"
            }
            Class::Audit => {
                "DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id LIMIT ?1) AND at_ms < ?2
                 RETURNING length(principal) + length(origin) + length(what) + length(result)"
            }
            _ => {
                "DELETE FROM block WHERE id IN
                    (SELECT id FROM block WHERE class = ?3 AND start < ?2 ORDER BY start LIMIT ?1)
                 RETURNING length(points)"
            }
        };
        let mut statement = transaction.prepare_cached(query)?;
        let lengths: Vec<u64> = match class {
            Class::Events | Class::Audit => statement
                .query_map(params![TRIM_EVENTS, before_ms], |row| row.get(0))?
                .collect::<Result<_, _>>()?,
            _ => statement
                .query_map(params![TRIM_BLOCKS, before_ms, class_code(class)], |row| row.get(0))?
                .collect::<Result<_, _>>()?,
        };
        let overhead = if matches!(class, Class::Events | Class::Audit) { records::ROW_BYTES } else { 0 };
        (lengths.len() as u64, lengths.iter().map(|length| length + overhead).sum::<u64>())
    };
    if rows > 0 {
        let name = class_counter(class);
        let left = counter(&transaction, name)?.saturating_sub(bytes);
        records::set_counter(&transaction, name, left)?;
    }
    transaction.commit()?;
    Ok(rows)
}

/// Gives free pages back to the system when there are many: the cap was lowered.
pub(super) fn give_back(connection: &Connection, bounds: Bounds) -> Result<bool, Failure> {
    let too_big = pages(connection)? > bounds.pages;
    let free = free_pages(connection)?;
    if free == 0 || !(too_big || free > bounds.pages * SLACK_PERCENT / 100) {
        return Ok(false);
    }
    // Each step of this statement gives one page back.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(true)
}

/// Brings what is in the log into the file and empties it. False when a reader is in the way.
pub(super) fn empty_log(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
        .map(|busy| busy == 0)
}

/// The counter with the bytes of a class.
pub(super) fn class_counter(class: Class) -> &'static str {
    match class {
        Class::Seconds => "bytes.seconds",
        Class::Minutes => "bytes.minutes",
        Class::Hours => "bytes.hours",
        Class::Events => "bytes.events",
        Class::Audit => "bytes.audit",
    }
}

/// What is said when a reader keeps the log from being emptied.
pub(super) fn held_by_reader() -> Failure {
    Failure::Unavailable(Degradation::HeldByReader)
}

fn pages(connection: &Connection) -> rusqlite::Result<u64> {
    pragma(connection, "page_count").map(i64::unsigned_abs)
}

fn free_pages(connection: &Connection) -> rusqlite::Result<u64> {
    pragma(connection, "freelist_count").map(i64::unsigned_abs)
}
