//! Who is logged in to which UPS: the machines that it feeds, as `NUMLOGINS` counts and `LIST CLIENT` shows them.
//!
//! The count must be exact: a primary switches its UPS off when it has come down to its own.

use std::collections::BTreeMap;

/// Logged-in clients.
#[derive(Debug, Default)]
pub struct Logins(BTreeMap<u64, Login>);

#[derive(Debug)]
struct Login {
    device: String,
    peer: String,
}

impl Logins {
    /// The client at this connection is fed by this device.
    pub fn add(&mut self, connection: u64, device: &str, peer: &str) {
        self.0.insert(connection, Login { device: device.to_owned(), peer: peer.to_owned() });
    }

    /// The connection has ended.
    pub fn remove(&mut self, connection: u64) {
        self.0.remove(&connection);
    }

    /// Whether the client at this connection is logged in.
    pub fn has(&self, connection: u64) -> bool {
        self.0.contains_key(&connection)
    }

    /// How many clients this device feeds.
    pub fn count(&self, device: &str) -> u64 {
        self.of(device).count() as u64
    }

    /// Their addresses, those that logged in first in front.
    pub fn peers(&self, device: &str) -> impl Iterator<Item = &str> {
        self.of(device).map(|login| login.peer.as_str())
    }

    fn of(&self, device: &str) -> impl Iterator<Item = &Login> {
        self.0.values().filter(move |login| login.device == device)
    }
}
