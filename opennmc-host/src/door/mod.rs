//! The one door through which commands and settings reach a UPS.
//!
//! Whoever asks (command line, NUT, web, script, the host's own rules) hands in an [`OrderRequest`] with a principal. The
//! door checks the right, gives the order a number, hands it to the UPS's link, and tells how it ended; every order is
//! audited, the refused ones too.
//!
//! The door is pure: it is told the time, and the link that an order goes to is a function that it is handed. Its
//! invariant: **every order that is handed in ends exactly once**, whatever becomes of the line.

mod check;
pub mod order;
mod queue;
mod told;

use std::collections::BTreeMap;

use apcsmart::Time;

pub use order::{Order, OrderId, OrderRequest, OrderResult, Progress};

use self::queue::Queue;
use crate::host::Progressing;
use crate::link::LinkId;
use crate::state::Device;

/// Why a link did not begin an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotBegun {
    /// Another order has the line: try again when that has ended.
    Busy,
    /// It ended with this before anything was sent.
    Ended(OrderResult),
}

impl From<OrderResult> for NotBegun {
    fn from(result: OrderResult) -> NotBegun {
        NotBegun::Ended(result)
    }
}

/// Orders that have not ended, and what became of those that have.
#[derive(Default)]
pub(crate) struct Door {
    last: u64,
    open: BTreeMap<OrderId, Open>,
    /// Only of UPSes that have orders.
    queues: BTreeMap<LinkId, Queue>,
    ended: Vec<(Ended, Progressing)>,
}

struct Open {
    request: OrderRequest,
    progress: Progressing,
    begun: bool,
}

/// An order that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) id: OrderId,
    pub(crate) request: OrderRequest,
    pub(crate) result: OrderResult,
    /// Whether the UPS was asked.
    pub(crate) begun: bool,
}

impl Door {
    /// Takes an order for `target`, the UPS of its name with what is known of it. What can be refused at once is.
    ///
    /// Call [`Door::begin_next`] for the links in [`Door::links_with_orders`] afterwards.
    pub(crate) fn hand_in(
        &mut self,
        now: Time,
        request: OrderRequest,
        progress: Progressing,
        target: Option<(LinkId, &Device)>,
    ) {
        self.last += 1;
        let id = OrderId(self.last);
        let checked = check::check(&request, target.map(|(_, device)| device));
        let urgent = is_urgent(&request.order);
        self.open.insert(id, Open { request, progress, begun: false });
        let queued = match (checked, target) {
            (Err(result), _) => Err(result),
            (Ok(()), Some((link, _))) => self.queues.entry(link).or_default().push(now, id, urgent),
            // The check has refused a UPS that does not exist.
            (Ok(()), None) => Err(OrderResult::Stale),
        };
        if let Err(result) = queued {
            self.end(id, result);
        }
    }

    /// The links that have orders, begun or not.
    pub(crate) fn links_with_orders(&self) -> Vec<LinkId> {
        self.queues.keys().copied().collect()
    }

    /// Offers the orders that wait for `link` to it, one after the other, until it is busy. `begin` gives the driver's
    /// number for an order that it has begun.
    pub(crate) fn begin_next(
        &mut self,
        now: Time,
        link: LinkId,
        mut begin: impl FnMut(&OrderRequest) -> Result<u64, NotBegun>,
    ) {
        while let Some(queue) = self.queues.get_mut(&link)
            && let Some(id) = queue.first()
        {
            let Some(open) = self.open.get_mut(&id) else {
                queue.forget(id);
                continue;
            };
            match begin(&open.request) {
                Ok(ticket) => {
                    queue.begun(now, id, ticket);
                    open.begun = true;
                    (open.progress)(Progress::Begun(id));
                }
                Err(NotBegun::Busy) => return,
                Err(NotBegun::Ended(result)) => {
                    queue.forget(id);
                    // Some drivers do things at once.
                    open.begun = result.is_success()
                        || matches!(result, OrderResult::NoEffect | OrderResult::TimedOut);
                    self.end(id, result);
                }
            }
        }
        self.forget_if_empty(link);
    }

    /// A link says that an order has ended.
    pub(crate) fn ended(&mut self, link: LinkId, ticket: u64, result: OrderResult) {
        if let Some(id) = self.queues.get_mut(&link).and_then(|queue| queue.ended(ticket)) {
            self.end(id, result);
        }
        self.forget_if_empty(link);
    }

    /// Ends what has waited or run for too long.
    pub(crate) fn handle_timeout(&mut self, now: Time) {
        let expired: Vec<_> = self.queues.values_mut().flat_map(|queue| queue.expire(now)).collect();
        self.end_all(expired);
        self.queues.retain(|_, queue| !queue.is_empty());
    }

    /// When [`Door::handle_timeout`] has something to do.
    pub(crate) fn deadline(&self) -> Time {
        self.queues.values().map(Queue::deadline).min().unwrap_or(Time::NEVER)
    }

    /// A link is gone for good, and with it the UPS's answers.
    pub(crate) fn abandon(&mut self, link: LinkId) {
        if let Some(mut queue) = self.queues.remove(&link) {
            self.end_all(queue.abandon());
        }
    }

    /// The daemon ends.
    pub(crate) fn abandon_all(&mut self) {
        for link in self.links_with_orders() {
            self.abandon(link);
        }
    }

    /// What has ended since this was last asked. Only now whoever gave the orders hears of it: call this when everybody
    /// can see what came of them.
    pub(crate) fn take_ended(&mut self) -> Vec<Ended> {
        let ended = std::mem::take(&mut self.ended).into_iter();
        ended
            .map(|(ended, mut progress)| {
                progress(Progress::Ended(ended.id, ended.result.clone()));
                ended
            })
            .collect()
    }

    fn end_all(&mut self, ended: Vec<(OrderId, OrderResult)>) {
        for (id, result) in ended {
            self.end(id, result);
        }
    }

    fn end(&mut self, id: OrderId, result: OrderResult) {
        if let Some(Open { request, progress, begun }) = self.open.remove(&id) {
            self.ended.push((Ended { id, request, result, begun }, progress));
        }
    }

    fn forget_if_empty(&mut self, link: LinkId) {
        if self.queues.get(&link).is_some_and(Queue::is_empty) {
            self.queues.remove(&link);
        }
    }
}

/// What takes power from the load, or keeps it from being taken.
fn is_urgent(order: &Order) -> bool {
    match order {
        Order::Run { command, .. } => {
            let command = command.to_ascii_lowercase();
            command.starts_with("shutdown.") || command == "load.off"
        }
        Order::ForcedShutdown(_) => true,
        Order::Set { .. } => false,
    }
}

#[cfg(test)]
mod tests;
