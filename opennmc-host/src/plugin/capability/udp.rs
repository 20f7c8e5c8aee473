//! The `udp` interface: datagrams on the granted sockets, and to the granted hosts.

use std::collections::BTreeSet;

use calloop::channel::Sender;
use wasmtime::component::{HasSelf, Linker};

use super::tcp_connect::{LOOKUPS, LOOKUPS_WAITING, denied};
use crate::plugin::bindings::wit::{types::Error, udp};
use crate::plugin::instance::InstanceState;
use crate::plugin::outbound::{Full, Lane, Network, Route};
use crate::plugin::services::Outcome;
use crate::plugin::thread::budget::Budget;
use crate::plugin::thread::datagrams::{SendError, Sending};
use crate::plugin::{Destination, Scheme};

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    udp::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// Where one instance may send to.
pub(in crate::plugin) struct State {
    granted: BTreeSet<Destination>,
    network: Network,
    lookups: Lane,
    pub(in crate::plugin) budget: Budget,
    outcomes: Sender<Outcome>,
}

impl State {
    pub(in crate::plugin) fn new(
        plugin: &str,
        granted: &BTreeSet<Destination>,
        network: Network,
        budget: Budget,
        outcomes: Sender<Outcome>,
    ) -> Self {
        let lookups = network.lanes(plugin).lookups;
        Self { granted: granted.clone(), network, lookups, budget, outcomes }
    }

    fn look_up(&self, route: Route) -> Result<(), Full> {
        let (network, outcomes) = (self.network.clone(), self.outcomes.clone());
        self.lookups.run(LOOKUPS, LOOKUPS_WAITING, move || {
            let addresses = network.look_up(&route.host);
            // The plugin may have ended; then nobody waits.
            let _ = outcomes.send(Outcome::Located { route, addresses });
        })
    }
}

impl udp::Host for InstanceState {
    fn send(&mut self, host: String, port: u16, bytes: Vec<u8>) -> Result<(), Error> {
        let route = Route::new(&self.udp.granted, Scheme::Udp, &host, port).map_err(denied)?;
        match self.datagrams.send(&route, bytes, &self.udp.budget).map_err(refused)? {
            Sending::Done => Ok(()),
            Sending::LookUp => {
                let waiting = route.clone();
                self.udp.look_up(route).map_err(|Full(reason)| {
                    self.datagrams.give_up(&waiting);
                    Error::Limit(format!("too many names are being looked up: {reason}"))
                })
            }
        }
    }

    fn reply(&mut self, socket: String, peer: String, bytes: Vec<u8>) -> Result<(), Error> {
        self.datagrams.reply(&socket, &peer, &bytes).map_err(refused)
    }
}

fn refused(error: SendError) -> Error {
    match error {
        SendError::NotFound => Error::NotFound,
        SendError::Invalid(why) => Error::Invalid(why),
        SendError::Limit(why) => Error::Limit(why),
        SendError::Unavailable(why) => Error::Unavailable(why),
    }
}
