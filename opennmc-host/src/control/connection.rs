//! One connection: lines in, lines out, with time limits on both.
//!
//! It ends when the client does not finish a line in time, sends a longer one than any request is, takes too long to read an
//! answer, or hangs up. Requests are answered one after the other.

use std::io::{self, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde::Serialize;
use serde_json::Value;

use super::answer::{Host, answer, greeting};
use super::protocol::{Answer, Code, LONGEST_REQUEST, Numbered, Problem, Request, Said};
use super::replies::{HungUp, Replies};
use crate::users::Principal;

/// A client has this long for its next request. Programs that keep a connection open may ask for the status now and then.
const PATIENCE: Duration = Duration::from_secs(60);
/// A client that needs longer to take one line does not read.
const WRITING: Duration = Duration::from_secs(10);

/// Serves `stream` until its end.
pub(super) fn serve(host: &Host, principal: &Principal, stream: &UnixStream) {
    let mut replies = ToClient { stream, id: None, attached: None, start_anew: false };
    if replies.line(&greeting(host, principal)).is_err() {
        return;
    }
    let mut lines = Lines { stream, buffer: Vec::new(), attached: None };
    loop {
        let line = match lines.next() {
            Next::Line(line) => line,
            Next::TooLong => {
                let message = format!("a request is at most {LONGEST_REQUEST} bytes long");
                let _ = replies.said(Said::Error(Problem::new(Code::BadRequest, message)));
                return;
            }
            Next::End => return,
        };
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let said = match Numbered::from_line(&line) {
            Ok(Numbered { id, request }) => {
                replies.id = Some(id);
                if matches!(
                    request,
                    Request::BackUp { .. } | Request::Restore { .. } | Request::Plugin { .. }
                ) {
                    replies.attached = lines.attached.take();
                }
                match answer(host, principal, request, &mut replies) {
                    Ok(Ok(value)) => Said::Ok(value),
                    Ok(Err(problem)) => Said::Error(problem),
                    Err(HungUp) => return,
                }
            }
            Err((id, problem)) => {
                replies.id = id;
                Said::Error(problem)
            }
        };
        let heard = replies.said(said);
        if replies.start_anew {
            // Also when nobody listens any more: what was committed is done.
            host.handle.start_anew();
        }
        if heard.is_err() {
            return;
        }
        replies.id = None;
    }
}

/// Says things to the client under the number of its request.
#[derive(Debug)]
struct ToClient<'a> {
    stream: &'a UnixStream,
    id: Option<u64>,
    attached: Option<OwnedFd>,
    start_anew: bool,
}

impl Replies for ToClient<'_> {
    fn take(&mut self, item: Value) -> Result<(), HungUp> {
        self.said(Said::Item(item))
    }

    fn attached(&mut self) -> Option<OwnedFd> {
        self.attached.take()
    }

    fn start_anew_after(&mut self) {
        self.start_anew = true;
    }

    fn is_gone(&self) -> bool {
        let mut ready = [PollFd::new(self.stream, PollFlags::empty())];
        let polled = poll(&mut ready, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        polled.is_ok() && ready[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }
}

impl ToClient<'_> {
    fn said(&mut self, said: Said) -> Result<(), HungUp> {
        self.line(&Answer::new(self.id, said))
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), HungUp> {
        let mut line = serde_json::to_vec(line).map_err(|error| {
            tracing::error!("an answer can't be written as JSON: {error}");
            HungUp
        })?;
        line.push(b'\n');
        write_within(self.stream, &line, WRITING).map_err(|_| HungUp)
    }
}

fn write_within(mut stream: &UnixStream, mut bytes: &[u8], limit: Duration) -> io::Result<()> {
    let until = Instant::now() + limit;
    while !bytes.is_empty() {
        stream.set_write_timeout(Some(left(until)?))?;
        match stream.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The time that is left; an error when there is none. The system takes a limit of zero for no limit.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// The client's lines.
struct Lines<'a> {
    stream: &'a UnixStream,
    buffer: Vec<u8>,
    /// The last file that came with a line and was not asked for yet. It may come with bytes of an earlier line.
    attached: Option<OwnedFd>,
}

enum Next {
    Line(Vec<u8>),
    TooLong,
    End,
}

impl Lines<'_> {
    fn next(&mut self) -> Next {
        let until = Instant::now() + PATIENCE;
        let mut searched = 0;
        loop {
            if let Some(end) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.buffer.drain(..=searched + end).collect();
                line.pop();
                return Next::Line(line);
            }
            searched = self.buffer.len();
            if searched > LONGEST_REQUEST {
                return Next::TooLong;
            }
            match self.read(until) {
                Ok(0) | Err(_) => return Next::End,
                Ok(_) => {}
            }
        }
    }

    fn read(&mut self, until: Instant) -> io::Result<usize> {
        let mut chunk = [0; 4096];
        loop {
            self.stream.set_read_timeout(Some(left(until)?))?;
            // Room for one file; the kernel closes any more.
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut files = RecvAncillaryBuffer::new(&mut space);
            let received =
                recvmsg(self.stream, &mut [IoSliceMut::new(&mut chunk)], &mut files, RecvFlags::CMSG_CLOEXEC);
            for message in files.drain() {
                if let RecvAncillaryMessage::ScmRights(files) = message {
                    self.attached = files.last().or(self.attached.take());
                }
            }
            match received {
                Ok(message) => {
                    self.buffer.extend_from_slice(&chunk[..message.bytes]);
                    return Ok(message.bytes);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_does_not_read_is_given_up() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let much = vec![b'x'; 16 * 1024 * 1024];
        let error = write_within(&ours, &much, Duration::from_millis(50)).unwrap_err();
        assert!(matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{error}");
    }

    #[test]
    fn a_half_closed_client_is_not_gone_and_a_closed_one_is() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let replies = ToClient { stream: &ours, id: None, attached: None, start_anew: false };
        assert!(!replies.is_gone());
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(!replies.is_gone());
        drop(theirs);
        assert!(replies.is_gone());
    }

    #[test]
    fn lines_are_found_however_they_are_cut() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut lines = Lines { stream: &ours, buffer: Vec::new(), attached: None };
        theirs.write_all(b"one\ntwo\nthr").unwrap();
        assert!(matches!(lines.next(), Next::Line(line) if line == b"one"));
        assert!(matches!(lines.next(), Next::Line(line) if line == b"two"));
        theirs.write_all(b"ee\n").unwrap();
        assert!(matches!(lines.next(), Next::Line(line) if line == b"three"));
        theirs.write_all(b"half").unwrap();
        drop(theirs);
        assert!(matches!(lines.next(), Next::End));
    }
}
