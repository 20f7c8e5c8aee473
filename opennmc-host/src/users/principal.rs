//! Who acts, and from where: what every order and every line of the audit carries.

use std::fmt;
use std::net::IpAddr;

use super::role::{Right, Role, Scope};

/// Somebody whose identity has been established.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user's name, or what stands for one: `root`, `plugin nut-server`.
    pub name: String,
    /// What it may do at most.
    pub role: Role,
    /// What is left of that; none: all of it.
    pub scopes: Option<Vec<Scope>>,
    /// Where it came in.
    pub origin: Origin,
}

/// Where somebody came in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The host itself: its own schedules and rules.
    Host,
    /// The control socket, with the peer's credentials.
    Socket {
        /// The process's user.
        uid: u32,
        /// The process.
        pid: i32,
    },
    /// A network service, by the plugin that serves it.
    Network {
        /// Such as `nut-server`.
        service: String,
        /// The peer.
        peer: IpAddr,
    },
    /// A plugin of its own accord.
    Plugin(String),
}

impl Principal {
    /// The host itself, at work by its own rules.
    pub fn host() -> Principal {
        Principal { name: "host".to_owned(), role: Role::Administrator, scopes: None, origin: Origin::Host }
    }

    /// Whether its role carries `right` and its scopes leave it.
    pub fn may(&self, right: &Right) -> bool {
        let scoped = self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|scope| scope.leaves(right)));
        self.role.carries(right) && scoped
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Host => out.write_str("host"),
            Origin::Socket { uid, pid } => write!(out, "socket uid={uid} pid={pid}"),
            Origin::Network { service, peer } => write!(out, "{service} {peer}"),
            Origin::Plugin(id) => write!(out, "plugin {id}"),
        }
    }
}
