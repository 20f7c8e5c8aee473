//! What plugins reach of the host beyond its state: the users, and the door to the UPSes.
//!
//! Both answer later and on other threads; their outcomes come back to the plugin's own loop as [`Outcome`]s.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::outbound::{Reply, Route};
use super::thread::connections::Found;
use crate::door::{OrderRequest, OrderResult};
use crate::host::Progressing;
use crate::users::{AuthError, Principal, UserBase};

/// Takes an order and tells how it goes. Must not block.
pub type Orders = Arc<dyn Fn(OrderRequest, Progressing) + Send + Sync>;

/// What plugins reach of the host beyond its state.
#[derive(Clone)]
pub struct Services {
    /// Whoever logs in.
    pub users: Arc<UserBase>,
    /// The door.
    pub orders: Orders,
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
}
