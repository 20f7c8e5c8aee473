//! What was said on the line, byte by byte with its moment, in a file.
//!
//! The moments are those of the system's monotonic clock, taken before the bytes are passed on: another process that reads the
//! same clock can tell how long something took since the UPS said it. One line for what came or went at once:
//! `SECONDS.NANOSECONDS ups|host HEX…`.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Who said it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Speaker {
    Ups,
    Host,
}

pub(super) struct Trace(File);

impl Trace {
    /// Begins a new file.
    pub(super) fn create(path: &Path) -> io::Result<Trace> {
        File::create(path).map(Trace)
    }

    /// The moment to note, before anybody can hear the bytes.
    pub(super) fn now() -> Timespec {
        clock_gettime(ClockId::Monotonic)
    }

    /// In one write, so that a reader never sees half a line.
    pub(super) fn note(&mut self, at: Timespec, speaker: Speaker, bytes: &[u8]) {
        let speaker = match speaker {
            Speaker::Ups => "ups",
            Speaker::Host => "host",
        };
        let mut line = format!("{}.{:09} {speaker}", at.tv_sec, at.tv_nsec);
        for byte in bytes {
            line += &format!(" {byte:02X}");
        }
        line.push('\n');
        if let Err(error) = self.0.write_all(line.as_bytes()) {
            eprintln!("apcsmart-sim: cannot write the trace: {error}");
        }
    }
}
