//! Connections that the plugin makes, datagrams, and HTTP on the simulated host: recorded, and answered by the test.

use core::cell::{Cell, RefCell};

use super::SimulatedHost;
use crate::{
    Datagram, Error, FetchRequest, HttpAnswers, HttpClient, Response, Security, TcpConnect, TlsServer, Udp,
};

/// The first connection that a plugin makes; far from those that a test lets in.
const FIRST_CONNECTION: u64 = 1_000_000;
const LARGEST_DATAGRAM: usize = 65_535;
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

#[derive(Debug, Default)]
pub(super) struct Network {
    hosts: RefCell<Option<Vec<String>>>,
    made: RefCell<Vec<(u64, String, u16, Security)>>,
    secured: RefCell<Vec<u64>>,
    lacks_certificate: Cell<bool>,
    datagrams: RefCell<Vec<SentDatagram>>,
    fetches: RefCell<Vec<(u64, FetchRequest)>>,
    responses: RefCell<Vec<(u64, Response)>>,
    /// Who has sent a datagram: socket and peer.
    met: RefCell<Vec<(String, String)>>,
    most_connections: Cell<Option<usize>>,
    most_fetches: Cell<Option<usize>>,
}

/// A datagram that the plugin sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SentDatagram {
    /// To a granted host and port.
    To(String, u16, Vec<u8>),
    /// From a granted socket to whoever had asked.
    Reply {
        /// The granted socket.
        socket: String,
        /// Who had asked.
        peer: String,
        /// What was sent.
        bytes: Vec<u8>,
    },
}

impl SimulatedHost {
    /// From now on only these hosts are granted. Before, all are.
    pub fn grant_hosts(&self, hosts: &[&str]) {
        self.network.hosts.replace(Some(hosts.iter().map(|host| (*host).to_owned()).collect()));
    }

    /// The connections that the plugin made: number, host, port, security.
    pub fn made_connections(&self) -> Vec<(u64, String, u16, Security)> {
        self.network.made.borrow().clone()
    }

    /// From now on the host has no certificate of its own. Before, it has.
    pub fn lose_certificate(&self) {
        self.network.lacks_certificate.set(true);
    }

    /// The connections on which the plugin asked for TLS, in order.
    pub fn secured(&self) -> Vec<u64> {
        self.network.secured.borrow().clone()
    }

    /// So many connections may the plugin make, those that it has closed not counted. Before, any number.
    pub fn limit_connections(&self, most: usize) {
        self.network.most_connections.set(Some(most));
    }

    /// So many HTTP requests may be under way, which are those that [`SimulatedHost::next_fetch`] has not taken: `requests`
    /// under `[limits]` in plugin.toml. Before, any number.
    pub fn limit_requests(&self, most: usize) {
        self.network.most_fetches.set(Some(most));
    }

    /// A datagram that has arrived, to be handed to `on_datagrams`. From now on the plugin may answer this peer.
    pub fn datagram(&self, socket: &str, peer: &str, bytes: &[u8]) -> Datagram {
        let (socket, peer) = (socket.to_owned(), peer.to_owned());
        self.network.met.borrow_mut().push((socket.clone(), peer.clone()));
        Datagram { socket, peer, bytes: bytes.to_vec() }
    }

    /// Takes the datagrams that the plugin sent.
    pub fn take_datagrams(&self) -> Vec<SentDatagram> {
        self.network.datagrams.take()
    }

    /// The oldest HTTP request that was not taken yet, with its ticket.
    pub fn next_fetch(&self) -> Option<(u64, FetchRequest)> {
        let mut fetches = self.network.fetches.borrow_mut();
        if fetches.is_empty() { None } else { Some(fetches.remove(0)) }
    }

    /// The answers that were given with `respond`.
    pub fn responses(&self) -> Vec<(u64, Response)> {
        self.network.responses.borrow().clone()
    }

    fn check_host(&self, host: &str) -> Result<(), Error> {
        match &*self.network.hosts.borrow() {
            Some(hosts) if !hosts.iter().any(|granted| granted == host) => {
                Err(Error::Denied(format!("{host} is not granted")))
            }
            _ => Ok(()),
        }
    }
}

