//! Connections that the plugin makes: from a name to a socket that stands.
//!
//! The name is looked up elsewhere; here its addresses are tried in turn, none longer than [`ATTEMPT`] and all together not
//! longer than [`DIAL`]. Only addresses that the route reaches are tried.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use calloop::Interest;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};
use rustls::ClientConfig;

use super::source::Registration;
use super::{Connection, Connections, News, Stage, Stream};
use crate::plugin::outbound::Route;
use crate::plugin::thread::budget::Place;

/// From the call of the plugin until the connection stands, in the clear. A person who tries a setting still waits so long.
const DIAL: Duration = Duration::from_secs(20);
/// One address. Beyond the third second the kernel has asked three times.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The other end of a connection that the plugin made.
pub(super) struct Outgoing {
    pub(super) route: Route,
    /// TLS from the first byte.
    pub(super) secure: bool,
    /// From when the name was looked up.
    pub(super) client: Option<Result<Arc<ClientConfig>, String>>,
}

/// What a look-up has found.
pub(in crate::plugin) struct Found {
    pub(in crate::plugin) addresses: Vec<IpAddr>,
    /// For TLS on it, now or later.
    pub(in crate::plugin) client: Result<Arc<ClientConfig>, String>,
}

/// A connection that does not stand yet.
pub(super) struct Dial {
    /// Not tried yet.
    addresses: VecDeque<SocketAddr>,
    /// Being tried.
    socket: Option<Rc<TcpStream>>,
    until: Instant,
    /// Why the last address was none.
    failure: Option<String>,
}

impl Connections {
    /// A connection that waits for its addresses.
    pub(in crate::plugin) fn dial(&mut self, route: Route, secure: bool, place: Place) -> u64 {
        let number = self.next_number();
        let until = Instant::now() + DIAL;
        let dial = Dial { addresses: VecDeque::new(), socket: None, until, failure: None };
        let mut connection = Connection::new(number, Stage::Dialling(dial), place);
        connection.outgoing = Some(Outgoing { route, secure, client: None });
        self.occupy(connection);
        self.set_due(number, Some(until));
        number
    }

    /// The addresses are known, or it is known that there are none.
    pub(in crate::plugin::thread) fn looked_up(&mut self, number: u64, found: Result<Found, String>) {
        let Some(connection) = self.get(number) else { return };
        let (Stage::Dialling(dial), Some(outgoing)) = (&mut connection.stage, &mut connection.outgoing)
        else {
            return;
        };
        let reachable = found.and_then(|found| {
            if let (true, Err(problem)) = (outgoing.secure, &found.client) {
                return Err(problem.clone());
            }
            outgoing.client = Some(found.client);
            outgoing.route.reachable(&found.addresses)
        });
        match reachable {
            Ok(addresses) => {
                dial.addresses = addresses.into();
                self.try_next(number);
            }
            Err(problem) => self.remove(number, problem),
        }
    }

    /// The socket of a dial is ready: it stands, or this address is none.
    pub(super) fn dial_ready(&mut self, number: u64) {
        let Some(connection) = self.get(number) else { return };
        let Stage::Dialling(dial) = &mut connection.stage else { return };
        let Some(socket) = &dial.socket else { return };
        let result = sockopt::socket_error(socket).map_err(io::Error::from).and_then(|result| Ok(result?));
        match result {
            Ok(()) if socket.peer_addr().is_ok() => {
                let stream = Stream::new(Rc::clone(socket));
                connection.stage = Stage::Open(stream);
                self.stands(number);
            }
            // Woken for nothing: the attempt is still under way.
            Ok(()) => {}
            Err(error) => self.give_address_up(number, error.to_string()),
        }
    }

    /// The time of an attempt, or of the whole dial, is over.
    pub(super) fn dial_late(&mut self, number: u64, now: Instant) {
        let Some(connection) = self.get(number) else { return };
        let Stage::Dialling(dial) = &mut connection.stage else { return };
        if now < dial.until && dial.socket.is_some() {
            self.give_address_up(number, format!("no answer within {} s", ATTEMPT.as_secs()));
            return;
        }
        let looked_up = dial.socket.is_some() || dial.failure.is_some();
        let reason = match looked_up {
            true => format!("no answer within {} s", DIAL.as_secs()),
            false => format!("its name was not looked up within {} s", DIAL.as_secs()),
        };
        let name = connection.outgoing.as_ref().map(|outgoing| outgoing.route.name()).unwrap_or_default();
        self.remove(number, format!("can't connect to {name}: {reason}"));
    }

    fn give_address_up(&mut self, number: u64, reason: String) {
        let handle = self.handle.clone();
        let Some(connection) = self.get(number) else { return };
        if let Some(registration) = connection.registration.take() {
            registration.end(&handle);
        }
        if let Stage::Dialling(dial) = &mut connection.stage {
            dial.socket = None;
            dial.failure = Some(reason);
        }
        self.try_next(number);
    }

    fn try_next(&mut self, number: u64) {
        let handle = self.handle.clone();
        let Some(connection) = self.get(number) else { return };
        let Stage::Dialling(dial) = &mut connection.stage else { return };
        while let Some(address) = dial.addresses.pop_front() {
            let attempt = begin(address).and_then(|socket| {
                let registration = Registration::new(&handle, number, &socket, Interest::WRITE)?;
                Ok((socket, registration))
            });
            match attempt {
                Ok((socket, registration)) => {
                    dial.socket = Some(socket);
                    let due = dial.until.min(Instant::now() + ATTEMPT);
                    connection.registration = Some(registration);
                    self.set_due(number, Some(due));
                    return;
                }
                Err(error) => dial.failure = Some(error.to_string()),
            }
        }
        let reason = dial.failure.take().unwrap_or_default();
        let name = connection.outgoing.as_ref().map(|outgoing| outgoing.route.name()).unwrap_or_default();
        self.remove(number, format!("can't connect to {name}: {reason}"));
    }

    /// It stands in the clear.
    fn stands(&mut self, number: u64) {
        self.set_due(number, None);
        let Some(connection) = self.get(number) else { return };
        if connection.outgoing.as_ref().is_some_and(|outgoing| outgoing.secure) {
            if let Err(problem) = self.begin_client(number) {
                self.remove(number, problem);
                return;
            }
        } else {
            self.news.push_back(News::Connected(number));
        }
        // What the plugin has queued since it called, and what to wait for from now on.
        self.touch(number);
    }
}

fn begin(address: SocketAddr) -> io::Result<Rc<TcpStream>> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    // Each turn writes once, so there is nothing that Nagle could join.
    sockopt::set_tcp_nodelay(&socket, true)?;
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(Rc::new(TcpStream::from(socket))),
        Err(error) => Err(error.into()),
    }
}
