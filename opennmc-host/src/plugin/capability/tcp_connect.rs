//! The `tcp-connect` interface: connections that the plugin makes, to the hosts that were granted.
//!
//! Host, port and scheme are checked on every call. The name is looked up on a worker thread, the rest happens on the
//! plugin's own loop; a connection counts from the moment it is asked for.

use std::collections::BTreeSet;

use calloop::channel::Sender;
use wasmtime::component::{HasSelf, Linker};

use crate::plugin::bindings::wit::{tcp_connect, types::Error};
use crate::plugin::instance::InstanceState;
use crate::plugin::outbound::{Full, Lane, Network, Refusal, Route};
use crate::plugin::services::Outcome;
use crate::plugin::thread::budget::Budget;
use crate::plugin::thread::connections::{Found, SecureError};
use crate::plugin::tls::Tls;
use crate::plugin::{Destination, Scheme};

/// Names of one plugin that are looked up at one time. A resolver whose server is silent takes half a minute for each.
pub(in crate::plugin) const LOOKUPS: usize = 4;
/// Look-ups that wait for one of them to end.
pub(in crate::plugin) const LOOKUPS_WAITING: usize = 256;

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    tcp_connect::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// The way out for one instance.
pub(in crate::plugin) struct State {
    granted: BTreeSet<Destination>,
    outbound: Network,
    lookups: Lane,
    budget: Budget,
    outcomes: Sender<Outcome>,
}

impl State {
    pub(in crate::plugin) fn new(
        plugin: &str,
        granted: &BTreeSet<Destination>,
        outbound: Network,
        budget: Budget,
        outcomes: Sender<Outcome>,
    ) -> Self {
        let lookups = outbound.lanes(plugin).lookups;
        Self { granted: granted.clone(), outbound, lookups, budget, outcomes }
    }

    pub(super) fn tls(&self) -> &Tls {
        self.outbound.tls()
    }

    fn look_up(&self, connection: u64, host: String) -> Result<(), Full> {
        let (outbound, outcomes) = (self.outbound.clone(), self.outcomes.clone());
        self.lookups.run(LOOKUPS, LOOKUPS_WAITING, move || {
            let found =
                outbound.look_up(&host).map(|addresses| Found { addresses, client: outbound.tls().client() });
            // The plugin may have ended; then nobody waits.
            let _ = outcomes.send(Outcome::LookedUp { connection, found });
        })
    }
}

impl tcp_connect::Host for InstanceState {
    fn connect(&mut self, host: String, port: u16, security: tcp_connect::Security) -> Result<u64, Error> {
        let secure = security == tcp_connect::Security::Tls;
        let scheme = if secure { Scheme::Tls } else { Scheme::Tcp };
        let route = Route::new(&self.connect.granted, scheme, &host, port).map_err(denied)?;
        if !self.connections.admits_one_more() {
            return Err(Error::Limit("all connections that the plugin may have are in use".to_owned()));
        }
        let place = self.connect.budget.take().ok_or_else(no_place)?;
        let number = self.connections.dial(route, secure, place);
        if let Err(Full(reason)) = self.connect.look_up(number, host) {
            self.connections.forget(number);
            return Err(Error::Limit(format!("too many names are being looked up: {reason}")));
        }
        Ok(number)
    }

    fn start_tls(&mut self, connection: u64) -> Result<(), Error> {
        self.connections.start_tls(connection).map_err(refusal)
    }
}

pub(super) fn denied(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Malformed(problem) => Error::Invalid(problem),
        Refusal::Denied(problem) => Error::Denied(problem),
    }
}

pub(super) fn no_place() -> Error {
    Error::Limit("all sockets that the host has for plugins are in use".to_owned())
}

pub(super) fn refusal(error: SecureError) -> Error {
    match error {
        SecureError::Gone => Error::NotFound,
        SecureError::Invalid(why) => Error::Invalid(why.to_owned()),
        SecureError::Unavailable(why) => Error::Unavailable(why),
    }
}
