//! A simulated UPS at the other end of a real pty or TCP connection, on a thread of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use apcsmart::Time;
use apcsmart::simulator::{Model, SimOutput, Simulator, SimulatorOptions};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A UPS that is plugged in until this is dropped.
pub(crate) struct Peer {
    control: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
    link: Option<PathBuf>,
}

impl Peer {
    /// On a new pty, to which `link` points.
    pub(crate) fn on_pty(link: &Path) -> Peer {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        // Held open: a master whose other end nobody has open reports a hang-up, and a host may close and open it.
        let other_end =
            std::fs::OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        make_raw(&other_end);
        std::os::unix::fs::symlink(name.to_str().unwrap(), link).unwrap();
        let mut peer = Peer::start(move |control| {
            serve(master, control);
            drop(other_end);
        });
        peer.link = Some(link.to_owned());
        peer
    }

    /// Listens on `address`, for one connection after the other.
    pub(crate) fn on_tcp(address: SocketAddr) -> (Peer, SocketAddr) {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let peer = Peer::start(move |control| {
            wait_readable(&[listener.as_fd(), control.as_fd()], None);
            listener.set_nonblocking(true).unwrap();
            let Ok((stream, _)) = listener.accept() else { return };
            stream.set_nonblocking(false).unwrap();
            drop(listener);
            serve(OwnedFd::from(stream), control);
        });
        (peer, address)
    }

    /// Says a line of the simulator's control language to the UPS.
    pub(crate) fn control(&mut self, line: &str) {
        // In one piece: the other side takes what it reads for whole lines.
        self.control.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Pulls the plug: the port hangs up and its name goes.
    pub(crate) fn unplug(self) {}

    fn start(body: impl FnOnce(UnixStream) + Send + 'static) -> Peer {
        let (control, other) = UnixStream::pair().unwrap();
        Peer { control: Some(control), thread: Some(std::thread::spawn(move || body(other))), link: None }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            std::fs::remove_file(link).unwrap();
        }
        drop(self.control.take());
        let ended = self.thread.take().unwrap().join();
        if let (Err(panic), false) = (ended, std::thread::panicking()) {
            std::panic::resume_unwind(panic);
        }
    }
}

/// Runs a UPS on `wire` until the control connection closes.
fn serve(wire: OwnedFd, mut control: UnixStream) {
    let options = SimulatorOptions { timing_slack: Duration::from_secs(1), ..SimulatorOptions::default() };
    let mut simulator = Simulator::new(Model::named("smart-ups-1500").unwrap(), options);
    let wire = std::fs::File::from(wire);
    let started = Instant::now();
    let now = || Time::from_millis(u64::try_from(started.elapsed().as_millis()).unwrap());
    loop {
        let deadline = loop {
            match simulator.poll_output() {
                SimOutput::Transmit(bytes) => {
                    if (&wire).write_all(&bytes).is_err() {
                        return;
                    }
                }
                SimOutput::Timeout(deadline) => break deadline,
                other => panic!("{other:?}"),
            }
        };
        let limit = (deadline != Time::NEVER).then(|| deadline.since(now()));
        let ready = wait_readable(&[wire.as_fd(), control.as_fd()], limit);
        let mut buffer = [0; 256];
        if ready[1] {
            match control.read(&mut buffer).unwrap() {
                0 => return,
                count => {
                    for line in std::str::from_utf8(&buffer[..count]).unwrap().lines() {
                        simulator.control(now(), line).unwrap();
                    }
                }
            }
        }
        if ready[0] {
            match (&wire).read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(count) => simulator.handle_input(now(), &buffer[..count]),
            }
        }
        simulator.handle_timeout(now());
    }
}

fn wait_readable(fds: &[std::os::fd::BorrowedFd<'_>], limit: Option<Duration>) -> Vec<bool> {
    let mut polled: Vec<PollFd<'_>> =
        fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    let limit = limit.map(|limit| Timespec::try_from(limit).unwrap());
    poll(&mut polled, limit.as_ref()).unwrap();
    polled.iter().map(|fd| !fd.revents().is_empty()).collect()
}

fn make_raw(tty: impl AsFd) {
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
    let mut settings = tcgetattr(&tty).unwrap();
    settings.make_raw();
    tcsetattr(&tty, OptionalActions::Now, &settings).unwrap();
}
