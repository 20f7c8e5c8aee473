//! Serial ports: opened by the `serialport` crate, which knows the termios side, and then taken from it.
//!
//! Its reads would unblock the signals that the main loop holds back, and its `flush` waits for the line: neither may
//! ever be called. What leaves this module is a plain non-blocking file.

use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::path::Path;

use rustix::io::ioctl_fionbio;
use serialport::{DataBits, FlowControl, Parity, SerialPort, StopBits};

use crate::config::Cable;

/// The speed of every smart-protocol UPS.
const BAUD: u32 = 2400;

/// Opens `path` at 2400 8N1 for this process alone, with DTR and RTS as `cable` needs them.
pub(super) fn open(path: &Path, cable: Cable) -> io::Result<File> {
    let name =
        path.to_str().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8"))?;
    let mut port = serialport::new(name, BAUD)
        .data_bits(DataBits::Eight)
        .parity(Parity::None)
        .stop_bits(StopBits::One)
        .flow_control(FlowControl::None)
        .exclusive(true)
        .open_native()
        .map_err(io::Error::from)?;
    set_modem_lines(&mut port, cable);
    let fd = port.into_raw_fd();
    // SAFETY: `into_raw_fd` gave up the descriptor without closing it, so it is open and nobody else owns it.
    #[expect(unsafe_code, reason = "serialport offers its descriptor as a number only")]
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    ioctl_fionbio(&fd, true)?;
    Ok(File::from(fd))
}

/// Lets others open the port again. The exclusive flag outlives this descriptor when something else holds the terminal
/// open, as the peer of a pseudo terminal does.
pub(super) fn release(file: &File) {
    // A port that was unplugged has nothing to release.
    let _ = rustix::termios::ioctl_tiocnxcl(file);
}

/// The kernel raises both lines when it opens a port. The three wires of the smart cable do not carry them; on a wrong,
/// straight cable they meet the pins that switch the load off, so they go down at once.
fn set_modem_lines(port: &mut impl SerialPort, cable: Cable) {
    let (dtr, rts) = match cable {
        Cable::Smart0024C => (false, false),
        Cable::Dual0095B => (true, false),
    };
    // Pseudo terminals and some converters have no such lines; then there is nothing to get wrong either.
    if let Err(error) = port.write_request_to_send(rts).and(port.write_data_terminal_ready(dtr)) {
        tracing::debug!("can't set DTR and RTS: {error}");
    }
}
