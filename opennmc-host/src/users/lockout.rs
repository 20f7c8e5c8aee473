//! Who may not try again yet: failures by user and by peer, with growing times.
//!
//! Pure: the caller gives the time. Two rules meet here. Guessing must not pay: after a few failures a user is locked
//! out, and so is a peer, each time for longer. And nobody may lock others out: where a user has logged in from before, only
//! that peer's own failures count, so that an attacker elsewhere can't keep `upsmon` from its UPS. Names that do not
//! exist are counted just as those that do, or the difference would tell which exist.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Typing errors that cost nothing.
const USER_TRIES: u32 = 5;
/// Several users may sit behind one address, each with typing errors.
const PEER_TRIES: u32 = 10;
/// The first lock-out; each further failure doubles it.
const USER_FIRST: Duration = Duration::from_secs(30);
const PEER_FIRST: Duration = Duration::from_secs(10);
/// No more than 24 guesses a day and user in the long run.
const USER_LONGEST: Duration = Duration::from_secs(3_600);
/// A mistyped configuration on one machine must not take it out for long.
const PEER_LONGEST: Duration = Duration::from_secs(900);
/// Failures are forgotten when none was added for so long.
const FORGOTTEN: Duration = Duration::from_secs(86_400);
/// Counters are kept for at most so many unknown names and so many peers; the one that failed longest ago goes first.
const MOST: usize = 4_096;
/// Peers where a user has logged in that are remembered for each user.
const MOST_TRUSTED: usize = 64;

/// Where somebody tries from: an address, or for IPv6 its network, since one machine has as many addresses as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Peer(IpAddr);

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Peer {
        match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                let [a, b, c, d, ..] = address.segments();
                Peer(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
            address => Peer(address),
        }
    }
}

/// All counters.
#[derive(Debug, Default)]
pub(super) struct Lockouts {
    users: HashMap<String, Counter>,
    unknown: HashMap<String, Counter>,
    peers: HashMap<Peer, Counter>,
    trusted: HashMap<String, Vec<Peer>>,
}

/// What began with a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Begun {
    pub(super) user: Option<Duration>,
    pub(super) peer: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct Counter {
    failures: u32,
    last: Duration,
    until: Duration,
}

impl Lockouts {
    /// How long this user has to wait at this peer; none: it may try. `now` is time since any fixed moment.
    pub(super) fn wait(&self, name: &str, peer: Option<Peer>, now: Duration) -> Option<Duration> {
        let by_user = if self.trusts(name, peer) {
            None
        } else {
            self.users.get(name).or_else(|| self.unknown.get(name)).and_then(|counter| counter.wait(now))
        };
        let by_peer = peer.and_then(|peer| self.peers.get(&peer)).and_then(|counter| counter.wait(now));
        by_user.max(by_peer)
    }

    /// How long this user has to wait at peers that it was not seen at before.
    pub(super) fn user_wait(&self, name: &str, now: Duration) -> Option<Duration> {
        self.users.get(name).and_then(|counter| counter.wait(now))
    }

    /// Peers that are locked out, with how long yet.
    pub(super) fn locked_peers(&self, now: Duration) -> Vec<(IpAddr, Duration)> {
        let mut locked: Vec<_> =
            self.peers.iter().filter_map(|(peer, counter)| Some((peer.0, counter.wait(now)?))).collect();
        locked.sort_unstable();
        locked
    }

    /// A log-in failed; says which lock-outs begin. `known` tells whether the user exists.
    pub(super) fn failed(&mut self, name: &str, known: bool, peer: Option<Peer>, now: Duration) -> Begun {
        let mut begun = Begun::default();
        if !self.trusts(name, peer) {
            let counters = if known { &mut self.users } else { &mut self.unknown };
            begun.user = count(counters, name.to_owned(), now, USER_TRIES, USER_FIRST, USER_LONGEST);
        }
        if let Some(peer) = peer {
            begun.peer = count(&mut self.peers, peer, now, PEER_TRIES, PEER_FIRST, PEER_LONGEST);
        }
        begun
    }

    /// A log-in succeeded. It clears the user's failures, and trusts this peer from now on; it does not clear the peer's,
    /// or whoever has one account could guess at others for ever.
    pub(super) fn succeeded(&mut self, name: &str, peer: Option<Peer>) {
        self.users.remove(name);
        if let Some(peer) = peer {
            let trusted = self.trusted.entry(name.to_owned()).or_default();
            trusted.retain(|other| *other != peer);
            trusted.push(peer);
            if trusted.len() > MOST_TRUSTED {
                trusted.remove(0);
            }
        }
    }

    /// Ends a user's lock-out by hand.
    pub(super) fn unlock(&mut self, name: &str) {
        self.users.remove(name);
    }

    /// Ends a peer's lock-out by hand; false: there was none.
    pub(super) fn unlock_peer(&mut self, peer: Peer) -> bool {
        self.peers.remove(&peer).is_some()
    }

    /// A user is gone, or has another password: where it was known counts no more.
    pub(super) fn forget(&mut self, name: &str) {
        self.users.remove(name);
        self.trusted.remove(name);
    }

    fn trusts(&self, name: &str, peer: Option<Peer>) -> bool {
        peer.is_some_and(|peer| self.trusted.get(name).is_some_and(|trusted| trusted.contains(&peer)))
    }
}

impl Counter {
    fn wait(&self, now: Duration) -> Option<Duration> {
        self.until.checked_sub(now).filter(|wait| !wait.is_zero())
    }
}

fn count<K: std::hash::Hash + Eq + Clone>(
    counters: &mut HashMap<K, Counter>,
    key: K,
    now: Duration,
    tries: u32,
    first: Duration,
    longest: Duration,
) -> Option<Duration> {
    if counters.len() >= MOST && !counters.contains_key(&key) {
        counters.retain(|_, counter| now.saturating_sub(counter.last) < FORGOTTEN);
        if counters.len() >= MOST
            && let Some(oldest) =
                counters.iter().min_by_key(|(_, counter)| counter.last).map(|(key, _)| key.clone())
        {
            counters.remove(&oldest);
        }
    }
    let counter = counters.entry(key).or_insert(Counter { failures: 0, last: now, until: Duration::ZERO });
    if now.saturating_sub(counter.last) >= FORGOTTEN {
        counter.failures = 0;
    }
    counter.failures = counter.failures.saturating_add(1);
    counter.last = now;
    let beyond = counter.failures.checked_sub(tries)?;
    let wait = first.saturating_mul(1_u32.checked_shl(beyond).unwrap_or(u32::MAX)).min(longest);
    counter.until = now + wait;
    Some(wait)
}
