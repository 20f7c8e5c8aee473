//! A plugin's listening sockets.
//!
//! When the system is out of file descriptors a listener rests for [`REST`] instead of spinning: the waiting connection
//! keeps it readable all the time.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use calloop::generic::Generic;
use calloop::{Interest, LoopHandle, Mode, PostAction, RegistrationToken};
use rustix::net::{AddressFamily, SocketFlags, SocketType, accept_with, bind, listen, socket_with, sockopt};

use super::Inbox;
use crate::plugin::{Epitaph, Grant, ListenAddress};
use crate::socket_file::{SocketFile, SocketFileError};

/// Long enough for connections to end, short enough that a client notices little.
const REST: Duration = Duration::from_millis(200);
/// Accepted of one listener in one turn, so that a flood of connections does not keep those that are open waiting.
const ACCEPTS_A_TURN: usize = 4;
/// Connections that the kernel holds until we take them; it lowers this to its own limit.
const BACKLOG: i32 = 4_096;

/// All listeners of one plugin.
pub(super) struct Listeners {
    handle: LoopHandle<'static, Inbox>,
    bound: Vec<Listener>,
    /// Addresses that the plugin's earlier instance is in the way of: bound when that has ended.
    deferred: Vec<Deferred>,
}

/// A bound socket, for the instance that comes after this one. Both hold the same socket, so it is never closed in
/// between and no client is refused.
#[derive(Debug, Clone)]
pub(in crate::plugin) struct Bound {
    name: String,
    /// As configured: port 0 stays 0 here.
    asked: ListenAddress,
    socket: Arc<Socket>,
}

impl Bound {
    /// The address with its true port.
    fn local(&self) -> Option<SocketAddr> {
        self.socket.listener.local_addr().ok()
    }
}

/// A socket that is listened on, and its file.
#[derive(Debug)]
struct Socket {
    // A stream socket of either kind: what differs is only how it is made and who is at the other end.
    listener: TcpListener,
    file: Option<SocketFile>,
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// Who is at the other end, as the plugin is told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Peer {
    Tcp(SocketAddr),
    /// Somebody on this machine whom the permissions of the socket's file let in.
    Unix,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

struct Deferred {
    name: String,
    asked: SocketAddr,
    beside_ipv4: bool,
}

struct Listener {
    name: String,
    asked: ListenAddress,
    /// As bound.
    address: ListenAddress,
    socket: Arc<Socket>,
    token: Option<RegistrationToken>,
    resting: Option<Instant>,
}

impl Socket {
    fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        if self.file.is_some() {
            let stream = accept_with(&self.listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
            return Ok((TcpStream::from(stream), Peer::Unix));
        }
        self.listener.accept().map(|(stream, peer)| (stream, Peer::Tcp(peer)))
    }
}

impl Listeners {
    /// Binds every address of the grant, or takes the socket over from the plugin's earlier instance; none is accepted
    /// from before [`Listeners::open`].
    pub(super) fn bind(
        handle: LoopHandle<'static, Inbox>,
        grant: &Grant,
        mut inherited: Vec<Bound>,
    ) -> Result<Self, Epitaph> {
        let mut listeners = Self { handle, bound: Vec::new(), deferred: Vec::new() };
        for (name, addresses) in &grant.needs.listen {
            for wanted in addresses {
                let same = |bound: &Bound| match wanted {
                    ListenAddress::Tcp(asked) if bound.local() == Some(*asked) => true,
                    ListenAddress::Tcp(_) => bound.asked == *wanted && bound.name == *name,
                    ListenAddress::Unix(_) => bound.asked == *wanted,
                };
                if let Some(index) = inherited.iter().position(same) {
                    listeners.insert(name, wanted, inherited.remove(index).socket);
                    continue;
                }
                let asked = match wanted {
                    ListenAddress::Tcp(asked) => *asked,
                    ListenAddress::Unix(path) => {
                        let socket = bind_file(path).map_err(|error| no_file(name, path, &error))?;
                        listeners.insert(name, wanted, Arc::new(socket));
                        continue;
                    }
                };
                let beside_ipv4 = addresses
                    .iter()
                    .filter_map(ListenAddress::tcp)
                    .any(|other| other.is_ipv4() && other.port() == asked.port());
                match bind_one(asked, beside_ipv4) {
                    Ok(socket) => listeners.insert(name, wanted, Arc::new(socket)),
                    // Such as 0.0.0.0:3493 after 127.0.0.1:3493.
                    Err(error)
                        if error.kind() == io::ErrorKind::AddrInUse
                            && inherited
                                .iter()
                                .any(|bound| bound.local().map(|own| own.port()) == Some(asked.port())) =>
                    {
                        listeners.deferred.push(Deferred { name: name.clone(), asked, beside_ipv4 });
                    }
                    Err(error) => return Err(not_bound(name, asked, &error)),
                }
            }
        }
        Ok(listeners)
    }

    /// Begins to hear of connections.
    pub(super) fn open(&mut self) -> Result<(), Epitaph> {
        for Deferred { name, asked, beside_ipv4 } in std::mem::take(&mut self.deferred) {
            let socket = bind_one(asked, beside_ipv4).map_err(|error| not_bound(&name, asked, &error))?;
            self.insert(&name, &asked.into(), Arc::new(socket));
        }
        for index in 0..self.bound.len() {
            self.wake(index).map_err(|error| Epitaph::new(format!("can't watch a listener: {error}")))?;
        }
        Ok(())
    }

