//! A plugin's datagrams: the sockets that were granted, and those that send to granted hosts.
//!
//! Invariants: what arrives on a sending socket is given to the guest only when it comes from where something was sent to
//! within [`ACQUAINTANCE`], and only such a peer can be answered; both directions have a rate, and what is beyond it is
//! dropped and counted. No guest code is called from here.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::rc::Rc;
use std::time::{Duration, Instant};

use calloop::generic::Generic;
use calloop::{Interest, LoopHandle, Mode, PostAction, RegistrationToken};

use super::Inbox;
use super::budget::{Budget, Place};
use crate::plugin::outbound::Route;
use crate::plugin::{Epitaph, Grant, Mark};

/// For how long a peer may be answered, and may answer.
const ACQUAINTANCE: Duration = Duration::from_secs(60);
/// For how long the addresses of a name are taken for true.
const NAME: Duration = Duration::from_secs(60);
/// Peers and names that are remembered; a flood of forged senders makes the oldest be forgotten.
const REMEMBERED: usize = 4_096;
/// Datagrams that wait for their name, of all names.
const WAITING: usize = 64;
/// The largest datagram there is.
const LARGEST: usize = 65_535;
/// Bytes in one call of `on-datagrams`.
const BATCH: usize = 64 << 10;

/// The datagrams of one instance.
pub(in crate::plugin) struct Datagrams {
    handle: LoopHandle<'static, Inbox>,
    sockets: Vec<Socket>,
    peers: HashMap<(usize, SocketAddr), Instant>,
    names: HashMap<String, Name>,
    waiting: usize,
    sending: Rate,
    receiving: Rate,
    dropped: u64,
}

struct Socket {
    /// Empty for those that only send.
    name: String,
    socket: Rc<UdpSocket>,
    token: RegistrationToken,
    _place: Option<Place>,
}

enum Name {
    LookedUp { addresses: Vec<SocketAddr>, until: Instant },
    Waiting(VecDeque<Vec<u8>>),
}

/// What arrived.
pub(in crate::plugin) struct Received {
    pub(in crate::plugin) socket: String,
    pub(in crate::plugin) peer: SocketAddr,
    pub(in crate::plugin) bytes: Vec<u8>,
}

/// What has to be done for a datagram.
pub(in crate::plugin) enum Sending {
    /// Nothing more.
    Done,
    /// The name has to be looked up; the datagram waits.
    LookUp,
}

/// Why a datagram was not taken.
#[derive(Debug)]
pub(in crate::plugin) enum SendError {
    NotFound,
    Invalid(String),
    Limit(String),
    Unavailable(String),
}

impl Datagrams {
    pub(in crate::plugin) fn new(handle: LoopHandle<'static, Inbox>, grant: &Grant) -> Self {
        Self {
            handle,
            sockets: Vec::new(),
            peers: HashMap::new(),
            names: HashMap::new(),
            waiting: 0,
            sending: Rate::new(grant.limits.datagrams),
            receiving: Rate::new(grant.limits.datagrams),
            dropped: 0,
        }
    }

    /// Binds every granted address; gives names and addresses, as bound.
    pub(super) fn open(&mut self, grant: &Grant) -> Result<Vec<(String, SocketAddr)>, Epitaph> {
        let mut bound = Vec::new();
        for (name, addresses) in &grant.needs.listen_udp {
            for &address in addresses {
                let added = UdpSocket::bind(address).and_then(|socket| {
                    let address = socket.local_addr()?;
                    self.add(name.clone(), socket, None).map(|_| address)
                });
                let address = added.map_err(|error| {
                    Epitaph::of_surroundings(format!("can't bind UDP {address} for `{name}`: {error}"))
                })?;
                bound.push((name.clone(), address));
            }
        }
        Ok(bound)
    }

    /// How much of its rate it used, in the direction where that was more.
    pub(in crate::plugin) fn take_mark(&mut self) -> Mark {
        let mut mark = self.sending.mark.take();
        mark.add(self.receiving.mark.take());
        mark
    }

