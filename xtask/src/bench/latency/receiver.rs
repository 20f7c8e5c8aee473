//! Who is told: takes requests, and notes the moment of the first byte of each.
//!
//! A thread for each connection, so that nobody waits for another's end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Posts, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// Whoever connects and says nothing is let go.
const SILENCE: Duration = Duration::from_secs(20);

pub(super) struct Post {
    /// Without the slash at the beginning.
    pub(super) path: String,
    /// When its first byte was there.
    pub(super) at: Duration,
}

pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    pub(super) posts: Posts<Post>,
}

impl Receiver {
    pub(super) fn start() -> Result<Receiver> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
        let address = listener.local_addr()?;
        let (sender, posts) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                thread::spawn(move || {
                    // A broken request is one that is missed, which whoever waits for it tells.
                    let _ = take(stream, &sender);
                });
            }
        });
        Ok(Receiver { address, posts })
    }
}

fn take(stream: TcpStream, sender: &Sender<Post>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let mut reader = BufReader::new(&stream);
    reader.fill_buf()?;
    let at = super::now();
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
        if header.trim_end().is_empty() {
            break;
        }
    }
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    (&stream).write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;
    let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    // The receiver is gone when the measuring is over.
    let _ = sender.send(Post { path, at });
    Ok(())
}