    /// Hears of no more connections; those that come wait in the socket, for whoever has it too.
    pub(super) fn close(&mut self) {
        for listener in self.bound.drain(..) {
            if let Some(token) = listener.token {
                self.handle.remove(token);
            }
        }
    }

    fn insert(&mut self, name: &str, asked: &ListenAddress, socket: Arc<Socket>) {
        let address = match socket.file {
            Some(_) => asked.clone(),
            None => socket.listener.local_addr().map_or_else(|_| asked.clone(), ListenAddress::Tcp),
        };
        let (name, asked) = (name.to_owned(), asked.clone());
        self.bound.push(Listener { name, asked, address, socket, token: None, resting: None });
    }

    /// The sockets, for the instance that comes after this one.
    pub(super) fn sockets(&self) -> Vec<Bound> {
        let bound = |listener: &Listener| Bound {
            name: listener.name.clone(),
            asked: listener.asked.clone(),
            socket: Arc::clone(&listener.socket),
        };
        self.bound.iter().map(bound).collect()
    }

    /// Names and addresses, as bound.
    pub(super) fn addresses(&self) -> Vec<(String, ListenAddress)> {
        self.bound.iter().map(|listener| (listener.name.clone(), listener.address.clone())).collect()
    }

    /// The name of a listener.
    pub(super) fn name(&self, index: usize) -> &str {
        &self.bound[index].name
    }

    /// The connections that wait, a bounded number of them.
    pub(super) fn accept(&mut self, index: usize) -> Vec<(TcpStream, Peer)> {
        let mut accepted = Vec::new();
        while accepted.len() < ACCEPTS_A_TURN {
            match self.bound[index].socket.accept() {
                Ok(connection) => accepted.push(connection),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The client gave up before we came to it.
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    let Listener { name, address, .. } = &self.bound[index];
                    tracing::warn!(
                        "can't accept on {address} for `{name}`: {error}; next try in {} ms",
                        REST.as_millis()
                    );
                    self.rest(index);
                    break;
                }
            }
        }
        accepted
    }

    /// When the next resting listener wakes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.bound.iter().filter_map(|listener| listener.resting).min()
    }

    /// Wakes the listeners that have rested.
    pub(super) fn wake_rested(&mut self, now: Instant) {
        for index in 0..self.bound.len() {
            if self.bound[index].resting.is_some_and(|until| until <= now) && self.wake(index).is_err() {
                self.rest(index);
            }
        }
    }

    fn wake(&mut self, index: usize) -> calloop::Result<()> {
        let listener = &mut self.bound[index];
        let source = Generic::new(Arc::clone(&listener.socket), Interest::READ, Mode::Level);
        let token = self.handle.insert_source(source, move |_, _, inbox: &mut Inbox| {
            inbox.accepting.push(index);
            Ok(PostAction::Continue)
        })?;
        listener.token = Some(token);
        listener.resting = None;
        Ok(())
    }

    fn rest(&mut self, index: usize) {
        let listener = &mut self.bound[index];
        if let Some(token) = listener.token.take() {
            self.handle.remove(token);
        }
        listener.resting = Some(Instant::now() + REST);
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.close();
    }
}

fn not_bound(name: &str, address: SocketAddr, error: &io::Error) -> Epitaph {
    let hint = if error.kind() == io::ErrorKind::AddrInUse {
        "; another program, or another plugin, listens there: stop it or change `listen`"
    } else {
        ""
    };
    Epitaph::of_surroundings(format!("can't listen on {address} for `{name}`: {error}{hint}"))
}

fn no_file(name: &str, path: &Path, error: &SocketFileError) -> Epitaph {
    let what_to_do = match error {
        SocketFileError::Taken => "; another program, or another plugin, has it: stop it or change `listen`",
        SocketFileError::Foreign => "; remove it or change `listen`",
        SocketFileError::System(error) if error.kind() == io::ErrorKind::NotFound => {
            "; its folder has to be there"
        }
        SocketFileError::System(_) => "",
    };
    Epitaph::of_surroundings(format!("can't listen on {} for `{name}`: {error}{what_to_do}", path.display()))
}

/// Whoever is in the group of the folder may connect: `/run/nut` belongs to the group that `upsd` runs in.
fn bind_file(path: &Path) -> Result<Socket, SocketFileError> {
    let group = path.parent().and_then(|folder| folder.metadata().ok()).map(|folder| folder.gid());
    let (socket, file) = SocketFile::listen(path, group, SocketFlags::NONBLOCK, BACKLOG)?;
    Ok(Socket { listener: TcpListener::from(socket), file: Some(file) })
}

fn bind_one(address: SocketAddr, beside_ipv4: bool) -> io::Result<Socket> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    // A restart must not wait for the old connections' TIME_WAIT.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        // "[::]" alone takes IPv4 too, as people expect; next to an IPv4 address of the same port it would collide.
        sockopt::set_ipv6_v6only(&socket, beside_ipv4)?;
    }
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(Socket { listener: TcpListener::from(socket), file: None })
}

fn is_of_the_client(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted)
}