    /// Datagrams that were dropped since it was last asked, in either direction.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// Sends, when the name's addresses are known.
    pub(in crate::plugin) fn send(
        &mut self,
        route: &Route,
        bytes: Vec<u8>,
        budget: &Budget,
    ) -> Result<Sending, SendError> {
        self.admit(&bytes)?;
        let now = Instant::now();
        let key = route.name();
        match self.names.get_mut(&key) {
            Some(Name::LookedUp { addresses, until }) if *until > now => {
                let address = addresses.first().copied();
                address.map_or(Ok(()), |address| self.send_to(address, &bytes, budget))?;
                return Ok(Sending::Done);
            }
            _ if self.waiting >= WAITING => {
                self.dropped += 1;
                return Err(SendError::Limit(format!(
                    "{WAITING} datagrams wait for their names to be looked up"
                )));
            }
            Some(Name::Waiting(queue)) => {
                queue.push_back(bytes);
                self.waiting += 1;
                return Ok(Sending::Done);
            }
            _ => {}
        }
        if self.names.len() >= REMEMBERED {
            self.names.retain(|_, name| match name {
                Name::LookedUp { until, .. } => *until > now,
                Name::Waiting(_) => true,
            });
        }
        if self.names.len() >= REMEMBERED {
            self.dropped += 1;
            return Err(SendError::Limit(format!("{REMEMBERED} names were sent to within a minute")));
        }
        self.names.insert(key, Name::Waiting(VecDeque::from([bytes])));
        self.waiting += 1;
        Ok(Sending::LookUp)
    }

    /// A name was looked up: sends what waited for it. What can't be sent is lost, as datagrams are.
    pub(super) fn looked_up(
        &mut self,
        route: &Route,
        addresses: Result<Vec<IpAddr>, String>,
        budget: &Budget,
    ) -> Result<(), String> {
        let key = route.name();
        let Some(Name::Waiting(queue)) = self.names.remove(&key) else { return Ok(()) };
        self.waiting -= queue.len();
        let reachable = addresses.and_then(|addresses| route.reachable(&addresses));
        let addresses = match reachable {
            Ok(addresses) => addresses,
            Err(problem) => {
                self.dropped += queue.len() as u64;
                return Err(problem);
            }
        };
        for bytes in queue {
            if let Some(address) = addresses.first()
                && self.send_to(*address, &bytes, budget).is_err()
            {
                self.dropped += 1;
            }
        }
        self.names.insert(key, Name::LookedUp { addresses, until: Instant::now() + NAME });
        Ok(())
    }

    /// The look-up was not begun: what waits for it is lost.
    pub(in crate::plugin) fn give_up(&mut self, route: &Route) {
        if let Some(Name::Waiting(queue)) = self.names.remove(&route.name()) {
            self.waiting -= queue.len();
            self.dropped += queue.len() as u64;
        }
    }

    /// Answers a peer of a granted socket.
    pub(in crate::plugin) fn reply(&mut self, name: &str, peer: &str, bytes: &[u8]) -> Result<(), SendError> {
        let peer: SocketAddr =
            peer.parse().map_err(|_| SendError::Invalid("the peer is no address with a port".to_owned()))?;
        let now = Instant::now();
        let index = (0..self.sockets.len()).find(|index| {
            let met = self.peers.get(&(*index, peer));
            !name.is_empty()
                && self.sockets[*index].name == name
                && met.is_some_and(|met| now.saturating_duration_since(*met) < ACQUAINTANCE)
        });
        let index = index.ok_or(SendError::NotFound)?;
        self.admit(bytes)?;
        self.put_out(index, peer, bytes)
    }

