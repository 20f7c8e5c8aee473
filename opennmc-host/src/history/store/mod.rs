//! The database as the writer sees it: opened, written in whole batches, kept within its size.
//!
//! The invariant: what [`Store::write`] returned from with `Ok` is in the file that has the path's name, and with
//! [`Sync::Full`] on the disk.

mod failure;
mod records;
mod schema;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

pub(super) use self::failure::Failure;
use super::audit::AuditRecord;
use super::mailbox::PendingSamples;
use super::notice::Degradation;
use super::options::{HistoryOptions, Sync};
use crate::state::Event;

/// Who did what and when is nobody's business but the daemon's and its group's.
const FILE_MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;
/// How long another program's lock is waited for. Only the writer waits.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// Numbers that are set aside for events that may be shown before they are on disk: after a crash none of them is given
/// again. A crash leaves a gap of that many at most.
const RESERVED_EVENT_IDS: u64 = 1000;

/// What is written in one go, or not at all.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) events: Vec<Arc<Event>>,
    pub(super) audits: Vec<Arc<AuditRecord>>,
    pub(super) memory: Vec<(String, String)>,
    pub(super) samples: Arc<PendingSamples>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.audits.is_empty() && self.memory.is_empty() && self.samples.is_empty()
    }

    /// Whether somebody relies on it from the moment it is written.
    fn must_last(&self) -> bool {
        !self.events.is_empty() || !self.audits.is_empty() || !self.memory.is_empty()
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
        };
        Ok(store)
    }

    /// The number for the next event; sets some more aside, so that a crash gives none of them twice.
    pub(super) fn begin_numbering(&mut self) -> Result<u64, Failure> {
        let next = self.reserved_below.max(1);
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

    /// Writes all of `batch`, or nothing.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<(), Failure> {
        // Samples alone need no fsync: the next event's brings them along, and a power cut may cost some.
        let careful = self.options.sync == Sync::Full && batch.must_last();
        self.connection.pragma_update(None, "synchronous", if careful { "FULL" } else { "NORMAL" })?;
        let transaction = self.connection.transaction()?;
        let mut reserved_below = self.reserved_below;
        for event in &batch.events {
            records::insert_event(&transaction, event)?;
            if event.id >= reserved_below {
                reserved_below = event.id + RESERVED_EVENT_IDS;
            }
        }
        if reserved_below != self.reserved_below {
            records::set_counter(&transaction, records::EVENT_IDS, reserved_below)?;
        }
        let mut last_audit_id = self.last_audit_id;
        for record in &batch.audits {
            last_audit_id = records::insert_audit(&transaction, record)?;
        }
        for (key, value) in &batch.memory {
            records::insert_memory(&transaction, key, value)?;
        }
        transaction.commit()?;
        self.reserved_below = reserved_below;
        self.last_audit_id = last_audit_id;
        self.check_identity()
    }

    /// Whether the open file still is the one with our name.
    fn check_identity(&self) -> Result<(), Failure> {
        let gone = Failure::Unavailable(Degradation::Gone);
        if identity_of(&self.path)? == self.identity { Ok(()) } else { Err(gone) }
    }
}

/// Makes the file, and its folder in an existing one, so that their modes are ours and not SQLite's.
fn make_file(path: &Path) -> io::Result<()> {
    if path.try_exists()? {
        return Ok(());
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

/// Device and inode of the file at `path`.
pub(super) fn identity_of(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
