//! Serial-to-network converters: a connection that is made without waiting for it.
//!
//! Names are looked up on a thread of their own, because the system's resolver blocks; everything else is non-blocking
//! on the main loop.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::time::Duration;

use calloop::channel::Sender;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};

use super::LinkId;
use crate::config::TcpAddress;

/// A converter on the same continent answers a connection in a tenth of this.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The status is asked for every second or two, so an idle connection is a dead one; probe it early.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
const KEEPALIVE_PROBES: u32 = 3;
/// Bytes that nobody acknowledged for this long mean that the converter is gone, as long as NUT's `MAXAGE`.
const UNACKNOWLEDGED_LIMIT_MS: u32 = 15_000;

/// The answer of the resolver thread.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// Which link asked.
    pub(crate) link: LinkId,
    /// The addresses, or why there are none.
    pub(crate) addresses: io::Result<VecDeque<SocketAddr>>,
}

/// The address of a host that is written as a number.
pub(super) fn numeric(address: &TcpAddress) -> Option<SocketAddr> {
    address.host.parse().ok().map(|host: IpAddr| SocketAddr::new(host, address.port))
}

/// Looks a name up on a new thread. The answer comes through `answers`.
pub(super) fn resolve(link: LinkId, address: &TcpAddress, answers: Sender<Resolved>) -> io::Result<()> {
    let (host, port) = (address.host.clone(), address.port);
    let look_up = move || {
        let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // Nobody listens any more when the daemon ends.
        let _ = answers.send(Resolved { link, addresses });
    };
    std::thread::Builder::new().name("resolve".to_owned()).spawn(look_up).map(|_| ())
}

/// Begins to connect. The result becomes writable when that has ended, one way or the other.
pub(super) fn begin(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    sockopt::set_socket_keepalive(&socket, true)?;
    sockopt::set_tcp_keepidle(&socket, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(&socket, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(&socket, KEEPALIVE_PROBES)?;
    sockopt::set_tcp_user_timeout(&socket, UNACKNOWLEDGED_LIMIT_MS)?;
    match connect(&socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

/// How the connecting ended.
pub(super) fn finish(socket: OwnedFd) -> io::Result<File> {
    sockopt::socket_error(&socket)??;
    Ok(File::from(socket))
}
