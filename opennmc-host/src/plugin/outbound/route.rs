//! One way to one host that a plugin asked for: which grants cover it, and so which of the host's addresses may be reached.
//!
//! A route is made anew for every call of a guest. The addresses that leave it are the only ones that anybody connects to.

use std::net::{IpAddr, SocketAddr};

use crate::plugin::{Destination, Scheme};

/// The longest name that DNS has.
const HOST_LENGTH: usize = 253;

/// A host and a port that are granted.
#[derive(Debug, Clone)]
pub(in crate::plugin) struct Route {
    pub(in crate::plugin) host: String,
    pub(in crate::plugin) port: u16,
    /// Those that cover it; never empty.
    granted: Vec<Destination>,
}

/// Why there is no route.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::plugin) enum Refusal {
    /// The host is no host.
    Malformed(String),
    /// It is not granted.
    Denied(String),
}

impl Route {
    pub(in crate::plugin) fn new<'d>(
        granted: impl IntoIterator<Item = &'d Destination>,
        scheme: Scheme,
        host: &str,
        port: u16,
    ) -> Result<Self, Refusal> {
        let is_host = !host.is_empty()
            && host.len() <= HOST_LENGTH
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:[]".contains(&b));
        if !is_host || port == 0 {
            let host: String = host.escape_default().take(HOST_LENGTH).collect();
            return Err(Refusal::Malformed(format!("`{host}` port {port} is no host with a port")));
        }
        let covering = granted.into_iter().filter(|destination| destination.covers(scheme, host, port));
        let granted: Vec<Destination> = covering.cloned().collect();
        if granted.is_empty() {
            let scheme = scheme.name();
            return Err(Refusal::Denied(format!("{scheme}://{host}:{port} is not granted under `connect`")));
        }
        Ok(Self { host: host.to_owned(), port, granted })
    }

    /// Those of the host's addresses that may be reached, or why there is none.
    pub(in crate::plugin) fn reachable(&self, addresses: &[IpAddr]) -> Result<Vec<SocketAddr>, String> {
        let reached = |address: &&IpAddr| self.granted.iter().any(|granted| granted.reaches(**address));
        let reachable: Vec<SocketAddr> =
            addresses.iter().filter(reached).map(|address| SocketAddr::new(*address, self.port)).collect();
        match addresses {
            [] => Err(format!("`{}` has no address", self.host)),
            [first, ..] if reachable.is_empty() => Err(format!(
                "`{}` is {first}, which its grant does not reach: this machine, its link and, for wildcards, its own network need \
                 `localhost` or the address itself under `connect`",
                self.host
            )),
            _ => Ok(reachable),
        }
    }

    /// Host and port, for people.
    pub(in crate::plugin) fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(granted: &[&str], host: &str, port: u16) -> Result<Route, Refusal> {
        let granted: Vec<Destination> =
            granted.iter().map(|text| Destination::try_from((*text).to_owned()).unwrap()).collect();
        Route::new(&granted, Scheme::Tcp, host, port)
    }

    #[test]
    fn only_addresses_that_a_covering_grant_reaches_are_left() {
        let addresses: Vec<IpAddr> =
            ["127.0.0.1", "10.0.0.1", "93.184.216.34"].iter().map(|text| text.parse().unwrap()).collect();
        let left = |granted: &[&str]| {
            let left = route(granted, "mail.lan", 25).unwrap().reachable(&addresses).unwrap();
            left.iter().map(SocketAddr::to_string).collect::<Vec<_>>()
        };
        assert_eq!(left(&["tcp://*:25"]), ["93.184.216.34:25"]);
        assert_eq!(left(&["tcp://*:25", "tcp://mail.lan:25"]), ["10.0.0.1:25", "93.184.216.34:25"]);
        assert_eq!(left(&["tcp://*:25", "tcp://localhost:25"]), ["93.184.216.34:25"]);
        let here = route(&["tcp://mail.lan:25"], "mail.lan", 25).unwrap().reachable(&addresses[..1]);
        assert!(here.unwrap_err().contains("127.0.0.1"));
    }

    #[test]
    fn what_is_no_host_is_told_apart_from_what_is_not_granted() {
        assert!(matches!(route(&["tcp://*:25"], "a b", 25), Err(Refusal::Malformed(_))));
        assert!(matches!(route(&["tcp://*:25"], "a\0", 25), Err(Refusal::Malformed(_))));
        assert!(matches!(route(&["tcp://*:25"], "", 25), Err(Refusal::Malformed(_))));
        assert!(matches!(route(&["tcp://*:*"], "a", 0), Err(Refusal::Malformed(_))));
        assert!(matches!(route(&["tcp://a:25"], "b", 25), Err(Refusal::Denied(_))));
    }
}
