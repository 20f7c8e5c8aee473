//! One connection's bytes: in the clear, or through TLS.
//!
//! Nothing here blocks, and nothing knows of the loop: [`Stream::read`] and [`Stream::write`] do what the socket permits now.
//! Invariant: once TLS has begun, no byte of the plugin's goes out in the clear and none that came in the clear is given to it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::rc::Rc;

use rustls::{CertificateError, Connection, Error};

/// Plain bytes that TLS may hold, encrypted, when the socket takes no more: a few records.
const ENCRYPTED: usize = 64 << 10;
/// Thrown away at one time when TLS begins; a peer that has sent more in the clear won't get through its handshake.
const PURGED: usize = 64 << 10;

/// A connected socket.
pub(super) struct Stream {
    socket: Rc<TcpStream>,
    tls: Option<Box<Tls>>,
    /// TLS that begins when this many bytes have been sent in the clear.
    upgrade: Option<Box<Upgrade>>,
}

struct Upgrade {
    connection: Connection,
    clear: usize,
}

struct Tls {
    connection: Connection,
    handshaking: bool,
    closed: bool,
}

/// What reading brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// So many bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The peer has ended its side, properly.
    End,
}

impl Stream {
    pub(super) fn new(socket: Rc<TcpStream>) -> Self {
        Self { socket, tls: None, upgrade: None }
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Whether TLS stands, is being made, or will be.
    pub(super) fn is_secured(&self) -> bool {
        self.tls.is_some() || self.upgrade.is_some()
    }

    /// Whether bytes of the plugin's can go out now.
    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.handshaking)
    }

    /// Whether TLS has something of its own to send.
    pub(super) fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.connection.wants_write())
    }

    /// Begins TLS with the first byte of the connection.
    pub(super) fn begin(&mut self, mut connection: Connection) {
        connection.set_buffer_limit(Some(ENCRYPTED));
        self.tls = Some(Box::new(Tls { connection, handshaking: true, closed: false }));
    }

    /// Begins TLS after the next `clear` bytes that are written. What has arrived until then is thrown away.
    pub(super) fn upgrade(&mut self, mut connection: Connection, clear: usize) {
        connection.set_buffer_limit(Some(ENCRYPTED));
        if clear == 0 {
            self.purge();
            self.begin(connection);
        } else {
            self.upgrade = Some(Box::new(Upgrade { connection, clear }));
        }
    }

    /// Whatever came before TLS may have been put there by somebody in between.
    fn purge(&self) {
        let mut rubbish = [0; 4 << 10];
        let mut purged = 0;
        while purged < PURGED {
            match (&*self.socket).read(&mut rubbish) {
                Ok(0) | Err(_) => break,
                Ok(count) => purged += count,
            }
        }
    }

    /// Whether more can be read than the socket knows of: bytes, or the end.
    pub(super) fn holds_more(&mut self) -> bool {
        let Some(tls) = self.tls.as_mut() else { return false };
        // Without new packets this only counts.
        let state = tls.connection.process_new_packets();
        state.is_ok_and(|state| state.plaintext_bytes_to_read() > 0 || state.peer_has_closed())
    }

    /// Reads once. When TLS stands since this call, `secured` is set.
    pub(super) fn read(&mut self, buffer: &mut [u8], secured: &mut bool) -> Result<Taken, String> {
        let result = match &mut self.tls {
            None => match (&*self.socket).read(buffer) {
                Ok(0) => Ok(Taken::End),
                Ok(count) => Ok(Taken::Bytes(count)),
                Err(error) if is_transient(&error) => Ok(Taken::Nothing),
                Err(error) => Err(error.to_string()),
            },
            Some(tls) => tls.read(&self.socket, buffer),
        };
        if let Some(tls) = self.tls.as_mut().filter(|tls| tls.handshaking) {
            *secured = !tls.connection.is_handshaking();
            tls.handshaking = !*secured;
        }
        result
    }

    /// Writes of `output` what goes, and with `last` ends TLS behind it. Gives how much of `output` is taken care of, and how
    /// many bytes the socket took.
    pub(super) fn write(&mut self, output: &[u8], last: bool) -> io::Result<(usize, usize)> {
        let mut clear = 0;
        if self.tls.is_none() {
            let until = match &self.upgrade {
                Some(upgrade) => {
                    let left = upgrade.clear.min(output.len());
                    self.purge();
                    left
                }
                None => output.len(),
            };
            while clear < until {
                match (&*self.socket).write(&output[clear..until]) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(count) => clear += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
            match self.upgrade.take() {
                Some(mut upgrade) if upgrade.clear > clear => {
                    upgrade.clear -= clear;
                    self.upgrade = Some(upgrade);
                    return Ok((clear, clear));
                }
                // The bytes that told the peer to begin are out, so what comes now is its hello.
                Some(upgrade) => {
                    let connection = upgrade.connection;
                    self.tls = Some(Box::new(Tls { connection, handshaking: true, closed: false }));
                }
                None => return Ok((clear, clear)),
            }
        }
        let Some(tls) = &mut self.tls else { return Ok((clear, clear)) };
        let (taken, sent) = tls.write(&self.socket, &output[clear..], last)?;
        Ok((clear + taken, clear + sent))
    }
}

