//! Something else than a UPS at the other end of a pseudo terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// How long a device waits for bytes before it may speak by itself.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// A device: from what it hears (nothing, when only time passed) and the speed of the line to what it says.
pub(crate) trait Device: FnMut(&[u8], u32) -> Vec<u8> + Send + 'static {}
impl<F: FnMut(&[u8], u32) -> Vec<u8> + Send + 'static> Device for F {}

/// A pseudo terminal with a device at its end, until it is dropped.
pub(crate) struct Line {
    path: PathBuf,
    /// Keeps the terminal alive while no port has it open.
    terminal: OwnedFd,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Line {
    pub(crate) fn with(device: impl Device) -> Line {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = PathBuf::from(ptsname(&master, Vec::new()).unwrap().to_str().unwrap());
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(&path, flags, Mode::empty()).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let (master, told) = (File::from(master), Arc::clone(&over));
        let thread = std::thread::spawn(move || run(&master, device, &told));
        Line { path, terminal, over, thread: Some(thread) }
    }

    pub(crate) fn address(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// The speed that the terminal is set to, and whether it echoes.
    pub(crate) fn settings(&self) -> (u32, bool) {
        let settings = tcgetattr(&self.terminal).unwrap();
        (settings.input_speed(), settings.local_modes.contains(LocalModes::ECHO))
    }

    /// Sets the terminal as another program may have left it.
    pub(crate) fn set_speed(&self, baud: u32) {
        let mut settings = tcgetattr(&self.terminal).unwrap();
        settings.set_speed(baud).unwrap();
        tcsetattr(&self.terminal, OptionalActions::Now, &settings).unwrap();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn run(mut master: &File, mut device: impl Device, over: &AtomicBool) {
    let mut buffer = [0; 256];
    while !over.load(Ordering::Relaxed) {
        let ready = poll(&mut [PollFd::new(master, PollFlags::IN)], Some(&TICK)).unwrap();
        let count = if ready == 0 { 0 } else { master.read(&mut buffer).unwrap() };
        let speed = tcgetattr(master).unwrap().input_speed();
        let said = device(&buffer[..count], speed);
        if !said.is_empty() {
            master.write_all(&said).unwrap();
        }
    }
}
