//! The pseudo-terminal that stands for the serial port.
//!
//! Invariant: this side keeps the terminal end open too, so that a reader may close and open it as often as it likes.
//! Only [`PtyPort::close`] hangs it up.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use calloop::generic::Generic;
use calloop::{Interest, LoopHandle, Mode, PostAction, RegistrationToken};
use rustix::fs::{Mode as FileMode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, speed, tcgetattr, tcsetattr};

use super::{ServeError, Server};

pub(super) struct PtyPort {
    master: fs::File,
    _slave: OwnedFd,
    link: PathBuf,
    device: PathBuf,
    token: RegistrationToken,
}

impl PtyPort {
    pub(super) fn open(link: &Path, handle: &LoopHandle<'static, Server>) -> Result<PtyPort, ServeError> {
        let system = |error: rustix::io::Errno| ServeError::system("open a pseudo-terminal", error);
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).map_err(system)?;
        grantpt(&master).map_err(system)?;
        unlockpt(&master).map_err(system)?;
        rustix::io::ioctl_fionbio(&master, true).map_err(system)?;
        let name = ptsname(&master, Vec::new()).map_err(system)?;
        let device = PathBuf::from(name.to_string_lossy().into_owned());
        let slave =
            rustix::fs::open(&device, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, FileMode::empty())
                .map_err(system)?;
        make_raw(&slave).map_err(system)?;
        let master = fs::File::from(master);
        let watched =
            master.try_clone().map_err(|error| ServeError::system("watch a pseudo-terminal", error))?;
        let source = Generic::new(watched, Interest::READ, Mode::Level);
        let token = handle
            .insert_source(source, |_, master, server| {
                let mut buffer = [0; 512];
                let mut master: &fs::File = master;
                match master.read(&mut buffer) {
                    Ok(0) => {}
                    Ok(length) => server.hear(&buffer[..length]),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
                Ok(PostAction::Continue)
            })
            .map_err(|error| {
                ServeError::system("watch a pseudo-terminal", std::io::Error::other(error.error))
            })?;
        let port = PtyPort { master, _slave: slave, link: link.to_owned(), device, token };
        port.make_link()?;
        Ok(port)
    }

    /// What nobody fetches is lost.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let _ = self.master.write(bytes);
    }

    /// The reader sees a hang-up; the link is gone.
    pub(super) fn close(self, handle: &LoopHandle<'static, Server>) {
        handle.remove(self.token);
    }

    fn make_link(&self) -> Result<(), ServeError> {
        match fs::symlink_metadata(&self.link) {
            Ok(found) if !found.is_symlink() => {
                return Err(ServeError::LinkTaken { path: self.link.clone() });
            }
            Ok(_) => {
                // Left behind by a simulator that was killed.
                fs::remove_file(&self.link)
                    .map_err(|error| ServeError::system(format!("replace {}", self.link.display()), error))?;
            }
            Err(_) => {}
        }
        std::os::unix::fs::symlink(&self.device, &self.link)
            .map_err(|error| ServeError::system(format!("make the link {}", self.link.display()), error))
    }
}

impl Drop for PtyPort {
    fn drop(&mut self) {
        // Another simulator may have taken over the place.
        if fs::read_link(&self.link).is_ok_and(|target| target == self.device) {
            let _ = fs::remove_file(&self.link);
        }
    }
}

/// No echo, no line discipline, 2400 bit/s: what the reader sets again by itself.
fn make_raw(slave: &impl AsFd) -> rustix::io::Result<()> {
    let mut terminal = tcgetattr(slave)?;
    terminal.make_raw();
    terminal.set_speed(speed::B2400)?;
    tcsetattr(slave, OptionalActions::Now, &terminal)
}
