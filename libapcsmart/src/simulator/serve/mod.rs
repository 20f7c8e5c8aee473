//! Serves a simulated UPS on a pseudo-terminal, on TCP, and steers it through a control socket.
//!
//! One event loop on one thread. Nothing here knows the protocol: it moves bytes between file descriptors and the
//! [`Simulator`], and passes control lines on. What the reader of a serial port does not fetch is lost, as on a UART;
//! the loop never waits for anybody.

mod control_socket;
mod pty;
mod tcp;
mod trace;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use calloop::signals::{Signal, Signals};
use calloop::{EventLoop, LoopHandle, LoopSignal};

use super::{SimOutput, Simulator};
use crate::Time;
use control_socket::ControlSocket;
use pty::PtyPort;
use tcp::TcpPort;
use trace::{Speaker, Trace};

/// How long the loop waits before it tries again to offer a port that could not be offered.
const OFFER_AGAIN: Duration = Duration::from_millis(200);

/// Where a simulated UPS is offered.
#[derive(Debug, Clone, Default)]
pub struct ServeOptions {
    /// A symbolic link to the pseudo-terminal, made here and removed at the end.
    pub pty: Option<PathBuf>,
    /// A TCP address; one client at a time, the newest.
    pub tcp: Option<SocketAddr>,
    /// A Unix socket for control lines.
    pub control: Option<PathBuf>,
    /// A file that keeps the EEPROM.
    pub eeprom: Option<PathBuf>,
    /// A file that gets all that is said on the line, with its moments.
    pub trace: Option<PathBuf>,
}

/// Where it is in fact offered.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Ready {
    /// The link.
    pub pty: Option<PathBuf>,
    /// The address, with the port that the system chose when 0 was asked for.
    pub tcp: Option<SocketAddr>,
    /// The control socket.
    pub control: Option<PathBuf>,
}

