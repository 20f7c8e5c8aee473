//! Where a plugin may connect to: `SCHEME://HOST[:PORT]`, parsed once, when the manifest or the configuration is read.
//!
//! A destination says which names and ports are granted. Whether an address that a name was looked up to may be reached is
//! [`Destination::reaches`]: a name that its owner points at this very machine must not open this machine's services.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// How it is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// A connection in the clear; TLS may begin on it later.
    Tcp,
    /// TLS from the first byte.
    Tls,
    /// Datagrams.
    Udp,
    /// HTTP in the clear.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    const ALL: [(Scheme, &'static str, Option<u16>); 5] = [
        (Scheme::Tcp, "tcp", None),
        (Scheme::Tls, "tls", None),
        (Scheme::Udp, "udp", None),
        (Scheme::Http, "http", Some(80)),
        (Scheme::Https, "https", Some(443)),
    ];

    /// As it is written before `://`.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(scheme, ..)| *scheme == self).map_or("", |(_, name, _)| name)
    }
}

/// Which hosts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// This name, in lower case.
    Name(String),
    /// This address.
    Address(IpAddr),
    /// Every name that ends with this, in lower case; it begins with a dot.
    Suffix(String),
    /// Every name and every public address.
    Any,
}

/// A granted destination.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Destination {
    /// How.
    pub scheme: Scheme,
    /// To whom.
    pub host: HostPattern,
    /// To which port; none: any.
    pub port: Option<u16>,
}

impl Destination {
    /// Whether this host, as the plugin wrote it, and this port are granted.
    pub fn covers(&self, scheme: Scheme, host: &str, port: u16) -> bool {
        let address = address_of(host);
        let named = host.to_ascii_lowercase();
        let named = named.strip_suffix('.').unwrap_or(&named);
        self.scheme == scheme
            && self.port.is_none_or(|own| own == port)
            && match &self.host {
                HostPattern::Any => true,
                HostPattern::Address(own) => address == Some(*own),
                HostPattern::Name(own) => address.is_none() && own == named,
                HostPattern::Suffix(end) => {
                    address.is_none() && named.len() > end.len() && named.ends_with(end.as_str())
                }
            }
    }

    /// Whether a host that is covered may have this address. A wildcard reaches public addresses alone; a name also those
    /// of the local network, but never this machine or its link, unless it is `localhost` or the address itself was
    /// granted.
    pub fn reaches(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match &self.host {
            HostPattern::Address(own) => own.to_canonical() == address,
            HostPattern::Name(name) if name == "localhost" => address.is_loopback(),
            HostPattern::Name(_) => is_unicast_elsewhere(address),
            HostPattern::Suffix(_) | HostPattern::Any => {
                is_unicast_elsewhere(address) && !is_private(address)
            }
        }
    }
}

/// The address, when the host is written as one; IPv6 with or without brackets.
fn address_of(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse().ok()
}

/// Neither this machine, nor its link, nor several at once.
fn is_unicast_elsewhere(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, ..] = v4.octets();
            // 0/8 is "this network"; 240/4 and the broadcast address are nobody's.
            first != 0 && first < 240 && !v4.is_loopback() && !v4.is_link_local() && !v4.is_multicast()
        }
        IpAddr::V6(v6) => {
            !v6.is_loopback()
                && !v6.is_unspecified()
                && !v6.is_multicast()
                && !v6.is_unicast_link_local()
                && embedded(v6).is_none_or(|v4| is_unicast_elsewhere(v4.into()))
        }
    }
}

/// Of a network that is not the world's.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, third, _] = v4.octets();
            // Private networks, those of carriers (RFC 6598), of protocols (RFC 6890), and for benchmarks (RFC 2544).
            v4.is_private()
                || (first == 100 && second & 0xc0 == 64)
                || (first == 192 && second == 0 && third == 0)
                || (first == 198 && second & 0xfe == 18)
                || v4.is_documentation()
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            v6.is_unique_local()
                // Site-local, long retired and still routed in places; documentation.
                || first & 0xffc0 == 0xfec0
                || (first == 0x2001 && second == 0xdb8)
                || embedded(v6).is_some_and(|v4| is_private(v4.into()))
        }
    }
}

/// The IPv4 address that an IPv6 address stands for: by NAT64 (RFC 6052) or 6to4 (RFC 3056), or compatible with it.
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

impl TryFrom<String> for Destination {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "\"{text}\" is no destination: {why}; write for example \"https://ntfy.sh\", \"tls://*.example.org:465\" or \
                 \"udp://192.168.1.5:514\""
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no scheme"))?;
        let known = Scheme::ALL.iter().find(|(_, name, _)| *name == scheme);
        let (scheme, _, default) =
            *known.ok_or_else(|| wrong("the scheme must be tcp, tls, udp, http or https"))?;
        let (host, port) = split(rest).ok_or_else(|| wrong("the host or the port is malformed"))?;
        let port = match port {
            Some("*") => None,
            Some(port) => {
                let number = port.parse().ok().filter(|number| *number != 0);
                Some(number.ok_or_else(|| wrong("the port must be from 1 to 65535, or `*`"))?)
            }
            None => Some(default.ok_or_else(|| wrong("the port is missing"))?),
        };
        let host = host_pattern(host).ok_or_else(|| {
            wrong("the host must be a name, an address, `*.` and a name, or `*`, and nothing may follow it")
        })?;
        Ok(Self { scheme, host, port })
    }
}

/// Host and port; an IPv6 address is in brackets.
fn split(rest: &str) -> Option<(&str, Option<&str>)> {
    if let Some(bracketed) = rest.strip_prefix('[') {
        let (address, after) = bracketed.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        return match after {
            "" => Some((address, None)),
            after => Some((address, Some(after.strip_prefix(':')?))),
        };
    }
    match rest.split_once(':') {
        None => Some((rest, None)),
        Some((host, port)) => Some((host, Some(port))),
    }
}