impl Tls {
    fn read(&mut self, mut socket: &TcpStream, buffer: &mut [u8]) -> Result<Taken, String> {
        if let Some(taken) = self.take(buffer)? {
            return Ok(taken);
        }
        match self.connection.read_tls(&mut socket) {
            Ok(_) => {}
            Err(error) if is_transient(&error) => return Ok(Taken::Nothing),
            Err(error) => return Err(error.to_string()),
        }
        if let Err(error) = self.connection.process_new_packets() {
            // The peer is told why, if it still listens.
            let _ = self.connection.write_tls(&mut socket);
            return Err(words(&error));
        }
        Ok(self.take(buffer)?.unwrap_or(Taken::Nothing))
    }

    /// What was decrypted before.
    fn take(&mut self, buffer: &mut [u8]) -> Result<Option<Taken>, String> {
        match self.connection.reader().read(buffer) {
            Ok(0) => Ok(Some(Taken::End)),
            Ok(count) => Ok(Some(Taken::Bytes(count))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(match self.handshaking {
                true => "the peer ended the connection in the middle of the TLS handshake".to_owned(),
                false => "cut off: the peer did not end TLS, so what it sent may be incomplete".to_owned(),
            }),
            Err(_) => Ok(None),
        }
    }

    fn write(&mut self, mut socket: &TcpStream, output: &[u8], last: bool) -> io::Result<(usize, usize)> {
        let (mut taken, mut sent) = (0, 0);
        loop {
            if !self.handshaking {
                taken += self.connection.writer().write(&output[taken..])?;
                if last && taken == output.len() && !self.closed {
                    self.closed = true;
                    self.connection.send_close_notify();
                }
            }
            if !self.connection.wants_write() {
                return Ok((taken, sent));
            }
            match self.connection.write_tls(&mut socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok((taken, sent)),
                Err(error) => return Err(error),
            }
        }
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Why TLS failed, for people.
pub(in crate::plugin) fn words(error: &Error) -> String {
    let certificate = match error {
        Error::InvalidCertificate(certificate) => certificate,
        Error::InvalidMessage(_) => return format!("the peer does not speak TLS here ({error})"),
        Error::AlertReceived(alert) => return format!("the peer refused TLS: {alert:?}"),
        error => return format!("TLS failed: {error}"),
    };
    let why = match certificate {
        CertificateError::UnknownIssuer => {
            "is signed by nobody whom this host trusts; for an authority of your own set `[tls] ca`"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet; is this host's clock right?".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is not for the name that was connected to".to_owned()
        }
        CertificateError::Revoked => "was revoked".to_owned(),
        certificate => format!("is not valid: {certificate}"),
    };
    format!("the peer's certificate {why}")
}
