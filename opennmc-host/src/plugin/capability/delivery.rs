//! The `delivery` interface: how a notifier fared with what it was given.
//!
//! A notifier can speak of its own open deliveries only, and of each once.

use std::collections::HashSet;

use wasmtime::component::{HasSelf, Linker};

use crate::plugin::bindings::wit::{delivery, types::Error};
use crate::plugin::instance::{InstanceState, first_line};
use crate::plugin::messages::Said;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    delivery::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// What one instance was given to deliver, and has said nothing of.
#[derive(Default)]
pub(in crate::plugin) struct State {
    open: HashSet<u64>,
    /// In the order of their coming.
    oldest: std::collections::VecDeque<u64>,
}

/// What a notifier forgets to answer is forgotten as well: the host gave it up long before.
const MOST_OPEN: usize = 256;

impl State {
    /// It is about to be given this.
    pub(in crate::plugin) fn given(&mut self, number: u64) {
        self.open.insert(number);
        self.oldest.push_back(number);
        if self.oldest.len() > MOST_OPEN
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.open.remove(&oldest);
        }
    }

    fn close(&mut self, number: u64) -> Result<(), Error> {
        if self.open.remove(&number) { Ok(()) } else { Err(Error::NotFound) }
    }
}

impl delivery::Host for InstanceState {
    fn delivered(&mut self, notice: u64) -> Result<(), Error> {
        self.delivery.close(notice)?;
        self.speech.report(Said::Delivered { number: notice })
    }

    fn failed(&mut self, notice: u64, reason: String, again: bool) -> Result<(), Error> {
        self.delivery.close(notice)?;
        self.speech.report(Said::NotDelivered { number: notice, reason: first_line(&reason), again })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_delivery_is_closed_once() {
        let mut state = State::default();
        state.given(7);
        assert!(state.close(8).is_err() && state.close(7).is_ok() && state.close(7).is_err());
    }

    #[test]
    fn what_is_never_answered_is_forgotten() {
        let mut state = State::default();
        (0..1_000).for_each(|number| state.given(number));
        assert!(state.open.len() == MOST_OPEN && state.oldest.len() == MOST_OPEN);
        assert!(state.close(0).is_err() && state.close(999).is_ok());
    }
}
