//! Who may connect: allow-lists by listener, and connections by address.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;
use rustc_hash::FxBuildHasher;

use crate::config::Config;

/// The lists as configured, and who is here.
#[derive(Debug, Default)]
pub struct Admission {
    allowed: BTreeMap<&'static str, Vec<IpNet>>,
    most: usize,
    most_per_address: usize,
    here: usize,
    by_address: HashMap<IpAddr, usize, FxBuildHasher>,
}

impl Admission {
    /// Reads the lists; the error names what is no address.
    pub fn new(config: &Config) -> Result<Self, String> {
        let mut allowed = BTreeMap::new();
        for (listener, networks) in [("nut", &config.allow.nut), ("guests", &config.allow.guests)] {
            if networks.is_empty() {
                continue;
            }
            let networks: Result<Vec<IpNet>, String> = networks
                .iter()
                .map(|text| network(text).map_err(|why| format!("allow.{listener}: {why}")))
                .collect();
            allowed.insert(listener, networks?);
        }
        Ok(Admission {
            allowed,
            most: config.max_connections,
            most_per_address: config.max_connections_per_address,
            ..Admission::default()
        })
    }

    /// Lets somebody in, or says why not.
    pub fn enter(&mut self, listener: &str, peer: &str) -> Result<(), String> {
        if self.here >= self.most {
            return Err(format!("all {} connections are in use", self.most));
        }
        let address = address_of(peer);
        if let Some(networks) = self.allowed.get(listener)
            && !address.is_some_and(|address| networks.iter().any(|network| network.contains(&address)))
        {
            return Err(format!("the listener {listener} does not allow this address"));
        }
        if let Some(address) = address {
            let count = self.by_address.entry(address).or_insert(0);
            if self.most_per_address > 0 && *count >= self.most_per_address {
                return Err(format!("{count} connections of this address are in use, which is the most"));
            }
            *count += 1;
        }
        self.here += 1;
        Ok(())
    }

    /// Somebody who was let in has gone.
    pub fn leave(&mut self, peer: &str) {
        self.here = self.here.saturating_sub(1);
        let Some(address) = address_of(peer) else { return };
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

/// `192.0.2.1:4711` or `[2001:db8::1]:4711`. An IPv4 client of an IPv6 socket is an IPv4 client.
pub fn address_of(peer: &str) -> Option<IpAddr> {
    let address = peer.rsplit_once(':').map_or(peer, |(address, _)| address);
    let address = address.trim_start_matches('[').trim_end_matches(']');
    // A zone says on which of our own interfaces; lists do not name it.
    let address = address.split_once('%').map_or(address, |(address, _)| address);
    address.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// `192.0.2.1` or `192.0.2.0/24`
fn network(text: &str) -> Result<IpNet, String> {
    let single = || text.parse::<IpAddr>().ok().map(IpNet::from);
    let network: Option<IpNet> = text.parse().ok().or_else(single);
    network.ok_or_else(|| {
        format!("`{text}` is neither an address nor a network; write for example \"192.0.2.0/24\"")
    })
}
