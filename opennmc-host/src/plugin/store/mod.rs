//! What plugins keep over restarts: keys and values, read from memory, written behind.
//!
//! Invariants: no plugin waits for the disk once it runs, and what the file holds is what the plugin had at one moment,
//! never a later write without an earlier one. A disk that is full, read-only or broken costs durability and nothing else:
//! memory goes on, and everything that differs from the file is written as soon as that can be done again.

mod database;
mod shelf;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(in crate::plugin) use self::shelf::{Full, Shelf};

use self::database::Database;
use self::shelf::Shelves;
use self::writer::Writer;
use crate::history::Degradation;

/// How long the start of a plugin waits for the first look at the disk. One that is slower is treated as one that is broken.
const START_PATIENCE: Duration = Duration::from_secs(5);

/// What all plugins keep. Clones share it.
#[derive(Clone)]
pub struct PluginStore(Arc<Owner>);

/// Told on the writer's thread; whoever hears it must not block.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreNotice {
    /// The disk takes nothing at present. It is tried again and again.
    Failed(Degradation),
    /// It does again, and what had waited is written.
    Recovered,
    /// The file was broken. It is kept under this name, and a new one was begun with what is in memory.
    MovedAside {
        /// The broken one.
        to: PathBuf,
        /// What was wrong with it.
        reason: String,
    },
}

/// Hears how many keys went with what a plugin kept, or why the disk has them still; then they go as soon as it takes
/// something. On the writer's thread: it must not block.
pub type OnPurged = Box<dyn FnOnce(Result<usize, Degradation>) + Send>;

/// When the last one goes, what waits is written and the thread ends.
struct Owner(Arc<Shared>);

struct Shared {
    path: PathBuf,
    content: Mutex<Content>,
    changed: Condvar,
}

#[derive(Default)]
struct Content {
    shelves: Shelves,
    /// Who waits until the disk has no more of a plugin.
    purges: Vec<Purge>,
    /// The first try to open the file has ended, one way or the other.
    opened: bool,
    closing: bool,
    closed: bool,
}

/// What a plugin kept is gone from memory, and is to go from the disk.
struct Purge {
    plugin: Arc<str>,
    /// Keys that memory had.
    keys: usize,
    told: OnPurged,
}

impl PluginStore {
    /// Opens or makes the file at `path`, on a thread of its own that writes to it from then on. A disk that is bad is no
    /// error: `notices` says so.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub fn open(path: &Path, notices: impl FnMut(StoreNotice) + Send + 'static) -> io::Result<PluginStore> {
        let shared =
            Arc::new(Shared { path: path.to_owned(), content: Mutex::default(), changed: Condvar::new() });
        let writer = Writer::new(Arc::clone(&shared), Box::new(notices));
        std::thread::Builder::new().name("plugin-store".to_owned()).spawn(move || writer.run())?;
        Ok(PluginStore(Arc::new(Owner(shared))))
    }

    /// What `plugin` keeps, and may keep up to `share` bytes of. Waits for the disk: call it before the plugin runs.
    pub(in crate::plugin) fn shelf(&self, plugin: &Arc<str>, share: u64) -> Shelf {
        let shared = &self.0.0;
        let known = {
            let until = Instant::now() + START_PATIENCE;
            let mut content = shared.wait_until(until, |content| content.opened);
            content.shelves.place(plugin)
        };
        if !known && let Ok(rows) = Database::read(&shared.path, plugin) {
            shared.lock().shelves.load(plugin, rows);
        }
        Shelf::new(Arc::clone(shared), Arc::clone(plugin), share)
    }

    /// Drops all that `plugin` keeps. Only for one that does not run.
    pub fn purge(&self, plugin: &str, told: OnPurged) {
        let (shared, plugin) = (&self.0.0, Arc::from(plugin));
        let mut content = shared.lock();
        let keys = content.shelves.clear(&plugin, Instant::now());
        content.purges.push(Purge { plugin, keys, told });
        drop(content);
        shared.changed.notify_all();
    }

    /// Writes what waits and ends the thread, and tells whether that was done in `patience`. What is set afterwards is lost.
    pub fn close(&self, patience: Duration) -> bool {
        let shared = &self.0.0;
        shared.lock().closing = true;
        shared.changed.notify_all();
        shared.wait_until(Instant::now() + patience, |content| content.closed).closed
    }
}

impl std::fmt::Debug for PluginStore {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("PluginStore").field("path", &self.0.0.path).finish_non_exhaustive()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.lock().closing = true;
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Content> {
        // What is done under the lock leaves it whole whenever it could panic.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until(&self, until: Instant, is: impl Fn(&Content) -> bool) -> MutexGuard<'_, Content> {
        let mut content = self.lock();
        while !is(&content) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            content = self.changed.wait_timeout(content, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        content
    }
}

#[cfg(test)]
mod tests;
