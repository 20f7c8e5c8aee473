//! TLS on connections: who may begin it, with which certificates, and until when it must stand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use super::{Connections, Stage};

/// A handshake is two round trips and a signature; the card signs in a tenth of a second.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Why TLS was not begun.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::plugin) enum SecureError {
    /// There is no such connection, or it is being closed.
    Gone,
    /// Not on this one, or not now.
    Invalid(&'static str),
    /// The host lacks what it takes.
    Unavailable(String),
}

impl Connections {
    /// Begins TLS on a connection that a peer made.
    pub(in crate::plugin) fn accept_tls(
        &mut self,
        number: u64,
        config: Arc<ServerConfig>,
    ) -> Result<(), SecureError> {
        self.may_secure(number, false)?;
        let tls = ServerConnection::new(config)
            .map_err(|error| SecureError::Unavailable(super::stream::words(&error)))?;
        self.secure(number, tls.into());
        Ok(())
    }

    /// Begins TLS on a connection that the plugin made.
    pub(in crate::plugin) fn start_tls(&mut self, number: u64) -> Result<(), SecureError> {
        self.may_secure(number, true)?;
        self.begin_client(number).map_err(SecureError::Unavailable)
    }

    /// The time for the handshake is over.
    pub(super) fn handshake_late(&mut self, number: u64) {
        self.remove(number, format!("the TLS handshake was not done within {} s", HANDSHAKE.as_secs()));
    }

    pub(super) fn begin_client(&mut self, number: u64) -> Result<(), String> {
        let outgoing = self.get(number).and_then(|connection| connection.outgoing.as_ref());
        let Some(outgoing) = outgoing else { return Ok(()) };
        let config = match &outgoing.client {
            Some(client) => client.clone()?,
            None => return Err("this host's certificates are not read yet".to_owned()),
        };
        let host = outgoing.route.host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| format!("`{host}` is no name that a certificate can have"))?;
        let tls = ClientConnection::new(config, name).map_err(|error| super::stream::words(&error))?;
        self.secure(number, tls.into());
        Ok(())
    }

    fn may_secure(&mut self, number: u64, outgoing: bool) -> Result<(), SecureError> {
        let connection =
            self.get(number).filter(|connection| connection.closing.is_none()).ok_or(SecureError::Gone)?;
        if connection.outgoing.is_some() != outgoing {
            return Err(SecureError::Invalid(match outgoing {
                true => "the peer made this connection; `accept-tls` is for those",
                false => "the plugin made this connection; `start-tls` is for those",
            }));
        }
        match &connection.stage {
            Stage::Dialling(_) => Err(SecureError::Invalid("the connection does not stand yet")),
            Stage::Open(stream) if stream.is_secured() => {
                Err(SecureError::Invalid("TLS has begun on it already"))
            }
            Stage::Open(_) => Ok(()),
        }
    }

    fn secure(&mut self, number: u64, tls: rustls::Connection) {
        let Some(connection) = self.get(number) else { return };
        let clear = connection.waiting();
        let from_the_first_byte = connection.outgoing.as_ref().is_some_and(|outgoing| outgoing.secure);
        match &mut connection.stage {
            Stage::Open(stream) if from_the_first_byte => stream.begin(tls),
            Stage::Open(stream) => stream.upgrade(tls, clear),
            Stage::Dialling(_) => {}
        }
        self.set_due(number, Some(Instant::now() + HANDSHAKE));
        self.touch(number);
    }
}
