//! An open connection: bytes in, bytes out, with a deadline. Knows nothing of the protocol.
//!
//! Every call is repeated when a signal interrupts it, and no signal is ever unblocked.

use std::fs::File;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, read, write};
use rustix::net::{SendFlags, send};
use rustix::termios::{OptionalActions, Termios, tcsetattr};
use serialport::SerialPort as _;

use super::address::Address;
use super::cable::Cable;
use super::error::PortError;
use super::interrupt::Interrupter;
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
    /// The settings that a serial port had before; none for a connection.
    before: Option<Termios>,
    /// The process that opened it.
    owner: u32,
}

/// What waiting gave.
#[derive(Debug)]
pub(super) enum Received {
    /// Bytes.
    Bytes(Vec<u8>),
    /// The time is over.
    Nothing,
    /// It was asked to wait no longer. What came stays where it is.
    Interrupted,
}

/// Why the connection is gone, for a person.
#[derive(Debug)]
pub(super) struct Gone(pub(super) String);

impl Wire {
    pub(super) fn open(address: &Address, cable: Cable) -> Result<Wire, PortError> {
        let owner = std::process::id();
        match address {
            Address::Tty(path) => {
                let (file, before) = device::open_raw(path, cable)?;
                Ok(Wire { file, before: Some(before), owner })
            }
            Address::Tcp { host, port } => Ok(Wire { file: tcp::connect(host, *port)?, before: None, owner }),
        }
    }

    /// The process that opened it, when that is another one than this: a fork gives a copy to both.
    pub(super) fn other_owner(&self) -> Option<u32> {
        (self.owner != std::process::id()).then_some(self.owner)
    }

    /// Goes to another speed. False where that can't be done from here: a serial server has its own settings.
    pub(super) fn set_speed(&self, baud: u32) -> Result<bool, Gone> {
        match self.before {
            Some(_) => {
                device::set_line(&self.file, baud).map(|()| true).map_err(|errno| Gone(errno.to_string()))
            }
            None => Ok(false),
        }
    }

    /// Gives a serial port the settings back that it had before it was opened.
    pub(super) fn restore(&self) {
        if let Some(before) = &self.before {
            // A port that was unplugged has nothing to restore.
            let _ = tcsetattr(&self.file, OptionalActions::Now, before);
        }
    }

    /// Whether the other side holds a signal line up. Where our DTR is up, a line that the cable bridges to it is up as
    /// well and tells nothing; RTS is down always, so CTS counts on every cable.
    pub(super) fn is_signalled(&self, cable: Cable) -> bool {
        let Ok(mut lines) = device::modem_lines(&self.file) else { return false };
        let mut up = lines.read_clear_to_send().unwrap_or(false);
        if !cable.dtr() {
            up |=
                lines.read_carrier_detect().unwrap_or(false) || lines.read_data_set_ready().unwrap_or(false);
        }
        up
    }

    /// Waits for bytes until `deadline`. An interruption goes before bytes: on a line that never rests it would never be seen.
    pub(super) fn receive(
        &self,
        deadline: Time,
        interrupter: Option<&Interrupter>,
    ) -> Result<Received, Gone> {
        let mut buffer = [0; READ_BYTES];
        loop {
            let is_ready = self.wait(PollFlags::IN, deadline, interrupter)?;
            if interrupter.is_some_and(Interrupter::take) {
                return Ok(Received::Interrupted);
            }
            if !is_ready {
                return Ok(Received::Nothing);
            }
            match read(&self.file, &mut buffer) {
                Ok(0) => return Err(self.hung_up()),
                Ok(count) => return Ok(Received::Bytes(buffer[..count].to_vec())),
                Err(Errno::AGAIN | Errno::INTR) => {}
                // What a terminal says when its other side is gone.
                Err(Errno::IO) => return Err(self.hung_up()),
                Err(errno) => return Err(Gone(errno.to_string())),
            }
        }
    }

    /// Sends all of `bytes`.
    pub(super) fn send(&self, mut bytes: &[u8]) -> Result<(), Gone> {
        let deadline = clock::now() + WRITE_LIMIT;
        while !bytes.is_empty() {
            match self.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.wait(PollFlags::OUT, deadline, None)? => {}
                Err(Errno::AGAIN) => return Err(Gone("it takes no more bytes".to_owned())),
                Err(Errno::IO | Errno::PIPE) => return Err(self.hung_up()),
                Err(errno) => return Err(Gone(errno.to_string())),
            }
        }
        Ok(())
    }

    /// A plain write on a connection that is closed would end a program in C: the library must not raise that signal.
    fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        match self.before {
            Some(_) => write(&self.file, bytes),
            None => send(&self.file, bytes, SendFlags::NOSIGNAL),
        }
    }

    /// Waits until the file is ready or the interrupter was asked; false when the time is over. A hang-up counts as ready:
    /// reading tells of it.
    fn wait(
        &self,
        wanted: PollFlags,
        deadline: Time,
        interrupter: Option<&Interrupter>,
    ) -> Result<bool, Gone> {
        loop {
            let file = PollFd::new(&self.file, wanted);
            let timeout = clock::until(deadline);
            let ready = match interrupter {
                Some(interrupter) => poll(&mut [file, interrupter.poll_fd()], timeout.as_ref()),
                None => poll(&mut [file], timeout.as_ref()),
            };
            match ready {
                Ok(0) if clock::now() < deadline => {}
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Gone(errno.to_string())),
            }
        }
    }

    fn hung_up(&self) -> Gone {
        Gone(match self.before {
            Some(_) => "the serial port was unplugged".to_owned(),
            None => "the connection was closed from the other side".to_owned(),
        })
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // The lock of a copy is the owner's lock: a child that ends must not open the port to others.
        if self.before.is_some() && self.other_owner().is_none() {
            device::release(&self.file);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn an_interruption_ends_a_wait_that_nothing_else_would_end_and_takes_no_bytes() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let wire = Wire { file: File::from(OwnedFd::from(ours)), before: None, owner: std::process::id() };
        let interrupter = Interrupter::new().unwrap();
        let receive = || wire.receive(Time::NEVER, Some(&interrupter)).unwrap();
        interrupter.interrupt();
        assert!(matches!(receive(), Received::Interrupted));
        theirs.write_all(b"SM\r\n").unwrap();
        interrupter.interrupt();
        assert!(matches!(receive(), Received::Interrupted));
        assert!(matches!(receive(), Received::Bytes(bytes) if bytes == b"SM\r\n"));
    }
}
