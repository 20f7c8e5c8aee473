//! What the server remembers of one client, and its answer to one request.
//!
//! A password is kept only until it has been checked.

use opennmc_plugin::{Host, Principal};

use crate::desk::Desk;
use crate::lexer::{Lexer, Words};
use crate::refusal::Refusal;
use crate::request::{Get, Request, parse};
use crate::subscribers::{LOOK_MS, Wish};
use crate::{acting, get, list};

const PROTOCOL_VERSION: &[u8] = b"1.3\n";
const HELP: &[u8] =
    b"Commands: HELP VER PROTVER GET LIST SET INSTCMD LOGIN LOGOUT USERNAME PASSWORD STARTTLS\n";

/// One client.
#[derive(Debug)]
pub struct Connection {
    /// The host's number for it.
    pub id: u64,
    peer: String,
    /// As given.
    pub username: Option<String>,
    /// As given, until it was checked.
    pub password: Option<String>,
    has_password: bool,
    /// What became of them.
    pub identity: Identity,
    /// How often the host could not take the check.
    pub retries: u32,
    /// Whether orders get ids.
    pub tracking: bool,
    refused_before: bool,
    /// TLS stands, or is being begun.
    pub is_secure: bool,
    /// Sweeps of the idle timer since the last complete line.
    pub quiet_sweeps: u32,
    /// The unfinished line, between two calls.
    pub unfinished: Option<Box<Lexer>>,
    /// What the client waits for; what it sends meanwhile is kept in `backlog`.
    pub waiting: Option<Waiting>,
    /// Bytes that came while it waits.
    pub backlog: Vec<u8>,
    /// The connection is being closed; what still arrives is not looked at.
    pub closing: bool,
}

/// Who the client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Name and password are as the client says, if it said any.
    Given,
    /// The host knows it by this number.
    Known(Principal),
    /// The host does not let it in, and why.
    Refused(String),
}

/// What a client waits for.
#[derive(Debug)]
pub enum Waiting {
    /// Its password is being checked; then this line is answered.
    Check(Box<Lexer>),
    /// The end of an order.
    Order,
}

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It goes on.
    Continue,
    /// It ends once the answer was sent.
    Close,
    /// The same line is to be answered again when the host has said who the client is.
    Wait,
    /// The answer is how the order ends.
    WaitForOrder,
    /// TLS begins: what it sent before that does not count.
    Secure,
    /// There was no whole line to answer.
    Unread,
}

impl Connection {
    /// A client that has said nothing yet.
    pub fn new(id: u64, peer: &str) -> Self {
        Connection {
            id,
            peer: peer.to_owned(),
            username: None,
            password: None,
            has_password: false,
            identity: Identity::Given,
            retries: 0,
            tracking: false,
            refused_before: false,
            is_secure: false,
            quiet_sweeps: 0,
            unfinished: None,
            waiting: None,
            backlog: Vec::new(),
            closing: false,
        }
    }

