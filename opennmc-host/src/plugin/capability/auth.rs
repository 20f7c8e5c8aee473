//! The `auth` interface: who is at the other end of a plugin's connections.
//!
//! Invariant: a plugin never holds a principal, only a number for one, and only while the connection lives at which it
//! logged in. Who the peer is, for the lock-out and the audit, is the socket's word and not the plugin's. The checks are
//! made on the users' own thread.

use std::collections::HashMap;
use std::sync::Arc;

use calloop::channel::Sender;
use wasmtime::component::{HasSelf, Linker};

use crate::plugin::bindings::wit::{auth, types::Error};
use crate::plugin::instance::InstanceState;
use crate::plugin::services::Outcome;
use crate::users::{AuthError, Check, Origin, Principal, Scope, Secret, UserBase};

/// Checks of one plugin that are under way: a rack's worth of machines that come back at the same time.
const CHECKS: u32 = 128;
/// Principals beyond one for each connection: somebody logs in again on the same one.
const SPARE_PRINCIPALS: usize = 16;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    auth::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// The people that have logged in with one instance.
pub(in crate::plugin) struct State {
    plugin: Arc<str>,
    users: Option<Arc<UserBase>>,
    outcomes: Sender<Outcome>,
    waiting: u32,
    last: u64,
    most: usize,
    principals: HashMap<u64, LoggedIn>,
}

struct LoggedIn {
    bond: Bond,
    principal: Principal,
}

/// What a principal ends with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bond {
    Connection(u64),
    /// For one of the plugin's pages. There are only so many under way.
    Request(u64),
}

impl State {
    pub(in crate::plugin) fn new(
        plugin: Arc<str>,
        connections: u32,
        users: Option<Arc<UserBase>>,
        outcomes: Sender<Outcome>,
    ) -> Self {
        let most = connections as usize + SPARE_PRINCIPALS;
        Self { plugin, users, outcomes, waiting: 0, last: 0, most, principals: HashMap::new() }
    }

    /// A check has ended; gives what the guest is to hear of it, if the connection lives.
    pub(in crate::plugin) fn checked(
        &mut self,
        connection: u64,
        result: Result<Principal, AuthError>,
        lives: bool,
    ) -> Option<Result<u64, Error>> {
        self.waiting = self.waiting.saturating_sub(1);
        if !lives {
            return None;
        }
        Some(match result {
            Ok(_) if self.at_connections() >= self.most => {
                Err(Error::Limit(format!("{} people are logged in, which is the most", self.most)))
            }
            Ok(principal) => Ok(self.admit(Bond::Connection(connection), principal)),
            Err(error @ (AuthError::Refused | AuthError::LockedOut { .. })) => {
                Err(Error::Denied(error.to_string()))
            }
            Err(error) => Err(Error::Unavailable(error.to_string())),
        })
    }

    /// Nobody is at this connection any more.
    pub(in crate::plugin) fn connection_ended(&mut self, connection: u64) {
        self.principals.retain(|_, logged_in| logged_in.bond != Bond::Connection(connection));
    }

    /// Somebody who has logged in with the host asks for one of the plugin's pages.
    pub(in crate::plugin) fn came_with(&mut self, request: u64, principal: Principal) -> u64 {
        self.admit(Bond::Request(request), principal)
    }

    /// The request is over.
    pub(in crate::plugin) fn request_ended(&mut self, request: u64) {
        self.principals.retain(|_, logged_in| logged_in.bond != Bond::Request(request));
    }

    fn admit(&mut self, bond: Bond, principal: Principal) -> u64 {
        self.last += 1;
        self.principals.insert(self.last, LoggedIn { bond, principal });
        self.last
    }

    fn at_connections(&self) -> usize {
        self.principals.values().filter(|logged_in| matches!(logged_in.bond, Bond::Connection(_))).count()
    }

    /// Where this person has logged in, if it was at a connection.
    pub(in crate::plugin) fn connection_of(&self, number: u64) -> Option<u64> {
        match self.principals.get(&number)?.bond {
            Bond::Connection(connection) => Some(connection),
            Bond::Request(_) => None,
        }
    }

    /// Who this number stands for, with the rights that are left of it now.
    pub(in crate::plugin) fn principal(&self, number: u64) -> Result<Principal, Error> {
        let logged_in = self.principals.get(&number).ok_or(Error::NotFound)?;
        let renewed = self.users.as_ref().and_then(|users| users.renew(&logged_in.principal));
        renewed
            .ok_or_else(|| Error::Denied(format!("there is no user `{}` any more", logged_in.principal.name)))
    }
}

impl InstanceState {
    fn check(&mut self, connection: u64, check: Check) -> Result<u64, Error> {
        let peer = self.connections.peer(connection).ok_or(Error::NotFound)?;
        let state = &mut self.auth;
        let users =
            state.users.as_ref().ok_or_else(|| Error::Unavailable("this host has no users".to_owned()))?;
        if state.waiting >= CHECKS {
            return Err(Error::Limit(format!("{CHECKS} log-ins are being checked, which is the most")));
        }
        let ticket = state.last + 1;
        let outcomes = state.outcomes.clone();
        let reply = move |result| {
            // The plugin may have ended; then nobody waits.
            let _ = outcomes.send(Outcome::Checked { ticket, connection, result });
        };
        let origin = Origin::Network { service: state.plugin.to_string(), peer };
        users.check_later(check, origin, Box::new(reply)).map_err(|error| match error {
            AuthError::Busy => Error::Busy,
            error => Error::Unavailable(error.to_string()),
        })?;
        state.last = ticket;
        state.waiting += 1;
        self.connections.hold(connection);
        Ok(ticket)
    }
}

impl auth::Host for InstanceState {
    fn check_password(&mut self, connection: u64, name: String, password: String) -> Result<u64, Error> {
        self.check(connection, Check::Password { name, password: Secret::from(password) })
    }

    fn check_token(&mut self, connection: u64, token: String) -> Result<u64, Error> {
        self.check(connection, Check::Token(Secret::from(token)))
    }

    fn may(&mut self, principal: u64, right: String) -> Result<bool, Error> {
        let right: Scope = right.parse().map_err(|_| Error::Invalid(format!("`{right}` is no right")))?;
        Ok(self.auth.principal(principal)?.may(&right.right()))
    }

    fn release(&mut self, principal: u64) {
        self.auth.principals.remove(&principal);
    }
}
