//! The kinds of abuse. Each runs to its end, and at least until a moment; it says what it did.
//!
//! Those who abuse have processors of their own (`sides`): they stand for other machines, and it is the server that is to suffer, not
//! the scheduler's fairness that is to be measured. What they send is the same in each run.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::sides;

/// One kind.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) abuse: fn(SocketAddr, Instant) -> Result<String>,
}

/// All of them.
pub(super) const KINDS: [Kind; 8] = [
    Kind { name: "connects", what: "10,000 connections at least, each dropped at once", abuse: connects },
    Kind {
        name: "half-lines",
        what: "1,000 connections with half a line each, that stay",
        abuse: half_lines,
    },
    Kind {
        name: "tls-silence",
        what: "500 STARTTLS, and then nothing or a piece of a handshake",
        abuse: tls_silence,
    },
    Kind { name: "garbage", what: "1 GB of lines without a meaning", abuse: garbage },
    Kind { name: "long-lines", what: "2,000 lines of 1 MB, at least", abuse: long_lines },
    Kind { name: "random-bytes", what: "256 MB of random bytes", abuse: random_bytes },
    Kind {
        name: "no-readers",
        what: "100 connections that ask for lists, and read nothing",
        abuse: no_readers,
    },
    Kind {
        name: "pipelines",
        what: "1,000,000 requests at least, 10,000 in one piece, and nothing of it is waited for",
        abuse: pipelines,
    },
];

const CONNECTS: usize = 10_000;
const HALF_LINES: usize = 1_000;
const HANDSHAKES: usize = 500;
const GARBAGE: u64 = 1_000_000_000;
const LONG_LINES: usize = 2_000;
const LONG_LINE: usize = 1 << 20;
const RANDOM: u64 = 256_000_000;
const NO_READERS: usize = 100;
const PIPELINED: usize = 10_000;
const PIPELINES: usize = 100;
/// Connections at once, where it is the bytes that count.
const PARALLEL: u64 = 8;
const PIECE: usize = 64 << 10;
/// Whoever neither takes nor closes for so long would hold up the abuse for ever.
const PATIENCE: Duration = Duration::from_secs(20);

