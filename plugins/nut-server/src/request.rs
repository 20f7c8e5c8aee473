//! Words into typed requests.
//!
//! Nothing is looked up here: a request that parses may still name a UPS that does not exist. Words beyond those that a
//! request takes are an error for some and ignored for others, as NUT clients have always known it.

use crate::lexer::Words;
use crate::refusal::Refusal;

/// A request as far as the words alone tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// A user name and a password must have been given, and this is checked before anything else.
    pub needs_credentials: bool,
    /// The request, or what is wrong with its words.
    pub request: Result<Request<'a>, Refusal>,
}

/// One request of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the protocol's words")]
pub enum Request<'a> {
    Version,
    ProtocolVersion,
    Help,
    StartTls,
    Logout,
    Username(&'a str),
    Password(&'a str),
    Get(Get<'a>),
    List(List<'a>),
    /// `ATTACH` too.
    Login {
        ups: &'a str,
    },
    /// Answered with the word that was asked with, after `OK`.
    Primary {
        granted: &'static [u8],
        ups: &'a str,
    },
    ForcedShutdown {
        ups: &'a str,
    },
    SetVar {
        ups: &'a str,
        variable: &'a str,
        value: &'a str,
    },
    SetTracking(bool),
    /// Of one UPS, or of all; with values, too.
    Subscribe {
        ups: Option<&'a str>,
        values: bool,
    },
    Unsubscribe,
    InstCmd {
        ups: &'a str,
        command: &'a str,
        value: Option<&'a str>,
    },
}

/// What `GET` can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the protocol's words")]
pub enum Get<'a> {
    Var {
        ups: &'a str,
        variable: &'a str,
    },
    Type {
        ups: &'a str,
        variable: &'a str,
    },
    Desc {
        ups: &'a str,
        variable: &'a str,
    },
    CmdDesc {
        ups: &'a str,
        command: &'a str,
    },
    UpsDesc {
        ups: &'a str,
    },
    /// `NUMLOGINS`, or `NUMATTACH` as RFC 9271 has it; the reply repeats the keyword.
    NumLogins {
        keyword: &'static str,
        ups: &'a str,
    },
    /// Whether tracking is on.
    Tracking,
    /// How a command or a setting went.
    TrackingOf {
        id: &'a str,
    },
}

/// What `LIST` can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the protocol's words")]
pub enum List<'a> {
    Ups,
    Var { ups: &'a str },
    Rw { ups: &'a str },
    Cmd { ups: &'a str },
    Enum { ups: &'a str, variable: &'a str },
    Range { ups: &'a str, variable: &'a str },
    Client { ups: &'a str },
}

/// Reads the words of one line.
pub fn parse(words: Words<'_>) -> Parsed<'_> {
    let verb = words.at(0);
    let is = |name: &str| verb.eq_ignore_ascii_case(name);
    let open = |request| Parsed { needs_credentials: false, request };
    let guarded = |request| Parsed { needs_credentials: true, request };

    if is("GET") {
        open(parse_get(words).map(Request::Get))
    } else if is("LIST") {
        open(parse_list(words).map(Request::List))
    } else if is("VER") {
        open(exactly(words, 1, Request::Version))
    } else if is("NETVER") || is("PROTVER") {
        open(exactly(words, 1, Request::ProtocolVersion))
    } else if is("HELP") {
        open(exactly(words, 1, Request::Help))
    } else if is("STARTTLS") {
        open(Ok(Request::StartTls))
    } else if is("LOGOUT") || is("DETACH") {
        open(exactly(words, 1, Request::Logout))
    } else if is("USERNAME") {
        open(exactly(words, 2, Request::Username(words.at(1))))
    } else if is("PASSWORD") {
        open(password(words))
    } else if is("LOGIN") || is("ATTACH") {
        guarded(exactly(words, 2, Request::Login { ups: words.at(1) }))
    } else if is("PRIMARY") {
        guarded(exactly(words, 2, Request::Primary { granted: b"OK PRIMARY-GRANTED\n", ups: words.at(1) }))
    } else if is("MASTER") {
        guarded(exactly(words, 2, Request::Primary { granted: b"OK MASTER-GRANTED\n", ups: words.at(1) }))
    } else if is("FSD") {
        guarded(exactly(words, 2, Request::ForcedShutdown { ups: words.at(1) }))
    } else if is("SUBSCRIBE") {
        open(parse_subscribe(words))
    } else if is("UNSUBSCRIBE") {
        open(exactly(words, 1, Request::Unsubscribe))
    } else if is("SET") {
        guarded(parse_set(words))
    } else if is("INSTCMD") {
        let request = Request::InstCmd { ups: words.at(1), command: words.at(2), value: words.get(3) };
        // A command that is run without the value that was meant for it can do harm: more than one word is none.
        guarded(if words.len() <= 4 { at_least(words, 3, request) } else { Err(Refusal::InvalidArgument) })
    } else {
        open(Err(Refusal::UnknownCommand))
    }
}

fn parse_get(words: Words<'_>) -> Result<Get<'_>, Refusal> {
    let is = |name: &str| words.at(1).eq_ignore_ascii_case(name);
    let (ups, name) = (words.at(2), words.at(3));
    if is("VAR") {
        at_least(words, 4, Get::Var { ups, variable: name })
    } else if is("TYPE") {
        at_least(words, 4, Get::Type { ups, variable: name })
    } else if is("DESC") {
        at_least(words, 4, Get::Desc { ups, variable: name })
    } else if is("CMDDESC") {
        at_least(words, 4, Get::CmdDesc { ups, command: name })
    } else if is("UPSDESC") {
        at_least(words, 3, Get::UpsDesc { ups })
    } else if is("NUMLOGINS") {
        at_least(words, 3, Get::NumLogins { keyword: "NUMLOGINS", ups })
    } else if is("NUMATTACH") {
        at_least(words, 3, Get::NumLogins { keyword: "NUMATTACH", ups })
    } else if is("TRACKING") {
        Ok(if words.len() > 2 { Get::TrackingOf { id: words.at(2) } } else { Get::Tracking })
    } else {
        Err(Refusal::InvalidArgument)
    }
}

fn parse_list(words: Words<'_>) -> Result<List<'_>, Refusal> {
    let is = |name: &str| words.at(1).eq_ignore_ascii_case(name);
    let (ups, variable) = (words.at(2), words.at(3));
    if is("UPS") {
        Ok(List::Ups)
    } else if is("VAR") {
        at_least(words, 3, List::Var { ups })
    } else if is("RW") {
        at_least(words, 3, List::Rw { ups })
    } else if is("CMD") {
        at_least(words, 3, List::Cmd { ups })
    } else if is("CLIENT") {
        at_least(words, 3, List::Client { ups })
    } else if is("ENUM") {
        at_least(words, 4, List::Enum { ups, variable })
    } else if is("RANGE") {
        at_least(words, 4, List::Range { ups, variable })
    } else {
        Err(Refusal::InvalidArgument)
    }
}

fn parse_set(words: Words<'_>) -> Result<Request<'_>, Refusal> {
    let is = |index: usize, name: &str| words.at(index).eq_ignore_ascii_case(name);
    if is(1, "VAR") {
        at_least(words, 5, Request::SetVar { ups: words.at(2), variable: words.at(3), value: words.at(4) })
    } else if is(1, "TRACKING") && is(2, "ON") {
        Ok(Request::SetTracking(true))
    } else if is(1, "TRACKING") && is(2, "OFF") {
        Ok(Request::SetTracking(false))
    } else {
        Err(Refusal::InvalidArgument)
    }
}

/// `SUBSCRIBE EVENTS [ups]`, `SUBSCRIBE VALUES [ups]`
fn parse_subscribe(words: Words<'_>) -> Result<Request<'_>, Refusal> {
    let ups = words.get(2);
    let values = match words.at(1) {
        what if what.eq_ignore_ascii_case("EVENTS") => false,
        what if what.eq_ignore_ascii_case("VALUES") => true,
        _ => return Err(Refusal::InvalidArgument),
    };
    if words.len() <= 3 { Ok(Request::Subscribe { ups, values }) } else { Err(Refusal::InvalidArgument) }
}

/// NUT's clients send a password as it was typed, without quotes: what is on the line is the password. In quotes or with a
/// backslash it is read by NUT's rules.
fn password(words: Words<'_>) -> Result<Request<'_>, Refusal> {
    let written = words.rest();
    if written.starts_with('"') || written.contains('\\') {
        return exactly(words, 2, Request::Password(words.at(1)));
    }
    if written.is_empty() { Err(Refusal::InvalidArgument) } else { Ok(Request::Password(written)) }
}

fn exactly<T>(words: Words<'_>, count: usize, request: T) -> Result<T, Refusal> {
    if words.len() == count { Ok(request) } else { Err(Refusal::InvalidArgument) }
}

fn at_least<T>(words: Words<'_>, count: usize, request: T) -> Result<T, Refusal> {
    if words.len() >= count { Ok(request) } else { Err(Refusal::InvalidArgument) }
}
