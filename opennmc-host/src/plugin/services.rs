//! What plugins reach of the host beyond its state: the users, the door to the UPSes, what they keep, each other.
//!
//! Whatever answers later does so on other threads; outcomes come back to the plugin's own loop as [`Outcome`]s.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::messages::{Delivery, Messages};
use super::outbound::{Reply, Route};
use super::past::{self, Past};
use super::store::PluginStore;
use super::thread::connections::Found;
use crate::door::{OrderRequest, OrderResult};
use crate::host::Progressing;
use crate::http::Mounts;
use crate::users::{AuthError, Principal, UserBase};

/// Takes an order and tells how it goes. Must not block.
pub type Orders = Arc<dyn Fn(OrderRequest, Progressing) + Send + Sync>;

/// Takes a request for administration, and tells what came of it on a thread of the host: the answer as JSON, or the
/// refusal as `CODE: sentence`. False: too many are under way, and nothing is told. Must not block.
pub type Administration = Arc<dyn Fn(AdminRequest, AdminReply) -> bool + Send + Sync>;
/// Hears what came of a request for administration. Must not block.
pub type AdminReply = Box<dyn FnOnce(Result<String, String>) + Send>;

/// One request for administration.
pub struct AdminRequest {
    /// In whose name.
    pub principal: Principal,
    /// One request of the control protocol as JSON, without `v` and `id`. It may hold passwords.
    pub request: String,
    /// Whether it may be an order to a UPS.
    pub orders: bool,
    /// The longest answer.
    pub answer_bytes: usize,
}

/// What plugins reach of the host beyond its state.
#[derive(Clone)]
pub struct Services {
    /// Whoever logs in.
    pub users: Arc<UserBase>,
    /// The door.
    pub orders: Orders,
    /// What plugins keep; without it they keep nothing.
    pub store: Option<PluginStore>,
    /// The way to the other plugins and to people; without it nobody hears them.
    pub messages: Option<Messages>,
    /// What was; without it nobody knows.
    pub past: Option<Past>,
    /// The daemon's administration; without it there is none.
    pub administration: Option<Administration>,
    /// Where web pages are mounted; without it nobody sees them.
    pub mounts: Option<Mounts>,
}

impl Services {
    /// Users and orders, and nothing else.
    pub fn new(users: Arc<UserBase>, orders: Orders) -> Services {
        Services {
            users,
            orders,
            store: None,
            messages: None,
            past: None,
            administration: None,
            mounts: None,
        }
    }
}

/// The request may hold passwords, which are never shown.
impl fmt::Debug for AdminRequest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AdminRequest").field("principal", &self.principal).finish_non_exhaustive()
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Services").field("users", &self.users).finish_non_exhaustive()
    }
}

/// How something ended that a plugin has a ticket for.
pub(super) enum Outcome {
    /// A log-in at a connection.
    Checked { ticket: u64, connection: u64, result: Result<Principal, AuthError> },
    /// An order.
    Ended { ticket: u64, result: OrderResult },
    /// The name that datagrams go to.
    Located { route: Route, addresses: Result<Vec<IpAddr>, String> },
    /// An HTTP request.
    Fetched { ticket: u64, result: Result<Reply, String> },
    /// The name that a connection goes to.
    LookedUp { connection: u64, found: Result<Found, String> },
    /// A question to the history.
    Past { ticket: u64, answer: past::Answer },
    /// A request for administration.
    Administered { ticket: u64, answer: Result<String, String> },
    /// Requests for its pages wait, or who asked has gone.
    Asked,
    /// Something to deliver; it has no ticket of the plugin's, but of the host's.
    Deliver(Delivery),
}
