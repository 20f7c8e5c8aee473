//! The control socket of a real daemon, and what clients do to it: good ones, foreign ones, hostile ones.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod backups;
mod crashes;
mod hostile;
mod peers;
#[path = "../cli/place.rs"]
mod place;
mod speaking;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use place::PATIENCE;
use serde_json::Value;

/// A connection on which a test says what it likes.
pub(crate) struct Raw {
    pub(crate) stream: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Raw {
    pub(crate) fn connect(socket: &Path) -> Raw {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Raw { stream, reader }
    }

    /// Connects and takes the greeting.
    pub(crate) fn greeted(socket: &Path) -> Raw {
        let mut raw = Raw::connect(socket);
        assert_eq!(raw.line().unwrap()["v"], 1);
        raw
    }

    /// What the daemon says next; none when it has hung up.
    pub(crate) fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) {
        // A daemon that has hung up is what some tests wait for.
        let _ = self.stream.write_all(bytes.as_ref());
    }

    pub(crate) fn ask(&mut self, line: &str) -> Value {
        self.say(format!("{line}\n"));
        self.line().unwrap()
    }
}
