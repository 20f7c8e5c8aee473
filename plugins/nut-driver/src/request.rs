//! What `upsd` says to a driver.

use nut_words::lexer::Words;

/// One request.
#[derive(Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Whether somebody is there.
    Ping,
    /// Everything, from the beginning.
    DumpAll,
    /// One variable.
    DumpValue(&'a str),
    /// `ups.status` alone.
    DumpStatus,
    /// Whether changes are wanted.
    Broadcast(bool),
    /// The end.
    Logout,
    /// A command, with its value.
    Run {
        /// NUT's name.
        command: &'a str,
        /// For commands that take one.
        value: Option<&'a str>,
        /// What the outcome is reported under, when it is wanted.
        tracking: Option<&'a str>,
    },
    /// A setting.
    Set {
        /// NUT's name.
        variable: &'a str,
        /// As NUT's clients write it.
        value: &'a str,
        /// What the outcome is reported under, when it is wanted.
        tracking: Option<&'a str>,
    },
    /// A driver's process number. There is no process of its own, and whoever asks means to send it a signal: no answer.
    Pid,
    /// A blank line.
    Nothing,
    /// Something else.
    Unknown(&'a str),
}

impl<'a> Request<'a> {
    /// Reads the words of one line.
    pub fn read(words: Words<'a>) -> Request<'a> {
        let Some(verb) = words.get(0) else { return Request::Nothing };
        match (verb.to_ascii_uppercase().as_str(), words.get(1)) {
            ("PING", _) => Request::Ping,
            ("DUMPALL", _) => Request::DumpAll,
            ("DUMPSTATUS", _) => Request::DumpStatus,
            ("DUMPVALUE", Some(variable)) => Request::DumpValue(variable),
            ("NOBROADCAST", _) => Request::Broadcast(false),
            ("BROADCAST", on) => Request::Broadcast(on != Some("0")),
            ("LOGOUT", _) => Request::Logout,
            ("GETPID", _) => Request::Pid,
            ("INSTCMD", Some(command)) => {
                let (value, tracking) = match words.get(2) {
                    Some(word) if is_tracking(word) && words.len() == 4 => (None, words.get(3)),
                    value => (value, tracking(words, 3)),
                };
                Request::Run { command, value, tracking }
            }
            ("SET", Some(variable)) if words.len() > 2 => {
                Request::Set { variable, value: words.at(2), tracking: tracking(words, 3) }
            }
            _ => Request::Unknown(verb),
        }
    }
}

fn tracking(words: Words<'_>, at: usize) -> Option<&str> {
    words.get(at).filter(|word| is_tracking(word)).and_then(|_| words.get(at + 1))
}

fn is_tracking(word: &str) -> bool {
    word.eq_ignore_ascii_case("TRACKING")
}
