//! The plugin: who is connected, what they ask, and what they are told without asking.
//!
//! Invariant: what somebody is told of a UPS, in this order, adds up to its newest state; who takes it too slowly is
//! disconnected, and reads everything again.

use std::collections::BTreeMap;

use nut_words::lexer::{Lexer, Progress};
use opennmc_plugin::{
    ConnectionHandler, ControlHandler, Error, Event, EventListener, Host, Inbound, Outbound, Plugin,
    Principal, TcpService, TimerHandler,
};
use serde::Deserialize;

use crate::feed::Feed;
use crate::request::Request;

/// How often is looked for changes that are no events, in milliseconds.
const LOOK_MS: u64 = 1_000;

/// There is nothing to set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {}

/// Serves each UPS at the listener of its name.
#[derive(Debug, Default)]
pub struct NutDriver {
    clients: BTreeMap<u64, Client>,
    feeds: BTreeMap<String, Feed>,
    /// Orders under way, by the host's ticket.
    orders: BTreeMap<u64, Order>,
    /// Looks for changes, while anybody is connected.
    timer: Option<u64>,
}

/// Somebody who is connected: in general one `upsd`.
#[derive(Debug)]
struct Client {
    ups: String,
    lexer: Lexer,
    /// Wants to be told what changes.
    hears: bool,
}

/// What is to be reported when an order has ended.
#[derive(Debug)]
struct Order {
    connection: u64,
    tracking: String,
}

/// How an order has ended, in the driver protocol's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    Done = 0,
    Unknown = 1,
    Invalid = 2,
    Failed = 3,
}

impl Plugin for NutDriver {
    type Config = Config;

    fn start(_host: &impl Host, Config {}: Config) -> Result<Self, String> {
        Ok(NutDriver::default())
    }
}

impl TcpService for NutDriver {
    fn on_accept(
        &mut self,
        host: &impl Host,
        listener: &str,
        connection: u64,
        _peer: &str,
    ) -> Result<(), String> {
        if !host.devices().iter().any(|device| device.name == listener) {
            return Err(format!(
                "there is no UPS `{listener}`: a listener is named like the UPS that it serves"
            ));
        }
        if self.timer.is_none() {
            self.timer = host.every(LOOK_MS).map_err(|error| format!("no timer: {error}")).map(Some)?;
        }
        self.feeds.entry(listener.to_owned()).or_default();
        let client = Client { ups: listener.to_owned(), lexer: Lexer::default(), hears: true };
        self.clients.insert(connection, client);
        Ok(())
    }

    fn on_data(&mut self, host: &impl Host, batch: Vec<Inbound>) -> Vec<Outbound> {
        // First: an answer tells what is known then, and changes before it are not to come after it.
        self.look(host);
        batch.into_iter().map(|Inbound { connection, bytes }| self.serve(host, connection, &bytes)).collect()
    }

    fn on_closed(&mut self, host: &impl Host, connection: u64, _reason: &str) {
        self.clients.remove(&connection);
        let clients = &self.clients;
        self.feeds.retain(|ups, _| clients.values().any(|client| client.ups == *ups));
        if self.clients.is_empty()
            && let Some(timer) = self.timer.take()
        {
            host.cancel(timer);
        }
    }
}

impl EventListener for NutDriver {
    fn on_event(&mut self, host: &impl Host, _event: Event) {
        self.look(host);
    }
}

impl TimerHandler for NutDriver {
    fn on_timer(&mut self, host: &impl Host, _timer: u64) {
        self.look(host);
    }
}

impl ConnectionHandler for NutDriver {
    // It makes none of its own.
    fn on_connected(&mut self, _host: &impl Host, _connection: u64) {}
}

impl ControlHandler for NutDriver {
    fn on_ended(&mut self, host: &impl Host, ticket: u64, success: bool, outcome: &str, detail: &str) {
        if !success {
            host.warn(&format!("an order from the driver socket did not succeed: {detail}"));
        }
        let Some(Order { connection, tracking }) = self.orders.remove(&ticket) else { return };
        let code = match outcome {
            _ if success => Code::Done,
            "unsupported" => Code::Unknown,
            "invalid" => Code::Invalid,
            _ => Code::Failed,
        };
        // What the order has changed comes before its end.
        self.look(host);
        if self.clients.contains_key(&connection) {
            tell(host, connection, &report(&tracking, code));
        }
    }
}

