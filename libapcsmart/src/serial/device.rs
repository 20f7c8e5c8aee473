//! Opening a serial port: for one program alone, raw, 2400 8N1, with DTR and RTS as the cable needs them.
//!
//! Invariant: nothing of the line is changed before the lock is ours, because another program may be talking on it. The
//! `serialport` crate is used for DTR and RTS alone. Its `open` forgets the system's error; its `read` unblocks signals that
//! the caller blocked; its `flush` waits for the line. None of the three may be called.

use std::fs::File;
use std::os::fd::{AsFd, FromRawFd, IntoRawFd};
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;
use rustix::termios::{
    ControlModes, InputModes, OptionalActions, SpecialCodeIndex, Termios, ioctl_tiocexcl, ioctl_tiocnxcl,
    tcgetattr, tcsetattr,
};
use serialport::{SerialPort, TTYPort};

use super::cable::Cable;
use super::error::PortError;
use super::{stable, users};

/// The speed of every UPS that speaks the smart protocol.
pub const BAUD: u32 = 2400;

/// Opens a serial port as the smart protocol needs it: raw, 2400 8N1, no flow control, DTR and RTS as `cable` says.
///
/// The file is non-blocking: watch it with `poll` or in an event loop. No other program can open the port until
/// [`release`] is called; merely closing the file does the same on hardware ports.
///
/// # Errors
/// [`PortError::Absent`], [`PortError::Permission`], [`PortError::Busy`], [`PortError::NotSerial`] and
/// [`PortError::Open`].
pub fn open(path: impl AsRef<Path>, cable: Cable) -> Result<File, PortError> {
    Ok(open_raw(path.as_ref(), cable)?.0)
}

/// Lets others open the port again. The exclusive flag outlives the file when something else holds the terminal open, as
/// the peer of a pseudo terminal does.
pub fn release(file: &File) {
    // A port that was unplugged has nothing to release.
    let _ = ioctl_tiocnxcl(file);
    let _ = flock(file, FlockOperation::Unlock);
}

/// The same, with the settings that the port had before.
pub(super) fn open_raw(path: &Path, cable: Cable) -> Result<(File, Termios), PortError> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let failed = |errno| explain(path, errno);
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(failed)?);
    // The superuser may open what is exclusive, so the lock is asked as well; terminal programs take the same one.
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(failed)?;
    let before = tcgetattr(&file).map_err(failed)?;
    ioctl_tiocexcl(&file).map_err(failed)?;
    let ready = set_modem_lines(&file, cable).and_then(|()| set_line(&file, BAUD));
    if let Err(errno) = ready {
        release(&file);
        return Err(failed(errno));
    }
    Ok((file, before))
}

/// Raw, 8N1, at `baud`.
pub(super) fn set_line(file: impl AsFd, baud: u32) -> Result<(), Errno> {
    let mut settings = tcgetattr(&file)?;
    settings.make_raw();
    settings.control_modes -=
        ControlModes::CSIZE | ControlModes::PARENB | ControlModes::CSTOPB | ControlModes::CRTSCTS;
    settings.control_modes |= ControlModes::CS8 | ControlModes::CLOCAL | ControlModes::CREAD;
    settings.input_modes -= InputModes::IXOFF | InputModes::IXANY;
    // With a minimum of one byte, an empty read means a hang-up and nothing else.
    settings.special_codes[SpecialCodeIndex::VMIN] = 1;
    settings.special_codes[SpecialCodeIndex::VTIME] = 0;
    settings.set_speed(baud)?;
    tcsetattr(file, OptionalActions::Now, &settings)
}

/// The kernel raises both lines when it opens a port. The three wires of the smart cable do not carry them; on a wrong,
/// straight cable they meet the pins that switch the load off, so they go where they belong at once.
fn set_modem_lines(file: &File, cable: Cable) -> Result<(), Errno> {
    let mut lines = modem_lines(file)?;
    // Pseudo terminals and some converters have no such lines; then there is nothing to get wrong either.
    let _ = lines.write_request_to_send(cable.rts());
    let _ = lines.write_data_terminal_ready(cable.dtr());
    Ok(())
}

/// The modem lines of a port. The handle is a duplicate: dropping it leaves the port open and locked.
pub(super) fn modem_lines(file: &File) -> Result<TTYPort, Errno> {
    let duplicate = rustix::io::fcntl_dupfd_cloexec(file, 0)?;
    // SAFETY: `into_raw_fd` gave up the duplicate without closing it, so it is open and nobody else owns it.
    #[expect(unsafe_code, reason = "serialport takes a descriptor as a number only")]
    let lines = unsafe { TTYPort::from_raw_fd(duplicate.into_raw_fd()) };
    Ok(lines)
}

/// What the system's refusal to open `path` means for a person.
fn explain(path: &Path, errno: Errno) -> PortError {
    let path_buf = || path.to_owned();
    match errno {
        Errno::NOENT | Errno::NODEV | Errno::NXIO => {
            PortError::Absent { path: path_buf(), present: stable::present() }
        }
        Errno::ACCESS | Errno::PERM => {
            PortError::Permission { path: path_buf(), remedy: users::permission_remedy(path) }
        }
        // `AGAIN`: the lock is taken.
        Errno::BUSY | Errno::AGAIN => PortError::Busy { path: path_buf(), by: users::holder(path) },
        Errno::NOTTY | Errno::ISDIR | Errno::INVAL => PortError::NotSerial { path: path_buf() },
        errno => PortError::Open { path: path_buf(), source: errno.into() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_permission_names_the_group_that_has_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let said = explain(file.path(), Errno::ACCESS).to_string();
        assert!(said.contains("no permission to open"), "{said}");
        assert!(said.contains(&file.path().display().to_string()), "{said}");
        assert!(said.contains("group"), "{said}");
    }

    #[test]
    fn a_plain_file_a_folder_and_nothing_are_told_apart() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: &Path| open(path, Cable::default()).unwrap_err();
        assert!(matches!(refused(file.path()), PortError::NotSerial { .. }));
        assert!(matches!(refused(folder.path()), PortError::NotSerial { .. }));
        assert!(matches!(refused(&folder.path().join("ttyUSB0")), PortError::Absent { .. }));
    }
}
