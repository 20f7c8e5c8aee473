//! What the rest of the host holds of the history. Nothing in here touches the disk or waits, except [`History::open`] and
//! [`HistoryHandle::close`], which say how long.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::audit::AuditRecord;
use super::error::HistoryError;
use super::mailbox::{Mailbox, Point};
use super::notice::{Degradation, Notice};
use super::options::HistoryOptions;
use super::reader::HistoryReader;
use super::writer::Writer;
use crate::state::Event;

/// How long [`History::open`] waits for the disk. One that is slower than that is treated as one that is broken.
const START_PATIENCE: Duration = Duration::from_secs(5);

/// Where it begins.
#[derive(Debug)]
pub struct History;

impl History {
    /// Opens or makes the database at `path` and starts the thread that writes to it.
    ///
    /// A disk that is bad is no error: the history then begins in memory, `notices` says so, and the disk is tried again and
    /// again. `notices` is called on the writer's thread and must not block.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub fn open(
        path: &Path,
        options: HistoryOptions,
        notices: impl FnMut(Notice) + Send + 'static,
    ) -> Result<HistoryHandle, HistoryError> {
        let mailbox = Arc::new(Mailbox::default());
        let writer = Writer::new(path.to_owned(), options, Arc::clone(&mailbox), Box::new(notices));
        std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || writer.run())
            .map_err(HistoryError::Thread)?;
        mailbox.wait_for(Instant::now() + START_PATIENCE, |content| content.first_event_id.is_some());
        // Whatever the disk says later, numbering has begun.
        mailbox.started(Writer::id_without_disk());
        Ok(HistoryHandle(Arc::new(Owner { mailbox, path: path.to_owned() })))
    }
}

/// The history, for any thread. When the last one is dropped, what waits is written and the thread ends.
#[derive(Clone)]
pub struct HistoryHandle(Arc<Owner>);

struct Owner {
    mailbox: Arc<Mailbox>,
    path: PathBuf,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.mailbox.close();
    }
}

impl HistoryHandle {
    /// Records an event that has its number. It is durable once [`Notice::Committed`] names it.
    pub fn event(&self, event: Arc<Event>) {
        self.0.mailbox.push_event(event);
    }

    /// Records who did what. Written as soon as an event.
    pub fn audit(&self, record: AuditRecord) {
        self.0.mailbox.push_audit(record);
    }

    /// Records numbers of a UPS by their NUT names. Values that are not finite are left out.
    pub fn sample(&self, device: &str, at_ms: u64, values: impl IntoIterator<Item = (impl AsRef<str>, f64)>) {
        for (name, value) in values {
            if value.is_finite() {
                self.0.mailbox.push_sample(device, name.as_ref(), Point { at_ms, value });
            }
        }
    }

    /// Keeps `value` under `key` over restarts, in place of what was there. It is written with the next event, or within ten
    /// seconds.
    ///
    /// # Errors
    ///
    /// When the value is longer than 16 KiB, or all that is remembered longer than 512 KiB.
    pub fn remember(&self, key: &str, value: impl Into<String>) -> Result<(), HistoryError> {
        self.0.mailbox.remember(key, value.into())
    }

    /// What was last remembered under `key`.
    pub fn recall(&self, key: &str) -> Option<String> {
        self.0.mailbox.recall(key)
    }

    /// The number for the first event of this run. Greater than any that an event ever had, as far as the disk can tell.
    pub fn next_event_id(&self) -> u64 {
        self.0.mailbox.lock().first_event_id.unwrap_or_default()
    }

    /// Why nothing can be written at present; none when all is well.
    pub fn degraded(&self) -> Option<Degradation> {
        self.0.mailbox.lock().degraded.clone()
    }

    /// How many events and lines of the audit are not on disk yet.
    pub fn waiting(&self) -> usize {
        let content = self.0.mailbox.lock();
        content.events.len() + content.audits.len()
    }

    /// Reads what was recorded. Make one for each thread that wants to; it may wait for the disk.
    pub fn reader(&self) -> HistoryReader {
        HistoryReader::new(self.0.path.clone(), Some(Arc::clone(&self.0.mailbox)))
    }

    /// Writes what waits and ends the thread, and tells whether all that was done in `patience`. What is put in afterwards is
    /// lost.
    pub fn close(&self, patience: Duration) -> bool {
        self.0.mailbox.close();
        self.0.mailbox.wait_for(Instant::now() + patience, |content| content.closed)
    }
}

impl std::fmt::Debug for HistoryHandle {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("HistoryHandle").field("path", &self.0.path).finish_non_exhaustive()
    }
}
