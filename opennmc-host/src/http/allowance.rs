//! How often an address may ask for something: so many at once, and then at a steady pace.
//!
//! Pure: the caller gives the time. Addresses are forgotten when they have all of their allowance again, so that the memory is
//! bounded by who has just asked; beyond that who asked longest ago is forgotten first.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Addresses that are counted.
const MOST: usize = 4_096;

/// How often one address may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// At once.
    pub at_once: u32,
    /// Until there is one more.
    pub every: Duration,
    /// Whether this machine's own addresses are counted, too. A proxy on it brings the requests of everybody.
    pub counts_loopback: bool,
}

impl Allowance {
    /// Log-ins with a page. A person needs one a day; each costs a card half a second.
    pub(super) const LOG_INS: Allowance =
        Allowance { at_once: 20, every: Duration::from_secs(3), counts_loopback: true };
    /// Requests. A page needs ten, a scraper one a second, a house behind one address some dozens a second.
    pub(super) const REQUESTS: Allowance =
        Allowance { at_once: 1_000, every: Duration::from_millis(2), counts_loopback: false };
}

/// What addresses have used of an allowance.
#[derive(Default)]
pub(super) struct Used(HashMap<IpAddr, Duration>);

impl Used {
    /// Takes one of what `peer` may; the error says how long it has to wait for that.
    pub(super) fn take(&mut self, peer: IpAddr, allowance: Allowance, now: Duration) -> Result<(), Duration> {
        if peer.is_loopback() && !allowance.counts_loopback {
            return Ok(());
        }
        let peer = network(peer);
        if self.0.len() >= MOST && !self.0.contains_key(&peer) {
            self.forget(now);
        }
        // When it has all again: that moves on with each that it takes, and stands still when it is refused.
        let whole = self.0.get(&peer).copied().unwrap_or_default().max(now) + allowance.every;
        let most = now + allowance.every * allowance.at_once;
        if whole > most {
            return Err(whole - most);
        }
        self.0.insert(peer, whole);
        Ok(())
    }

    fn forget(&mut self, now: Duration) {
        self.0.retain(|_, whole| *whole > now);
        if self.0.len() >= MOST
            && let Some(least) = self.0.iter().min_by_key(|(_, whole)| **whole).map(|(peer, _)| *peer)
        {
            self.0.remove(&least);
        }
    }
}

/// For IPv6 its network: one machine has as many addresses as it likes.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V6(address) if !address.is_loopback() => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        peer => peer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const THREE: Allowance = Allowance { at_once: 3, every: SECOND, counts_loopback: false };

    #[test]
    fn an_address_may_ask_some_times_at_once_and_then_at_a_steady_pace() {
        let mut used = Used::default();
        let [one, other]: [IpAddr; 2] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let mut take = |peer, seconds: u32| used.take(peer, THREE, SECOND * seconds);
        assert_eq!([take(one, 9), take(one, 9), take(one, 9)], [Ok(()); 3]);
        assert_eq!(take(one, 9), Err(SECOND));
        assert_eq!(take(one, 9), Err(SECOND), "asking does not make it longer");
        assert_eq!(take(other, 9), Ok(()), "the others are not concerned");
        assert_eq!([take(one, 10), take(one, 10)], [Ok(()), Err(SECOND)]);
        assert_eq!([take(one, 60), take(one, 60), take(one, 60)], [Ok(()); 3]);
        assert_eq!(take(one, 60), Err(SECOND));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_and_this_machine_not_at_all() {
        let mut used = Used::default();
        for host in 1..=3 {
            assert_eq!(
                used.take(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host).into(), THREE, SECOND),
                Ok(())
            );
        }
        assert!(used.take(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 0, 0, 9).into(), THREE, SECOND).is_err());
        assert_eq!(used.take(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 9).into(), THREE, SECOND), Ok(()));
        for _ in 0..9 {
            assert_eq!(used.take(Ipv6Addr::LOCALHOST.into(), THREE, SECOND), Ok(()));
        }
    }

    #[test]
    fn only_so_many_addresses_are_remembered() {
        let mut used = Used::default();
        for number in 0..u32::try_from(MOST).unwrap() + 9 {
            assert_eq!(
                used.take(std::net::Ipv4Addr::from(0x0a00_0000 + number).into(), THREE, SECOND),
                Ok(())
            );
        }
        assert!(used.0.len() <= MOST);
    }
}
