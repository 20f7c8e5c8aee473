//! What clients cost that ask once and stay.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

use super::UPS;
use crate::bench::daemon;

/// A very large site.
pub(crate) const CLIENTS: usize = 2_000;
const PATIENCE: Duration = Duration::from_secs(10);

/// Resident memory of the server, in MiB, before they came and while they are there.
pub(crate) fn measure(server: SocketAddr, pid: u32) -> Result<(f64, f64)> {
    let before = daemon::resident_mib(pid)?;
    let mut clients = Vec::with_capacity(CLIENTS);
    for index in 0..CLIENTS {
        let mut stream = TcpStream::connect(server)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(format!("GET VAR {UPS} ups.status\n").as_bytes())?;
        let mut answer = String::new();
        BufReader::new(&stream).read_line(&mut answer)?;
        anyhow::ensure!(answer.starts_with("VAR "), "client {index} is answered with {answer:?}");
        clients.push(stream);
    }
    let with = daemon::resident_mib(pid).context("the server is gone")?;
    Ok((before, with))
}
