//! What the server remembers of one client, and its answer to one request.
//!
//! User names and passwords are not kept: there is no user base to check them against yet, and what is not kept can't
//! leak. Only that they were given matters for the protocol's order of checks.

use opennmc_plugin::Host;

use crate::lexer::{Lexer, Words};
use crate::mirror::Mirror;
use crate::refusal::Refusal;
use crate::request::{Get, Request, parse};
use crate::{get, list};

const PROTOCOL_VERSION: &[u8] = b"1.3\n";
const HELP: &[u8] =
    b"Commands: HELP VER PROTVER GET LIST SET INSTCMD LOGIN LOGOUT USERNAME PASSWORD STARTTLS\n";

/// One client.
#[derive(Debug)]
pub struct Connection {
    peer: String,
    has_username: bool,
    has_password: bool,
    tracking: bool,
    refused_before: bool,
    /// Sweeps of the idle timer since the last complete line.
    pub quiet_sweeps: u32,
    /// The unfinished line, between two calls.
    pub unfinished: Option<Box<Lexer>>,
    /// The connection is being closed; what still arrives is not looked at.
    pub closing: bool,
}

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It goes on.
    Continue,
    /// It ends once the answer was sent.
    Close,
}

impl Connection {
    /// A client that has said nothing yet.
    pub fn new(peer: &str) -> Self {
        Connection {
            peer: peer.to_owned(),
            has_username: false,
            has_password: false,
            tracking: false,
            refused_before: false,
            quiet_sweeps: 0,
            unfinished: None,
            closing: false,
        }
    }

    /// Writes the answer to one line.
    pub fn answer(
        &mut self,
        mirror: &mut Mirror,
        host: &impl Host,
        words: Words<'_>,
        out: &mut Vec<u8>,
    ) -> Next {
        let parsed = parse(words);
        let outcome = self.check_credentials(parsed.needs_credentials).and(parsed.request);
        match outcome.and_then(|request| self.perform(mirror, host, request, out)) {
            Ok(next) => next,
            Err(refusal) => {
                out.extend_from_slice(refusal.line());
                if is_http(words) { Next::Close } else { Next::Continue }
            }
        }
    }

    fn perform(
        &mut self,
        mirror: &mut Mirror,
        host: &impl Host,
        request: Request<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Next, Refusal> {
        match request {
            Request::Get(Get::Tracking) => {
                out.extend_from_slice(if self.tracking { b"ON\n" } else { b"OFF\n" });
            }
            Request::Get(Get::TrackingOf) if self.tracking => return Err(Refusal::Unknown),
            Request::Get(get) => get::answer(mirror, host, get, out)?,
            Request::List(list) => list::answer(mirror, host, list, out)?,
            Request::Version => {
                out.extend_from_slice(get::SERVER_INFO.as_bytes());
                out.push(b'\n');
            }
            Request::ProtocolVersion => out.extend_from_slice(PROTOCOL_VERSION),
            Request::Help => out.extend_from_slice(HELP),
            Request::StartTls => return Err(Refusal::FeatureNotConfigured),
            Request::Logout => {
                out.extend_from_slice(b"OK Goodbye\n");
                return Ok(Next::Close);
            }
            Request::Username if self.has_username => return Err(Refusal::AlreadySetUsername),
            Request::Username => {
                self.has_username = true;
                out.extend_from_slice(b"OK\n");
            }
            Request::Password if self.has_password => return Err(Refusal::AlreadySetPassword),
            Request::Password => {
                self.has_password = true;
                out.extend_from_slice(b"OK\n");
            }
            Request::SetTracking(on) => {
                self.tracking = on;
                out.extend_from_slice(b"OK\n");
            }
            Request::Monitor { verb, ups } => {
                mirror.device(ups)?;
                return Err(self.deny(host, verb));
            }
            Request::SetVar { ups } => {
                mirror.available(ups)?;
                return Err(self.deny(host, "SET VAR"));
            }
            Request::InstCmd { ups, command } => {
                let commands = host.commands(&mirror.available(ups)?.name).unwrap_or_default();
                if !commands.iter().any(|known| known.eq_ignore_ascii_case(command)) {
                    return Err(Refusal::CmdNotSupported);
                }
                return Err(self.deny(host, "INSTCMD"));
            }
        }
        Ok(Next::Continue)
    }

    fn check_credentials(&self, needed: bool) -> Result<(), Refusal> {
        if needed && !self.has_username {
            Err(Refusal::UsernameRequired)
        } else if needed && !self.has_password {
            Err(Refusal::PasswordRequired)
        } else {
            Ok(())
        }
    }

    /// A monitor whose login fails goes on polling without protection and its owner never hears of it: the host's log
    /// must. Once per connection, because a client may repeat the attempt at every poll.
    fn deny(&mut self, host: &impl Host, what: &str) -> Refusal {
        if !self.refused_before {
            self.refused_before = true;
            host.warn(&format!("{what} from {} was refused: this NUT server has no users yet", self.peer));
        }
        Refusal::AccessDenied
    }
}

/// A web page can make a browser send lines to this port; nothing that follows such a first line is meant for us.
fn is_http(words: Words<'_>) -> bool {
    words.get(words.len().saturating_sub(1)).is_some_and(|last| last.starts_with("HTTP/"))
}
