//! What is on its way to one reader of a stream: the hub gives, the connection takes.
//!
//! Invariant: a reader that does not take holds no more than [`MOST_BEHIND`] and one piece. Then its connection is cut, and
//! it begins anew where it left off.

use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use hyper::body::Bytes;

use super::super::pace::Pace;

/// Bytes that wait for a reader.
const MOST_BEHIND: usize = 64 << 10;

/// The two ends of what is on its way to one reader.
pub(super) fn queue(pace: &Rc<Pace>) -> (Giving, Taking) {
    let shared = Rc::<RefCell<Waiting>>::default();
    (Giving { waiting: Rc::clone(&shared), pace: Rc::clone(pace) }, Taking(shared))
}

/// Gives pieces.
pub(super) struct Giving {
    waiting: Rc<RefCell<Waiting>>,
    pace: Rc<Pace>,
}

/// Takes them; part of an answer's body.
pub(crate) struct Taking(Rc<RefCell<Waiting>>);

#[derive(Default)]
struct Waiting {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    /// Nothing more will come.
    ended: bool,
    /// Nobody takes any more.
    gone: bool,
    /// Of the connection, since it was last asked for a piece; it does not ask while the socket takes nothing.
    waker: Option<Waker>,
    /// It has asked and got none.
    asked: bool,
}

impl Giving {
    /// Gives a piece; one that finds nothing before it may have any size. A reader that is too far behind is cut off.
    pub(super) fn give(&self, piece: &Bytes) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.gone || waiting.ended {
            return;
        }
        if !waiting.pieces.is_empty() && waiting.bytes + piece.len() > MOST_BEHIND {
            tracing::debug!("http: a reader of the stream was too slow");
            waiting.pieces.clear();
            waiting.bytes = 0;
            waiting.ended = true;
            self.pace.cut();
            // It asks for nothing, and has to see that it is to end.
            waiting.asked = true;
        } else {
            waiting.bytes += piece.len();
            waiting.pieces.push_back(piece.clone());
        }
        wake(waiting);
    }

    /// Nothing more comes: the reader gets what there is, and then the end.
    pub(super) fn end(&self) {
        let mut waiting = self.waiting.borrow_mut();
        waiting.ended = true;
        wake(waiting);
    }

    /// Whether everything was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.borrow().pieces.is_empty()
    }

    /// Whether there is nobody to give to.
    pub(super) fn is_over(&self) -> bool {
        let waiting = self.waiting.borrow();
        waiting.gone || waiting.ended
    }
}

impl Taking {
    /// The next piece; none at the end.
    pub(crate) fn poll_next(&self, context: &Context<'_>) -> Poll<Option<Bytes>> {
        let mut waiting = self.0.borrow_mut();
        if !waiting.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            waiting.waker = Some(context.waker().clone());
        }
        if let Some(piece) = waiting.pieces.pop_front() {
            waiting.bytes -= piece.len();
            return Poll::Ready(Some(piece));
        }
        if waiting.ended {
            return Poll::Ready(None);
        }
        waiting.asked = true;
        Poll::Pending
    }
}

/// Wakes the connection if it has asked.
fn wake(mut waiting: RefMut<'_, Waiting>) {
    if std::mem::take(&mut waiting.asked)
        && let Some(waker) = waiting.waker.clone()
    {
        drop(waiting);
        waker.wake();
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.0.borrow_mut().gone = true;
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::pace::Patience;
    use super::*;

    fn poll(taking: &Taking) -> Poll<Option<Bytes>> {
        taking.poll_next(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_reader_that_does_not_take_is_cut_off_and_holds_nothing_any_more() {
        let pace = Rc::new(Pace::new(Patience::default()));
        let (giving, taking) = queue(&pace);
        let large = Bytes::from(vec![0; 3 * MOST_BEHIND]);
        giving.give(&large);
        assert!(!giving.is_over() && poll(&taking).is_ready(), "the first may have any size");
        let piece = Bytes::from(vec![0; MOST_BEHIND / 4]);
        for _ in 0..4 {
            giving.give(&piece);
        }
        assert!(!giving.is_over() && !pace.is_over(std::time::Instant::now()));
        giving.give(&piece);
        assert!(giving.is_over() && giving.is_empty() && pace.is_over(std::time::Instant::now()));
        assert_eq!(poll(&taking), Poll::Ready(None));
    }

    #[test]
    fn what_was_given_before_the_end_is_taken_before_it() {
        let pace = Rc::new(Pace::new(Patience::default()));
        let (giving, taking) = queue(&pace);
        assert_eq!(poll(&taking), Poll::Pending);
        giving.give(&Bytes::from_static(b"a"));
        giving.end();
        giving.give(&Bytes::from_static(b"b"));
        assert_eq!(poll(&taking), Poll::Ready(Some(Bytes::from_static(b"a"))));
        assert_eq!(poll(&taking), Poll::Ready(None));
        let (giving, taking) = queue(&pace);
        drop(taking);
        assert!(giving.is_over());
    }
}
