//! What waits to be written, bounded, between those who have something to say and the thread that writes.
//!
//! The lock is held for pushes and pops only, never while the disk works: that is why no caller waits for it. What is
//! being written stays in here until it is on disk, so that readers find it all the time and a failure loses nothing.

mod backlog;
mod samples;

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub(super) use self::backlog::Backlog;
pub(super) use self::samples::{PendingSamples, Point};
use super::audit::AuditRecord;
use super::error::HistoryError;
use super::notice::Degradation;
use crate::state::{Event, Severity};

/// Of events that wait, in bytes for each of two lanes: a storm of harmless ones can't push out the important ones. About
/// 10,000 events of the usual length each.
const EVENT_BYTES: usize = 2 << 20;
/// Of audit lines that wait, in bytes.
const AUDIT_BYTES: usize = 1 << 20;
/// One value of engine memory; that of a UPS takes a few hundred bytes.
const MEMORY_VALUE_BYTES: usize = 16 << 10;
/// All keys and values of engine memory. It is never trimmed, so it must be small beside the smallest cap.
const MEMORY_BYTES: usize = 512 << 10;

/// The shared box.
#[derive(Default)]
pub(super) struct Mailbox {
    content: Mutex<Content>,
    wake: Condvar,
    /// Whoever waits for the writer's first attempt, or for its end.
    progress: Condvar,
}

/// What is in it.
pub(super) struct Content {
    pub(super) events: Backlog<Arc<Event>>,
    pub(super) audits: Backlog<Arc<AuditRecord>>,
    pub(super) samples: PendingSamples,
    /// Those that the writer has taken; they stay here until they are on disk.
    pub(super) samples_in_flight: Arc<PendingSamples>,
    pub(super) memory: BTreeMap<String, Remembered>,
    /// The greatest id that any event had, written or not.
    pub(super) highest_event_id: u64,
    /// The last line of the audit that is on disk: those that wait come behind it.
    pub(super) last_audit_id: u64,
    /// Counts the times that samples went from here to the disk: a reader that saw both sides of one saw it wrongly.
    pub(super) sample_writes: u64,
    /// Known once the writer has made its first attempt.
    pub(super) first_event_id: Option<u64>,
    /// Why nothing can be written at present.
    pub(super) degraded: Option<Degradation>,
    pub(super) closing: bool,
    pub(super) closed: bool,
}

/// One value of engine memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remembered {
    pub(super) value: String,
    /// Counts its changes, so that the one that was written is told from the one that came meanwhile.
    pub(super) version: u64,
    pub(super) written: bool,
}

impl Default for Content {
    fn default() -> Content {
        Content {
            events: Backlog::new(EVENT_BYTES),
            audits: Backlog::new(AUDIT_BYTES),
            samples: PendingSamples::default(),
            samples_in_flight: Arc::default(),
            memory: BTreeMap::new(),
            highest_event_id: 0,
            last_audit_id: 0,
            sample_writes: 0,
            first_event_id: None,
            degraded: None,
            closing: false,
            closed: false,
        }
    }
}

impl Content {
    /// Hands the waiting samples to the writer, those that it could not write last time first.
    pub(super) fn take_samples(&mut self) -> Arc<PendingSamples> {
        let waiting = std::mem::take(&mut self.samples);
        if self.samples_in_flight.is_empty() {
            self.samples_in_flight = Arc::new(waiting);
        } else {
            Arc::make_mut(&mut self.samples_in_flight).append(&waiting);
        }
        Arc::clone(&self.samples_in_flight)
    }

    /// How many values of samples were forgotten for want of room since this was last asked.
    pub(super) fn take_lost_samples(&mut self) -> u64 {
        let in_flight = Arc::get_mut(&mut self.samples_in_flight).map_or(0, PendingSamples::take_lost);
        self.samples.take_lost() + in_flight
    }

    /// Whether something waits that must be written at once.
    fn is_urgent(&self) -> bool {
        !self.events.is_empty() || !self.audits.is_empty()
    }
}

impl Mailbox {
    /// The content, for a moment.
    pub(super) fn lock(&self) -> MutexGuard<'_, Content> {
        // Nothing in here is left half done by a panic: each change is one push or pop.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push_event(&self, event: Arc<Event>) {
        let mut content = self.lock();
        content.highest_event_id = content.highest_event_id.max(event.id);
        let important = event.severity >= Severity::Warning;
        let bytes = size_of_val(&*event)
            + event.kind.len()
            + event.device.len()
            + event.fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        content.events.push(event, bytes, important);
        self.wake.notify_one();
    }

    pub(super) fn push_audit(&self, record: AuditRecord) {
        let bytes = size_of_val(&record) + record.what.len() + record.result.len() + record.origin.len();
        self.lock().audits.push(Arc::new(record), bytes, true);
        self.wake.notify_one();
    }

    /// Samples are never urgent: the writer comes for them when they are due.
    pub(super) fn push_sample(&self, device: &str, name: &str, point: Point) {
        self.lock().samples.push(device, name, point);
    }

    pub(super) fn remember(&self, key: &str, value: String) -> Result<(), HistoryError> {
        let bytes = value.len();
        if bytes > MEMORY_VALUE_BYTES {
            return Err(HistoryError::TooLong { key: key.to_owned(), bytes, most: MEMORY_VALUE_BYTES });
        }
        let mut content = self.lock();
        let others = content.memory.iter().filter(|(other, _)| *other != key);
        let used: usize = others.map(|(key, known)| key.len() + known.value.len()).sum();
        if used + key.len() + bytes > MEMORY_BYTES {
            return Err(HistoryError::MemoryFull { key: key.to_owned(), most: MEMORY_BYTES });
        }
        match content.memory.get_mut(key) {
            Some(known) if known.value == value => {}
            Some(known) => *known = Remembered { value, version: known.version + 1, written: false },
            None => {
                content.memory.insert(key.to_owned(), Remembered { value, version: 0, written: false });
            }
        }
        Ok(())
    }

    pub(super) fn recall(&self, key: &str) -> Option<String> {
        self.lock().memory.get(key).map(|known| known.value.clone())
    }

    /// Waits until something urgent is there, `deadline` passes or the end is near. With `patient`, urgent things wait
    /// for the deadline as well: the disk does not take them now.
    pub(super) fn wait(&self, deadline: Instant, patient: bool) {
        let mut content = self.lock();
        while !content.closing && (patient || !content.is_urgent()) {
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                return;
            };
            content = self.wake.wait_timeout(content, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Says that the writer's first attempt is over: numbering goes on at `id`.
    pub(super) fn started(&self, id: u64) {
        self.lock().first_event_id.get_or_insert(id);
        self.progress.notify_all();
    }

    /// Asks the writer to write everything and end.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.wake.notify_all();
    }

    /// Says that the writer has ended.
    pub(super) fn ended(&self) {
        self.lock().closed = true;
        self.progress.notify_all();
    }

    /// Waits until `done` says so, but not past `deadline`; tells whether it did.
    pub(super) fn wait_for(&self, deadline: Instant, done: impl Fn(&Content) -> bool) -> bool {
        let mut content = self.lock();
        while !done(&content) {
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                return false;
            };
            content = self.progress.wait_timeout(content, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Mailbox").finish_non_exhaustive()
    }
}