impl TlsServer for SimulatedHost {
    fn accept_tls(&self, connection: u64) -> Result<(), Error> {
        if self.network.lacks_certificate.get() {
            return Err(Error::Unavailable("this host has no certificate".to_owned()));
        }
        if connection == 0 {
            return Err(Error::NotFound);
        }
        self.network.secured.borrow_mut().push(connection);
        Ok(())
    }
}

impl TcpConnect for SimulatedHost {
    fn connect(&self, host: &str, port: u16, security: Security) -> Result<u64, Error> {
        self.check_host(host)?;
        let mut made = self.network.made.borrow_mut();
        let open = made.iter().filter(|(made, ..)| !self.is_closed(*made)).count();
        if self.network.most_connections.get().is_some_and(|most| open >= most) {
            return Err(Error::Limit("all connections that the plugin may have are in use".to_owned()));
        }
        let connection = FIRST_CONNECTION + made.len() as u64;
        made.push((connection, host.to_owned(), port, security));
        Ok(connection)
    }

    fn start_tls(&self, connection: u64) -> Result<(), Error> {
        if !self.network.made.borrow().iter().any(|(made, ..)| *made == connection) {
            return Err(Error::NotFound);
        }
        self.network.secured.borrow_mut().push(connection);
        Ok(())
    }
}

impl Udp for SimulatedHost {
    fn send_datagram(&self, host: &str, port: u16, bytes: &[u8]) -> Result<(), Error> {
        check_size(bytes)?;
        self.check_host(host)?;
        self.network.datagrams.borrow_mut().push(SentDatagram::To(host.to_owned(), port, bytes.to_vec()));
        Ok(())
    }

    fn reply_datagram(&self, socket: &str, peer: &str, bytes: &[u8]) -> Result<(), Error> {
        check_size(bytes)?;
        let met = self.network.met.borrow();
        if !met.iter().any(|(known, who)| known == socket && who == peer) {
            return Err(Error::NotFound);
        }
        let (socket, peer, bytes) = (socket.to_owned(), peer.to_owned(), bytes.to_vec());
        self.network.datagrams.borrow_mut().push(SentDatagram::Reply { socket, peer, bytes });
        Ok(())
    }
}

fn check_size(bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() > LARGEST_DATAGRAM {
        return Err(Error::Invalid(format!("the largest datagram has {LARGEST_DATAGRAM} bytes")));
    }
    Ok(())
}

impl HttpClient for SimulatedHost {
    fn fetch(&self, request: &FetchRequest) -> Result<u64, Error> {
        if !METHODS.contains(&request.method.as_str()) {
            return Err(Error::Invalid(format!("`{}` is no method", request.method)));
        }
        if !request.body.is_empty() && ["GET", "HEAD", "DELETE"].contains(&request.method.as_str()) {
            return Err(Error::Invalid(format!("{} has no body", request.method)));
        }
        let rest = request.url.split_once("://").map(|(_, rest)| rest);
        let authority = rest.and_then(|rest| rest.split(['/', '?']).next());
        let host = authority.and_then(|authority| authority.split(':').next());
        let host = host.ok_or_else(|| Error::Invalid(format!("{} is no URL", request.url)))?;
        self.check_host(host)?;
        let under_way = self.network.fetches.borrow().len();
        if self.network.most_fetches.get().is_some_and(|most| under_way >= most) {
            return Err(Error::Limit(format!("{under_way} requests are under way, which is the most")));
        }
        let ticket = self.ticket();
        self.network.fetches.borrow_mut().push((ticket, request.clone()));
        Ok(ticket)
    }
}

impl HttpAnswers for SimulatedHost {
    fn respond(&self, request: u64, response: &Response) -> Result<(), Error> {
        let mut responses = self.network.responses.borrow_mut();
        if responses.iter().any(|(answered, _)| *answered == request) {
            return Err(Error::NotFound);
        }
        responses.push((request, response.clone()));
        Ok(())
    }
}
