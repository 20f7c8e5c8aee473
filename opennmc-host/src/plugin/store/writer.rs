//! The one thread that writes what plugins keep.
//!
//! It waits a moment after the first change, so that a plugin that writes all the time costs two transactions a second and
//! not a thousand: flash wears with every page. What a batch holds is what memory held at one moment.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::database::Database;
use super::{Shared, StoreNotice};
use crate::history::{Degradation, Failure, move_aside};

/// How long changes wait for more. With the writing itself they are on disk within about a second.
const GATHER: Duration = Duration::from_millis(500);
/// How long after a failure the disk is tried again; the pause doubles up to the second.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MOST: Duration = Duration::from_secs(30);

pub(super) struct Writer {
    shared: Arc<Shared>,
    notices: Box<dyn FnMut(StoreNotice) + Send>,
    database: Option<Database>,
    /// There was a file once.
    had_one: bool,
    retry_at: Instant,
    retry_pause: Duration,
    /// What was told last, until it is over.
    failed: Option<Degradation>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, notices: Box<dyn FnMut(StoreNotice) + Send>) -> Self {
        let retry_at = Instant::now();
        let retry_pause = RETRY_FIRST;
        Self { shared, notices, database: None, had_one: false, retry_at, retry_pause, failed: None }
    }

    pub(super) fn run(mut self) {
        self.open();
        self.shared.lock().opened = true;
        self.shared.changed.notify_all();
        loop {
            let closing = self.wait();
            if self.database.is_none() {
                self.open();
            }
            self.write();
            if closing {
                break;
            }
        }
        // The last connection to go leaves everything in one file.
        self.database = None;
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }

    /// Until there is something to do; whether it is the last.
    fn wait(&self) -> bool {
        let mut content = self.shared.lock();
        loop {
            if content.closing {
                return true;
            }
            let due = match &self.database {
                Some(_) => content.shelves.dirty_since().map(|since| since + GATHER),
                None => Some(self.retry_at),
            };
            let left = due.map(|due| due.saturating_duration_since(Instant::now()));
            content = match left {
                Some(Duration::ZERO) => return false,
                Some(left) => {
                    let waited = self.shared.changed.wait_timeout(content, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.shared.changed.wait(content).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn open(&mut self) {
        match Database::open(&self.shared.path) {
            Ok(database) => self.adopt(database),
            Err(failure) => self.fail(failure),
        }
    }

    fn adopt(&mut self, database: Database) {
        self.had_one = true;
        self.database = Some(database);
    }

    /// Writes what waits. A disk that was out of order counts as well again only when it has taken something.
    fn write(&mut self) {
        let Some(database) = &mut self.database else { return };
        let unloaded = self.shared.lock().shelves.unloaded();
        for plugin in unloaded {
            match database.rows(&plugin) {
                Ok(rows) => self.shared.lock().shelves.load(&plugin, rows),
                Err(failure) => return self.fail(failure),
            }
        }
        let (changes, purges) = {
            let mut content = self.shared.lock();
            (content.shelves.take_changes(), std::mem::take(&mut content.purges))
        };
        match database.write(&changes) {
            Ok(had) => purges.into_iter().for_each(|purge| {
                // What was set a moment before had not come to the file yet.
                let keys = had.get(&purge.plugin).map_or(purge.keys, |had| purge.keys.max(*had));
                (purge.told)(Ok(keys));
            }),
            Err(failure) => {
                let mut content = self.shared.lock();
                content.shelves.give_back(changes, Instant::now());
                content.purges.extend(purges);
                drop(content);
                return self.fail(failure);
            }
        }
        self.retry_pause = RETRY_FIRST;
        if self.failed.take().is_some() {
            (self.notices)(StoreNotice::Recovered);
        }
    }

    /// Gives up the file for now; a damaged one for good.
    fn fail(&mut self, failure: Failure) {
        self.database = None;
        // Before there was one, the file may be on a disk that is mounted late, and has what memory has not.
        if self.had_one && failure == Failure::Unavailable(Degradation::Gone) {
            self.shared.lock().shelves.write_everything(Instant::now());
        }
        if let Failure::Damaged(reason) = &failure
            && let Ok(to) = move_aside(&self.shared.path)
        {
            self.shared.lock().shelves.write_everything(Instant::now());
            (self.notices)(StoreNotice::MovedAside { to, reason: reason.clone() });
            return match Database::open(&self.shared.path) {
                Ok(database) => self.adopt(database),
                Err(failure) => self.degrade(failure.into()),
            };
        }
        self.degrade(failure.into());
    }

    fn degrade(&mut self, reason: Degradation) {
        self.retry_at = Instant::now() + self.retry_pause;
        self.retry_pause = (self.retry_pause * 2).min(RETRY_MOST);
        let purges = std::mem::take(&mut self.shared.lock().purges);
        purges.into_iter().for_each(|purge| (purge.told)(Err(reason.clone())));
        if self.failed.as_ref() != Some(&reason) {
            self.failed = Some(reason.clone());
            (self.notices)(StoreNotice::Failed(reason));
        }
    }
}