    /// What has arrived on a socket, a bounded part of it.
    pub(super) fn receive(&mut self, index: usize) -> Vec<Received> {
        let Some(socket) = self.sockets.get(index).map(|socket| Rc::clone(&socket.socket)) else {
            return Vec::new();
        };
        let mut buffer = vec![0; LARGEST];
        let (mut received, mut size) = (Vec::new(), 0);
        while size < BATCH {
            match socket.recv_from(&mut buffer) {
                Ok((count, peer)) => {
                    let now = Instant::now();
                    let met = self.peers.get(&(index, peer));
                    let is_answer = met.is_some_and(|met| now.saturating_duration_since(*met) < ACQUAINTANCE);
                    let name = self.sockets[index].name.clone();
                    if (name.is_empty() && !is_answer) || !self.receiving.take(now) {
                        self.dropped += 1;
                        // A flood that is dropped must not keep the loop here.
                        size += 1 << 10;
                        continue;
                    }
                    if !name.is_empty() {
                        self.remember(index, peer, now);
                    }
                    size += count.max(1 << 10);
                    received.push(Received { socket: name, peer, bytes: buffer[..count].to_vec() });
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Also what an earlier datagram of ours came back with, such as "nobody listens there".
                Err(_) => break,
            }
        }
        received
    }

    fn admit(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        if bytes.len() > LARGEST {
            return Err(SendError::Invalid(format!(
                "{} bytes are no datagram; the most is {LARGEST}",
                bytes.len()
            )));
        }
        if !self.sending.take(Instant::now()) {
            self.dropped += 1;
            return Err(SendError::Limit(format!(
                "{} datagrams a second are the most",
                self.sending.a_second
            )));
        }
        Ok(())
    }

    fn send_to(&mut self, peer: SocketAddr, bytes: &[u8], budget: &Budget) -> Result<(), SendError> {
        let same_family = |socket: &Socket| {
            socket.name.is_empty()
                && socket.socket.local_addr().is_ok_and(|own| own.is_ipv4() == peer.is_ipv4())
        };
        let index = match self.sockets.iter().position(same_family) {
            Some(index) => index,
            None => {
                let place = budget
                    .take()
                    .ok_or_else(|| SendError::Limit("the host has no sockets left for plugins".to_owned()))?;
                let any: IpAddr = match peer {
                    SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                    SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
                };
                UdpSocket::bind((any, 0))
                    .and_then(|socket| self.add(String::new(), socket, Some(place)))
                    .map_err(|error| SendError::Unavailable(error.to_string()))?
            }
        };
        self.remember(index, peer, Instant::now());
        self.put_out(index, peer, bytes)
    }

    fn put_out(&mut self, index: usize, peer: SocketAddr, bytes: &[u8]) -> Result<(), SendError> {
        match self.sockets[index].socket.send_to(bytes, peer) {
            Ok(_) => Ok(()),
            // The queue is full: lost, as any router may lose it. An earlier one that came back is no concern of this.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionRefused) =>
            {
                self.dropped += 1;
                Ok(())
            }
            Err(error) => Err(SendError::Unavailable(error.to_string())),
        }
    }

    fn remember(&mut self, index: usize, peer: SocketAddr, now: Instant) {
        if self.peers.len() >= REMEMBERED && !self.peers.contains_key(&(index, peer)) {
            self.peers.retain(|_, met| now.saturating_duration_since(*met) < ACQUAINTANCE);
            if self.peers.len() >= REMEMBERED
                && let Some(oldest) = self.peers.iter().min_by_key(|(_, met)| **met).map(|(key, _)| *key)
            {
                self.peers.remove(&oldest);
            }
        }
        self.peers.insert((index, peer), now);
    }

    fn add(&mut self, name: String, socket: UdpSocket, place: Option<Place>) -> io::Result<usize> {
        socket.set_nonblocking(true)?;
        let socket = Rc::new(socket);
        let index = self.sockets.len();
        let source = Generic::new(Rc::clone(&socket), Interest::READ, Mode::Level);
        let token = self
            .handle
            .insert_source(source, move |_, _, inbox: &mut Inbox| {
                inbox.datagrams.push(index);
                Ok(PostAction::Continue)
            })
            .map_err(|error| io::Error::other(error.error))?;
        self.sockets.push(Socket { name, socket, token, _place: place });
        Ok(index)
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        for socket in self.sockets.drain(..) {
            self.handle.remove(socket.token);
        }
    }
}

/// So many a second, a second's worth at once.
struct Rate {
    a_second: u32,
    left: u32,
    since: Instant,
    mark: Mark,
}

impl Rate {
    fn new(a_second: u32) -> Self {
        Self { a_second, left: a_second, since: Instant::now(), mark: Mark::default() }
    }

    fn take(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            self.since = now;
            self.left = self.a_second;
        }
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        match is_left {
            true => self.mark.see((self.a_second - self.left).into()),
            false => self.mark.hit(),
        }
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_lets_so_many_through_and_then_none_until_the_second_is_over() {
        let mut rate = Rate::new(3);
        let now = rate.since;
        assert_eq!((0..9).filter(|_| rate.take(now)).count(), 3);
        assert!(!rate.take(now + Duration::from_millis(999)));
        assert!(rate.take(now + Duration::from_secs(1)));
    }
}
