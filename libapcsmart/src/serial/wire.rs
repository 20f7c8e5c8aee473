//! An open connection: bytes in, bytes out, with a deadline. Knows nothing of the protocol.
//!
//! Every call is repeated when a signal interrupts it, and no signal is ever unblocked.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, read, write};

use super::address::Address;
use super::cable::Cable;
use super::error::PortError;
use super::{clock, device, tcp};
use crate::time::Time;

/// Several lines of the protocol; what does not fit is read the next time.
const READ_BYTES: usize = 512;
/// A question is a byte or two and the buffer takes thousands: when it is full for so long, nothing takes bytes any more.
const WRITE_LIMIT: Duration = Duration::from_secs(1);

/// A port or a connection.
#[derive(Debug)]
pub(super) struct Wire {
    file: File,
    is_tty: bool,
}

/// What waiting gave.
#[derive(Debug)]
pub(super) enum Received {
    /// Bytes.
    Bytes(Vec<u8>),
    /// The time is over.
    Nothing,
}

/// Why the connection is gone, for a person.
#[derive(Debug)]
pub(super) struct Gone(pub(super) String);

impl Wire {
    pub(super) fn open(address: &Address, cable: Cable) -> Result<Wire, PortError> {
        match address {
            Address::Tty(path) => Wire::open_at(path, cable, device::BAUD),
            Address::Tcp { host, port } => Ok(Wire { file: tcp::connect(host, *port)?, is_tty: false }),
        }
    }

    pub(super) fn open_at(path: &Path, cable: Cable, baud: u32) -> Result<Wire, PortError> {
        Ok(Wire { file: device::open_at(path, cable, baud)?, is_tty: true })
    }

    /// Waits for bytes until `deadline`.
    pub(super) fn receive(&self, deadline: Time) -> Result<Received, Gone> {
        let mut buffer = [0; READ_BYTES];
        while self.wait(PollFlags::IN, deadline)? {
            match read(&self.file, &mut buffer) {
                Ok(0) => return Err(self.hung_up()),
                Ok(count) => return Ok(Received::Bytes(buffer[..count].to_vec())),
                Err(Errno::AGAIN | Errno::INTR) => {}
                // What a terminal says when its other side is gone.
                Err(Errno::IO) => return Err(self.hung_up()),
                Err(errno) => return Err(Gone(errno.to_string())),
            }
        }
        Ok(Received::Nothing)
    }

    /// Sends all of `bytes`.
    pub(super) fn send(&self, mut bytes: &[u8]) -> Result<(), Gone> {
        let deadline = clock::now() + WRITE_LIMIT;
        while !bytes.is_empty() {
            match write(&self.file, bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.wait(PollFlags::OUT, deadline)? => {}
                Err(Errno::AGAIN) => return Err(Gone("it takes no more bytes".to_owned())),
                Err(Errno::IO) => return Err(self.hung_up()),
                Err(errno) => return Err(Gone(errno.to_string())),
            }
        }
        Ok(())
    }

    /// Waits until the file is ready; false when the time is over. A hang-up counts as ready: reading tells of it.
    fn wait(&self, wanted: PollFlags, deadline: Time) -> Result<bool, Gone> {
        loop {
            let mut polled = [PollFd::new(&self.file, wanted)];
            match poll(&mut polled, clock::until(deadline).as_ref()) {
                Ok(0) if clock::now() < deadline => {}
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Gone(errno.to_string())),
            }
        }
    }

    fn hung_up(&self) -> Gone {
        Gone(match self.is_tty {
            true => "the serial port was unplugged".to_owned(),
            false => "the connection was closed from the other side".to_owned(),
        })
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.is_tty {
            device::release(&self.file);
        }
    }
}
