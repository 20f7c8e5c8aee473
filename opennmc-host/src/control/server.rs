//! The daemon's end of the control socket: it accepts connections and gives each a thread.
//!
//! Nothing that a client does, or leaves undone, holds up anybody else: lines have a longest length, reading and writing
//! have time limits, and there are only so many connections, of one user and in all. Some are kept for root and the
//! daemon's own user, so that whoever fills the others can be dealt with.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::answer::Host;
use super::connection;
use super::peer::Peer;
use super::protocol::{Answer, Code, Problem, Said};
use super::socket::{ControlSocket, SocketError};
use crate::config::ControlSettings;

/// Connections in all. A thread that waits costs a few pages.
const MOST_CONNECTIONS: usize = 64;
/// Of them, for root and the daemon's own user.
const KEPT_FOR_OWNERS: usize = 8;
/// Connections of one other user.
const MOST_OF_ONE_USER: usize = 16;
/// What a connection's thread does needs less; untouched pages cost nothing.
const STACK: usize = 1024 * 1024;
/// Without file descriptors or memory `accept` fails at once, again and again: this keeps it from spinning.
const AFTER_A_FAILURE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
/// A client that is turned away and does not take the reason within this time goes without it.
const FAREWELL: Duration = Duration::from_millis(200);

/// Serves the control socket until it is dropped.
#[derive(Debug)]
pub struct ControlServer {
    shared: Arc<Shared>,
    wake: UnixStream,
    thread: Option<JoinHandle<()>>,
}

/// What the accepting thread, the connections and the owner share.
#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    last_number: u64,
    open: HashMap<u64, (u32, UnixStream)>,
}

/// Why the control socket is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The socket can't be made.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// No thread, no pipe.
    #[error("can't serve the control socket: {0}")]
    System(#[from] io::Error),
}

impl ControlServer {
    /// Makes the socket and serves it on a thread. Call it when the main loop has taken the signals: the threads that this
    /// starts must not receive them.
    pub fn start(settings: &ControlSettings, host: Host) -> Result<ControlServer, ControlError> {
        let socket = ControlSocket::bind(settings)?;
        socket.listener.set_nonblocking(true)?;
        let (wake, woken) = UnixStream::pair()?;
        let shared = Arc::<Shared>::default();
        let accepting =
            Accepting { socket, woken, settings: settings.clone(), host, shared: Arc::clone(&shared) };
        let thread = thread("control", move || accepting.run())?;
        Ok(ControlServer { shared, wake, thread: Some(thread) })
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, SeqCst);
        // Nobody else writes to it: there is always room.
        let _ = self.wake.write_all(b"!");
        if let Some(thread) = self.thread.take() {
            // It only accepts and never waits for a client.
            let _ = thread.join();
        }
        for (_, stream) in self.shared.connections().open.values() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, Connections> {
        // What is done under the lock can't leave the map half changed.
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more connection, if `peer` may have one.
    fn admit(self: &Arc<Shared>, peer: Peer, stream: &UnixStream) -> Result<Place, Problem> {
        let full = |message: &str| Problem::new(Code::Busy, message);
        let system =
            |error: io::Error| Problem::new(Code::Failed, format!("can't take the connection: {error}"));
        let mut connections = self.connections();
        let open = &connections.open;
        if open.len() >= MOST_CONNECTIONS {
            return Err(full("the daemon has too many connections; try again later"));
        }
        if !peer.owns_the_daemon() {
            if open.values().filter(|(uid, _)| *uid == peer.uid).count() >= MOST_OF_ONE_USER {
                return Err(full("this user has too many connections to the daemon; close some"));
            }
            if open.len() >= MOST_CONNECTIONS - KEPT_FOR_OWNERS {
                return Err(full("the daemon has too many connections; try again later, or as root"));
            }
        }
        let stream = stream.try_clone().map_err(system)?;
        connections.last_number += 1;
        let number = connections.last_number;
        connections.open.insert(number, (peer.uid, stream));
        Ok(Place { shared: Arc::clone(self), number })
    }
}

/// A connection's place among the others; given back when dropped.
#[derive(Debug)]
struct Place {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.connections().open.remove(&self.number);
    }
}

struct Accepting {
    socket: ControlSocket,
    woken: UnixStream,
    settings: ControlSettings,
    host: Host,
    shared: Arc<Shared>,
}

impl Accepting {
    fn run(self) {
        while !self.shared.stopping.load(SeqCst) {
            match self.socket.listener.accept() {
                Ok((stream, _)) => self.take(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(true),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!("can't accept a connection to the control socket: {error}");
                    self.wait(false);
                }
            }
        }
    }

    /// Until somebody connects or the end is asked for; or a moment after a failure, when the listener would be ready at once.
    fn wait(&self, for_clients: bool) {
        let mut ready = vec![PollFd::new(&self.woken, PollFlags::IN)];
        if for_clients {
            ready.push(PollFd::new(&self.socket.listener, PollFlags::IN));
        }
        // A signal or a failure here only means one more look.
        let _ = poll(&mut ready, (!for_clients).then_some(&AFTER_A_FAILURE));
    }

    fn take(&self, stream: UnixStream) {
        if let Err(problem) = self.admit(&stream) {
            turn_away(&stream, problem);
        }
    }

    fn admit(&self, stream: &UnixStream) -> Result<(), Problem> {
        let failed =
            |error: io::Error| Problem::new(Code::Failed, format!("can't take the connection: {error}"));
        stream.set_nonblocking(false).map_err(failed)?;
        let peer = Peer::of(stream).map_err(failed)?;
        let principal = peer.principal(&self.settings).ok_or_else(|| {
            tracing::info!(uid = peer.uid, "a process may not use the control socket");
            Problem::new(Code::Denied, refusal(&self.settings))
        })?;
        let place = self.shared.admit(peer, stream)?;
        let stream = stream.try_clone().map_err(failed)?;
        let host = self.host.clone();
        thread("control-client", move || {
            connection::serve(&host, &principal, &stream);
            let _ = stream.shutdown(std::net::Shutdown::Both);
            drop(place);
        })
        .map_err(failed)?;
        Ok(())
    }
}

/// What somebody is told who is not on any list.
fn refusal(settings: &ControlSettings) -> String {
    let lists = [&settings.operators, &settings.monitors, &settings.administrators, &settings.backups];
    let accounts: Vec<&str> = lists.into_iter().flatten().map(|account| account.as_str()).collect();
    if accounts.is_empty() {
        return "only root may use it; name groups or users under `[control]`, such as `monitors = [\"opennmc\"]`".to_owned();
    }
    format!("it is for root and for {} (`[control]` in the configuration)", accounts.join(", "))
}

fn turn_away(stream: &UnixStream, problem: Problem) {
    let Ok(mut line) = serde_json::to_vec(&Answer::new(None, Said::Error(problem))) else { return };
    line.push(b'\n');
    // A line fits into a fresh socket's buffer.
    let _ = stream.set_write_timeout(Some(FAREWELL)).and_then(|()| (&*stream).write_all(&line));
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(work)
}
