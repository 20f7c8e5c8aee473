//! The plugin: connections, batches of bytes, and the limits that keep its memory bounded.
//!
//! Invariant: what clients send can't make the plugin outgrow its memory. Unfinished lines share one budget, answers
//! leave through the host as soon as they pile up, and a client that does not read its answers is dropped.

use std::collections::HashMap;

use opennmc_plugin::{
    AuthHandler, ConnectionHandler, ControlHandler, Error, Event, EventListener, Host, Inbound, Outbound,
    Plugin, Principal, TcpService, TimerHandler,
};
use rustc_hash::FxBuildHasher;

use crate::acting;
use crate::admission::Admission;
use crate::config::Config;
use crate::connection::{Connection, Identity, Next, Waiting};
use crate::desk::{Alarm, Desk, Order};
use crate::lexer::{Lexer, MAX_LINE, Progress};
use crate::refusal::Refusal;
use crate::subscribers;

/// Memory for what all clients together make us hold: unfinished lines, requests that wait, names and passwords. Requests
/// arrive whole and few clients wait, so this is for abuse.
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
    desk: Desk,
    connections: HashMap<u64, Connection, FxBuildHasher>,
    /// Reads the lines of whichever connection is served; what it holds of an unfinished line moves to the connection.
    lexer: Lexer,
    /// Memory that clients make us hold.
    unfinished: usize,
    /// Looks for idle clients.
    sweeper: Option<u64>,
}

impl Plugin for NutServer {
    type Config = Config;

    fn start(host: &impl Host, config: Config) -> Result<Self, String> {
        let mut sweeper = None;
        if config.idle_seconds > 0 {
            let period = config.idle_seconds.saturating_mul(1000) / u64::from(SWEEPS_PER_IDLE_TIME);
            let timer = host.every(period);
            sweeper =
                Some(timer.map_err(|error| format!("the timer for idle clients can't be set: {error}"))?);
        }
        let desk = Desk {
            admission: Admission::new(&config)?,
            anonymous_read: config.anonymous_read,
            ..Desk::default()
        };
        Ok(NutServer {
            desk,
            connections: HashMap::default(),
            lexer: Lexer::default(),
            unfinished: 0,
            sweeper,
        })
    }
}

impl TcpService for NutServer {
    fn on_accept(
        &mut self,
        _host: &impl Host,
        listener: &str,
        connection: u64,
        peer: &str,
    ) -> Result<(), String> {
        self.desk.admission.enter(listener, peer)?;
        self.connections.insert(connection, Connection::new(connection, peer));
        Ok(())
    }

    fn on_data(&mut self, host: &impl Host, batch: Vec<Inbound>) -> Vec<Outbound> {
        self.desk.mirror.refresh(host);
        let mut answers = Vec::with_capacity(batch.len());
        let mut total = 0;
        for Inbound { connection, bytes } in batch {
            let mut answer = self.serve(host, connection, &bytes, Vec::new());
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
        self.desk.logins.remove(connection);
        self.desk.subscribers.remove(connection);
        if let Some(gone) = self.connections.remove(&connection) {
            self.desk.admission.leave(gone.peer());
            self.unfinished -= gone.held();
        }
    }
}

impl TimerHandler for NutServer {
    fn on_timer(&mut self, host: &impl Host, timer: u64) {
        if self.sweeper == Some(timer) {
            return self.sweep(host);
        }
        if self.desk.subscribers.timer == Some(timer) {
            return self.tell_values(host);
        }
        match self.desk.timers.remove(&timer) {
            Some(Alarm::Retry(connection)) => self.resume(host, connection, Vec::new()),
            Some(Alarm::AnswerOrder(ticket)) => {
                // It was taken; that is all that can be said in time.
                let Some(order) = self.desk.orders.get_mut(&ticket) else { return };
                order.timer = None;
                if let (Some(connection), Ok(line)) =
                    (order.connection.take(), acting::outcome(order.kind, true, ""))
                {
                    self.resume(host, connection, line.to_vec());
                }
            }
            None => {}
        }
    }
}

impl EventListener for NutServer {
    fn on_event(&mut self, host: &impl Host, event: Event) {
        let (line, listeners) = self.desk.subscribers.of_event(&event);
        subscribers::send(&mut self.desk, host, &line, &listeners);
    }
}

impl ConnectionHandler for NutServer {
    // It makes none of its own.
    fn on_connected(&mut self, _host: &impl Host, _connection: u64) {}
}

impl AuthHandler for NutServer {
    fn on_checked(&mut self, host: &impl Host, ticket: u64, outcome: Result<Principal, Error>) {
        let Some(id) = self.desk.checks.remove(&ticket) else { return };
        let Some(connection) = self.connections.get_mut(&id) else { return };
        self.unfinished -= connection.held();
        connection.password = None;
        connection.identity = match outcome {
            Ok(principal) => Identity::Known(principal),
            Err(error) => Identity::Refused(acting::in_words(&error)),
        };
        self.unfinished += connection.held();
        self.resume(host, id, Vec::new());
    }
}

impl ControlHandler for NutServer {
    fn on_ended(&mut self, host: &impl Host, ticket: u64, success: bool, outcome: &str, detail: &str) {
        let Some(Order { kind, connection, timer }) = self.desk.orders.remove(&ticket) else { return };
        if let Some(timer) = timer {
            host.cancel(timer);
            self.desk.timers.remove(&timer);
        }
        let answer = acting::outcome(kind, success, outcome);
        let tracked = self.desk.tracking.ended(ticket, answer.map(|_| ()));
        match connection {
            Some(connection) => {
                let line = answer.unwrap_or_else(Refusal::line);
                self.resume(host, connection, line.to_vec());
            }
            None if !success && !tracked => {
                host.warn(&format!("an order that a client was told `OK` for did not succeed: {detail}"));
            }
            None => {}
        }
    }
}

impl NutServer {
    /// Memory that clients make the server hold, in bytes.
    pub fn unfinished_bytes(&self) -> usize {
        self.unfinished
    }

