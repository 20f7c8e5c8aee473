//! What is said on the control socket: lines of JSON.
//!
//! The daemon speaks first, with a [`Greeting`]. Then every line of the client is a request,
//! `{"v": 1, "id": 7, "do": "status"}`, and is answered under its number: any number of `item` lines, then one `ok` or one
//! `error`. A client may send the next request before the last is answered; answers come in the order of the requests.
//!
//! Nothing here reads or writes a socket. A new request is a new variant; what a variant means never changes.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plugin::Digest;

/// The version of the protocol. It goes up when an old client would misunderstand; a new request is no reason.
pub const VERSION: u32 = 1;

/// The longest request, in bytes without the newline. The longest that means anything is a few hundred.
pub const LONGEST_REQUEST: usize = 64 * 1024;

/// The daemon's first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// [`VERSION`] of the daemon.
    pub v: u32,
    /// The daemon's own version.
    pub opennmc: String,
    /// Its process.
    pub pid: u32,
    /// Who the daemon takes the client for.
    pub user: String,
    /// What the client may do at most.
    pub role: String,
    /// The UPSes, in the order of the configuration.
    pub upses: Vec<String>,
}

/// One thing that a client wants.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Request {
    /// Every UPS, or one: a [`StatusReport`](super::report::StatusReport).
    Status {
        /// Only this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ups: Option<String>,
    },
    /// Run a command: items of [`OrderReport`](super::report::OrderReport), the last one is repeated as the answer.
    Run {
        /// The UPS.
        ups: String,
        /// NUT name.
        command: String,
        /// For commands that take one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        argument: Option<String>,
        /// A person was told that it interrupts the load, and wants it.
        #[serde(default)]
        danger_confirmed: bool,
    },
    /// Set a variable; answered like `run`.
    Set {
        /// The UPS.
        ups: String,
        /// NUT name.
        variable: String,
        /// As NUT clients write it.
        value: String,
    },
    /// Set or clear the forced shutdown; answered like `run`.
    ForcedShutdown {
        /// The UPS.
        ups: String,
        /// True sets it.
        on: bool,
        /// A person was told what it does, and wants it.
        #[serde(default)]
        danger_confirmed: bool,
    },
    /// Say a line such as `line off` to the simulated UPS behind a port `sim:`: its answer, a text.
    Simulate {
        /// The UPS.
        ups: String,
        /// In the simulator's language.
        line: String,
    },
    /// How every plugin is: a list of [`PluginReport`](super::report::PluginReport).
    Plugins,
    /// How the main loop and the lines do: a [`HealthReport`](super::report::HealthReport).
    Health,
    /// Load the configuration anew: a [`ReloadReport`](super::report::ReloadReport).
    Reload,
    /// How much is logged, after it was set to `filter` if that is there: a text.
    LogLevel {
        /// As on the command line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        filter: Option<String>,
    },
    /// Something about users and tokens; see [`UserRequest`].
    User {
        /// What.
        user: UserRequest,
    },
    /// Makes a backup in the file that comes with the request, opened for writing and empty, as a descriptor
    /// (`SCM_RIGHTS`): a [`MadeReport`](super::backup::MadeReport).
    BackUp {
        /// How the file is called, for messages.
        file: String,
    },
    /// Restores the backup in the file that comes with the request, opened for reading: a
    /// [`RestoredReport`](super::backup::RestoredReport). Then the daemon starts anew and this connection ends. With an
    /// error nothing has changed.
    Restore {
        /// How the file is called, for messages.
        file: String,
    },
    /// Something about one plugin; see [`PluginRequest`].
    Plugin {
        /// What.
        plugin: PluginRequest,
    },
    /// What was measured: a [`SeriesReport`](super::report::SeriesReport).
    Samples(SampleQuery),
    /// Which numbers of a UPS were ever recorded: a list of names.
    Series {
        /// The UPS.
        ups: String,
    },
    /// Who ordered what: a list of [`AuditReport`](super::report::AuditReport), the oldest first.
    Audit(AuditQuery),
    /// The event log: items of [`EventReport`](super::report::EventReport), the oldest first.
    Events(EventQuery),
}

