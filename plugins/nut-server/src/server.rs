//! The plugin: connections, batches of bytes, and the limits that keep its memory bounded.
//!
//! Invariant: what clients send can't make the plugin outgrow its memory. Unfinished lines share one budget, answers
//! leave through the host as soon as they pile up, and a client that does not read its answers is dropped.

use std::collections::HashMap;

use opennmc_plugin::{Host, Inbound, Outbound, Plugin, TcpService, TimerHandler};
use rustc_hash::FxBuildHasher;

use crate::config::Config;
use crate::connection::{Connection, Next};
use crate::lexer::{Lexer, Progress};
use crate::mirror::Mirror;
use crate::refusal::Refusal;

/// Memory for the unfinished lines of all clients together. Requests arrive whole, so this is for abuse.
const MAX_UNFINISHED: usize = 512 * 1024;

/// An answer to one client that is longer goes to the host at once: a whole `LIST VAR` is about 3 KiB.
const MAX_ANSWER: usize = 32 * 1024;

/// When the answers of one batch are longer together, each further one goes to the host at once.
const MAX_BATCH: usize = 256 * 1024;

/// How often the idle time is looked at within its length: a silent client stays at most a quarter longer.
const SWEEPS_PER_IDLE_TIME: u32 = 4;

/// The NUT server.
#[derive(Debug)]
pub struct NutServer {
    config: Config,
    mirror: Mirror,
    connections: HashMap<u64, Connection, FxBuildHasher>,
    /// Reads the lines of whichever connection is served; what it holds of an unfinished line moves to the connection.
    lexer: Lexer,
    /// Memory held by all unfinished lines.
    unfinished: usize,
}

impl Plugin for NutServer {
    type Config = Config;

    fn start(host: &impl Host, config: Config) -> Result<Self, String> {
        if config.idle_seconds > 0 {
            let period = config.idle_seconds.saturating_mul(1000) / u64::from(SWEEPS_PER_IDLE_TIME);
            host.every(period)
                .map_err(|error| format!("the timer for idle clients can't be set: {error}"))?;
        }
        Ok(NutServer {
            config,
            mirror: Mirror::default(),
            connections: HashMap::default(),
            lexer: Lexer::default(),
            unfinished: 0,
        })
    }
}

impl TcpService for NutServer {
    fn on_accept(
        &mut self,
        _host: &impl Host,
        _listener: &str,
        connection: u64,
        peer: &str,
    ) -> Result<(), String> {
        if self.connections.len() >= self.config.max_connections {
            return Err(format!("all {} connections are in use", self.config.max_connections));
        }
        self.connections.insert(connection, Connection::new(peer));
        Ok(())
    }

    fn on_data(&mut self, host: &impl Host, batch: Vec<Inbound>) -> Vec<Outbound> {
        self.mirror.refresh(host);
        let mut answers = Vec::with_capacity(batch.len());
        let mut total = 0;
        for Inbound { connection, bytes } in batch {
            let mut answer = self.serve(host, connection, &bytes);
            total += answer.bytes.len();
            if total > MAX_BATCH && !flush(host, connection, &mut answer.bytes) {
                answer.close = true;
            }
            if answer.close || !answer.bytes.is_empty() {
                answers.push(answer);
            }
        }
        answers
    }

    fn on_closed(&mut self, _host: &impl Host, connection: u64, _reason: &str) {
        if let Some(gone) = self.connections.remove(&connection) {
            self.unfinished -= gone.unfinished.map_or(0, |lexer| lexer.held());
        }
    }
}

impl TimerHandler for NutServer {
    fn on_timer(&mut self, host: &impl Host, _timer: u64) {
        for (id, connection) in &mut self.connections {
            connection.quiet_sweeps += 1;
            if connection.quiet_sweeps > SWEEPS_PER_IDLE_TIME && !connection.closing {
                connection.closing = true;
                host.close(*id);
            }
        }
    }
}

impl NutServer {
    /// Memory that unfinished lines hold, in bytes.
    pub fn unfinished_bytes(&self) -> usize {
        self.unfinished
    }

    fn serve(&mut self, host: &impl Host, id: u64, bytes: &[u8]) -> Outbound {
        let mut out = Vec::new();
        let Some(connection) = self.connections.get_mut(&id) else {
            return Outbound { connection: id, bytes: out, close: true };
        };
        if let Some(unfinished) = connection.unfinished.take() {
            self.unfinished -= unfinished.held();
            self.lexer = *unfinished;
        }
        let mut rest = bytes;
        while !rest.is_empty() && !connection.closing {
            let (used, next) =
                answer_line(&mut self.lexer, &mut self.mirror, connection, host, rest, &mut out);
            rest = rest.get(used..).unwrap_or_default();
            let overrun = out.len() > MAX_ANSWER && !flush(host, id, &mut out);
            connection.closing = overrun || next == Next::Close;
        }
        if self.lexer.is_within_line() && !connection.closing {
            self.unfinished += self.lexer.held();
            if self.unfinished > MAX_UNFINISHED {
                self.unfinished -= self.lexer.held();
                out.extend_from_slice(Refusal::InvalidArgument.line());
                connection.closing = true;
            } else {
                connection.unfinished = Some(Box::new(core::mem::take(&mut self.lexer)));
            }
        }
        self.lexer.clear();
        Outbound { connection: id, bytes: out, close: connection.closing }
    }
}

/// Takes at most one line from the front of `bytes` and answers it. Returns how many bytes were taken.
fn answer_line(
    lexer: &mut Lexer,
    mirror: &mut Mirror,
    connection: &mut Connection,
    host: &impl Host,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> (usize, Next) {
    if !lexer.is_within_line()
        && let Some(end) = bytes.iter().position(|byte| *byte == b'\n')
        && let Some(line) = bytes.get(..end)
        && mirror.answer_plain_get_var(line, out)
    {
        connection.quiet_sweeps = 0;
        return (end + 1, Next::Continue);
    }
    let (used, progress) = lexer.feed(bytes);
    let next = match progress {
        Progress::Unfinished => return (used, Next::Continue),
        Progress::Line => connection.answer(mirror, host, lexer.words(), out),
        Progress::Malformed => {
            out.extend_from_slice(Refusal::InvalidArgument.line());
            Next::Continue
        }
        Progress::TooLong => {
            out.extend_from_slice(Refusal::InvalidArgument.line());
            Next::Close
        }
    };
    connection.quiet_sweeps = 0;
    lexer.clear();
    (used, next)
}

/// Hands what is written so far to the host. False when the peer reads too slowly to be served any longer.
fn flush(host: &impl Host, connection: u64, out: &mut Vec<u8>) -> bool {
    let sent = host.send(connection, out).is_ok();
    out.clear();
    sent
}
