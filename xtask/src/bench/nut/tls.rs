//! How many clients a second can begin TLS: connect, `STARTTLS`, a whole handshake, one question and its answer over it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned};

/// Clients at once: as many as this machine has for both sides, and one that waits.
const CLIENTS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(10);

/// What one run gave.
pub(crate) struct Handshakes {
    pub(crate) per_second: f64,
    /// What was agreed on.
    pub(crate) version: String,
}

/// Trusts the one certificate, and never takes a session up again: it is the whole handshake that is measured.
pub(crate) fn client(certificate: &Path) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).context("the certificate can't be read")?)?;
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Measures for `duration`.
pub(crate) fn measure(
    server: SocketAddr,
    config: &Arc<ClientConfig>,
    duration: Duration,
) -> Result<Handshakes> {
    let version = begin(server, config)?;
    let count = AtomicU64::new(0);
    let began = Instant::now();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    while began.elapsed() < duration {
                        begin(server, config)?;
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                    Ok(())
                })
            })
            .collect();
        clients
            .into_iter()
            .try_for_each(|client| client.join().unwrap_or_else(|_| bail!("a client panicked")))
    })?;
    let per_second = count.load(Ordering::SeqCst) as f64 / began.elapsed().as_secs_f64();
    Ok(Handshakes { per_second, version: format!("{version:?}") })
}

fn begin(server: SocketAddr, config: &Arc<ClientConfig>) -> Result<ProtocolVersion> {
    let mut socket = TcpStream::connect(server)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all(b"STARTTLS\n")?;
    ensure!(line(&mut socket)? == "OK STARTTLS", "the server does not begin TLS");
    let connection = ClientConnection::new(Arc::clone(config), ServerName::try_from("localhost")?)?;
    let mut secured = StreamOwned::new(connection, socket);
    secured.write_all(b"VER\n")?;
    let answer = line(&mut secured)?;
    ensure!(!answer.starts_with("ERR"), "`VER` over TLS is answered with `{answer}`");
    secured.conn.protocol_version().context("no version of TLS was agreed on")
}

fn line(stream: &mut impl Read) -> Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        stream.read_exact(&mut byte)?;
        if byte == *b"\n" {
            return Ok(String::from_utf8_lossy(&line).into_owned());
        }
        line.push(byte[0]);
    }
}
