//! The pseudo-terminal that stands for the serial port.
//!
//! Invariant: this side keeps the terminal end open too, so that a reader may close and open it as often as it likes.
//! Only [`PtyPort::close`] hangs it up. What the UPS says while nobody has the terminal open is lost, as on a serial
//! port; a reader must not find the alerts of yesterday.

use std::fs;
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use calloop::generic::Generic;
use calloop::{Interest, LoopHandle, Mode, PostAction, RegistrationToken};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::fs::{Mode as FileMode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, QueueSelector, speed, tcflush, tcgetattr, tcsetattr};

use super::{ServeError, Server};

pub(super) struct PtyPort {
    master: fs::File,
    slave: OwnedFd,
    readers: Readers,
    link: PathBuf,
    device: PathBuf,
    tokens: [RegistrationToken; 2],
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
        let readers = Readers::of(&device).map_err(system)?;
        let tokens = watch(&master, &readers, handle)
            .map_err(|error| ServeError::system("watch a pseudo-terminal", error))?;
        let port = PtyPort { master, slave, readers, link: link.to_owned(), device, tokens };
        port.make_link()?;
        Ok(port)
    }

    /// What nobody fetches is lost.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.tidy();
        if self.readers.count > 0 {
            let _ = self.master.write(bytes);
        }
    }

    /// The reader sees a hang-up; the link is gone.
    pub(super) fn close(self, handle: &LoopHandle<'static, Server>) {
        for token in self.tokens {
            handle.remove(token);
        }
    }

    /// Forgets what the last reader left unread.
    fn tidy(&mut self) {
        if self.readers.look() == Presence::Changed {
            let _ = tcflush(&self.slave, QueueSelector::IFlush);
        }
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

/// Hears what comes from the host, and who comes and goes.
fn watch(
    master: &fs::File,
    readers: &Readers,
    handle: &LoopHandle<'static, Server>,
) -> io::Result<[RegistrationToken; 2]> {
    let bytes = Generic::new(master.try_clone()?, Interest::READ, Mode::Level);
    let bytes = handle.insert_source(bytes, |_, master, server| {
        let mut buffer = [0; 512];
        let mut master: &fs::File = master;
        match master.read(&mut buffer) {
            Ok(length) => server.hear(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(PostAction::Continue)
    });
    let visits = Generic::new(readers.events.try_clone()?, Interest::READ, Mode::Level);
    let visits = handle.insert_source(visits, |_, _, server| {
        if let Some(pty) = &mut server.pty {
            pty.tidy();
        }
        Ok(PostAction::Continue)
    });
    Ok([
        bytes.map_err(|error| io::Error::other(error.error))?,
        visits.map_err(|error| io::Error::other(error.error))?,
    ])
}

/// Counts who has the terminal open, ourselves not included.
struct Readers {
    events: OwnedFd,
    count: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Same,
    /// At some moment since the last look nobody was there.
    Changed,
}

impl Readers {
    fn of(device: &Path) -> rustix::io::Result<Readers> {
        let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(
            &events,
            device,
            WatchFlags::OPEN | WatchFlags::CLOSE_WRITE | WatchFlags::CLOSE_NOWRITE,
        )?;
        Ok(Readers { events, count: 0 })
    }

    fn look(&mut self) -> Presence {
        let mut presence = Presence::Same;
        let mut buffer = [MaybeUninit::uninit(); 1024];
        let mut reader = inotify::Reader::new(&self.events, &mut buffer);
        while let Ok(event) = reader.next() {
            if event.events().contains(ReadFlags::OPEN) {
                self.count += 1;
            } else if event.events().intersects(ReadFlags::CLOSE_WRITE | ReadFlags::CLOSE_NOWRITE) {
                self.count = self.count.saturating_sub(1);
                if self.count == 0 {
                    presence = Presence::Changed;
                }
            }
        }
        presence
    }
}

/// No echo, no line discipline, 2400 bit/s: what the reader sets again by itself.
fn make_raw(slave: &impl AsFd) -> rustix::io::Result<()> {
    let mut terminal = tcgetattr(slave)?;
    terminal.make_raw();
    terminal.set_speed(speed::B2400)?;
    tcsetattr(slave, OptionalActions::Now, &terminal)
}
