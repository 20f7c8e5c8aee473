//! What plugins ask of the network that can't be done on their own loops: looking names up, and HTTP.
//!
//! Both block, so they are done on worker threads. Invariant: the threads of one plugin are bounded, and count for its id
//! and not for its instance, so that neither a slow peer nor a restart lets one plugin hold up another or pile up threads.
//! What was checked is what is connected to: nobody looks a name up again behind a [`Route`].

mod fetch;
mod lane;
mod route;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) use self::fetch::{Cancel, Reply, Request, fetch, may_set, route as route_of, takes_body};
pub(super) use self::lane::{Full, Lane};
pub(super) use self::route::{Refusal, Route};
use super::tls::Tls;

/// Looks a name up. May block for as long as the system's resolver does.
pub type Lookup = Arc<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync>;

/// The way out for all plugins of one host.
#[derive(Clone)]
pub struct Network {
    lookup: Lookup,
    tls: Tls,
    lanes: Arc<Mutex<HashMap<String, Lanes>>>,
    #[cfg(feature = "author")]
    rehearsed: Option<RehearsedWeb>,
}

/// Takes a request and answers it later, in the place of the network. Must not block.
#[cfg(feature = "author")]
pub(super) type RehearsedWeb = Arc<dyn Fn(Request, Answering) + Send + Sync>;
/// Called with the answer.
#[cfg(feature = "author")]
pub(super) type Answering = Box<dyn FnOnce(Result<Reply, String>) + Send>;

/// The workers of one plugin.
#[derive(Clone, Default)]
pub(super) struct Lanes {
    /// For names.
    pub(super) lookups: Lane,
    /// For HTTP requests.
    pub(super) fetches: Lane,
}

impl Network {
    /// With the system's resolver.
    pub fn new(tls: Tls) -> Self {
        Self {
            lookup: Arc::new(system_lookup),
            tls,
            lanes: Arc::default(),
            #[cfg(feature = "author")]
            rehearsed: None,
        }
    }

    /// One whose requests leave nothing and are answered by hand.
    #[cfg(feature = "author")]
    pub(in crate::plugin) fn rehearsed(web: RehearsedWeb) -> Self {
        Self { rehearsed: Some(web), ..Self::default() }
    }

    /// Who answers in the place of the network, if anybody does.
    #[cfg(feature = "author")]
    pub(super) fn web(&self) -> Option<&RehearsedWeb> {
        self.rehearsed.as_ref()
    }

    /// With another resolver, for hosts that have their own names.
    pub fn with_lookup(mut self, lookup: Lookup) -> Self {
        self.lookup = lookup;
        self
    }

    /// The certificates.
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// The addresses of a host; blocks, unless it is written as an address.
    pub(super) fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        if let Some(address) = numeric(host) {
            return Ok(vec![address]);
        }
        match (self.lookup)(host) {
            Ok(addresses) if addresses.is_empty() => Err(format!("`{host}` has no address")),
            Ok(addresses) => Ok(addresses),
            Err(error) => Err(format!("can't look `{host}` up: {error}")),
        }
    }

    /// The workers of a plugin; those of an earlier instance are the same.
    pub(super) fn lanes(&self, plugin: &str) -> Lanes {
        // A map of whole entries is whole whatever the thread that panicked was doing.
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.entry(plugin.to_owned()).or_default().clone()
    }
}

/// The address that stands where a name could.
fn numeric(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

impl Default for Network {
    fn default() -> Self {
        Self::new(Tls::default())
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Network").field("tls", &self.tls).finish_non_exhaustive()
    }
}

fn system_lookup(host: &str) -> io::Result<Vec<IpAddr>> {
    // The port is of no concern here.
    Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}
