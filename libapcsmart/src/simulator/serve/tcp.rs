//! The TCP port: a serial server with one client at a time.
//!
//! A new client replaces the old one, because the old one may be a connection that died without a word.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use calloop::generic::Generic;
use calloop::{Interest, LoopHandle, Mode, PostAction, RegistrationToken};

use super::{ServeError, Server};

pub(super) struct TcpPort {
    address: SocketAddr,
    token: RegistrationToken,
    client: Option<(TcpStream, RegistrationToken)>,
}

impl TcpPort {
    pub(super) fn bind(
        address: SocketAddr,
        handle: &LoopHandle<'static, Server>,
    ) -> Result<TcpPort, ServeError> {
        let system = |error: io::Error| ServeError::system(format!("listen on {address}"), error);
        let listener = TcpListener::bind(address).map_err(system)?;
        listener.set_nonblocking(true).map_err(system)?;
        let address = listener.local_addr().map_err(system)?;
        let token = handle
            .insert_source(Generic::new(listener, Interest::READ, Mode::Level), |_, listener, server| {
                match listener.accept() {
                    Ok((stream, _)) => server.admit(stream),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => {
                        eprintln!("apcsmart-sim: a connection was lost while it was accepted: {error}")
                    }
                }
                Ok(PostAction::Continue)
            })
            .map_err(|error| system(io::Error::other(error.error)))?;
        Ok(TcpPort { address, token, client: None })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What does not fit into the socket is lost.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        if let Some((stream, _)) = &mut self.client {
            let _ = stream.write(bytes);
        }
    }

    /// Closes the client and the listener.
    pub(super) fn close(self, handle: &LoopHandle<'static, Server>) {
        if let Some((stream, token)) = self.client {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            handle.remove(token);
        }
        handle.remove(self.token);
    }
}

impl Server {
    fn admit(&mut self, stream: TcpStream) {
        let Some(tcp) = &mut self.tcp else { return };
        match watch(stream, &self.handle) {
            Ok(client) => {
                if let Some((old, token)) = tcp.client.replace(client) {
                    let _ = old.shutdown(std::net::Shutdown::Both);
                    self.handle.remove(token);
                }
            }
            Err(error) => eprintln!("apcsmart-sim: a connection cannot be served: {error}"),
        }
    }
}

fn watch(
    stream: TcpStream,
    handle: &LoopHandle<'static, Server>,
) -> io::Result<(TcpStream, RegistrationToken)> {
    stream.set_nonblocking(true)?;
    // Alerts are single bytes and must not wait for more.
    stream.set_nodelay(true)?;
    let source = Generic::new(stream.try_clone()?, Interest::READ, Mode::Level);
    let token = handle
        .insert_source(source, |_, stream, server| {
            let mut buffer = [0; 512];
            let mut stream: &TcpStream = stream;
            match stream.read(&mut buffer) {
                Ok(0) => return Ok(PostAction::Remove),
                Ok(length) => server.hear(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return Ok(PostAction::Remove),
            }
            Ok(PostAction::Continue)
        })
        .map_err(|error| io::Error::other(error.error))?;
    Ok((stream, token))
}