fn connect(server: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(server).context("the server takes no connection")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn stay(until: Instant) {
    thread::sleep(until.saturating_duration_since(Instant::now()));
}

fn connects(server: SocketAddr, until: Instant) -> Result<String> {
    let begun = AtomicUsize::new(0);
    let made = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                sides::abuser();
                while begun.fetch_add(1, Ordering::SeqCst) < CONNECTS || Instant::now() < until {
                    if TcpStream::connect(server).is_ok() {
                        made.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    Ok(format!("{} connections made and dropped", made.load(Ordering::SeqCst)))
}

fn half_lines(server: SocketAddr, until: Instant) -> Result<String> {
    sides::abuser();
    let mut held = Vec::new();
    for _ in 0..HALF_LINES {
        let mut stream = connect(server)?;
        stream.write_all(b"GET VAR bench \"ups.sta")?;
        held.push(stream);
    }
    stay(until);
    let open = held.iter().filter(|stream| is_open(stream)).count();
    Ok(format!("{open} of {HALF_LINES} connections are still open"))
}

fn tls_silence(server: SocketAddr, until: Instant) -> Result<String> {
    // A record that announces a ClientHello of 512 bytes.
    const PIECE_OF_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    sides::abuser();
    let mut held = Vec::new();
    for index in 0..HANDSHAKES {
        let mut stream = connect(server)?;
        stream.write_all(b"STARTTLS\n")?;
        let mut answer = [0; 64];
        let length = stream.read(&mut answer)?;
        anyhow::ensure!(answer[..length].starts_with(b"OK"), "STARTTLS is not offered");
        if index % 2 == 0 {
            stream.write_all(PIECE_OF_HELLO)?;
        }
        held.push(stream);
    }
    stay(until);
    let open = held.iter().filter(|stream| is_open(stream)).count();
    Ok(format!("{open} of {HANDSHAKES} connections are still open"))
}

fn is_open(mut stream: &TcpStream) -> bool {
    let _ = stream.set_nonblocking(true);
    match stream.read(&mut [0; 256]) {
        Ok(length) => length > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

fn garbage(server: SocketAddr, _until: Instant) -> Result<String> {
    pour(server, GARBAGE, |random, piece| {
        for byte in piece.iter_mut() {
            let next = random.next();
            *byte = if next % 40 == 0 { b'\n' } else { b' ' + (next >> 8) as u8 % 95 };
        }
    })
}

fn random_bytes(server: SocketAddr, _until: Instant) -> Result<String> {
    pour(server, RANDOM, |random, piece| piece.iter_mut().for_each(|byte| *byte = random.next() as u8))
}

/// So many bytes through some connections at once, whose answers are read and thrown away; one that is closed is made anew.
fn pour(server: SocketAddr, bytes: u64, fill: fn(&mut Random, &mut [u8])) -> Result<String> {
    let (sent, closed) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        let pourers: Vec<_> = (0..PARALLEL)
            .map(|number| {
                let (sent, closed) = (&sent, &closed);
                scope.spawn(move || -> Result<()> {
                    sides::abuser();
                    let mut random = Random(number + 1);
                    let mut piece = vec![0; PIECE];
                    fill(&mut random, &mut piece);
                    let mut left = bytes / PARALLEL;
                    while left > 0 {
                        let mut stream = connect(server)?;
                        let drain = drain(&stream)?;
                        while left > 0 {
                            // Another beginning each time: other words, other lines.
                            let from = random.next() as usize % (PIECE / 2);
                            let Ok(taken) = stream.write(&piece[from..]) else { break };
                            left = left.saturating_sub(taken as u64);
                            sent.fetch_add(taken as u64, Ordering::SeqCst);
                        }
                        closed.fetch_add(u64::from(left > 0), Ordering::SeqCst);
                        let _ = stream.shutdown(Shutdown::Both);
                        let _ = drain.join();
                    }
                    Ok(())
                })
            })
            .collect();
        pourers.into_iter().try_for_each(|pourer| pourer.join().unwrap_or(Ok(())))
    })?;
    let (sent, closed) = (sent.load(Ordering::SeqCst), closed.load(Ordering::SeqCst));
    Ok(format!("{} MB were taken, {closed} connections closed by the server", sent / 1_000_000))
}

/// Reads to the end on a thread of its own.
fn drain(stream: &TcpStream) -> Result<thread::JoinHandle<()>> {
    let mut stream = stream.try_clone()?;
    Ok(thread::spawn(move || {
        sides::abuser();
        let mut buffer = vec![0; PIECE];
        while stream.read(&mut buffer).is_ok_and(|length| length > 0) {}
    }))
}

fn long_lines(server: SocketAddr, until: Instant) -> Result<String> {
    sides::abuser();
    let line = vec![b'x'; LONG_LINE];
    let mut taken = 0;
    let (mut refused, mut begun) = (0, 0);
    while begun < LONG_LINES || Instant::now() < until {
        begun += 1;
        let mut stream = connect(server)?;
        let mut rest = line.as_slice();
        while !rest.is_empty() {
            let Ok(count) = stream.write(rest) else { break };
            rest = &rest[count..];
        }
        taken += line.len() - rest.len();
        let mut answer = Vec::new();
        // What the server said before it closed may be lost with the bytes that it did not take.
        let _ = stream.read_to_end(&mut answer);
        refused += usize::from(!rest.is_empty() || answer.starts_with(b"ERR"));
    }
    Ok(format!("{refused} of {begun} refused, {} MB left the client", taken / 1_000_000))
}

fn no_readers(server: SocketAddr, until: Instant) -> Result<String> {
    sides::abuser();
    let questions = b"LIST VAR bench\n".repeat(64);
    let mut held = Vec::new();
    for _ in 0..NO_READERS {
        let stream = connect(server)?;
        stream.set_nonblocking(true)?;
        held.push(stream);
    }
    let mut closed = 0;
    while Instant::now() < until {
        held.retain_mut(|stream| match stream.write(&questions) {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => true,
            Err(_) => {
                closed += 1;
                false
            }
        });
        while held.len() < NO_READERS {
            let stream = connect(server)?;
            stream.set_nonblocking(true)?;
            held.push(stream);
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(format!("{closed} connections closed by the server"))
}

fn pipelines(server: SocketAddr, until: Instant) -> Result<String> {
    sides::abuser();
    let requests = b"GET VAR bench ups.status\n".repeat(PIPELINED);
    let (mut answers, mut asked) = (0, 0);
    while asked < PIPELINES * PIPELINED || Instant::now() < until {
        let mut stream = connect(server)?;
        let mut reader = stream.try_clone()?;
        let counted = thread::spawn(move || {
            sides::abuser();
            let (mut lines, mut buffer) = (0, vec![0; PIECE]);
            while lines < PIPELINED {
                match reader.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(length) => lines += buffer[..length].iter().filter(|byte| **byte == b'\n').count(),
                }
            }
            lines
        });
        stream.write_all(&requests).context("the server does not take a pipeline that is read")?;
        asked += PIPELINED;
        answers += counted.join().unwrap_or_default();
    }
    Ok(format!("{answers} of {asked} answers came"))
}

/// The same numbers in each run (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}
