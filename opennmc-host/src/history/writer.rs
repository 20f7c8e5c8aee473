//! The one thread that writes.
//!
//! Events and audit are written as soon as they come; whatever comes while the disk works goes with the next batch, so a
//! storm costs one `fsync` for many events. Samples wait for their turn: flash wears with every page that is written.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::mailbox::{Mailbox, Remembered};
use super::notice::{Class, Degradation, Notice};
use super::options::HistoryOptions;
use super::store::{Batch, Failure, Store, Tidied, move_aside};
use crate::state::Severity;

/// Engine memory changes with every second of every outage; no event need go with it.
const WRITE_MEMORY_EVERY: Duration = Duration::from_secs(10);
/// After a warning, samples go to disk this often, and for so long: what comes before a power cut is what people want
/// to see afterwards.
const WRITE_SAMPLES_IN_TROUBLE: Duration = Duration::from_secs(1);
const TROUBLE: Duration = Duration::from_secs(15 * 60);
/// How often rows that are old enough go.
const FORGET_EVERY: Duration = Duration::from_secs(10 * 60);
/// The wall clock must have run evenly for this long before anything goes for its age: a machine without a clock's
/// battery starts in 1970, and one with a bad clock may be in the next century until it is corrected.
const CLOCK_TRUST: Duration = Duration::from_secs(3600);
/// How far the wall clock may be from where it should be and still run evenly.
const CLOCK_SLACK: Duration = Duration::from_secs(60);

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
    forget_due: Instant,
    /// Until when samples are written often.
    trouble_until: Instant,
    /// Since when the wall clock has run evenly, by both clocks.
    even_since: (Instant, SystemTime),
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
            forget_due: now + FORGET_EVERY,
            trouble_until: now,
            even_since: (now, SystemTime::now()),
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
                Some(_) => self.samples_due.min(self.memory_due).min(self.forget_due),
                None => self.retry_at,
            };
            self.mailbox.wait(deadline, self.store.is_none());
            let closing = self.mailbox.lock().closing;
            if self.store.is_none() && (closing || Instant::now() >= self.retry_at) {
                self.try_open();
            }
            self.write(closing);
            self.tell_lost();
            if !closing && Instant::now() >= self.forget_due {
                self.forget_old();
            }
            if closing {
                break;
            }
        }
        self.end();
        self.mailbox.ended();
    }

    fn try_open(&mut self) {
        let opened = Store::open(&self.path, &self.options).and_then(|store| self.adopt(store, 0));
        if let Err(failure) = opened.and_then(|()| self.check()) {
            self.peek();
            self.fail(failure);
        }
    }

    /// A database that can't be written may tell all the same what was remembered and where numbering goes on.
    fn peek(&mut self) {
        if self.mailbox.lock().first_event_id.is_some() {
            return;
        }
        if let Ok((next, remembered)) = Store::peek(&self.path) {
            self.recall(remembered);
            self.mailbox.started(next);
        }
    }

    fn recall(&mut self, remembered: Vec<(String, String)>) {
        let mut content = self.mailbox.lock();
        for (key, value) in remembered {
            // What was remembered since the start is newer.
            content.memory.entry(key).or_insert(Remembered { value, version: 0, written: true });
        }
    }

    /// Looks for damage before anything is written on top of it.
    fn check(&mut self) -> Result<(), Failure> {
        match &self.store {
            Some(store) => store.check(),
            None => Ok(()),
        }
    }

    /// Gives up the database for now; a damaged one for good.
    fn fail(&mut self, failure: Failure) {
        self.store = None;
        let Failure::Damaged(reason) = &failure else { return self.degrade(failure) };
        match move_aside(&self.path) {
            Ok(to) => {
                (self.notices)(Notice::MovedAside { to, reason: reason.clone() });
                // Engine memory is whole: it goes into the new one.
                self.mailbox.lock().memory.values_mut().for_each(|known| known.written = false);
                // The new one does not know what the old one had given; if that could be read, we do.
                let known = self.mailbox.lock().first_event_id.is_some();
                let least = if known { 0 } else { Writer::id_without_disk() };
                let opened =
                    Store::open(&self.path, &self.options).and_then(|store| self.adopt(store, least));
                if let Err(failure) = opened {
                    self.degrade(failure);
                }
            }
            Err(_) => self.degrade(failure),
        }
    }

    /// Takes over a database that was opened: what it remembers, and where its numbering is. Numbers below `least` may
    /// have been given although it does not know.
    fn adopt(&mut self, mut store: Store, least: u64) -> Result<(), Failure> {
        let remembered = store.memory()?;
        let content = self.mailbox.lock();
        let given = content.first_event_id.map_or(0, |first| first.max(content.highest_event_id + 1));
        drop(content);
        let next = store.begin_numbering(least.max(given))?;
        self.recall(remembered);
        let mut content = self.mailbox.lock();
        content.last_audit_id = store.last_audit_id();
        let recovered = content.degraded.take().is_some();
        drop(content);
        // Last: whoever waits for it wants to recall as well.
        self.mailbox.started(next);
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
            let (events, events_through) = content.events.first(store.batch_bytes());
            let (audits, audits_through) = content.audits.first(store.batch_bytes());
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
            if events.iter().any(|event| event.severity >= Severity::Warning) {
                self.trouble_until = now + TROUBLE;
            }
            if with_samples || now < self.trouble_until {
                let calm = self.options.write_samples_every;
                let pause = if now < self.trouble_until { calm.min(WRITE_SAMPLES_IN_TROUBLE) } else { calm };
                self.samples_due = now + pause;
            }
            let batch = Batch { events, audits, memory };
            if batch.is_empty() && samples.is_empty() {
                return;
            }
            if !batch.is_empty()
                && let Err(failure) = store.write(&batch)
            {
                return self.fail(failure);
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
            drop(content);
            for event in &batch.events {
                (self.notices)(Notice::Committed(event.id));
            }
            if !samples.is_empty() {
                // Behind the events: somebody may wait for those.
                if let Err(failure) = store.write_samples(&samples, everything || now < self.trouble_until) {
                    return self.fail(failure);
                }
                drop(samples);
                let mut content = self.mailbox.lock();
                content.samples_in_flight = Arc::default();
                content.sample_writes += 1;
            }
            self.tidy();
        }
    }

    /// Keeps the database within its size.
    fn tidy(&mut self) {
        let mut trimmed: BTreeMap<Class, u64> = BTreeMap::new();
        while let Some(store) = &mut self.store {
            match store.tidy() {
                Ok(Tidied::Nothing) => break,
                Ok(Tidied::Trimmed(class, rows)) => *trimmed.entry(class).or_default() += rows,
                Ok(Tidied::GivenBack) => {}
                Err(failure) => {
                    self.fail(failure);
                    break;
                }
            }
        }
        for (class, rows) in trimmed {
            (self.notices)(Notice::Trimmed { class, rows });
        }
    }

    /// Lets go what is older than it need be, if the clock can be trusted in that.
    fn forget_old(&mut self) {
        let (now, wall) = (Instant::now(), SystemTime::now());
        self.forget_due = now + FORGET_EVERY;
        let expected = self.even_since.1 + now.duration_since(self.even_since.0);
        let off = wall.duration_since(expected).unwrap_or_else(|error| error.duration());
        if off > CLOCK_SLACK {
            self.even_since = (now, wall);
        }
        if now.duration_since(self.even_since.0) < CLOCK_TRUST {
            return;
        }
        let since_1970 = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = u64::try_from(since_1970.as_millis()).unwrap_or_default();
        while let Some(store) = &mut self.store {
            match store.forget_old(now_ms) {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) => {
                    self.fail(failure);
                    break;
                }
            }
        }
        self.tidy();
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

    /// Leaves everything in one file, so that the next start finds nothing to do.
    fn end(&mut self) {
        let content = self.mailbox.lock();
        let first = content.first_event_id.unwrap_or_default();
        let next = first.max(content.highest_event_id + 1);
        drop(content);
        if let Some(mut store) = self.store.take() {
            // If it fails, the next run leaves a gap in the numbers: no harm.
            let _ = store.end_numbering(next);
        }
    }
}
