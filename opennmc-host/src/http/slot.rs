//! A place for one value that another thread gives: a future here, a giver there.
//!
//! Either end may go at any time, and the other learns of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The two ends of a place for one value.
pub(crate) fn slot<T>() -> (Giver<T>, Taker<T>) {
    let shared =
        Arc::new(Shared(Mutex::new(State { value: None, waker: None, given_up: false, left: false })));
    (Giver(Arc::clone(&shared)), Taker(shared))
}

/// Gives the value, from any thread.
pub(crate) struct Giver<T>(Arc<Shared<T>>);

/// The value, once it is there; none when the giver has gone without giving it.
pub(crate) struct Taker<T>(Arc<Shared<T>>);

struct Shared<T>(Mutex<State<T>>);

struct State<T> {
    value: Option<T>,
    waker: Option<Waker>,
    /// The giver is gone.
    given_up: bool,
    /// The taker is gone.
    left: bool,
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Every change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Giver<T> {
    /// Gives it; false when nobody waits any more.
    pub(crate) fn give(self, value: T) -> bool {
        let mut state = self.0.state();
        let waited_for = !state.left;
        if waited_for {
            state.value = Some(value);
        }
        waited_for
    }

    /// Whether somebody still waits.
    pub(crate) fn is_waited_for(&self) -> bool {
        !self.0.state().left
    }
}

impl<T> Drop for Giver<T> {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.0.state();
            state.given_up = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Taker<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.0.state();
        if let Some(value) = state.value.take() {
            return Poll::Ready(Some(value));
        }
        if state.given_up {
            return Poll::Ready(None);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl<T> Drop for Taker<T> {
    fn drop(&mut self) {
        self.0.state().left = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll<T>(taker: &mut Taker<T>) -> Poll<Option<T>> {
        Pin::new(taker).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_value_arrives_once_it_is_given() {
        let (giver, mut taker) = slot();
        assert_eq!(poll(&mut taker), Poll::Pending);
        assert!(giver.is_waited_for() && giver.give(7));
        assert_eq!(poll(&mut taker), Poll::Ready(Some(7)));
    }

    #[test]
    fn each_end_learns_that_the_other_has_gone() {
        let (giver, mut taker) = slot::<()>();
        drop(giver);
        assert_eq!(poll(&mut taker), Poll::Ready(None));
        let (giver, taker) = slot();
        drop(taker);
        assert!(!giver.is_waited_for() && !giver.give(()));
    }
}
