//! The reader's own connection, which can't change anything.

use std::cell::{Ref, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::history::error::HistoryError;
use crate::history::mailbox::Mailbox;
use crate::history::notice::Degradation;
use crate::history::store::{Failure, identity_of, open_unchanging};

/// How long a lock is waited for. In a write-ahead log readers meet one only while the log is begun anew.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Reads the history. It may wait for the disk: never use it on the main loop.
#[derive(Debug)]
pub struct HistoryReader {
    path: PathBuf,
    /// What is not on disk yet; none when there is no daemon.
    pub(super) mailbox: Option<Arc<Mailbox>>,
    open: RefCell<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    /// Device and inode: the writer may have begun a new file meanwhile.
    identity: (u64, u64),
}

impl HistoryReader {
    /// Reads the file of a daemon that may not be running: what waits in its memory is not seen.
    pub fn offline(path: &Path) -> HistoryReader {
        HistoryReader::new(path.to_owned(), None)
    }

    pub(in crate::history) fn new(path: PathBuf, mailbox: Option<Arc<Mailbox>>) -> HistoryReader {
        HistoryReader { path, mailbox, open: RefCell::new(None) }
    }

    /// The connection; none when the disk is known to be out of order, and memory is all there is.
    pub(super) fn connection(&self) -> Result<Option<Ref<'_, Connection>>, HistoryError> {
        match self.ensure_open() {
            Ok(()) => Ok(Ref::filter_map(self.open.borrow(), |open| Some(&open.as_ref()?.connection)).ok()),
            Err(_) if self.mailbox.as_ref().is_some_and(|mailbox| mailbox.lock().degraded.is_some()) => {
                Ok(None)
            }
            Err(failure) => Err(HistoryError::Unreadable(failure.into())),
        }
    }

    fn ensure_open(&self) -> Result<(), Failure> {
        let identity = identity_of(&self.path)?;
        let mut open = self.open.borrow_mut();
        if open.as_ref().is_none_or(|open| open.identity != identity) {
            *open = None;
            *open = Some(Open { connection: self.connect()?, identity });
        }
        Ok(())
    }

    fn connect(&self) -> Result<Connection, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(LOCK_PATIENCE)?;
        // Opening alone reads nothing.
        match connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())) {
            Ok(()) => Ok(connection),
            Err(error) => open_unchanging(&self.path).map_err(|_| error.into()),
        }
    }
}

/// What SQLite gave, or why a history can't be read.
pub(super) fn readable<T>(result: rusqlite::Result<T>) -> Result<T, HistoryError> {
    result.map_err(|error| HistoryError::Unreadable(Degradation::from(Failure::from(error))))
}
