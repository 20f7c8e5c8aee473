//! The one thread that writes.
//!
//! Events and audit are written as soon as they come; whatever comes while the disk works goes with the next batch, so a
//! storm costs one `fsync` for many events. Samples wait for their turn: flash wears with every page that is written.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::mailbox::{Mailbox, Remembered};
use super::notice::{Degradation, Notice};
use super::options::HistoryOptions;
use super::store::{Batch, Failure, Store};

/// Engine memory changes with every second of every outage; no event need go with it.
const WRITE_MEMORY_EVERY: Duration = Duration::from_secs(10);
/// About how much is written in one transaction.
const BATCH_BYTES: usize = 256 << 10;

/// The thread's state.
pub(super) struct Writer {
    path: PathBuf,
    options: HistoryOptions,
    mailbox: Arc<Mailbox>,
    notices: Box<dyn FnMut(Notice) + Send>,
    store: Option<Store>,
    /// When the disk is tried again.
    retry_at: Instant,
    retry_pause: Duration,
    /// When samples go to disk next, and engine memory.
    samples_due: Instant,
    memory_due: Instant,
}

impl Writer {
    pub(super) fn new(
        path: PathBuf,
        options: HistoryOptions,
        mailbox: Arc<Mailbox>,
        notices: Box<dyn FnMut(Notice) + Send>,
    ) -> Writer {
        let now = Instant::now();
        Writer {
            path,
            mailbox,
            notices,
            store: None,
            retry_at: now,
            retry_pause: options.retry_first,
            samples_due: now + options.write_samples_every,
            memory_due: now + WRITE_MEMORY_EVERY,
            options,
        }
    }

    /// Where numbering begins when the disk can't tell: greater than any number that was counted up, and still exact in
    /// JavaScript.
    pub(super) fn id_without_disk() -> u64 {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn run(mut self) {
        self.try_open();
        self.mailbox.started(Writer::id_without_disk());
        loop {
            let deadline = match self.store {
                Some(_) => self.samples_due.min(self.memory_due),
                None => self.retry_at,
            };
            self.mailbox.wait(deadline, self.store.is_none());
            let closing = self.mailbox.lock().closing;
            if self.store.is_none() && (closing || Instant::now() >= self.retry_at) {
                self.try_open();
            }
            self.write(closing);
            self.tell_lost();
            if closing {
                break;
            }
        }
        self.end();
        self.mailbox.ended();
    }

    fn try_open(&mut self) {
        match Store::open(&self.path, &self.options).and_then(|store| self.adopt(store)) {
            Ok(()) => {}
            Err(failure) => self.degrade(failure),
        }
    }

    /// Takes over a database that was opened: what it remembers, and where its numbering is.
    fn adopt(&mut self, mut store: Store) -> Result<(), Failure> {
        let remembered = store.memory()?;
        let numbered = self.mailbox.lock().first_event_id.is_some();
        let next = if numbered { None } else { Some(store.begin_numbering()?) };
        let mut content = self.mailbox.lock();
        for (key, value) in remembered {
            // What was remembered since the start is newer.
            content.memory.entry(key).or_insert(Remembered { value, version: 0, written: true });
        }
        content.last_audit_id = store.last_audit_id();
        let recovered = content.degraded.take().is_some();
        drop(content);
        if let Some(next) = next {
            // Last: whoever waits for it wants to recall as well.
            self.mailbox.started(next);
        }
        self.retry_pause = self.options.retry_first;
        self.store = Some(store);
        if recovered {
            (self.notices)(Notice::Recovered);
        }
        Ok(())
    }

    fn degrade(&mut self, failure: Failure) {
        self.store = None;
        self.retry_at = Instant::now() + self.retry_pause;
        self.retry_pause = (self.retry_pause * 2).min(self.options.retry_most);
        let reason = Degradation::from(failure);
        let known = self.mailbox.lock().degraded.replace(reason.clone());
        if known.as_ref() != Some(&reason) {
            (self.notices)(Notice::Degraded(reason));
        }
    }

    /// Writes everything that is due.
    fn write(&mut self, everything: bool) {
        loop {
            let now = Instant::now();
            let Some(store) = &mut self.store else { return };
            let mut content = self.mailbox.lock();
            let (events, events_through) = content.events.first(BATCH_BYTES);
            let (audits, audits_through) = content.audits.first(BATCH_BYTES);
            let carried = everything || !events.is_empty() || !audits.is_empty();
            let mut memory = Vec::new();
            let mut versions = Vec::new();
            if carried || now >= self.memory_due {
                for (key, known) in content.memory.iter().filter(|(_, known)| !known.written) {
                    memory.push((key.clone(), known.value.clone()));
                    versions.push(known.version);
                }
                self.memory_due = now + WRITE_MEMORY_EVERY;
            }
            let with_samples = carried || now >= self.samples_due;
            let samples = if with_samples { content.take_samples() } else { Arc::default() };
            drop(content);
            if with_samples {
                self.samples_due = now + self.options.write_samples_every;
            }
            let batch = Batch { events, audits, memory, samples };
            if batch.is_empty() {
                return;
            }
            if let Err(failure) = store.write(&batch) {
                self.degrade(failure);
                return;
            }
            let mut content = self.mailbox.lock();
            if !batch.events.is_empty() {
                content.events.remove_through(events_through);
            }
            if !batch.audits.is_empty() {
                content.audits.remove_through(audits_through);
                content.last_audit_id = store.last_audit_id();
            }
            for ((key, _), version) in batch.memory.iter().zip(versions) {
                if let Some(known) = content.memory.get_mut(key).filter(|known| known.version == version) {
                    known.written = true;
                }
            }
            if with_samples {
                content.samples_in_flight = Arc::default();
                content.sample_writes += 1;
            }
            drop(content);
            for event in &batch.events {
                (self.notices)(Notice::Committed(event.id));
            }
        }
    }

    fn tell_lost(&mut self) {
        let mut content = self.mailbox.lock();
        let events = content.events.take_lost();
        let audits = content.audits.take_lost();
        let samples = content.take_lost_samples();
        drop(content);
        if events + audits + samples > 0 {
            (self.notices)(Notice::Lost { events, audits, samples });
        }
    }

    fn end(&mut self) {
        let content = self.mailbox.lock();
        let first = content.first_event_id.unwrap_or_default();
        let next = first.max(content.highest_event_id + 1);
        drop(content);
        if let Some(store) = &mut self.store {
            // If it fails, the next run leaves a gap in the numbers: no harm.
            let _ = store.end_numbering(next);
        }
    }
}