/// A simulated UPS could not be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The link's place is taken by something that was not made by a simulator.
    #[error("{path} exists and is not a symbolic link; remove it or choose another place", path = path.display())]
    LinkTaken {
        /// The link.
        path: PathBuf,
    },
    /// The control socket's place is taken.
    #[error("{path} exists: {why}", path = path.display())]
    SocketTaken {
        /// The socket.
        path: PathBuf,
        /// Why it cannot be replaced.
        why: &'static str,
    },
    /// The operating system refused something.
    #[error("cannot {doing}: {error}")]
    System {
        /// What was tried, and on what.
        doing: String,
        /// The reason.
        error: io::Error,
    },
    /// The EEPROM file does not belong to this model.
    #[error("{path}: {why}", path = path.display())]
    Eeprom {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl ServeError {
    fn system(doing: impl Into<String>, error: impl Into<io::Error>) -> ServeError {
        ServeError::System { doing: doing.into(), error: error.into() }
    }
}

/// Serves `sim` until SIGTERM, SIGINT or SIGHUP. Calls `ready` once everything is offered.
///
/// # Errors
/// When a port, the control socket or the EEPROM file cannot be had.
pub fn serve(
    mut sim: Simulator,
    options: &ServeOptions,
    ready: impl FnOnce(&Ready),
) -> Result<(), ServeError> {
    if let Some(path) = &options.eeprom {
        load_eeprom(&mut sim, path)?;
    }
    let mut event_loop: EventLoop<'_, Server> =
        EventLoop::try_new().map_err(|error| ServeError::system("start an event loop", error))?;
    let mut server = Server::new(sim, options.clone(), event_loop.handle(), event_loop.get_signal());
    init_signals(&server.handle)?;
    if let Some(path) = &options.trace {
        let trace = Trace::create(path);
        let trace = trace.map_err(|error| ServeError::system(format!("write {}", path.display()), error))?;
        server.trace = Some(trace);
    }
    server.offer_ports()?;
    if let Some(path) = &options.control {
        server.control = Some(ControlSocket::bind(path, &server.handle)?);
    }
    ready(&Ready {
        pty: options.pty.clone(),
        tcp: server.tcp.as_ref().map(TcpPort::address),
        control: options.control.clone(),
    });
    while !server.stopped {
        let patience = server.turn();
        event_loop
            .dispatch(patience, &mut server)
            .map_err(|error| ServeError::system("wait for events", error))?;
    }
    Ok(())
}

/// The one state of the loop.
struct Server {
    sim: Simulator,
    options: ServeOptions,
    handle: LoopHandle<'static, Server>,
    signal: LoopSignal,
    started: Instant,
    pty: Option<PtyPort>,
    tcp: Option<TcpPort>,
    control: Option<ControlSocket>,
    /// While the port is unplugged.
    back_at: Option<Instant>,
    eeprom_saved: u64,
    trace: Option<Trace>,
    stopped: bool,
}

impl Server {
    fn new(
        sim: Simulator,
        options: ServeOptions,
        handle: LoopHandle<'static, Server>,
        signal: LoopSignal,
    ) -> Server {
        let eeprom_saved = sim.eeprom_writes();
        Server {
            sim,
            options,
            handle,
            signal,
            started: Instant::now(),
            pty: None,
            tcp: None,
            control: None,
            back_at: None,
            eeprom_saved,
            trace: None,
            stopped: false,
        }
    }

    fn now(&self) -> Time {
        Time::ZERO + Duration::from_millis(self.started.elapsed().as_millis() as u64)
    }

    /// Bytes came from the host, by any port.
    fn hear(&mut self, bytes: &[u8]) {
        if let Some(trace) = &mut self.trace {
            trace.note(Trace::now(), Speaker::Host, bytes);
        }
        let now = self.now();
        self.sim.handle_input(now, bytes);
        self.pump();
    }

    /// Does what is due; gives the time to wait, if any.
    fn turn(&mut self) -> Option<Duration> {
        if self.back_at.is_some_and(|back| back <= Instant::now()) {
            self.come_back();
        }
        let now = self.now();
        self.sim.handle_timeout(now);
        let next = self.pump();
        let sim = (next != Time::NEVER).then(|| next.since(self.now()));
        let back = self.back_at.map(|back| back.saturating_duration_since(Instant::now()));
        match (sim, back) {
            (Some(sim), Some(back)) => Some(sim.min(back)),
            (sim, back) => sim.or(back),
        }
    }

    /// Does what the simulator asks for; gives its deadline.
    fn pump(&mut self) -> Time {
        loop {
            match self.sim.poll_output() {
                SimOutput::Transmit(bytes) => {
                    let said = self.trace.is_some().then(Trace::now);
                    if let Some(pty) = &mut self.pty {
                        pty.send(&bytes);
                    }
                    if let Some(tcp) = &mut self.tcp {
                        tcp.send(&bytes);
                    }
                    if let (Some(trace), Some(at)) = (&mut self.trace, said) {
                        trace.note(at, Speaker::Ups, &bytes);
                    }
                }
                SimOutput::HangUp(away) => self.go_away(away),
                SimOutput::Timeout(next) => {
                    self.save_eeprom();
                    return next;
                }
            }
        }
    }

    fn go_away(&mut self, away: Duration) {
        if let Some(pty) = self.pty.take() {
            pty.close(&self.handle);
        }
        if let Some(tcp) = self.tcp.take() {
            // The port stays the same one when the system chose it.
            self.options.tcp = Some(tcp.address());
            tcp.close(&self.handle);
        }
        self.back_at = Some(Instant::now() + away);
    }

    fn come_back(&mut self) {
        self.back_at = None;
        if let Err(error) = self.offer_ports() {
            eprintln!("apcsmart-sim: {error}; trying again");
            self.back_at = Some(Instant::now() + OFFER_AGAIN);
        }
    }

    fn offer_ports(&mut self) -> Result<(), ServeError> {
        if let (Some(link), None) = (&self.options.pty, &self.pty) {
            self.pty = Some(PtyPort::open(link, &self.handle)?);
        }
        if let (Some(address), None) = (self.options.tcp, &self.tcp) {
            self.tcp = Some(TcpPort::bind(address, &self.handle)?);
        }
        Ok(())
    }

    fn control_line(&mut self, line: &str) -> String {
        let now = self.now();
        let answer = self.sim.control(now, line);
        self.pump();
        match answer {
            // A block is ended by an empty line.
            Ok(block) if block.contains('\n') => format!("{block}\n\n"),
            Ok(line) => format!("{line}\n"),
            Err(error) => format!("error: {error}\n"),
        }
    }

    fn save_eeprom(&mut self) {
        let Some(path) = &self.options.eeprom else { return };
        let writes = self.sim.eeprom_writes();
        if writes == self.eeprom_saved {
            return;
        }
        self.eeprom_saved = writes;
        if let Err(error) = replace_file(path, &self.sim.eeprom_image()) {
            eprintln!("apcsmart-sim: cannot save the EEPROM in {}: {error}", path.display());
        }
    }
}

fn init_signals(handle: &LoopHandle<'static, Server>) -> Result<(), ServeError> {
    let signals = Signals::new(&[Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP])
        .map_err(|error| ServeError::system("listen for signals", error))?;
    handle
        .insert_source(signals, |_, (), server| {
            server.stopped = true;
            server.signal.wakeup();
        })
        .map_err(|error| ServeError::system("listen for signals", io::Error::other(error.error)))?;
    Ok(())
}

fn load_eeprom(sim: &mut Simulator, path: &Path) -> Result<(), ServeError> {
    match std::fs::read_to_string(path) {
        Ok(image) => sim.load_eeprom(&image).map_err(|why| ServeError::Eeprom { path: path.to_owned(), why }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(ServeError::system(format!("read {}", path.display()), error)),
    }
}

/// Whole or not at all, whenever the process is killed.
fn replace_file(path: &Path, content: &str) -> io::Result<()> {
    let draft = path.with_extension("draft");
    std::fs::write(&draft, content)?;
    std::fs::rename(&draft, path)
}
