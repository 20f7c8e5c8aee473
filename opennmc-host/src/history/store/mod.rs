//! The database as the writer sees it: opened, written in whole batches, kept within its size.
//!
//! The invariant: what [`Store::write`] returned from with `Ok` is in the file that has the path's name, and with
//! [`Sync::Full`] on the disk.

mod aside;
mod blocks;
mod failure;
mod records;
mod schema;
mod space;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction};

pub(crate) use self::aside::move_aside;
use self::blocks::{Growth, SeriesIds};
pub(crate) use self::failure::Failure;
use self::space::Bounds;
use super::audit::AuditRecord;
use super::mailbox::PendingSamples;
use super::notice::{Class, Degradation};
use super::options::{HistoryOptions, Sync};
use super::samples;
use crate::state::Event;

/// Who did what and when is nobody's business but the daemon's and its group's.
const FILE_MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;
/// How long another program's lock is waited for. Only the writer waits.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// Of SQLite's pages in memory, for the writer. What it touches is little and always the same.
const CACHE_KIB: i64 = 512;
/// Numbers that are set aside for events that may be shown before they are on disk: after a crash none of them is given
/// again. A crash leaves a gap of that many at most.
const RESERVED_EVENT_IDS: u64 = 1000;

/// What is written in one go, or not at all.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) events: Vec<Arc<Event>>,
    pub(super) audits: Vec<Arc<AuditRecord>>,
    pub(super) memory: Vec<(String, String)>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.audits.is_empty() && self.memory.is_empty()
    }
}

/// An open database.
pub(super) struct Store {
    connection: Connection,
    path: PathBuf,
    /// Device and inode of the file that is open: SQLite would go on writing into one that was deleted.
    identity: (u64, u64),
    options: HistoryOptions,
    /// Event numbers below this one are known to the disk as given.
    reserved_below: u64,
    last_audit_id: u64,
    bounds: Bounds,
    series: SeriesIds,
    /// Rows are going, until enough of them went.
    trimming: bool,
}

/// What will be known once the transaction that brings it is committed.
struct Next {
    reserved_below: u64,
    last_audit_id: u64,
    series: SeriesIds,
    growth: Growth,
}

impl Next {
    fn grow(&mut self, class: Class, bytes: u64) {
        *self.growth.entry(class).or_default() += bytes as i64;
    }
}

/// What [`Store::tidy`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tidied {
    /// Nothing: all is as it should be.
    Nothing,
    /// So many of the oldest rows of a class went.
    Trimmed(Class, u64),
    /// Free pages were given back to the system.
    GivenBack,
}

impl Store {
    /// Opens or makes the database.
    pub(super) fn open(path: &Path, options: &HistoryOptions) -> Result<Store, Failure> {
        make_file(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(LOCK_PATIENCE)?;
        // Before anything is in the file: it can't be changed later without rewriting all of it.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if mode != "wal" {
            let what = format!("the file system can't hold a write-ahead log (journal mode is {mode})");
            return Err(Failure::Unavailable(Degradation::Failed(what)));
        }
        schema::migrate(&mut connection)?;
        let page_bytes = schema::pragma(&connection, "page_size")?.unsigned_abs();
        let bounds = Bounds::of(options.max_bytes, page_bytes);
        // We empty the log ourselves, between batches and not within a commit that somebody waits for.
        for (pragma, value) in [
            ("wal_autocheckpoint", 0),
            ("cache_size", -CACHE_KIB),
            ("max_page_count", bounds.pages.cast_signed()),
        ] {
            connection.pragma_update_and_check(None, pragma, value, |_| Ok(())).or_else(no_rows)?;
        }
        let identity = identity_of(path)?;
        let reserved_below = records::event_ids_given(&connection)?;
        let last_audit_id = records::last_audit_id(&connection)?;
        let store = Store {
            connection,
            path: path.to_owned(),
            identity,
            options: options.clone(),
            reserved_below,
            last_audit_id,
            bounds,
            series: SeriesIds::new(),
            trimming: false,
        };
        Ok(store)
    }

    /// From a database that can't be written: the number for the next event, and what was remembered.
    pub(super) fn peek(path: &Path) -> Result<(u64, Vec<(String, String)>), Failure> {
        let connection = open_unchanging(path)?;
        Ok((records::event_ids_given(&connection)?.max(1), records::memory(&connection)?))
    }

