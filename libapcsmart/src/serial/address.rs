//! Where a UPS is: a serial port of this machine, or a serial server on the network.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::error::PortError;

/// How an address on the network begins.
const TCP: &str = "tcp://";

/// The address of a port, as people write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A serial port.
    Tty(PathBuf),
    /// A serial server.
    Tcp {
        /// Name or number; IPv6 numbers without their brackets.
        host: String,
        /// TCP port.
        port: u16,
    },
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Address, PortError> {
        let invalid = |problem| PortError::InvalidAddress { address: text.to_owned(), problem };
        let Some(rest) = text.strip_prefix(TCP) else {
            return match text {
                "" => Err(invalid("it is empty")),
                _ if text.contains("://") => Err(invalid("only tcp:// is known beside paths")),
                path => Ok(Address::Tty(PathBuf::from(path))),
            };
        };
        let (host, port) =
            rest.trim_end_matches('/').rsplit_once(':').ok_or_else(|| invalid("the TCP port is missing"))?;
        let host = match host.strip_prefix('[') {
            Some(number) => number.strip_suffix(']').ok_or_else(|| invalid("a bracket is not closed"))?,
            None if host.contains(':') => return Err(invalid("an IPv6 address belongs in brackets")),
            None => host,
        };
        match port.parse() {
            _ if host.is_empty() => Err(invalid("the host is missing")),
            Ok(port) if port != 0 => Ok(Address::Tcp { host: host.to_owned(), port }),
            _ => Err(invalid("the TCP port is no number from 1 to 65535")),
        }
    }

    /// The error when the system does not let it be opened.
    pub(super) fn cannot_open(&self, source: io::Error) -> PortError {
        match self {
            Address::Tty(path) => PortError::Open { path: path.clone(), source },
            Address::Tcp { .. } => PortError::Unreachable { address: self.to_string(), source },
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tty(path) => path.display().fmt(f),
            Address::Tcp { host, port } if host.contains(':') => write!(f, "{TCP}[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{TCP}{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_tcp_addresses_are_told_apart_and_shown_as_written() {
        for text in ["/dev/ttyS0", "tcp://ups.example:4001", "tcp://10.0.0.7:23", "tcp://[fe80::1]:4001"] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Address::parse("tcp://[::1]:4001/").unwrap(),
            Address::Tcp { host: "::1".into(), port: 4001 }
        );
    }

    #[test]
    fn a_malformed_address_says_what_is_wrong_with_it() {
        for (text, problem) in [
            ("", "empty"),
            ("udp://host:1", "only tcp://"),
            ("tcp://host", "TCP port is missing"),
            ("tcp://:4001", "host is missing"),
            ("tcp://host:0", "1 to 65535"),
            ("tcp://host:seventy", "1 to 65535"),
            ("tcp://fe80::1:4001", "brackets"),
        ] {
            let said = Address::parse(text).unwrap_err().to_string();
            assert!(said.contains(problem), "{text}: {said}");
        }
    }
}
