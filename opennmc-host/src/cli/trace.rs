//! `opennmc trace`: everything that goes over a line, with what it means. What a bug report needs.
//!
//! The session talks as it always does and is given no orders: nothing is changed in the UPS.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use apcsmart::serial::{Cable, PortError, open, release};
use apcsmart::table::{COMMANDS, Code};
use apcsmart::{Event, LinkState, Output as SessionOutput, Session, SessionConfig, Time};
use clap::Args;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::Output;
use super::probe::{parse_cable, port_failure};
use super::terminal::{Screen, Tone, clean, pad};

#[derive(Debug, Args)]
pub(super) struct TraceArguments {
    /// A serial device such as /dev/ttyS0, or tcp://HOST:PORT
    port: String,

    /// The cable, by APC's part number, as `cable` in the configuration
    #[arg(long, value_parser = parse_cable)]
    cable: Option<Cable>,

    /// End after so many seconds [default: with Ctrl-C]
    #[arg(long = "for", value_name = "SECONDS")]
    seconds: Option<u64>,

    /// End when everything was read once
    #[arg(long)]
    once: bool,
}

/// One line of a trace.
#[derive(Debug, Serialize)]
struct Line {
    at_s: f64,
    /// `out`: to the UPS; `in`: from it; `event`: what the protocol library makes of it.
    direction: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<String>,
}

pub(super) fn trace(arguments: &TraceArguments, output: Output) -> Result<Exit, Failure> {
    let mut wire = Wire::open(arguments)?;
    let mut tracer = Tracer { began: Instant::now(), output, screen: output.screen(), heard: Heard::Nothing };
    let mut session = Session::new(SessionConfig::default());
    let until = arguments.seconds.map(|seconds| Time::from_millis(seconds.saturating_mul(1000)));
    session.handle_open(tracer.now());
    let mut buffer = [0; 1024];
    loop {
        let deadline = tracer.drain(&mut session, &mut wire, &arguments.port)?;
        let now = tracer.now();
        if until.is_some_and(|until| now >= until) || (arguments.once && tracer.heard == Heard::Everything) {
            break;
        }
        let wake = until.map_or(deadline, |until| until.min(deadline));
        if !wire.wait_readable(wake.since(now))? {
            session.handle_timeout(tracer.now());
            continue;
        }
        let count = match wire.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            read => read.map_err(|error| gone(&arguments.port, &error))?,
        };
        if count == 0 {
            return Err(gone(&arguments.port, &io::Error::from(io::ErrorKind::UnexpectedEof)));
        }
        tracer.bytes("in", &buffer[..count], None)?;
        session.handle_input(tracer.now(), &buffer[..count]);
    }
    Ok(if tracer.heard == Heard::Nothing { Exit::NotFound } else { Exit::Done })
}

fn gone(port: &str, error: &io::Error) -> Failure {
    Failure::system(format!("{port} is gone"), error)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Nothing,
    Something,
    Everything,
}

struct Tracer {
    began: Instant,
    output: Output,
    screen: Screen,
    heard: Heard,
}

impl Tracer {
    fn now(&self) -> Time {
        Time::from_millis(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Takes everything out of the session, as its contract asks for; gives its deadline.
    fn drain(&mut self, session: &mut Session, wire: &mut Wire, port: &str) -> Result<Time, Failure> {
        loop {
            match session.poll_output() {
                SessionOutput::Transmit(bytes) => {
                    self.bytes("out", &bytes, meaning(&bytes))?;
                    wire.write_all(&bytes).map_err(|error| gone(port, &error))?;
                }
                SessionOutput::Event(event) => self.event(&event)?,
                SessionOutput::Timeout(time) => return Ok(time),
            }
        }
    }

    fn event(&mut self, event: &Event) -> Result<(), Failure> {
        match event {
            Event::Link(LinkState::Up) => self.heard = Heard::Something,
            Event::ScanComplete => self.heard = Heard::Everything,
            _ => {}
        }
        let text = match event {
            Event::Link(state) => format!("link: {state:?}").to_lowercase(),
            Event::Alert(alert) => format!("alert: {alert:?}"),
            Event::Status(status) => format!("status: {}", status.tokens()),
            Event::Reading { name, value } => format!("{name} = {value}"),
            Event::Withdrawn { name } => format!("{name} is no longer known"),
            Event::Discovered => "what the unit can do is known".to_owned(),
            Event::ScanComplete => "everything was read once".to_owned(),
            Event::Diagnosis(diagnosis) => format!("no UPS: {diagnosis}"),
            other => format!("{other:?}"),
        };
        self.line(Line { at_s: self.seconds(), direction: "event", text, hex: None, meaning: None })
    }

    fn bytes(
        &mut self,
        direction: &'static str,
        bytes: &[u8],
        meaning: Option<String>,
    ) -> Result<(), Failure> {
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = bytes.escape_ascii().to_string();
        self.line(Line { at_s: self.seconds(), direction, text, hex: Some(hex.join(" ")), meaning })
    }

    fn line(&self, line: Line) -> Result<(), Failure> {
        if self.output.json {
            return self.output.line(&line);
        }
        let (sign, tone) = match line.direction {
            "out" => (">", Tone::Bold),
            "in" => ("<", Tone::Good),
            _ => ("=", Tone::Faint),
        };
        let meaning = line.meaning.map_or_else(String::new, |meaning| format!("  {meaning}"));
        let text = format!("{sign} {}{meaning}", pad(&clean(&line.text), 14));
        self.output.text(&format!("{:9.3}  {}\n", line.at_s, self.screen.paint(tone, text.trim_end())))
    }

    fn seconds(&self) -> f64 {
        self.began.elapsed().as_micros() as f64 / 1e6
    }
}

/// What is asked, when it is a command of the table.
fn meaning(bytes: &[u8]) -> Option<String> {
    let code = match bytes {
        [byte] => Code::one(*byte),
        [prefix, sub] => Code::two(*prefix, *sub),
        _ => return None,
    };
    COMMANDS.iter().find(|command| command.code == code).map(|command| command.meaning.to_owned())
}

/// What the session talks on.
enum Wire {
    Serial(File),
    Network(TcpStream),
}

impl Wire {
    fn open(arguments: &TraceArguments) -> Result<Wire, Failure> {
        match arguments.port.strip_prefix("tcp://") {
            Some(address) => {
                let stream = TcpStream::connect(address)
                    .map_err(|error| Failure::system(format!("can't reach {}", arguments.port), error))?;
                stream.set_nodelay(true).map_err(|error| gone(&arguments.port, &error))?;
                Ok(Wire::Network(stream))
            }
            None => {
                let opened = open(&arguments.port, arguments.cable.unwrap_or_default());
                Ok(Wire::Serial(opened.map_err(|error: PortError| port_failure(&error))?))
            }
        }
    }

    /// Whether something came within `limit`.
    fn wait_readable(&self, limit: Duration) -> Result<bool, Failure> {
        let timeout = Timespec::try_from(limit).ok();
        let mut ready = [PollFd::new(self, PollFlags::IN)];
        match poll(&mut ready, timeout.as_ref()) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(Failure::system("can't wait for the port", io::Error::from(error))),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self {
            Wire::Serial(file) => file.read(buffer),
            Wire::Network(stream) => stream.read(buffer),
        };
        match read {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.read(buffer),
            read => read,
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Wire::Serial(file) => file.write_all(bytes),
            Wire::Network(stream) => stream.write_all(bytes),
        }
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Wire::Serial(file) => file.as_fd(),
            Wire::Network(stream) => stream.as_fd(),
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Wire::Serial(file) = self {
            release(file);
        }
    }
}
