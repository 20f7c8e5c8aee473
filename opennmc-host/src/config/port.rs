//! Where a UPS is: `port = "…"`.

use std::fmt;
use std::path::PathBuf;

use apcsmart::simulator::Model;
use serde::Deserialize;

use super::section::suggestion;

/// How a UPS is reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[non_exhaustive]
pub enum Port {
    /// A serial device of this machine.
    Tty(PathBuf),
    /// A serial-to-network converter, or `apcsmart-sim --tcp`.
    Tcp(TcpAddress),
    /// A simulated UPS inside the daemon, of this model, which exists.
    Simulator(String),
}

/// Host and port of a `tcp://` port.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpAddress {
    /// A name, or an address without brackets.
    pub host: String,
    /// Never 0.
    pub port: u16,
}

impl fmt::Display for Port {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Port::Tty(path) => write!(out, "{}", path.display()),
            Port::Tcp(address) => write!(out, "tcp://{address}"),
            Port::Simulator(model) => write!(out, "sim:{model}"),
        }
    }
}

impl fmt::Display for TcpAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TcpAddress { host, port } = self;
        if host.contains(':') { write!(out, "[{host}]:{port}") } else { write!(out, "{host}:{port}") }
    }
}

impl TryFrom<String> for Port {
    type Error = InvalidPort;

    fn try_from(text: String) -> Result<Port, InvalidPort> {
        if let Some(address) = text.strip_prefix("tcp://") {
            return parse_address(address).map(Port::Tcp).ok_or_else(|| InvalidPort::Address(text.clone()));
        }
        if let Some(model) = text.strip_prefix("sim:") {
            return parse_model(model);
        }
        if text.starts_with('/') {
            return Ok(Port::Tty(text.into()));
        }
        Err(InvalidPort::Unknown(text))
    }
}

fn parse_address(text: &str) -> Option<TcpAddress> {
    let (host, port) = text.rsplit_once(':')?;
    let spelled = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let host = match host.strip_prefix('[') {
        Some(host) => host.strip_suffix(']').filter(|host| host.parse::<std::net::Ipv6Addr>().is_ok())?,
        None => Some(host).filter(|host| !host.is_empty() && host.chars().all(spelled))?,
    };
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Some(TcpAddress { host: host.to_owned(), port })
}

fn parse_model(model: &str) -> Result<Port, InvalidPort> {
    let names: Vec<&str> = Model::all().map(Model::name).collect();
    if names.contains(&model) {
        return Ok(Port::Simulator(model.to_owned()));
    }
    Err(InvalidPort::Model(model.to_owned(), suggestion(model, &names)))
}

/// Something else than a port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPort {
    /// None of the three forms.
    #[error(
        "`{0}` is not a port: write a device such as `/dev/ttyS0`, `tcp://HOST:PORT` for a serial converter on the \
         network, or `sim:MODEL` for a simulated UPS"
    )]
    Unknown(String),
    /// `tcp://` with something else than a host and a port behind it.
    #[error("`{0}` is not an address: write `tcp://HOST:PORT`, with an IPv6 address in brackets")]
    Address(String),
    /// `sim:` with something else than a model behind it.
    #[error("there is no simulated UPS `{0}`; {1}")]
    Model(String, String),
}
