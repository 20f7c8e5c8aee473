//! Connecting to a serial server on the network.

use std::fs::File;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::sockopt;

use super::address::Address;
use super::error::PortError;

/// A serial server on the same continent takes a tenth of this.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The status is asked for every second or two, so an idle connection is a dead one; probe it early.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
const KEEPALIVE_PROBES: u32 = 3;
/// Bytes that nobody acknowledged for so long mean that the server is gone.
const UNACKNOWLEDGED_LIMIT_MS: u32 = 15_000;

/// Connects to the first address of `host` that takes the connection. Looking the name up takes as long as the system lets
/// it.
pub(super) fn connect(host: &str, port: u16) -> Result<File, PortError> {
    let attempt = || -> io::Result<File> {
        let mut refused = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in (host, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT_LIMIT) {
                Ok(stream) => return prepare(stream),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    };
    attempt().map_err(|source| PortError::Unreachable {
        address: Address::Tcp { host: host.to_owned(), port }.to_string(),
        source,
    })
}

fn prepare(stream: TcpStream) -> io::Result<File> {
    stream.set_nonblocking(true)?;
    // Every question is a byte or two and must not wait for more.
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(&stream, true)?;
    sockopt::set_tcp_keepidle(&stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(&stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(&stream, KEEPALIVE_PROBES)?;
    sockopt::set_tcp_user_timeout(&stream, UNACKNOWLEDGED_LIMIT_MS)?;
    Ok(File::from(OwnedFd::from(stream)))
}