    /// The number for the next event, not below `least`; sets some more aside, so that a crash gives none of them twice.
    pub(super) fn begin_numbering(&mut self, least: u64) -> Result<u64, Failure> {
        let next = self.reserved_below.max(least).max(1);
        records::set_counter(&self.connection, records::EVENT_IDS, next + RESERVED_EVENT_IDS)?;
        self.reserved_below = next + RESERVED_EVENT_IDS;
        Ok(next)
    }

    /// Says that no number from `next` on was given: the next run leaves no gap.
    pub(super) fn end_numbering(&mut self, next: u64) -> Result<(), Failure> {
        records::set_counter(&self.connection, records::EVENT_IDS, next)?;
        Ok(())
    }

    /// The last line of the audit that is on disk.
    pub(super) fn last_audit_id(&self) -> u64 {
        self.last_audit_id
    }

    /// What was remembered.
    pub(super) fn memory(&self) -> Result<Vec<(String, String)>, Failure> {
        Ok(records::memory(&self.connection)?)
    }

    /// About how many bytes one batch may have.
    pub(super) fn batch_bytes(&self) -> usize {
        self.bounds.batch_bytes()
    }

    /// Writes all of `batch`, or nothing.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<(), Failure> {
        self.write_with_room(self.options.sync == Sync::Full, |transaction, next| {
            for event in &batch.events {
                next.grow(Class::Events, records::insert_event(transaction, event)?);
                if event.id >= next.reserved_below {
                    next.reserved_below = event.id.saturating_add(RESERVED_EVENT_IDS);
                    records::set_counter(transaction, records::EVENT_IDS, next.reserved_below)?;
                }
            }
            for record in &batch.audits {
                let (id, bytes) = records::insert_audit(transaction, record)?;
                next.grow(Class::Audit, bytes);
                next.last_audit_id = id;
            }
            batch.memory.iter().try_for_each(|(key, value)| records::insert_memory(transaction, key, value))
        })
    }

    /// Writes samples, in several transactions when they are many. What was written before a failure may be written
    /// again. With `at_once` they are on the disk afterwards; else the next event's `fsync` brings them along.
    pub(super) fn write_samples(&mut self, samples: &PendingSamples, at_once: bool) -> Result<(), Failure> {
        let careful = at_once && self.options.sync == Sync::Full;
        let most_blocks =
            usize::try_from(self.bounds.log_bytes / 4 / blocks::MOST_BYTES_WRITTEN).unwrap_or(usize::MAX);
        let all: Vec<_> = samples.series().filter(|(.., points)| !points.is_empty()).collect();
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            let mut expected = 0;
            let fitting = rest.iter().take_while(|(.., points)| {
                expected += blocks::expected_blocks(points);
                expected <= most_blocks
            });
            let (now, later) = rest.split_at(fitting.count().max(1));
            self.write_with_room(careful, |transaction, next| {
                now.iter().try_for_each(|(device, name, points)| {
                    blocks::insert_samples(
                        transaction,
                        &mut next.series,
                        (device, name),
                        points,
                        &mut next.growth,
                    )
                })
            })?;
            rest = later;
        }
        Ok(())
    }

    /// One transaction that keeps the file within its bound and the log within its own.
    fn write_with_room(
        &mut self,
        careful: bool,
        insert: impl Fn(&Transaction<'_>, &mut Next) -> rusqlite::Result<()>,
    ) -> Result<(), Failure> {
        if self.log_bytes()? > self.bounds.log_bytes / 2 && !space::empty_log(&self.connection)? {
            // Half of the log's bound is left for this batch, and no more.
            return Err(space::held_by_reader());
        }
        self.connection.pragma_update(None, "synchronous", if careful { "FULL" } else { "NORMAL" })?;
        match self.write_once(&insert) {
            Err(Failure::Unavailable(Degradation::Full))
                if space::is_at_bound(&self.connection, self.bounds)? =>
            {
                // The bound is ours, not the disk's.
                self.trimming = true;
                while matches!(self.tidy()?, Tidied::Trimmed(..)) {}
                self.write_once(&insert)?;
            }
            result => result?,
        }
        self.check_identity()
    }

    fn write_once(
        &mut self,
        insert: &impl Fn(&Transaction<'_>, &mut Next) -> rusqlite::Result<()>,
    ) -> Result<(), Failure> {
        let mut next = Next {
            reserved_below: self.reserved_below,
            last_audit_id: self.last_audit_id,
            series: std::mem::take(&mut self.series),
            growth: Growth::new(),
        };
        let transaction = self.connection.transaction()?;
        insert(&transaction, &mut next)?;
        for (class, more) in &next.growth {
            let name = space::class_counter(*class);
            let bytes = records::counter(&transaction, name)?.saturating_add_signed(*more);
            records::set_counter(&transaction, name, bytes)?;
        }
        transaction.commit()?;
        self.reserved_below = next.reserved_below;
        self.last_audit_id = next.last_audit_id;
        self.series = next.series;
        Ok(())
    }

    /// Does one small piece of what keeps the database within its size, and tells what.
    pub(super) fn tidy(&mut self) -> Result<Tidied, Failure> {
        if self.log_bytes()? > self.bounds.log_bytes / 2 {
            // A reader that is in the way now may be gone before the next batch.
            space::empty_log(&self.connection)?;
        }
        if self.trimming || space::is_full(&self.connection, self.bounds)? {
            self.trimming = !space::is_trimmed(&self.connection, self.bounds)?;
            if self.trimming {
                return Ok(match space::trim_some(&mut self.connection)? {
                    Some((class, rows)) => Tidied::Trimmed(class, rows),
                    None => {
                        self.trimming = false;
                        Tidied::Nothing
                    }
                });
            }
        }
        let given_back = space::give_back(&self.connection, self.bounds)?;
        Ok(if given_back { Tidied::GivenBack } else { Tidied::Nothing })
    }

    /// Lets go some of what is older than it need be; tells whether there may be more.
    pub(super) fn forget_old(&mut self, now_ms: u64) -> Result<bool, Failure> {
        let mut more = false;
        for (class, keep) in [
            (Class::Seconds, self.options.keep_seconds),
            (Class::Minutes, self.options.keep_minutes),
            (Class::Hours, self.options.keep_hours),
            (Class::Events, self.options.keep_events),
            (Class::Audit, self.options.keep_events),
        ] {
            let keep_ms = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
            // A block is as old as its newest point.
            let span = if class < Class::Events { samples::span_ms(class) } else { 0 };
            let before_ms = now_ms.saturating_sub(keep_ms).saturating_sub(span);
            more |= space::forget_oldest(&mut self.connection, class, before_ms)? > 0;
        }
        Ok(more)
    }

    /// Looks through the whole file for damage.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let verdict: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict == "ok" { Ok(()) } else { Err(Failure::Damaged(verdict)) }
    }

    fn log_bytes(&self) -> io::Result<u64> {
        log_bytes(&self.path)
    }

    /// Whether the open file still is the one with our name.
    fn check_identity(&self) -> Result<(), Failure> {
        let gone = Failure::Unavailable(Degradation::Gone);
        if identity_of(&self.path)? == self.identity { Ok(()) } else { Err(gone) }
    }
}

