//! A guest that does on the network what its clients say.
//!
//! On the listener `main` each line is an order; whatever becomes of it later is told on the connection that gave it, as
//! lines. On the listener `mail` lines are echoed and `STARTTLS` begins TLS, as mail servers do.

use std::cell::RefCell;
use std::collections::HashMap;

wit_bindgen::generate!({
    inline: "package fixture:caller; world caller {
        import opennmc:plugin/tcp@0.1.0;
        import opennmc:plugin/tls-server@0.1.0;
        import opennmc:plugin/tcp-connect@0.1.0;
        import opennmc:plugin/http-client@0.1.0;
        import opennmc:plugin/udp@0.1.0;
        export opennmc:plugin/lifecycle@0.1.0;
        export opennmc:plugin/tcp-events@0.1.0;
        export opennmc:plugin/connection-events@0.1.0;
        export opennmc:plugin/http-events@0.1.0;
        export opennmc:plugin/udp-events@0.1.0;
    }",
    path: "../../../wit",
    world: "fixture:caller/caller",
    generate_all,
});

use exports::opennmc::plugin::tcp_events::{Inbound, Outbound};
use exports::opennmc::plugin::{connection_events, http_events, lifecycle, tcp_events, udp_events};
use opennmc::plugin::http_client;
use opennmc::plugin::tcp_connect::{self, Security};
use opennmc::plugin::types::Error;
use opennmc::plugin::{tcp, tls_server, udp};

thread_local! {
    static MAIL: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    static PARTIAL: RefCell<HashMap<u64, Vec<u8>>> = RefCell::default();
    /// Who hears of datagrams: the last that has sent one, or asked.
    static LISTENER: RefCell<u64> = const { RefCell::new(0) };
    /// Who gave the order that made a connection.
    static ASKERS: RefCell<HashMap<u64, u64>> = RefCell::default();
    static OWNERS: RefCell<HashMap<u64, u64>> = RefCell::default();
}

struct Caller;

impl lifecycle::Guest for Caller {
    fn start(_config: String) -> Result<(), String> {
        Ok(())
    }

    fn stop() {}
}

impl connection_events::Guest for Caller {
    fn on_connected(connection: u64) {
        tell(connection, &format!("connected {connection}"));
    }

    fn on_secured(connection: u64) {
        if MAIL.with_borrow(|mail| mail.contains(&connection)) {
            let _ = tcp::send(connection, b"welcome\n");
        } else {
            tell(connection, &format!("secured {connection}"));
        }
    }
}

impl http_events::Guest for Caller {
    fn on_reply(ticket: u64, outcome: Result<http_events::Reply, String>) {
        let Some(asker) = ASKERS.with_borrow_mut(|askers| askers.remove(&ticket)) else { return };
        let line = match outcome {
            Ok(reply) => format!("reply {} {:?}", reply.status, String::from_utf8_lossy(&reply.body)),
            Err(why) => format!("failed {why}"),
        };
        let _ = tcp::send(asker, format!("{line}\n").as_bytes());
    }
}

impl udp_events::Guest for Caller {
    /// On a granted socket everything is answered in capitals.
    fn on_datagrams(batch: Vec<udp_events::Datagram>) {
        for udp_events::Datagram { socket, peer, bytes } in batch {
            let text = String::from_utf8_lossy(&bytes);
            if socket.is_empty() {
                let line = format!("datagram {text}\n");
                let _ = tcp::send(LISTENER.with_borrow(|listener| *listener), line.as_bytes());
            } else {
                let _ = udp::reply(&socket, &peer, text.to_uppercase().as_bytes());
            }
        }
    }
}

impl tcp_events::Guest for Caller {
    fn on_accept(listener: String, connection: u64, _peer: String) -> Result<(), String> {
        if listener == "mail" {
            MAIL.with_borrow_mut(|mail| mail.push(connection));
        }
        Ok(())
    }

    fn on_data(batch: Vec<Inbound>) -> Vec<Outbound> {
        for Inbound { connection, bytes } in batch {
            if OWNERS.with_borrow(|owners| owners.contains_key(&connection)) {
                tell(connection, &format!("data {connection} {:?}", String::from_utf8_lossy(&bytes)));
            } else {
                take_lines(connection, bytes);
            }
        }
        Vec::new()
    }

    fn on_closed(connection: u64, reason: String) {
        tell(connection, &format!("closed {connection} {reason}"));
        OWNERS.with_borrow_mut(|owners| owners.remove(&connection));
        PARTIAL.with_borrow_mut(|partial| partial.remove(&connection));
        MAIL.with_borrow_mut(|mail| mail.retain(|other| *other != connection));
    }
}

fn tell(connection: u64, line: &str) {
    if let Some(owner) = OWNERS.with_borrow(|owners| owners.get(&connection).copied()) {
        let _ = tcp::send(owner, format!("{line}\n").as_bytes());
    }
}

