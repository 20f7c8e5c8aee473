//! The `http-answers` interface: answers to requests for the plugin's pages that `handle` left open.
//!
//! Invariant: an open request is one that somebody waits for. Who waits no longer is forgotten, with the principal.

use std::collections::HashMap;

use wasmtime::component::{HasSelf, Linker};

use crate::http::{Answered, Giver, check};
use crate::plugin::bindings::wit::http_answers;
use crate::plugin::bindings::wit::types::{Error, Response};
use crate::plugin::instance::InstanceState;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    http_answers::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// The requests of one instance that are not answered.
#[derive(Default)]
pub(in crate::plugin) struct State {
    open: HashMap<u64, Giver<Answered>>,
    last: u64,
}

impl State {
    /// A number for one more.
    pub(in crate::plugin) fn begin(&mut self, answer: Giver<Answered>) -> u64 {
        self.last += 1;
        self.open.insert(self.last, answer);
        self.last
    }

    /// Whether anybody waits for an answer.
    pub(in crate::plugin) fn has_open(&self) -> bool {
        self.open.values().any(Giver::is_waited_for)
    }
}

impl InstanceState {
    /// Answers a request, and ends what came with it.
    pub(in crate::plugin) fn answer(&mut self, request: u64, response: Response) -> Result<(), Error> {
        if !self.pages.open.get(&request).is_some_and(Giver::is_waited_for) {
            self.end_request(request);
            return Err(Error::NotFound);
        }
        let Response { status, headers, body } = response;
        if let Some(problem) = check(status, &headers, &body) {
            return Err(Error::Invalid(problem));
        }
        let given =
            self.end_request(request).is_some_and(|answer| answer.give(Answered { status, headers, body }));
        if given { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Forgets a request and who asked.
    pub(in crate::plugin) fn end_request(&mut self, request: u64) -> Option<Giver<Answered>> {
        self.auth.request_ended(request);
        self.pages.open.remove(&request)
    }

    /// Forgets the requests that nobody waits for any more.
    pub(in crate::plugin) fn end_left_requests(&mut self) {
        let is_left =
            |(number, answer): (&u64, &Giver<Answered>)| (!answer.is_waited_for()).then_some(*number);
        let left: Vec<u64> = self.pages.open.iter().filter_map(is_left).collect();
        for request in left {
            self.end_request(request);
        }
    }
}

impl http_answers::Host for InstanceState {
    fn respond(&mut self, request: u64, response: Response) -> Result<(), Error> {
        self.answer(request, response)
    }
}