/// Some pragmas answer and some do not.
fn no_rows(error: rusqlite::Error) -> rusqlite::Result<()> {
    if error == rusqlite::Error::QueryReturnedNoRows { Ok(()) } else { Err(error) }
}

/// Makes the file, and its folder in an existing one, so that their modes are ours and not SQLite's.
fn make_file(path: &Path) -> io::Result<()> {
    // Opened for writing: SQLite would be content with reading and fail later, in words that tell less.
    match OpenOptions::new().append(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        result => return result.map(drop),
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(path)?;
    // SQLite syncs what it writes, but this name is ours to make durable.
    File::open(folder)?.sync_all()
}

/// How long the write-ahead log of the database at `path` is.
fn log_bytes(path: &Path) -> io::Result<u64> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    match std::fs::metadata(PathBuf::from(log)) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Opens a database that nobody can write to, because its file system is read-only: without locks and shared memory,
/// which could not be made. With a log that was not brought into the file, what it holds would be old: that is refused.
pub(super) fn open_unchanging(path: &Path) -> Result<Connection, Failure> {
    use std::os::unix::ffi::OsStrExt;
    if log_bytes(path)? > 0 {
        return Err(Failure::Unavailable(Degradation::ReadOnly));
    }
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(*byte))
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(uri, flags)?)
}

/// Device and inode of the file at `path`.
pub(crate) fn identity_of(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests;