fn host_pattern(host: &str) -> Option<HostPattern> {
    if host == "*" {
        return Some(HostPattern::Any);
    }
    if let Some(address) = address_of(host) {
        return Some(HostPattern::Address(address));
    }
    let name = host.strip_prefix("*.").unwrap_or(host);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        return None;
    }
    // `127.1` and `0x7f000001` are addresses for the resolver of the system, whatever they look like.
    let last = name.rsplit('.').next().unwrap_or(name);
    if last.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let name = name.to_ascii_lowercase();
    Some(if host.starts_with("*.") {
        HostPattern::Suffix(format!(".{name}"))
    } else {
        HostPattern::Name(name)
    })
}

impl From<Destination> for String {
    fn from(destination: Destination) -> String {
        destination.to_string()
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://", self.scheme.name())?;
        match &self.host {
            HostPattern::Name(name) => out.write_str(name)?,
            HostPattern::Address(IpAddr::V4(v4)) => write!(out, "{v4}")?,
            HostPattern::Address(IpAddr::V6(v6)) => write!(out, "[{v6}]")?,
            HostPattern::Suffix(end) => write!(out, "*{end}")?,
            HostPattern::Any => out.write_str("*")?,
        }
        match self.port {
            Some(port) => write!(out, ":{port}"),
            None => out.write_str(":*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Destination {
        Destination::try_from(text.to_owned()).unwrap()
    }

    fn reaches(granted: &str, address: &str) -> bool {
        parse(granted).reaches(address.parse().unwrap())
    }

    #[test]
    fn a_name_covers_itself_in_any_case_and_nothing_else() {
        let granted = parse("tls://smtp.Example.org:465");
        assert!(granted.covers(Scheme::Tls, "SMTP.example.org", 465));
        assert!(granted.covers(Scheme::Tls, "smtp.example.org.", 465));
        for (scheme, host, port) in [
            (Scheme::Tcp, "smtp.example.org", 465),
            (Scheme::Tls, "smtp.example.org", 25),
            (Scheme::Tls, "xsmtp.example.org", 465),
            (Scheme::Tls, "smtp.example.org.evil.net", 465),
            (Scheme::Tls, "10.0.0.1", 465),
        ] {
            assert!(!granted.covers(scheme, host, port), "{host}:{port}");
        }
    }

    #[test]
    fn a_wildcard_covers_names_below_it_and_not_the_name_itself() {
        let granted = parse("https://*.push.example");
        assert!(granted.covers(Scheme::Https, "eu.push.example", 443));
        assert!(granted.covers(Scheme::Https, "a.b.push.example", 443));
        assert!(!granted.covers(Scheme::Https, "push.example", 443));
        assert!(!granted.covers(Scheme::Https, "evilpush.example", 443));
        assert!(!granted.covers(Scheme::Https, "eu.push.example", 8443));
    }

    #[test]
    fn a_name_that_is_pointed_at_this_machine_is_not_followed() {
        for address in
            ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "169.254.169.254", "fe80::1", "224.0.0.1"]
        {
            assert!(!reaches("https://ntfy.example", address), "{address}");
            assert!(!reaches("https://*", address), "{address}");
        }
        for address in
            ["::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1", "255.255.255.255"]
        {
            assert!(!reaches("https://ntfy.example", address), "{address}");
        }
    }

    #[test]
    fn a_name_may_be_of_the_local_network_and_a_wildcard_may_not() {
        for address in ["192.168.1.5", "10.1.2.3", "172.16.0.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"] {
            assert!(reaches("tcp://mail.lan:25", address), "{address}");
            assert!(!reaches("tcp://*.lan:25", address), "{address}");
            assert!(!reaches("tcp://*:25", address), "{address}");
        }
        assert!(reaches("tcp://*:25", "93.184.216.34"));
        assert!(reaches("tcp://*:25", "2606:2800:220:1::1"));
    }

    #[test]
    fn this_machine_is_reached_where_the_grant_says_so() {
        assert!(reaches("http://localhost:8080", "127.0.0.1"));
        assert!(reaches("http://localhost:8080", "::1"));
        assert!(!reaches("http://localhost:8080", "10.0.0.1"));
        assert!(reaches("http://127.0.0.1:8080", "127.0.0.1"));
        assert!(parse("http://[::1]:8080").covers(Scheme::Http, "::1", 8080));
        assert!(!parse("http://127.0.0.1:8080").covers(Scheme::Http, "localhost", 8080));
    }

    #[test]
    fn what_is_shown_reads_back() {
        for text in [
            "tcp://a.example:25",
            "udp://192.168.1.5:514",
            "tls://[fd00::1]:6514",
            "https://*:*",
            "http://*.x.example:8080",
        ] {
            assert_eq!(parse(text).to_string(), text);
        }
        assert_eq!(parse("https://ntfy.sh").to_string(), "https://ntfy.sh:443");
    }

    #[test]
    fn malformed_destinations_are_refused_with_an_example() {
        for text in [
            "ntfy.sh",
            "ftp://x:1",
            "tcp://x",
            "tcp://x:0",
            "tcp://x:99999",
            "https://x/path",
            "https://user@x",
            "https://*x",
            "https://a.*.b",
            "https://",
            "https://-x",
            "https://[::1",
            "https://::1",
            "http://127.1",
            "http://2130706433",
            "http://a..b",
            "http://x:",
            "http://0x7f000001",
        ] {
            let error = Destination::try_from(text.to_owned()).unwrap_err();
            assert!(error.contains("ntfy.sh") && error.contains(text), "{text}: {error}");
        }
    }
}