    /// Bytes of memory that the client made this connection hold.
    pub fn held(&self) -> usize {
        let waiting = match &self.waiting {
            Some(Waiting::Check(line)) => line.held(),
            _ => 0,
        };
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::capacity);
        self.unfinished.as_ref().map_or(0, |line| line.held())
            + waiting
            + self.backlog.capacity()
            + text(&self.username)
            + text(&self.password)
    }

    /// Gives back what the client made this connection hold.
    pub fn forget(&mut self) {
        self.unfinished = None;
        self.waiting = None;
        self.backlog = Vec::new();
        self.username = None;
        self.password = None;
    }

    /// TLS begins. What was said in the clear may be somebody else's.
    pub fn secure(&mut self) {
        let (id, peer) = (self.id, core::mem::take(&mut self.peer));
        *self = Connection { is_secure: true, ..Connection::new(id, &peer) };
    }

    /// The peer's address and port.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// The peer's address without its port.
    pub fn address(&self) -> &str {
        let address = self.peer.rsplit_once(':').map_or(self.peer.as_str(), |(address, _)| address);
        address.trim_start_matches('[').trim_end_matches(']')
    }

    /// Writes the answer to one line.
    pub fn answer(&mut self, desk: &mut Desk, host: &impl Host, words: Words<'_>, out: &mut Vec<u8>) -> Next {
        let parsed = parse(words);
        let outcome = self.check_credentials(parsed.needs_credentials).and(parsed.request);
        match outcome.and_then(|request| self.perform(desk, host, request, out)) {
            Ok(next) => next,
            Err(refusal) => {
                out.extend_from_slice(refusal.line());
                if is_http(words) { Next::Close } else { Next::Continue }
            }
        }
    }

    fn perform(
        &mut self,
        desk: &mut Desk,
        host: &impl Host,
        request: Request<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Next, Refusal> {
        match request {
            Request::Get(_) | Request::List(_) | Request::Subscribe { .. }
                if !desk.anonymous_read && !acting::may_read(self, desk, host)? =>
            {
                return Ok(Next::Wait);
            }
            Request::Get(Get::Tracking) => {
                out.extend_from_slice(if self.tracking { b"ON\n" } else { b"OFF\n" });
            }
            Request::Get(Get::TrackingOf { id }) if self.tracking => {
                out.extend_from_slice(desk.tracking.answer(id)?);
            }
            Request::Get(get) => get::answer(&mut desk.mirror, &desk.logins, host, get, out)?,
            Request::List(list) => list::answer(&mut desk.mirror, &desk.logins, host, list, out)?,
            Request::Version => {
                out.extend_from_slice(get::SERVER_INFO.as_bytes());
                out.push(b'\n');
            }
            Request::ProtocolVersion => out.extend_from_slice(PROTOCOL_VERSION),
            Request::Help => out.extend_from_slice(HELP),
            Request::StartTls if self.is_secure => return Err(Refusal::AlreadySslMode),
            Request::StartTls if !host.offers_tls() => return Err(Refusal::FeatureNotConfigured),
            Request::StartTls => {
                out.extend_from_slice(b"OK STARTTLS\n");
                return Ok(Next::Secure);
            }
            Request::Subscribe { ups, values } => {
                let ups =
                    ups.map(|name| desk.mirror.device(name).map(|device| device.name.clone())).transpose()?;
                out.extend_from_slice(b"OK SUBSCRIBED\n");
                if values {
                    if desk.subscribers.timer.is_none() {
                        desk.subscribers.timer = host.every(LOOK_MS).ok();
                    }
                    out.extend_from_slice(&desk.subscribers.begin(&desk.mirror, host, ups.as_deref()));
                }
                desk.subscribers.add(self.id, Wish { ups, values });
            }
            Request::Unsubscribe => {
                desk.subscribers.remove(self.id);
                out.extend_from_slice(b"OK UNSUBSCRIBED\n");
            }
            Request::Logout => {
                out.extend_from_slice(b"OK Goodbye\n");
                return Ok(Next::Close);
            }
            Request::Username(_) if self.username.is_some() => return Err(Refusal::AlreadySetUsername),
            Request::Username(name) => {
                self.username = Some(name.to_owned());
                out.extend_from_slice(b"OK\n");
            }
            Request::Password(_) if self.has_password => return Err(Refusal::AlreadySetPassword),
            Request::Password(password) => {
                self.has_password = true;
                self.password = Some(password.to_owned());
                out.extend_from_slice(b"OK\n");
            }
            Request::SetTracking(on) => {
                self.tracking = on;
                out.extend_from_slice(b"OK\n");
            }
            Request::Login { .. }
            | Request::Primary { .. }
            | Request::ForcedShutdown { .. }
            | Request::SetVar { .. }
            | Request::InstCmd { .. } => return acting::answer(self, desk, host, request, out),
        }
        Ok(Next::Continue)
    }

    /// A name and a password were given, whether right or wrong.
    pub fn check_credentials(&self, needed: bool) -> Result<(), Refusal> {
        if needed && self.username.is_none() {
            Err(Refusal::UsernameRequired)
        } else if needed && !self.has_password {
            Err(Refusal::PasswordRequired)
        } else {
            Ok(())
        }
    }

    /// A monitor whose login fails goes on polling without protection and its owner never hears of it: the host's log
    /// must. Once per connection, because a client may repeat the attempt at every poll.
    pub fn deny(&mut self, host: &impl Host, what: &str, reason: &str) -> Refusal {
        if !self.refused_before {
            self.refused_before = true;
            host.warn(&format!("{what} from {} was refused: {reason}", self.peer));
        }
        Refusal::AccessDenied
    }
}

/// A web page can make a browser send lines to this port; nothing that follows such a first line is meant for us.
fn is_http(words: Words<'_>) -> bool {
    words.get(words.len().saturating_sub(1)).is_some_and(|last| last.starts_with("HTTP/"))
}
