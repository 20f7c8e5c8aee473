//! The file: one table, written in whole batches.
//!
//! What [`Database::write`] returned from with `Ok` is on the disk.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};

use super::shelf::Change;
use crate::history::{Degradation, Failure, identity_of};

/// Plugins keep tokens and passwords in here.
const FILE_MODE: u32 = 0o600;
/// How long another program's lock is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// `PRAGMA application_id`: "oNMS", so that `file` and we know our own.
const APPLICATION_ID: i64 = 0x6f4e_4d53;
/// `PRAGMA user_version`.
const VERSION: i64 = 1;
/// The log is not kept longer than this once it is in the file.
const LOG_BYTES: i64 = 1 << 20;

/// The open file.
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
    /// Device and inode of the file that is open: SQLite would go on writing into one that was deleted.
    identity: (u64, u64),
}

impl Database {
    /// Opens or makes it, and looks whether it is whole.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        OpenOptions::new().create(true).append(true).mode(FILE_MODE).open(path)?;
        // SQLite syncs what it writes, but this name is ours to make durable.
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(LOCK_PATIENCE)?;
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if mode != "wal" {
            let what = format!("the file system can't hold a write-ahead log (journal mode is {mode})");
            return Err(Failure::Unavailable(Degradation::Failed(what)));
        }
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))?;
        make_tables(&connection)?;
        let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict != "ok" {
            return Err(Failure::Damaged(verdict));
        }
        Ok(Self { connection, path: path.to_owned(), identity: identity_of(path)? })
    }

    /// What the file at `path` has of a plugin, without changing anything.
    pub(super) fn read(path: &Path, plugin: &str) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(LOCK_PATIENCE)?;
        rows(&connection, plugin)
    }

    /// What it has of a plugin.
    pub(super) fn rows(&self, plugin: &str) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        rows(&self.connection, plugin)
    }

    /// Writes all of it, or nothing. Tells how many keys the file had of each plugin whose shelf was written anew.
    pub(super) fn write(&mut self, changes: &[Change]) -> Result<HashMap<Arc<str>, usize>, Failure> {
        if identity_of(&self.path)? != self.identity {
            return Err(Failure::Unavailable(Degradation::Gone));
        }
        let transaction = self.connection.transaction()?;
        let mut had = HashMap::new();
        {
            let mut clear = transaction.prepare_cached("DELETE FROM entry WHERE plugin = ?1")?;
            let mut set = transaction
                .prepare_cached("INSERT OR REPLACE INTO entry (plugin, key, value) VALUES (?1, ?2, ?3)")?;
            let mut delete =
                transaction.prepare_cached("DELETE FROM entry WHERE plugin = ?1 AND key = ?2")?;
            for change in changes {
                if change.anew {
                    had.insert(Arc::clone(&change.plugin), clear.execute(params![&*change.plugin])?);
                }
                for (key, value) in &change.set {
                    set.execute(params![&*change.plugin, key, &**value])?;
                }
                for key in &change.deleted {
                    delete.execute(params![&*change.plugin, key])?;
                }
            }
        }
        transaction.commit()?;
        Ok(had)
    }
}

fn make_tables(connection: &Connection) -> Result<(), Failure> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(Failure::Damaged("it is the database of another program".to_owned()));
    }
    if version > VERSION {
        return Err(Failure::Unavailable(Degradation::Newer { found: version, known: VERSION }));
    }
    if tables == 0 {
        connection.execute_batch(&format!(
            "BEGIN;
             CREATE TABLE entry (
                plugin TEXT NOT NULL,
                key TEXT NOT NULL,
                value BLOB NOT NULL,
                PRIMARY KEY (plugin, key)
             ) STRICT;
             PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {VERSION};
             COMMIT;"
        ))?;
    }
    Ok(())
}

fn rows(connection: &Connection, plugin: &str) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut statement = connection.prepare_cached("SELECT key, value FROM entry WHERE plugin = ?1")?;
    let rows = statement.query_map([plugin], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
