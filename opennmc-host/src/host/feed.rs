//! Events for whoever wants to hear them on a thread of their own.
//!
//! The main loop publishes and never waits: each subscriber has a bounded queue, and what does not fit is counted for it
//! and told to it, so that nobody takes a gap for silence.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::state::Event;

/// Events that wait for a subscriber that is busy. The longest storm of events seen, 64 UPSes that lose mains at once, is
/// a fifth of it.
const QUEUE: usize = 1024;

/// Where subscribers are found. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct EventFeed(Arc<Mutex<Vec<Subscriber>>>);

#[derive(Debug)]
struct Subscriber {
    queue: SyncSender<Arc<Event>>,
    missed: Arc<AtomicU64>,
}

/// Hears every event from its making on, until it is dropped.
#[derive(Debug)]
pub struct Subscription {
    queue: Receiver<Arc<Event>>,
    missed: Arc<AtomicU64>,
}

/// What a subscriber hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fed {
    /// This happened.
    Event(Arc<Event>),
    /// So many events came while the queue was full: they are in the history, not here.
    Missed(u64),
}

/// Why nothing was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Nothing happened in the time that was waited.
    Quiet,
    /// The daemon ends: nothing will come any more.
    Ended,
}

impl EventFeed {
    /// Hears everything that happens from now on.
    pub fn subscribe(&self) -> Subscription {
        let (sender, queue) = sync_channel(QUEUE);
        let missed = Arc::<AtomicU64>::default();
        self.subscribers().push(Subscriber { queue: sender, missed: Arc::clone(&missed) });
        Subscription { queue, missed }
    }

    /// Gives `event` to all. Only the main loop calls this; it never waits for a subscriber.
    pub(crate) fn publish(&self, event: &Arc<Event>) {
        self.subscribers().retain(|subscriber| match subscriber.queue.try_send(Arc::clone(event)) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                subscriber.missed.fetch_add(1, SeqCst);
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        });
    }

    /// Lets every subscriber hear the end.
    pub(crate) fn close(&self) {
        self.subscribers().clear();
    }

    fn subscribers(&self) -> MutexGuard<'_, Vec<Subscriber>> {
        // Nothing that holds the lock can leave the list half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    /// The next event, or how many were missed, waiting at most `limit`.
    pub fn next(&self, limit: Duration) -> Result<Fed, Silence> {
        // What is in the queue came before what was missed.
        match self.queue.try_recv() {
            Ok(event) => return Ok(Fed::Event(event)),
            Err(TryRecvError::Disconnected) => return self.take_missed().ok_or(Silence::Ended),
            Err(TryRecvError::Empty) => {}
        }
        if let Some(missed) = self.take_missed() {
            return Ok(missed);
        }
        match self.queue.recv_timeout(limit) {
            Ok(event) => Ok(Fed::Event(event)),
            Err(RecvTimeoutError::Timeout) => Err(Silence::Quiet),
            Err(RecvTimeoutError::Disconnected) => Err(Silence::Ended),
        }
    }

    fn take_missed(&self) -> Option<Fed> {
        let missed = self.missed.swap(0, SeqCst);
        (missed > 0).then_some(Fed::Missed(missed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Severity;

    fn event(id: u64) -> Arc<Event> {
        let (kind, device) = ("test.happened".to_owned(), String::new());
        Arc::new(Event { id, kind, severity: Severity::Info, device, at_ms: 0, fields: Vec::new() })
    }

    #[test]
    fn a_subscriber_hears_what_happens_after_it_came_and_then_the_end() {
        let feed = EventFeed::default();
        feed.publish(&event(1));
        let subscription = feed.subscribe();
        feed.publish(&event(2));
        assert_eq!(subscription.next(Duration::ZERO), Ok(Fed::Event(event(2))));
        assert_eq!(subscription.next(Duration::ZERO), Err(Silence::Quiet));
        feed.close();
        assert_eq!(subscription.next(Duration::ZERO), Err(Silence::Ended));
    }

    #[test]
    fn a_subscriber_that_lags_is_told_how_much_it_missed_behind_what_it_did_not() {
        let feed = EventFeed::default();
        let subscription = feed.subscribe();
        for id in 0..QUEUE as u64 + 3 {
            feed.publish(&event(id));
        }
        for id in 0..QUEUE as u64 {
            assert_eq!(subscription.next(Duration::ZERO), Ok(Fed::Event(event(id))));
        }
        assert_eq!(subscription.next(Duration::ZERO), Ok(Fed::Missed(3)));
        feed.publish(&event(9999));
        assert_eq!(subscription.next(Duration::ZERO), Ok(Fed::Event(event(9999))));
    }

    #[test]
    fn a_subscriber_that_went_is_forgotten() {
        let feed = EventFeed::default();
        drop(feed.subscribe());
        feed.publish(&event(1));
        assert!(feed.subscribers().is_empty());
    }
}