impl NutDriver {
    /// Tells everybody what has changed.
    fn look(&mut self, host: &impl Host) {
        for (ups, feed) in &mut self.feeds {
            let mut changes = Vec::new();
            feed.follow(host, ups, &mut changes);
            if changes.is_empty() {
                continue;
            }
            let hearers = self.clients.iter().filter(|(_, client)| client.hears && client.ups == *ups);
            for (connection, _) in hearers {
                tell(host, *connection, &changes);
            }
        }
    }

    fn serve(&mut self, host: &impl Host, connection: u64, bytes: &[u8]) -> Outbound {
        let mut out = Outbound { connection, bytes: Vec::new(), close: false };
        let Some(mut client) = self.clients.remove(&connection) else {
            return Outbound { close: true, ..out };
        };
        let mut rest = bytes;
        while !rest.is_empty() && !out.close {
            let (used, progress) = client.lexer.feed(rest);
            rest = rest.get(used..).unwrap_or_default();
            match progress {
                Progress::Unfinished => continue,
                Progress::Line => {
                    let lexer = core::mem::take(&mut client.lexer);
                    out.close = self.answer(
                        host,
                        connection,
                        &mut client,
                        Request::read(lexer.words()),
                        &mut out.bytes,
                    );
                    client.lexer = lexer;
                }
                Progress::Malformed => host.debug("a request with a quote that is not closed was left out"),
                Progress::TooLong => out.close = true,
            }
            client.lexer.clear();
        }
        self.clients.insert(connection, client);
        out
    }

    /// Answers one request. Returns whether it was the last.
    fn answer(
        &mut self,
        host: &impl Host,
        connection: u64,
        client: &mut Client,
        request: Request<'_>,
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(feed) = self.feeds.get(&client.ups) else { return true };
        match request {
            Request::Ping => out.extend_from_slice(b"PONG\n"),
            Request::DumpAll => feed.dump(out),
            Request::DumpValue(name) => {
                feed.dump_value(name, out);
                out.extend_from_slice(b"DUMPDONE\n");
            }
            Request::DumpStatus => {
                feed.dump_value("ups.status", out);
                feed.end_dump(out);
            }
            Request::Broadcast(on) => client.hears = on,
            Request::Logout => {
                out.extend_from_slice(b"OK Goodbye\n");
                return true;
            }
            Request::Run { command, value, tracking } => {
                let ticket = match feed.command(command) {
                    // The protocol has no word for it; who may name the command here was told that it is dangerous.
                    Some(command) => host.run(Principal::PLUGIN, &client.ups, command, value, true),
                    None => Err(Error::NotFound),
                };
                self.given(host, connection, command, ticket, tracking, out);
            }
            Request::Set { variable, value, tracking } => {
                let ticket = match feed.variable(variable) {
                    Some(variable) => host.set(Principal::PLUGIN, &client.ups, variable, value),
                    None => Err(Error::NotFound),
                };
                self.given(host, connection, variable, ticket, tracking, out);
            }
            Request::Unknown(verb) => host.debug(&format!("unknown request `{verb}` on the driver socket")),
            Request::Pid | Request::Nothing => {}
        }
        false
    }

    /// An order was given, or not.
    fn given(
        &mut self,
        host: &impl Host,
        connection: u64,
        what: &str,
        ticket: Result<u64, Error>,
        tracking: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        match (ticket, tracking) {
            (Ok(ticket), Some(tracking)) => {
                self.orders.insert(ticket, Order { connection, tracking: tracking.to_owned() });
            }
            (Ok(_), None) => {}
            (Err(error), tracking) => {
                host.warn(&format!("`{what}` from the driver socket was refused: {error}"));
                let code = match error {
                    Error::NotFound => Code::Unknown,
                    Error::Invalid(_) => Code::Invalid,
                    _ => Code::Failed,
                };
                if let Some(tracking) = tracking {
                    out.extend_from_slice(&report(tracking, code));
                }
            }
        }
    }
}

fn report(tracking: &str, code: Code) -> Vec<u8> {
    // The peer's own word comes back to it: it was read as a word, and is written as one.
    let mut line = b"TRACKING ".to_vec();
    match nut_words::quote::is_plain(tracking) {
        true => line.extend_from_slice(tracking.as_bytes()),
        false => nut_words::quote::push(&mut line, tracking, usize::MAX),
    }
    line.extend_from_slice(format!(" {}\n", code as u8).as_bytes());
    line
}

/// Who takes nothing would miss a change: it is disconnected and comes back for everything.
fn tell(host: &impl Host, connection: u64, bytes: &[u8]) {
    if host.send(connection, bytes).is_err() {
        host.close(connection);
    }
}
