//! The requests that wait for one plugin, and the instance that takes them.
//!
//! The line belongs to the plugin and not to an instance: while one instance takes another's place requests wait, and none
//! is lost. When the plugin has failed nobody waits: what is there is let go, and its client hears so at once.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::slot::Giver;
use crate::users::Principal;

/// Requests of one plugin under way: those that wait, and those that it has not answered.
const MOST_UNDER_WAY: usize = 64;

/// A request for a plugin, checked and complete.
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Below the mount; decoded.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Who asks, when they have logged in.
    pub(crate) principal: Option<Principal>,
    pub(crate) peer: SocketAddr,
    pub(crate) answer: Giver<Answered>,
}

/// What a plugin answers, checked.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Wakes the instance's loop. Called on other threads; must not block.
pub(crate) type Wake = Box<dyn Fn() + Send>;

/// The requests that wait for one plugin.
#[derive(Default)]
pub(crate) struct Line {
    state: Mutex<State>,
    under_way: Arc<AtomicUsize>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Asked>,
    serving: Serving,
    /// Of the numbers of instances, the last.
    last: u64,
}

#[derive(Default)]
enum Serving {
    /// The plugin does not run.
    #[default]
    Nobody,
    /// One instance has ended in good order, and another is to come.
    Next,
    /// The instance with this number.
    By(u64, Wake),
}

impl Line {
    /// A place among the requests under way; none when the plugin has as many as it may.
    pub(super) fn place(&self) -> Option<Place> {
        let free = |taken: usize| (taken < MOST_UNDER_WAY).then_some(taken + 1);
        self.under_way.fetch_update(Relaxed, Relaxed, free).ok()?;
        Some(Place(Arc::clone(&self.under_way)))
    }

    /// Whether a request would be served, now or by the instance that is to come.
    pub(super) fn is_served(&self) -> bool {
        !matches!(self.state().serving, Serving::Nobody)
    }

    /// Puts a request in the line; false when nobody serves.
    pub(super) fn ask(&self, asked: Asked) -> bool {
        let mut state = self.state();
        if matches!(state.serving, Serving::Nobody) {
            return false;
        }
        state.waiting.push_back(asked);
        if let Serving::By(_, wake) = &state.serving {
            wake();
        }
        true
    }

    /// Lets the instance look: somebody has stopped waiting.
    pub(super) fn nudge(&self) {
        if let Serving::By(_, wake) = &self.state().serving {
            wake();
        }
    }

    /// The plugin has failed or is gone: unless an instance serves, nobody is kept waiting.
    pub(super) fn give_up(&self) {
        let mut state = self.state();
        if !matches!(state.serving, Serving::By(..)) {
            state.serving = Serving::Nobody;
            let let_go = std::mem::take(&mut state.waiting);
            drop(state);
            drop(let_go);
        }
    }

    /// From now on an instance takes the requests, in the place of any other.
    pub(crate) fn serve(self: &Arc<Line>, wake: Wake) -> Served {
        let mut state = self.state();
        state.last += 1;
        let number = state.last;
        if !state.waiting.is_empty() {
            wake();
        }
        state.serving = Serving::By(number, wake);
        drop(state);
        Served { line: Arc::clone(self), number }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A queue and a word: neither is ever half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An instance's hold of its plugin's line. Dropped without [`Served::pause`], the instance has failed.
pub(crate) struct Served {
    line: Arc<Line>,
    number: u64,
}

impl Served {
    /// The oldest requests that somebody waits for, at most so many, and whether there are more.
    pub(crate) fn take(&self, most: usize) -> (Vec<Asked>, bool) {
        let mut state = self.line.state();
        if !self.serves(&state) {
            return (Vec::new(), false);
        }
        state.waiting.retain(|asked| asked.answer.is_waited_for());
        let count = most.min(state.waiting.len());
        let taken = state.waiting.drain(..count).collect();
        (taken, !state.waiting.is_empty())
    }

    /// The instance ends in good order: what comes from now on waits for the next.
    pub(crate) fn pause(&self) {
        let mut state = self.line.state();
        if self.serves(&state) {
            state.serving = Serving::Next;
        }
    }

    fn serves(&self, state: &State) -> bool {
        matches!(state.serving, Serving::By(number, _) if number == self.number)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let mut state = self.line.state();
        if self.serves(&state) {
            state.serving = Serving::Nobody;
            let let_go = std::mem::take(&mut state.waiting);
            drop(state);
            drop(let_go);
        }
    }
}

/// One request's place among those under way; given back when dropped.
pub(super) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::slot::{Taker, slot};
    use super::*;

    fn asked(path: &str) -> (Asked, Taker<Answered>) {
        let (answer, taker) = slot();
        let asked = Asked {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
            principal: None,
            peer: "127.0.0.1:1".parse().unwrap(),
            answer,
        };
        (asked, taker)
    }

    fn paths(served: &Served) -> Vec<String> {
        served.take(9).0.into_iter().map(|asked| asked.path).collect()
    }

    #[test]
    fn what_comes_between_two_instances_waits_for_the_second() {
        let line = Arc::<Line>::default();
        let (early, _waits) = asked("/early");
        assert!(!line.ask(early), "nobody serves yet");
        let old = line.serve(Box::new(|| {}));
        let (one, _one) = asked("/one");
        assert!(line.ask(one));
        assert_eq!(paths(&old), ["/one"]);
        old.pause();
        let (two, _two) = asked("/two");
        assert!(line.is_served() && line.ask(two));
        assert!(paths(&old).is_empty());
        drop(old);
        let new = line.serve(Box::new(|| {}));
        assert_eq!(paths(&new), ["/two"]);
    }

    #[test]
    fn nobody_is_kept_waiting_for_an_instance_that_has_failed() {
        let line = Arc::<Line>::default();
        let served = line.serve(Box::new(|| {}));
        let (one, mut waits) = asked("/one");
        assert!(line.ask(one));
        drop(served);
        assert!(!line.is_served());
        let polled = std::future::Future::poll(
            std::pin::Pin::new(&mut waits),
            &mut std::task::Context::from_waker(std::task::Waker::noop()),
        );
        assert!(matches!(polled, std::task::Poll::Ready(None)));
    }

    #[test]
    fn an_old_instance_that_ends_late_takes_nothing_from_the_new_one() {
        let line = Arc::<Line>::default();
        let old = line.serve(Box::new(|| {}));
        let new = line.serve(Box::new(|| {}));
        let (one, _waits) = asked("/one");
        assert!(line.ask(one));
        assert!(paths(&old).is_empty());
        drop(old);
        assert_eq!(paths(&new), ["/one"]);
    }

    #[test]
    fn a_client_that_has_gone_is_not_served() {
        let line = Arc::<Line>::default();
        let served = line.serve(Box::new(|| {}));
        let (one, waits) = asked("/one");
        assert!(line.ask(one));
        drop(waits);
        assert!(paths(&served).is_empty());
    }

    #[test]
    fn a_plugin_has_only_so_many_requests_under_way() {
        let line = Line::default();
        let places: Vec<Option<Place>> = (0..=MOST_UNDER_WAY).map(|_| line.place()).collect();
        assert!(places[MOST_UNDER_WAY].is_none() && places[MOST_UNDER_WAY - 1].is_some());
        drop(places);
        assert!(line.place().is_some());
    }
}