fn take_lines(connection: u64, bytes: Vec<u8>) {
    let mut pending = PARTIAL.with_borrow_mut(|partial| partial.remove(&connection)).unwrap_or_default();
    pending.extend(bytes);
    while let Some(end) = pending.iter().position(|&byte| byte == b'\n') {
        let line = String::from_utf8_lossy(&pending[..end]).into_owned();
        pending.drain(..=end);
        let mail = MAIL.with_borrow(|mail| mail.contains(&connection));
        if mail && line == "STARTTLS" {
            let _ = tcp::send(connection, b"OK\n");
            if let Err(error) = tls_server::accept_tls(connection) {
                let _ = tcp::send(connection, format!("{}\n", words(error)).as_bytes());
            }
            // As every server has to: what came with the order is not obeyed in the new state.
            return;
        }
        let answer = if mail { line } else { obey(connection, &line) };
        let _ = tcp::send(connection, format!("{answer}\n").as_bytes());
    }
    PARTIAL.with_borrow_mut(|partial| partial.insert(connection, pending));
}

fn obey(owner: u64, line: &str) -> String {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let parts: Vec<&str> = rest.split(' ').collect();
    match (word, parts.as_slice()) {
        ("connect", [security, host, port]) => match connect(owner, security, host, port) {
            Ok(connection) => format!("number {connection}"),
            Err(error) => words(error),
        },
        // Before there can be a connection.
        ("connect-and-send", [security, host, port, text]) => match connect(owner, security, host, port) {
            Ok(connection) => done(tcp::send(connection, format!("{text}\n").as_bytes())),
            Err(error) => words(error),
        },
        // As many as it gets, and why it gets no more.
        ("hoard", [security, host, port]) => {
            let mut count = 0;
            loop {
                match connect(owner, security, host, port) {
                    Ok(_) => count += 1,
                    Err(error) => return format!("{count} then {}", words(error)),
                }
            }
        }
        ("send", [connection, text]) => done(tcp::send(number(connection), format!("{text}\n").as_bytes())),
        // What follows without a pause has to go through TLS.
        ("start-tls", [connection]) => done(tcp_connect::start_tls(number(connection))),
        ("start-tls-and-send", [connection, text]) => done(
            tcp::send(number(connection), b"in the clear\n")
                .and_then(|()| tcp_connect::start_tls(number(connection)))
                .and_then(|()| tcp::send(number(connection), format!("{text}\n").as_bytes())),
        ),
        ("accept-tls", [connection]) => done(tls_server::accept_tls(number(connection))),
        // Method, URL, and a header if there is one; the last part is the body's length or the milliseconds.
        ("fetch", [method, url, rest @ ..]) => {
            let mut request = http_client::Request {
                method: (*method).to_owned(),
                url: (*url).to_owned(),
                headers: Vec::new(),
                body: Vec::new(),
                timeout_ms: 0,
            };
            for part in rest {
                match part.split_once('=') {
                    Some(("body", length)) => request.body = vec![b'b'; number(length) as usize],
                    Some(("ms", ms)) => request.timeout_ms = number(ms) as u32,
                    Some((name, value)) => {
                        // An underscore stands for what can't be in a line.
                        request.headers.push((name.to_owned(), value.replace('_', "\r\n")))
                    }
                    None => {}
                }
            }
            match http_client::fetch(&request) {
                Ok(ticket) => {
                    ASKERS.with_borrow_mut(|askers| askers.insert(ticket, owner));
                    "asked".to_owned()
                }
                Err(error) => words(error),
            }
        }
        ("datagram", [host, port, text]) => {
            LISTENER.set(owner);
            done(udp::send(host, number(port) as u16, text.as_bytes()))
        }
        ("flood", [host, port, count]) => {
            let sent = (0..number(count)).filter(|_| udp::send(host, number(port) as u16, b"x").is_ok());
            format!("{} sent", sent.count())
        }
        ("answer", [socket, peer]) => done(udp::reply(socket, peer, b"unasked")),
        ("close", [connection]) => {
            tcp::close(number(connection));
            "done".to_owned()
        }
        ("trap", _) => core::arch::wasm32::unreachable(),
        _ => line.to_owned(),
    }
}

fn connect(owner: u64, security: &str, host: &str, port: &str) -> Result<u64, Error> {
    let security = if security == "tls" { Security::Tls } else { Security::Plain };
    let connection = tcp_connect::connect(host, number(port) as u16, security)?;
    OWNERS.with_borrow_mut(|owners| owners.insert(connection, owner));
    Ok(connection)
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

fn done(result: Result<(), Error>) -> String {
    result.map_or_else(words, |()| "done".to_owned())
}

fn words(error: Error) -> String {
    match error {
        Error::Denied(why) => format!("denied: {why}"),
        Error::NotFound => "not-found".to_owned(),
        Error::Invalid(why) => format!("invalid: {why}"),
        Error::Busy => "busy".to_owned(),
        Error::Limit(why) => format!("limit: {why}"),
        Error::Unavailable(why) => format!("unavailable: {why}"),
    }
}

export!(Caller);