/// What can be asked about one plugin. All of it takes an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum PluginRequest {
    /// What the package in the file that comes with the request is and may do: an
    /// [`Installed`](crate::plugin::Installed). Nothing is changed.
    LookAt {
        /// How the file is called, for messages.
        file: String,
    },
    /// Installs the package in the file that comes with the request, grants it what it needs and starts it: the same.
    Install {
        /// How the file is called, for messages.
        file: String,
        /// The `contents` that was told when it was looked at: nothing else is installed.
        contents: Digest,
    },
    /// What an installed package is and may do: the same.
    Granting {
        /// Its id.
        id: String,
    },
    /// Grants an installed package what it needs and starts it: the same.
    Grant {
        /// Its id.
        id: String,
        /// As for `install`.
        contents: Digest,
    },
    /// Stops it, and takes away its grant and its package: a [`DoneReport`](super::report::DoneReport).
    Remove {
        /// Its id.
        id: String,
        /// Drops what it has stored and its compiled forms as well.
        #[serde(default)]
        purge: bool,
    },
    /// Starts it, now and at every start of the daemon: a [`DoneReport`](super::report::DoneReport).
    Enable {
        /// Its id.
        id: String,
    },
    /// Stops it until it is enabled: a [`DoneReport`](super::report::DoneReport).
    Disable {
        /// Its id.
        id: String,
    },
    /// Puts a new instance in its place: a [`DoneReport`](super::report::DoneReport).
    Restart {
        /// Its id.
        id: String,
    },
    /// What it has logged of late: items of [`Line`](crate::plugin::Line), the oldest first.
    Logs {
        /// Its id.
        id: String,
        /// Goes on with what it logs from now on, until the client hangs up.
        #[serde(default)]
        follow: bool,
    },
}

/// What can be asked about users. Answered with a list of users or tokens, with the user or token that was made, or with
/// nothing.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum UserRequest {
    /// Every user.
    List,
    /// Makes one.
    Add {
        /// Its name.
        name: String,
        /// What it may do at most.
        role: String,
        /// What is left of that; none: all of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scopes: Option<Vec<String>>,
        /// None: it can only use tokens.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<String>,
    },
    /// Removes one and its tokens.
    Remove {
        /// Its name.
        name: String,
    },
    /// Sets a password.
    Password {
        /// Whose.
        name: String,
        /// The password.
        password: String,
    },
    /// Sets what one may do at most; its scopes stay as they are.
    Role {
        /// Whose.
        name: String,
        /// The role.
        role: String,
    },
    /// Sets what is left of its role.
    Scopes {
        /// Whose.
        name: String,
        /// None: all of it.
        scopes: Option<Vec<String>>,
    },
    /// Ends a lock-out.
    Unlock {
        /// Whose.
        name: String,
    },
    /// Every token.
    TokenList,
    /// Makes one. Its secret is in the answer and nowhere else.
    TokenAdd {
        /// Whose.
        name: String,
        /// What it is for.
        #[serde(default)]
        label: String,
        /// What is left of its user's rights; none: all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scopes: Option<Vec<String>>,
        /// Seconds from now; none: it does not expire.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lifetime_s: Option<u64>,
    },
    /// Revokes one.
    TokenRevoke {
        /// Its id.
        id: String,
    },
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventQuery {
    /// Only of this UPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ups: Option<String>,
    /// Only of kinds that begin with this, such as `ups.` or `ups.on-battery`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only at least so severe: `info`, `warning` or `critical`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Only later than this, in milliseconds since 1970 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// Only before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Only with a smaller number: to go back from where one left off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// The last so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u32>,
    /// Goes on with what happens from now on, until the client hangs up.
    pub follow: bool,
}

/// Which samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleQuery {
    /// The UPS.
    pub ups: String,
    /// By its NUT name.
    pub variable: String,
    /// From then on, in milliseconds since 1970 UTC.
    pub since_ms: u64,
    /// Until then.
    pub until_ms: u64,
    /// `seconds`, `minutes`, `hours`, or into how many points the time is divided; none: minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
}

/// Which lines of the audit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditQuery {
    /// Only about this UPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ups: Option<String>,
    /// Only by this user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only later than this, in milliseconds since 1970 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// Only before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// The last so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u32>,
}

/// A request and the number that its answers carry.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbered {
    /// Chosen by the client.
    pub id: u64,
    /// What it wants.
    pub request: Request,
}

/// A line that the daemon says about a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// [`VERSION`].
    pub v: u32,
    /// The request's number; none when it could not be read.
    pub id: Option<u64>,
    /// What is said.
    #[serde(flatten)]
    pub said: Said,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// One of many; more follows.
    Item(Value),
    /// It was done; nothing follows.
    Ok(Value),
    /// It was not done; nothing follows.
    Error(Problem),
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// For programs.
    pub code: Code,
    /// For people: what was wrong and what to do.
    pub message: String,
}

/// Kinds of [`Problem`]. Names never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Code {
    /// The client may not do this, or may not connect at all.
    Denied,
    /// The line was no request that the daemon knows.
    BadRequest,
    /// There is no such UPS, user, plugin…
    NotFound,
    /// It was understood and permitted, and something forbids it: a rule, or the state that things are in.
    Refused,
    /// It was understood and permitted, and did not succeed.
    Failed,
    /// Too many connections; later it may work.
    Busy,
    /// The client and the daemon are of versions that don't understand each other.
    Version,
}

impl Code {
    /// As it is written in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Code::Denied => "denied",
            Code::BadRequest => "bad-request",
            Code::NotFound => "not-found",
            Code::Refused => "refused",
            Code::Failed => "failed",
            Code::Busy => "busy",
            Code::Version => "version",
        }
    }
}

