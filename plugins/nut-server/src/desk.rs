//! What all clients share: the copy of the host's state, who is logged in, and what the host is being asked for whom.
//!
//! A check or an order is asked of the host with a ticket and answered later. Until then the client that asked waits,
//! and only it.

use std::collections::BTreeMap;

use crate::admission::Admission;
use crate::logins::Logins;
use crate::mirror::Mirror;
use crate::subscribers::Subscribers;
use crate::tracking::Tracking;

/// What all clients share.
#[derive(Debug, Default)]
pub struct Desk {
    /// The host's state.
    pub mirror: Mirror,
    /// Who is logged in.
    pub logins: Logins,
    /// Whether who has not logged in may read.
    pub anonymous_read: bool,
    /// Who may connect.
    pub admission: Admission,
    /// Who wants to be told of what happens.
    pub subscribers: Subscribers,
    /// What can be asked after.
    pub tracking: Tracking,
    /// Connections by the ticket of their password's check.
    pub checks: BTreeMap<u64, u64>,
    /// Orders that have not ended, by ticket.
    pub orders: BTreeMap<u64, Order>,
    /// What a timer is for.
    pub timers: BTreeMap<u64, Alarm>,
}

/// An order under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// What kind of order.
    pub kind: OrderKind,
    /// Who waits for its end; none: it was answered already.
    pub connection: Option<u64>,
    /// Ends the wait.
    pub timer: Option<u64>,
}

/// What was ordered, as far as the answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the protocol's words")]
pub enum OrderKind {
    InstCmd,
    SetVar,
    ForcedShutdown,
}

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// The client of this order has waited long enough.
    AnswerOrder(u64),
    /// The log-in of this connection could not be checked; now it may be.
    Retry(u64),
}
