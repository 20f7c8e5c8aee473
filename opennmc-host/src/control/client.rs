//! The client's end of the control socket.
//!
//! Blocking and small: one request at a time. An error says which socket was tried and what a person can do.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{Gid, Group};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::protocol::{Answer, Code, Greeting, Numbered, Problem, Request, Said, VERSION};

/// A daemon that does not greet within this time hangs.
const GREETING: Duration = Duration::from_secs(10);
/// The longest line that a daemon may send: 64 UPSes with all that is known of them are a tenth of this.
const LONGEST_ANSWER: u64 = 64 * 1024 * 1024;

/// A connection to the daemon.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
    greeting: Greeting,
    last_id: u64,
}

/// Why the daemon did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody listens there.
    #[error(
        "no daemon listens on {}: start it with `systemctl start opennmc` or `opennmc run`, or name its socket with --socket",
        .0.display()
    )]
    NotRunning(PathBuf),
    /// The socket's file is not for this user.
    #[error("this user may not talk to the daemon on {}: {advice}", path.display())]
    NotPermitted {
        /// The socket.
        path: PathBuf,
        /// What would help.
        advice: String,
    },
    /// The daemon said no.
    #[error("{0}")]
    Refused(Problem),
    /// Something else listens there, or an opennmc of another age.
    #[error("what listens on {} does not speak version {VERSION} of opennmc's control protocol; restart the daemon after an update", .0.display())]
    Stranger(PathBuf),
    /// The connection broke.
    #[error("the connection to the daemon broke: {0}")]
    Broken(io::Error),
    /// The daemon said something that this program does not understand.
    #[error("the daemon's answer is not understood: {0}; is it of another version than this program?")]
    NotUnderstood(serde_json::Error),
}

impl Client {
    /// Connects to the daemon that listens on `path`.
    pub fn connect(path: &Path) -> Result<Client, ClientError> {
        let stream = UnixStream::connect(path).map_err(|error| connecting(path, error))?;
        stream.set_read_timeout(Some(GREETING)).map_err(ClientError::Broken)?;
        let mut stream = BufReader::new(stream);
        let line = read_line(&mut stream).map_err(|_| ClientError::Stranger(path.to_owned()))?;
        let greeting = match serde_json::from_slice::<Greeting>(&line) {
            Ok(greeting) if greeting.v == VERSION => greeting,
            _ => return Err(refusal(&line, path)),
        };
        stream.get_ref().set_read_timeout(None).map_err(ClientError::Broken)?;
        Ok(Client { stream, greeting, last_id: 0 })
    }

    /// What the daemon said first.
    pub fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// Asks, and waits for the answer.
    pub fn ask<T: DeserializeOwned>(&mut self, request: Request) -> Result<T, ClientError> {
        let answer = self.stream(request, |_| Ok::<(), ClientError>(()))?;
        serde_json::from_value(answer).map_err(ClientError::NotUnderstood)
    }

    /// Asks, hands every item to `each`, and gives the answer. An error of `each` ends it; the connection is of no use then.
    pub fn stream<E: From<ClientError>>(
        &mut self,
        request: Request,
        mut each: impl FnMut(Value) -> Result<(), E>,
    ) -> Result<Value, E> {
        self.send(request, None)?;
        self.answers(&mut each)
    }

    /// Asks with an open file, and waits for the answer.
    pub fn ask_with<T: DeserializeOwned>(&mut self, request: Request, file: &File) -> Result<T, ClientError> {
        self.send(request, Some(file))?;
        let answer = self.answers(&mut |_| Ok::<(), ClientError>(()))?;
        serde_json::from_value(answer).map_err(ClientError::NotUnderstood)
    }

    /// Waits until the daemon has hung up.
    pub fn wait_for_end(mut self) {
        while read_line(&mut self.stream).is_ok() {}
    }

    fn answers<E: From<ClientError>>(
        &mut self,
        each: &mut impl FnMut(Value) -> Result<(), E>,
    ) -> Result<Value, E> {
        loop {
            let line = read_line(&mut self.stream).map_err(ClientError::Broken)?;
            let answer: Answer = serde_json::from_slice(&line).map_err(ClientError::NotUnderstood)?;
            match answer.said {
                Said::Item(item) => each(item)?,
                Said::Ok(value) => return Ok(value),
                Said::Error(problem) => return Err(ClientError::Refused(problem).into()),
            }
        }
    }

    fn send(&mut self, request: Request, file: Option<&File>) -> Result<(), ClientError> {
        self.last_id += 1;
        let request = Numbered { id: self.last_id, request };
        let mut line = request.to_line().map_err(ClientError::NotUnderstood)?;
        line.push('\n');
        let mut line = line.as_bytes();
        if let Some(file) = file {
            let files = [file.as_fd()];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            // There is room for just this.
            control.push(SendAncillaryMessage::ScmRights(&files));
            let sent =
                sendmsg(self.stream.get_ref(), &[IoSlice::new(line)], &mut control, SendFlags::NOSIGNAL);
            line = &line[sent.map_err(|error| ClientError::Broken(error.into()))?..];
        }
        self.stream.get_mut().write_all(line).map_err(ClientError::Broken)
    }
}

fn read_line(stream: &mut BufReader<UnixStream>) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    stream.take(LONGEST_ANSWER).read_until(b'\n', &mut line)?;
    match line.pop() {
        Some(b'\n') => Ok(line),
        _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it has ended")),
    }
}

/// A first line that is no greeting: the daemon's reason, or something foreign.
fn refusal(line: &[u8], path: &Path) -> ClientError {
    match serde_json::from_slice::<Answer>(line) {
        Ok(Answer { said: Said::Error(problem), .. }) if problem.code == Code::Denied => {
            ClientError::NotPermitted { path: path.to_owned(), advice: problem.message }
        }
        Ok(Answer { said: Said::Error(problem), .. }) => ClientError::Refused(problem),
        _ => ClientError::Stranger(path.to_owned()),
    }
}

fn connecting(path: &Path, error: io::Error) -> ClientError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            ClientError::NotRunning(path.to_owned())
        }
        io::ErrorKind::PermissionDenied => {
            ClientError::NotPermitted { path: path.to_owned(), advice: advice(path) }
        }
        _ => ClientError::Broken(error),
    }
}

/// What somebody can do whom the file system keeps out.
fn advice(path: &Path) -> String {
    let Ok(metadata) = std::fs::metadata(path) else {
        return "try it as root (sudo), or ask for access to its folder".to_owned();
    };
    let group = Group::from_gid(Gid::from_raw(metadata.gid())).ok().flatten();
    match group {
        Some(group) if metadata.gid() != 0 => format!(
            "join the group `{0}` (`usermod -aG {0} USER`, then log in again), or try it as root (sudo)",
            group.name
        ),
        _ => "try it as root (sudo), or let a group in with `operators` or `monitors` under `[control]`"
            .to_owned(),
    }
}
