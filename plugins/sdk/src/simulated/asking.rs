//! Notices, the history and the administration of the simulated host: recorded, and answered by the test.

use core::cell::RefCell;

use super::SimulatedHost;
use crate::{Admin, Delivery, Error, EventQuery, History, Notice, Notify, Principal, SampleQuery};

/// Bytes of a notice.
const LONGEST_TITLE: usize = 200;
const LONGEST_BODY: usize = 4 << 10;

#[derive(Debug, Default)]
pub(super) struct Asking {
    notices: RefCell<Vec<(u64, Notice)>>,
    delivered: RefCell<Vec<Delivered>>,
    events: RefCell<Vec<(u64, EventQuery)>>,
    samples: RefCell<Vec<(u64, SampleQuery)>>,
    admin: RefCell<Vec<(u64, Principal, String)>>,
}

/// How the plugin said that a notice ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// The peer has the notice with this number.
    Yes(u64),
    /// It has not.
    No {
        /// The notice.
        notice: u64,
        /// Why.
        reason: String,
        /// Whether trying later makes sense.
        again: bool,
    },
}

impl SimulatedHost {
    /// The notices that the plugin sent, with their tickets.
    pub fn notices(&self) -> Vec<(u64, Notice)> {
        self.asking.notices.borrow().clone()
    }

    /// How the plugin's deliveries ended, in order.
    pub fn deliveries(&self) -> Vec<Delivered> {
        self.asking.delivered.borrow().clone()
    }

    /// The questions for past events that were not taken yet, with their tickets.
    pub fn event_queries(&self) -> Vec<(u64, EventQuery)> {
        self.asking.events.borrow().clone()
    }

    /// The questions for samples that were not taken yet, with their tickets.
    pub fn sample_queries(&self) -> Vec<(u64, SampleQuery)> {
        self.asking.samples.borrow().clone()
    }

    /// Takes the oldest question for past events that was not taken yet: what to answer with `on_past_events`.
    pub fn next_event_query(&self) -> Option<(u64, EventQuery)> {
        let mut events = self.asking.events.borrow_mut();
        if events.is_empty() { None } else { Some(events.remove(0)) }
    }

    /// Takes the oldest question for samples that was not taken yet: what to answer with `on_past_samples`.
    pub fn next_sample_query(&self) -> Option<(u64, SampleQuery)> {
        let mut samples = self.asking.samples.borrow_mut();
        if samples.is_empty() { None } else { Some(samples.remove(0)) }
    }

    /// The requests for administration: ticket, in whose name, and the request.
    pub fn admin_requests(&self) -> Vec<(u64, Principal, String)> {
        self.asking.admin.borrow().clone()
    }
}

impl Notify for SimulatedHost {
    fn notify(&self, notice: &Notice) -> Result<u64, Error> {
        let title = &notice.title;
        if title.trim().is_empty() || title.len() > LONGEST_TITLE || title.chars().any(char::is_control) {
            return Err(Error::Invalid(format!("a title is one line of 1 to {LONGEST_TITLE} bytes")));
        }
        if notice.body.len() > LONGEST_BODY {
            return Err(Error::Invalid(format!("the longest body has {LONGEST_BODY} bytes")));
        }
        self.say()?;
        let ticket = self.ticket();
        self.asking.notices.borrow_mut().push((ticket, notice.clone()));
        Ok(ticket)
    }
}

impl Delivery for SimulatedHost {
    fn delivered(&self, notice: u64) -> Result<(), Error> {
        self.asking.end(notice, Delivered::Yes(notice))
    }

    fn not_delivered(&self, notice: u64, reason: &str, again: bool) -> Result<(), Error> {
        self.asking.end(notice, Delivered::No { notice, reason: reason.to_owned(), again })
    }
}

impl Asking {
    /// A second end of the same notice finds it gone, as with the real host.
    fn end(&self, notice: u64, how: Delivered) -> Result<(), Error> {
        let mut delivered = self.delivered.borrow_mut();
        let ended = |known: &Delivered| match known {
            Delivered::Yes(known) | Delivered::No { notice: known, again: false, .. } => *known == notice,
            Delivered::No { .. } => false,
        };
        if delivered.iter().any(ended) {
            return Err(Error::NotFound);
        }
        delivered.push(how);
        Ok(())
    }
}

impl History for SimulatedHost {
    fn past_events(&self, query: &EventQuery) -> Result<u64, Error> {
        let ticket = self.ticket();
        self.asking.events.borrow_mut().push((ticket, query.clone()));
        Ok(ticket)
    }

    fn past_samples(&self, query: &SampleQuery) -> Result<u64, Error> {
        let ticket = self.ticket();
        self.asking.samples.borrow_mut().push((ticket, query.clone()));
        Ok(ticket)
    }
}

impl Admin for SimulatedHost {
    fn ask_admin(&self, principal: Principal, request: &str) -> Result<u64, Error> {
        let ticket = self.ticket();
        self.asking.admin.borrow_mut().push((ticket, principal, request.to_owned()));
        Ok(ticket)
    }
}