impl Problem {
    /// A problem with a message.
    pub fn new(code: Code, message: impl Into<String>) -> Problem {
        Problem { code, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl Numbered {
    /// As one line, without the newline.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        let mut fields = serde_json::to_value(&self.request)?;
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("v".to_owned(), VERSION.into());
            fields.insert("id".to_owned(), self.id.into());
        }
        serde_json::to_string(&fields)
    }

    /// Reads one line of a client. With the error comes the request's number, if it could be read.
    pub fn from_line(line: &[u8]) -> Result<Numbered, (Option<u64>, Problem)> {
        let bad = |message: String| Problem::new(Code::BadRequest, message);
        let value: Value = serde_json::from_slice(line)
            .map_err(|error| (None, bad(format!("the request is not a line of JSON: {error}"))))?;
        let Value::Object(mut fields) = value else {
            return Err((None, bad("the request is not a JSON object".to_owned())));
        };
        let id = fields.remove("id").and_then(|id| id.as_u64());
        let version = fields.remove("v").and_then(|version| version.as_u64());
        let Some(number) = id else {
            return Err((
                None,
                bad("the request has no `id`: a whole number that its answers will carry".to_owned()),
            ));
        };
        if version != Some(u64::from(VERSION)) {
            let message =
                format!("this daemon speaks version {VERSION} of the control protocol: `\"v\": {VERSION}`");
            return Err((id, Problem::new(Code::Version, message)));
        }
        let request =
            Request::deserialize(Value::Object(fields)).map_err(|error| (id, bad(error.to_string())))?;
        Ok(Numbered { id: number, request })
    }
}

impl Answer {
    /// An answer to the request `id`.
    pub fn new(id: impl Into<Option<u64>>, said: Said) -> Answer {
        Answer { v: VERSION, id: id.into(), said }
    }
}

/// These may carry passwords, which are never shown, whatever is done with them.
impl fmt::Debug for UserRequest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("UserRequest").finish_non_exhaustive()
    }
}

/// Requests may carry passwords: they are never shown, whatever is done with them.
impl fmt::Debug for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = serde_json::to_value(self).ok().and_then(|value| value["do"].as_str().map(str::to_owned));
        out.debug_struct("Request").field("do", &name.unwrap_or_default()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> (Option<u64>, Code, String) {
        let (id, problem) = Numbered::from_line(line.as_bytes()).unwrap_err();
        (id, problem.code, problem.message)
    }

    #[test]
    fn a_request_survives_the_way_to_the_daemon() {
        let sent = Numbered {
            id: 7,
            request: Request::Run {
                ups: "main".to_owned(),
                command: "load.off".to_owned(),
                argument: None,
                danger_confirmed: true,
            },
        };
        let line = sent.to_line().unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(Numbered::from_line(line.as_bytes()).unwrap(), sent);
        let events = Numbered {
            id: 8,
            request: Request::Events(EventQuery { follow: true, ..EventQuery::default() }),
        };
        assert_eq!(Numbered::from_line(events.to_line().unwrap().as_bytes()).unwrap(), events);
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_number_when_that_could_be_read() {
        for (line, id, code) in [
            ("", None, Code::BadRequest),
            ("GET / HTTP/1.1", None, Code::BadRequest),
            ("[]", None, Code::BadRequest),
            (r#"{"v":1,"do":"status"}"#, None, Code::BadRequest),
            (r#"{"v":1,"id":-1,"do":"status"}"#, None, Code::BadRequest),
            (r#"{"v":2,"id":3,"do":"status"}"#, Some(3), Code::Version),
            (r#"{"id":3,"do":"status"}"#, Some(3), Code::Version),
            (r#"{"v":1,"id":3}"#, Some(3), Code::BadRequest),
            (r#"{"v":1,"id":3,"do":"explode"}"#, Some(3), Code::BadRequest),
            (r#"{"v":1,"id":3,"do":"status","usp":"main"}"#, Some(3), Code::BadRequest),
            (r#"{"v":1,"id":3,"do":"set","ups":"main","variable":"x"}"#, Some(3), Code::BadRequest),
        ] {
            let (told_id, told_code, message) = refused(line);
            assert_eq!((told_id, told_code), (id, code), "{line}: {message}");
            assert!(!message.is_empty());
        }
    }

    #[test]
    fn a_code_is_called_the_same_wherever_it_is_written() {
        use Code::{BadRequest, Busy, Denied, Failed, NotFound, Refused, Version};
        for code in [Denied, BadRequest, NotFound, Refused, Failed, Busy, Version] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
        }
    }

    #[test]
    fn a_password_does_not_show_in_debug_output() {
        let user = UserRequest::Password { name: "eve".to_owned(), password: "open sesame".to_owned() };
        let numbered = Numbered { id: 1, request: Request::User { user: user.clone() } };
        assert!(!format!("{numbered:?} {user:?}").contains("sesame"));
        assert!(numbered.to_line().unwrap().contains("sesame"));
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let line = format!(r#"{{"v":1,"id":1,"do":{}"#, "[".repeat(60_000));
        assert_eq!(refused(&line).1, Code::BadRequest);
    }
}
