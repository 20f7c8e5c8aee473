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
pub struct EventFeed {
    subscribers: Arc<Mutex<Vec<Subscriber>>>,
    /// The number of the newest event.
    newest: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Subscriber {
    queue: SyncSender<Arc<Event>>,
    missed: Arc<AtomicU64>,
    wake: Option<Wake>,
}

/// Tells a subscriber that there is something to hear.
struct Wake(Box<dyn Fn() + Send>);

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
        self.subscribe_with(None)
    }

    /// Likewise, for a loop that waits for other things too: `wake` is called on the main loop whenever there is something
    /// to hear, and must not block.
    pub fn subscribe_waking(&self, wake: impl Fn() + Send + 'static) -> Subscription {
        self.subscribe_with(Some(Wake(Box::new(wake))))
    }

    /// The number of the newest event. The history has been given all up to it; who has subscribed before asking gets all
    /// that come behind it.
    pub fn newest(&self) -> u64 {
        self.newest.load(SeqCst)
    }

    /// Events up to this number were before this run.
    pub(crate) fn begin_after(&self, number: u64) {
        self.newest.fetch_max(number, SeqCst);
    }

    fn subscribe_with(&self, wake: Option<Wake>) -> Subscription {
        let (sender, queue) = sync_channel(QUEUE);
        let missed = Arc::<AtomicU64>::default();
        self.subscribers().push(Subscriber { queue: sender, missed: Arc::clone(&missed), wake });
        Subscription { queue, missed }
    }

    /// Gives `event` to all. Only the main loop calls this; it never waits for a subscriber.
    pub(crate) fn publish(&self, event: &Arc<Event>) {
        // First: who subscribes too late to be given this one must read its number afterwards.
        self.newest.fetch_max(event.id, SeqCst);
        self.subscribers().retain(|subscriber| {
            match subscriber.queue.try_send(Arc::clone(event)) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => {
                    subscriber.missed.fetch_add(1, SeqCst);
                }
                Err(TrySendError::Disconnected(_)) => return false,
            }
            if let Some(Wake(wake)) = &subscriber.wake {
                wake();
            }
            true
        });
    }

    /// Lets every subscriber hear the end.
    pub(crate) fn close(&self) {
        for Subscriber { queue, wake, .. } in self.subscribers().drain(..) {
            drop(queue);
            if let Some(Wake(wake)) = wake {
                wake();
            }
        }
    }

    fn subscribers(&self) -> MutexGuard<'_, Vec<Subscriber>> {
        // Nothing that holds the lock can leave the list half changed.
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Wake {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Wake")
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
    fn a_subscriber_with_a_loop_is_woken_for_each_event_and_for_the_end() {
        let feed = EventFeed::default();
        feed.begin_after(6);
        assert_eq!(feed.newest(), 6);
        let woken = Arc::<AtomicU64>::default();
        let count = Arc::clone(&woken);
        let subscription = feed.subscribe_waking(move || {
            count.fetch_add(1, SeqCst);
        });
        feed.publish(&event(7));
        assert_eq!((woken.load(SeqCst), feed.newest()), (1, 7));
        assert_eq!(subscription.next(Duration::ZERO), Ok(Fed::Event(event(7))));
        feed.close();
        assert_eq!(woken.load(SeqCst), 2);
        assert_eq!(subscription.next(Duration::ZERO), Err(Silence::Ended));
    }

    #[test]
    fn a_subscriber_that_went_is_forgotten() {
        let feed = EventFeed::default();
        drop(feed.subscribe());
        feed.publish(&event(1));
        assert!(feed.subscribers().is_empty());
    }
}
