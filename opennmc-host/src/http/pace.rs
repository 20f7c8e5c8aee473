//! How long a connection may take for what it is at.
//!
//! One deadline holds at any time, whoever set it, and one timer waits for it. Invariant: every phase has an end, so that
//! nobody keeps a connection by being slow.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use calloop::timer::{TimeoutAction, Timer};
use calloop::{LoopHandle, RegistrationToken};

use super::front::State;

/// What is added to the limits of a request's parts for all of it: a log-in has to be checked, too.
const SERVING: Duration = Duration::from_secs(60);
/// Until the client has taken an answer, and beyond that by its size.
const SENDING: Duration = Duration::from_secs(30);
/// Until a client takes the next of what is sent without an end; something comes every 15 s.
const STREAMING: Duration = Duration::from_secs(45);
/// Bytes a second that a client takes at least.
const SLOWEST: u64 = 16 << 10;

/// How long clients and plugins may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the first byte of a request's head to its last, and from the connection to the first head's end.
    pub head: Duration,
    /// For a request's body.
    pub body: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// For a plugin to answer, counted from when the request is complete.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        let [head, body, idle, answer] = [10, 30, 60, 30].map(Duration::from_secs);
        Patience { head, body, idle, answer }
    }
}

/// What one connection is at, and until when.
pub(super) struct Pace {
    patience: Patience,
    phase: Cell<Phase>,
    until: Cell<Instant>,
    /// Of what the answer waits for.
    within: Cell<Option<Instant>>,
    handed_over: Cell<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Head,
    Serving,
    Sending,
    Cut,
}

impl Pace {
    /// Of a connection that was just made.
    pub(super) fn new(patience: Patience) -> Pace {
        Pace {
            patience,
            phase: Cell::new(Phase::Head),
            until: Cell::new(Instant::now() + patience.head),
            within: Cell::new(None),
            handed_over: Cell::new(false),
        }
    }

    /// Bytes have arrived.
    pub(super) fn arrived(&self) {
        if self.phase.get() == Phase::Idle {
            self.enter(Phase::Head, self.patience.head);
        }
    }

    /// A request's head is complete.
    pub(super) fn begun(&self) {
        self.enter(Phase::Serving, self.patience.body + self.patience.answer + SERVING);
    }

    /// An answer of so many bytes is there.
    pub(super) fn sending(&self, bytes: usize) {
        self.handed_over.set(false);
        self.enter(Phase::Sending, SENDING + Duration::from_secs(bytes as u64 / SLOWEST));
    }

    /// What is sent has no end, and the client has just taken some of it.
    pub(super) fn streaming(&self) {
        if self.phase.get() != Phase::Cut {
            self.enter(Phase::Sending, STREAMING);
        }
    }

    /// It has to end, whatever it is at.
    pub(super) fn cut(&self) {
        self.enter(Phase::Cut, Duration::ZERO);
    }

    /// All of it was given to the connection.
    pub(super) fn handed_over(&self) {
        self.handed_over.set(true);
    }

    /// The socket has taken all that the connection had.
    pub(super) fn flushed(&self) {
        if self.phase.get() == Phase::Sending && self.handed_over.get() {
            self.enter(Phase::Idle, self.patience.idle);
        }
    }

    /// When the connection has to be looked at: nothing may have happened by then.
    pub(super) fn next(&self) -> Instant {
        self.within.get().map_or(self.until.get(), |within| within.min(self.until.get()))
    }

    /// How long its parts may take.
    pub(super) fn patience(&self) -> Patience {
        self.patience
    }

    /// Whether there may be something that the client has not taken.
    pub(super) fn is_sending(&self) -> bool {
        matches!(self.phase.get(), Phase::Sending | Phase::Cut)
    }

    /// Whether it has taken too long.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.until.get() <= now
    }

    /// What `future` gives, if it does within `limit`.
    pub(super) async fn within<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let until = Instant::now() + limit;
        let outcome = poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending if until <= Instant::now() => Poll::Ready(None),
            Poll::Pending => {
                self.within.set(Some(until));
                Poll::Pending
            }
        });
        let outcome = outcome.await;
        self.within.set(None);
        outcome
    }

    fn enter(&self, phase: Phase, limit: Duration) {
        self.phase.set(phase);
        self.until.set(Instant::now() + limit);
    }
}

/// The one timer of a connection. It is set anew only for an earlier time: one that comes too early costs less.
pub(super) struct Alarm {
    handle: LoopHandle<'static, State>,
    token: Option<RegistrationToken>,
    ring: Rc<Ring>,
}

#[derive(Default)]
struct Ring {
    set_to: Cell<Option<Instant>>,
    waker: RefCell<Option<Waker>>,
}

impl Alarm {
    pub(super) fn new(handle: LoopHandle<'static, State>) -> Alarm {
        Alarm { handle, token: None, ring: Rc::default() }
    }

    /// Wakes the task of `context` at this time, or earlier.
    pub(super) fn set(&mut self, at: Instant, context: &Context<'_>) {
        {
            let mut waker = self.ring.waker.borrow_mut();
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                *waker = Some(context.waker().clone());
            }
        }
        if self.ring.set_to.get().is_some_and(|set_to| set_to <= at) {
            return;
        }
        self.unset();
        let ring = Rc::clone(&self.ring);
        let inserted = self.handle.insert_source(Timer::from_deadline(at), move |_, (), _| {
            ring.set_to.set(None);
            if let Some(waker) = &*ring.waker.borrow() {
                waker.wake_by_ref();
            }
            TimeoutAction::Drop
        });
        match inserted {
            Ok(token) => {
                self.token = Some(token);
                self.ring.set_to.set(Some(at));
            }
            Err(error) => tracing::error!("can't set a connection's timer: {error}"),
        }
    }

    fn unset(&mut self) {
        let is_set = self.ring.set_to.take().is_some();
        if let Some(token) = self.token.take().filter(|_| is_set) {
            self.handle.remove(token);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.unset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(pace: &Pace) -> u64 {
        pace.until.get().saturating_duration_since(Instant::now()).as_secs() + 1
    }

    #[test]
    fn every_phase_of_a_connection_has_an_end() {
        let pace = Pace::new(Patience::default());
        assert_eq!(limit(&pace), 10);
        pace.begun();
        assert_eq!(limit(&pace), 120);
        pace.sending(1 << 20);
        assert_eq!(limit(&pace), 30 + 64);
        pace.flushed();
        assert_eq!(limit(&pace), 30 + 64, "what was flushed was not all of it");
        pace.handed_over();
        pace.flushed();
        assert_eq!(limit(&pace), 60);
        pace.arrived();
        assert_eq!(limit(&pace), 10);
        let before = pace.next();
        pace.arrived();
        assert_eq!(pace.next(), before, "a byte more does not buy time");
    }
}