    /// Once a second, while anybody wants values.
    fn tell_values(&mut self, host: &impl Host) {
        if !self.desk.subscribers.want_values()
            && let Some(timer) = self.desk.subscribers.timer.take()
        {
            return host.cancel(timer);
        }
        self.desk.mirror.refresh(host);
        let changes = self.desk.subscribers.look(&self.desk.mirror, host);
        for (lines, listeners) in changes {
            subscribers::send(&mut self.desk, host, &lines, &listeners);
        }
    }

    fn sweep(&mut self, host: &impl Host) {
        for (id, connection) in &mut self.connections {
            connection.quiet_sweeps += 1;
            if connection.quiet_sweeps > SWEEPS_PER_IDLE_TIME && !connection.closing {
                connection.closing = true;
                host.close(*id);
            }
        }
    }

    /// What a client waited for has come: `out` is its answer, or the line that waits is answered now. Then what it sent
    /// meanwhile is served.
    fn resume(&mut self, host: &impl Host, id: u64, mut out: Vec<u8>) {
        self.desk.mirror.refresh(host);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        self.unfinished -= connection.held();
        if let Some(Waiting::Check(line)) = connection.waiting.take() {
            let next = connection.answer(&mut self.desk, host, line.words(), &mut out);
            apply(connection, next, || line);
        }
        let backlog = core::mem::take(&mut connection.backlog);
        self.unfinished += connection.held();
        let Outbound { bytes, close, .. } = self.serve(host, id, &backlog, out);
        // A peer that reads too slowly for this is dropped by the host.
        let sent = bytes.is_empty() || host.send(id, &bytes).is_ok();
        if close || !sent {
            host.close(id);
        }
    }

    fn serve(&mut self, host: &impl Host, id: u64, bytes: &[u8], mut out: Vec<u8>) -> Outbound {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Outbound { connection: id, bytes: out, close: true };
        };
        self.unfinished -= connection.held();
        if let Some(unfinished) = connection.unfinished.take() {
            self.lexer = *unfinished;
        }
        let mut rest = bytes;
        while !rest.is_empty() && !connection.closing && connection.waiting.is_none() {
            let (used, next) = answer_line(&mut self.lexer, &mut self.desk, connection, host, rest, &mut out);
            rest = rest.get(used..).unwrap_or_default();
            if next == Next::Secure {
                rest = &[];
                self.lexer.clear();
                // What it was told in the clear goes first.
                match flush(host, id, &mut out) && host.accept_tls(id).is_ok() {
                    true => connection.secure(),
                    false => connection.closing = true,
                }
                break;
            }
            apply(connection, next, || Box::new(core::mem::take(&mut self.lexer)));
            if out.len() > MAX_ANSWER && !flush(host, id, &mut out) {
                connection.closing = true;
            }
            if next != Next::Unread {
                self.lexer.clear();
            }
        }
        if !rest.is_empty() && !connection.closing {
            connection.backlog.extend_from_slice(rest);
        }
        if self.lexer.is_within_line() && !connection.closing {
            connection.unfinished = Some(Box::new(core::mem::take(&mut self.lexer)));
        }
        self.lexer.clear();
        self.unfinished += connection.held();
        if (self.unfinished > MAX_UNFINISHED || connection.backlog.len() > MAX_LINE) && !connection.closing {
            self.unfinished -= connection.held();
            connection.forget();
            self.unfinished += connection.held();
            out.extend_from_slice(Refusal::InvalidArgument.line());
            connection.closing = true;
        }
        Outbound { connection: id, bytes: out, close: connection.closing }
    }
}

/// What an answer does to its connection; `line` gives the words of the line if they are needed again.
fn apply(connection: &mut Connection, next: Next, line: impl FnOnce() -> Box<Lexer>) {
    match next {
        Next::Continue | Next::Unread | Next::Secure => {}
        Next::Close => connection.closing = true,
        Next::Wait => connection.waiting = Some(Waiting::Check(line())),
        Next::WaitForOrder => connection.waiting = Some(Waiting::Order),
    }
}

/// Takes at most one line from the front of `bytes` and answers it. Returns how many bytes were taken.
fn answer_line(
    lexer: &mut Lexer,
    desk: &mut Desk,
    connection: &mut Connection,
    host: &impl Host,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> (usize, Next) {
    if !lexer.is_within_line()
        && let Some(end) = bytes.iter().position(|byte| *byte == b'\n')
        && let Some(line) = bytes.get(..end)
        && desk.anonymous_read
        && desk.mirror.answer_plain_get_var(line, out)
    {
        connection.quiet_sweeps = 0;
        return (end + 1, Next::Continue);
    }
    let (used, progress) = lexer.feed(bytes);
    let next = match progress {
        Progress::Unfinished => return (used, Next::Unread),
        Progress::Line => connection.answer(desk, host, lexer.words(), out),
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
    (used, next)
}

/// Hands what is written so far to the host. False when the peer reads too slowly to be served any longer.
fn flush(host: &impl Host, connection: u64, out: &mut Vec<u8>) -> bool {
    let sent = host.send(connection, out).is_ok();
    out.clear();
    sent
}
