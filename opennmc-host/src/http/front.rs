//! The HTTP server: a thread with its own loop, its listeners and its connections.
//!
//! Nothing here runs on the main loop or on a plugin's, and neither waits for it. Listeners are bound by whoever starts or
//! changes the front, so that they are open before anybody is told so; what can't be bound is tried again until it can.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use calloop::channel::{self, Event as Mail, Sender};
use calloop::futures::{Scheduler, executor};
use calloop::generic::Generic;
use calloop::timer::{TimeoutAction, Timer};
use calloop::{EventLoop, Interest, LoopHandle, Mode, PostAction, RegistrationToken};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use rustls::ServerConfig;

use super::allowance::{Allowance, Used};
use super::answer::Here;
use super::clock::Clock;
use super::connection;
use super::mounts::Mounts;
use super::pace::{Pace, Patience};
use super::room::Room;
use super::self_made::SelfMade;
use super::sessions::Sessions;
use super::stream::Hub;
use super::wire::Wire;
use crate::host::HostHandle;
use crate::users::UserBase;

/// Connections in all, besides those with the stream: browsers, scripts and a few that are slow.
const MOST_CONNECTIONS: usize = 256;
/// Of one address: several browsers with several connections each.
const MOST_OF_AN_ADDRESS: usize = 64;
/// Accepted of one listener in one turn.
const ACCEPTS_A_TURN: usize = 64;
/// Connections that the kernel holds until we take them.
const BACKLOG: i32 = 1_024;
/// Without descriptors a listener would be ready at once, again and again.
const REST: Duration = Duration::from_millis(200);
/// An address may come with its interface.
const RETRY: Duration = Duration::from_secs(5);
/// Bodies that arrive or wait, of all connections.
const BODIES: usize = 8 << 20;
/// Answers of plugins on their way, of all connections.
const ANSWERS: usize = 16 << 20;
/// Turns that the end may take.
const LAST_TURNS: u32 = 16;

/// What HTTP connections are told apart by: no other protocol is spoken.
const PROTOCOL: &[u8] = b"http/1.1";
/// How often it is looked whether the certificate that the host has made ends soon.
const LOOK_AT_CERTIFICATE: Duration = Duration::from_secs(12 * 3_600);

/// Where TLS is spoken, and with which certificate.
#[derive(Clone, Default)]
pub enum Secrecy {
    /// Everything goes in the clear.
    #[default]
    Nowhere,
    /// On all listeners, with a certificate that somebody has given.
    Everywhere(Arc<ServerConfig>),
    /// On all that others than this machine reach, with one that the host has made.
    BeyondLoopback(Arc<ServerConfig>, SelfMade),
}

impl Secrecy {
    /// On all listeners.
    pub fn everywhere(config: ServerConfig) -> Secrecy {
        Secrecy::Everywhere(Arc::new(spoken(config)))
    }

    /// With a certificate that the host makes itself, or has made. Blocks as disks do.
    pub fn beyond_loopback(self_made: SelfMade) -> Result<Secrecy, String> {
        let made = self_made.at(SystemTime::now())?;
        tracing::info!("http: the self-made certificate has the SHA-256 fingerprint {}", made.fingerprint);
        Ok(Secrecy::BeyondLoopback(Arc::new(spoken(made.config)), self_made))
    }

    /// For a listener.
    fn of(&self, loopback: bool) -> Option<Arc<ServerConfig>> {
        match self {
            Secrecy::Everywhere(config) => Some(Arc::clone(config)),
            Secrecy::BeyondLoopback(config, _) if !loopback => Some(Arc::clone(config)),
            Secrecy::Nowhere | Secrecy::BeyondLoopback(..) => None,
        }
    }
}

fn spoken(mut config: ServerConfig) -> ServerConfig {
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config
}

/// What the front is told of the configuration.
#[derive(Clone)]
#[non_exhaustive]
pub struct FrontSettings {
    /// Where it listens.
    pub listen: BTreeSet<SocketAddr>,
    /// What this host is called, besides its addresses.
    pub names: Vec<String>,
    /// Where it speaks TLS, and nothing else.
    pub secrecy: Secrecy,
    /// How long clients and plugins may take.
    pub patience: Patience,
    /// What sessions end by.
    pub clock: Clock,
    /// How often an address may log in.
    pub log_ins: Allowance,
    /// How often an address may ask for anything.
    pub requests: Allowance,
}

impl FrontSettings {
    /// All that there is to say.
    pub fn new(listen: BTreeSet<SocketAddr>, names: Vec<String>, secrecy: Secrecy) -> FrontSettings {
        FrontSettings {
            listen,
            names,
            secrecy,
            patience: Patience::default(),
            clock: Clock::default(),
            log_ins: Allowance::LOG_INS,
            requests: Allowance::REQUESTS,
        }
    }
}

impl std::fmt::Debug for FrontSettings {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tls = !matches!(self.secrecy, Secrecy::Nowhere);
        out.debug_struct("FrontSettings")
            .field("listen", &self.listen)
            .field("tls", &tls)
            .finish_non_exhaustive()
    }
}

/// Serves HTTP until it is dropped.
pub struct Front {
    commands: Sender<Command>,
    thread: Option<JoinHandle<()>>,
    listens: BTreeSet<SocketAddr>,
    addresses: Addresses,
}

/// Where it listens: as configured, and as bound.
type Addresses = Arc<Mutex<BTreeMap<SocketAddr, SocketAddr>>>;

/// An address, and whether it is `[::]` beside an IPv4 address of the same port, which it would take too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    address: SocketAddr,
    beside_ipv4: bool,
}

enum Command {
    /// For connections that are made from now on.
    Be {
        names: Vec<String>,
        secrecy: Secrecy,
        patience: Patience,
        clock: Clock,
        allowances: Allowances,
    },
    /// The host has made another certificate in the place of the first.
    Renewed(Arc<ServerConfig>, Arc<ServerConfig>),
    Open(SocketAddr, TcpListener),
    /// It could not be bound.
    Retry(Wanted),
    Close(SocketAddr),
    Stop,
}

impl Front {
    /// Starts it. Call it when the main loop has taken the signals. An address that can't be had is told in the log and
    /// tried again.
    ///
    /// Without `host` there is nothing to tell of its UPSes.
    pub fn start(
        mounts: Mounts,
        users: Arc<UserBase>,
        host: Option<HostHandle>,
        settings: FrontSettings,
    ) -> io::Result<Front> {
        let (commands, commanded) = channel::channel();
        let addresses = Addresses::default();
        let known = Arc::clone(&addresses);
        let own = commands.clone();
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(move || {
            if let Err(error) = run(mounts, users, host, own, commanded, known) {
                tracing::error!("the HTTP server has failed: {error}");
            }
        })?;
        let mut front = Front { commands, thread: Some(thread), listens: BTreeSet::new(), addresses };
        front.apply(settings);
        Ok(front)
    }

    /// Makes it what `settings` say. Listeners that stay are not touched, and neither is any connection.
    pub fn apply(&mut self, settings: FrontSettings) {
        let FrontSettings { listen, names, secrecy, patience, clock, log_ins, requests } = settings;
        let allowances = Allowances { log_ins, requests };
        // First: who is accepted from now on is served so.
        self.say(Command::Be { names, secrecy, patience, clock, allowances });
        for gone in self.listens.difference(&listen) {
            self.addresses.lock().unwrap_or_else(PoisonError::into_inner).remove(gone);
            self.say(Command::Close(*gone));
        }
        for new in listen.difference(&self.listens) {
            let beside_ipv4 = listen.iter().any(|other| other.is_ipv4() && other.port() == new.port());
            let wanted = Wanted { address: *new, beside_ipv4 };
            // One that is in the way may be closing.
            self.say(match bind_one(wanted) {
                Ok(listener) => {
                    note(&self.addresses, *new, &listener);
                    Command::Open(*new, listener)
                }
                Err(_) => Command::Retry(wanted),
            });
        }
        self.listens = listen;
    }

    /// Where it listens now.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
    }

    fn say(&self, command: Command) {
        if self.commands.send(command).is_err() {
            tracing::error!("the HTTP server has ended");
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            // Its loop waits for nobody.
            let _ = thread.join();
        }
    }
}

/// What the loop's callbacks work on.
pub(super) struct State {
    pub(super) shared: Rc<Shared>,
    scheduler: Scheduler<()>,
    listeners: HashMap<SocketAddr, Listener>,
    /// Could not be bound.
    missing: BTreeSet<Wanted>,
    retrying: bool,
    addresses: Addresses,
    stopping: bool,
}

struct Listener {
    token: RegistrationToken,
    loopback: bool,
}

/// What all connections share.
pub(super) struct Shared {
    pub(super) mounts: Mounts,
    pub(super) users: Arc<UserBase>,
    pub(super) names: RefCell<Vec<String>>,
    pub(super) handle: LoopHandle<'static, State>,
    pub(super) clock: RefCell<Clock>,
    pub(super) sessions: RefCell<Sessions>,
    allowances: Cell<Allowances>,
    log_ins: RefCell<Used>,
    requests: RefCell<Used>,
    pub(super) hub: Hub,
    pub(super) bodies: Room,
    pub(super) answers: Room,
    secrecy: RefCell<Secrecy>,
    patience: Cell<Patience>,
    open: RefCell<HashMap<u64, Open>>,
    last: Cell<u64>,
    ending: Cell<bool>,
}

/// How often an address may do what.
#[derive(Clone, Copy)]
struct Allowances {
    log_ins: Allowance,
    requests: Allowance,
}

struct Open {
    peer: IpAddr,
    waker: Option<Waker>,
    /// It has the stream: those have bounds of their own.
    streams: bool,
}

/// A connection's place among the others; given back when dropped.
pub(super) struct Place {
    shared: Rc<Shared>,
    number: u64,
}

impl Place {
    /// Whether the connection has to end; if not, its task is woken when it has to.
    pub(super) fn is_to_end(&self, context: &Context<'_>) -> bool {
        if let Some(open) = self.shared.open.borrow_mut().get_mut(&self.number)
            && !open.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()))
        {
            open.waker = Some(context.waker().clone());
        }
        self.shared.ending.get()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.open.borrow_mut().remove(&self.number);
    }
}

impl Shared {
    /// A place for one more, if this address may have one.
    fn admit(self: &Rc<Shared>, peer: IpAddr) -> Option<Place> {
        let mut open = self.open.borrow_mut();
        let others = open.values().filter(|open| !open.streams);
        if others.clone().count() >= MOST_CONNECTIONS
            || others.filter(|open| open.peer == peer).count() >= MOST_OF_AN_ADDRESS
        {
            return None;
        }
        let number = self.last.get() + 1;
        self.last.set(number);
        open.insert(number, Open { peer, waker: None, streams: false });
        Some(Place { shared: Rc::clone(self), number })
    }

    /// Takes a request of what this address may; the error says how long it has to wait for one.
    pub(super) fn take_request(&self, peer: IpAddr) -> Result<(), Duration> {
        let now = self.clock.borrow().now();
        self.requests.borrow_mut().take(peer, self.allowances.get().requests, now)
    }

    /// Likewise a log-in.
    pub(super) fn take_log_in(&self, peer: IpAddr) -> Result<(), Duration> {
        let now = self.clock.borrow().now();
        self.log_ins.borrow_mut().take(peer, self.allowances.get().log_ins, now)
    }

    /// Whether this connection has the stream, from now on.
    pub(super) fn streams(&self, connection: u64, streams: bool) {
        if let Some(open) = self.open.borrow_mut().get_mut(&connection) {
            open.streams = streams;
        }
    }
}

fn run(
    mounts: Mounts,
    users: Arc<UserBase>,
    host: Option<HostHandle>,
    commands: Sender<Command>,
    commanded: channel::Channel<Command>,
    addresses: Addresses,
) -> calloop::Result<()> {
    let mut event_loop = EventLoop::<State>::try_new()?;
    let handle = event_loop.handle();
    let (executor, scheduler) = executor()?;
    handle.insert_source(executor, |(), (), _| {}).map_err(|error| error.error)?;
    let inserted = handle.insert_source(commanded, |mail, (), state| match mail {
        Mail::Msg(command) => state.obey(command),
        Mail::Closed => state.stopping = true,
    });
    inserted.map_err(|error| error.error)?;
    let look = move |_: Instant, (): &mut (), state: &mut State| {
        state.renew(&commands);
        TimeoutAction::ToDuration(LOOK_AT_CERTIFICATE)
    };
    handle.insert_source(Timer::from_duration(LOOK_AT_CERTIFICATE), look).map_err(|error| error.error)?;
    let shared = Rc::new(Shared {
        mounts,
        users,
        names: RefCell::default(),
        handle,
        clock: RefCell::default(),
        sessions: RefCell::default(),
        allowances: Cell::new(Allowances { log_ins: Allowance::LOG_INS, requests: Allowance::REQUESTS }),
        log_ins: RefCell::default(),
        requests: RefCell::default(),
        hub: Hub::new(host),
        bodies: Room::of(BODIES),
        answers: Room::of(ANSWERS),
        secrecy: RefCell::default(),
        patience: Cell::default(),
        open: RefCell::default(),
        last: Cell::new(0),
        ending: Cell::new(false),
    });
    let mut state = State {
        shared,
        scheduler,
        listeners: HashMap::new(),
        missing: BTreeSet::new(),
        retrying: false,
        addresses,
        stopping: false,
    };
    while !state.stopping {
        if let Err(error) = event_loop.dispatch(None, &mut state) {
            tracing::error!("http: a turn of the loop failed: {error}");
        }
    }
    state.end(&mut event_loop)
}

impl State {
    fn obey(&mut self, command: Command) {
        match command {
            Command::Be { names, secrecy, patience, clock, allowances } => {
                self.shared.allowances.set(allowances);
                self.shared.patience.set(patience);
                *self.shared.clock.borrow_mut() = clock;
                *self.shared.names.borrow_mut() = names;
                *self.shared.secrecy.borrow_mut() = secrecy;
            }
            Command::Renewed(old, config) => {
                let mut secrecy = self.shared.secrecy.borrow_mut();
                // Unless something else was said meanwhile.
                if let Secrecy::BeyondLoopback(current, self_made) = &*secrecy
                    && Arc::ptr_eq(current, &old)
                {
                    *secrecy = Secrecy::BeyondLoopback(config, self_made.clone());
                }
            }
            Command::Open(asked, listener) => self.open(asked, listener),
            Command::Retry(wanted) => {
                if let Err(error) = self.bind(wanted) {
                    let (address, retry) = (wanted.address, RETRY.as_secs());
                    tracing::error!("http: can't listen on {address}: {error}; tried again every {retry} s");
                    self.missing.insert(wanted);
                    self.retry_later();
                }
            }
            Command::Close(asked) => {
                self.missing.retain(|wanted| wanted.address != asked);
                self.addresses.lock().unwrap_or_else(PoisonError::into_inner).remove(&asked);
                if let Some(listener) = self.listeners.remove(&asked) {
                    self.shared.handle.remove(listener.token);
                    tracing::info!("http: no longer listening on {asked}");
                }
            }
            Command::Stop => self.stopping = true,
        }
    }

    /// Looks on a thread of its own whether the certificate that the host has made will do for longer.
    fn renew(&self, commands: &Sender<Command>) {
        let Secrecy::BeyondLoopback(current, self_made) = self.shared.secrecy.borrow().clone() else {
            return;
        };
        let commands = commands.clone();
        let look = move || match self_made.at(SystemTime::now()) {
            Ok(made) if made.is_new => {
                tracing::info!("http: its SHA-256 fingerprint is {}", made.fingerprint);
                // The server may have ended.
                let _ = commands.send(Command::Renewed(current, Arc::new(spoken(made.config))));
            }
            Ok(_) => {}
            Err(error) => tracing::warn!("http: the self-made certificate is kept: {error}"),
        };
        if let Err(error) = std::thread::Builder::new().name("certificate".to_owned()).spawn(look) {
            tracing::warn!("http: nobody looks whether the certificate ends: {error}");
        }
    }

    fn bind(&mut self, wanted: Wanted) -> io::Result<()> {
        let listener = bind_one(wanted)?;
        note(&self.addresses, wanted.address, &listener);
        self.open(wanted.address, listener);
        Ok(())
    }

    fn open(&mut self, asked: SocketAddr, listener: TcpListener) {
        let bound = listener.local_addr().unwrap_or(asked);
        let source = Generic::new(listener, Interest::READ, Mode::Level);
        let inserted = self
            .shared
            .handle
            .insert_source(source, move |_, listener, state: &mut State| Ok(state.accept(asked, listener)));
        match inserted {
            Ok(token) => {
                let tls = self.shared.secrecy.borrow().of(bound.ip().is_loopback());
                let secure = if tls.is_some() { "https" } else { "http" };
                tracing::info!("http: listening on {bound} ({secure})");
                if secure == "http" && !bound.ip().is_loopback() {
                    tracing::warn!(
                        "http: passwords and tokens go to {bound} in the clear, unless a proxy is all that reaches it"
                    );
                }
                self.listeners.insert(asked, Listener { token, loopback: bound.ip().is_loopback() });
            }
            Err(error) => tracing::error!("http: can't watch {bound}: {error}"),
        }
    }

    fn retry_later(&mut self) {
        if self.retrying {
            return;
        }
        let inserted =
            self.shared.handle.insert_source(Timer::from_duration(RETRY), |_, (), state: &mut State| {
                for wanted in std::mem::take(&mut state.missing) {
                    if state.bind(wanted).is_err() {
                        state.missing.insert(wanted);
                    }
                }
                state.retrying = !state.missing.is_empty();
                if state.retrying { TimeoutAction::ToDuration(RETRY) } else { TimeoutAction::Drop }
            });
        self.retrying = inserted.is_ok();
    }

    fn accept(&mut self, asked: SocketAddr, listener: &TcpListener) -> PostAction {
        for _ in 0..ACCEPTS_A_TURN {
            match listener.accept() {
                Ok((stream, peer)) => self.take(asked, stream, peer),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The client gave up before we came to it.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
                    ) => {}
                Err(error) => {
                    tracing::warn!("http: can't accept on {asked}: {error}");
                    return self.rest(asked);
                }
            }
        }
        PostAction::Continue
    }

    fn rest(&mut self, asked: SocketAddr) -> PostAction {
        let inserted =
            self.shared.handle.insert_source(Timer::from_duration(REST), move |_, (), state: &mut State| {
                if let Some(listener) = state.listeners.get(&asked)
                    && let Err(error) = state.shared.handle.enable(&listener.token)
                {
                    tracing::error!("http: can't watch {asked} again: {error}");
                }
                TimeoutAction::Drop
            });
        if inserted.is_ok() { PostAction::Disable } else { PostAction::Continue }
    }

    /// A client that can't be served is closed: it sees at once that it has to come back later.
    fn take(&mut self, asked: SocketAddr, stream: TcpStream, peer: SocketAddr) {
        let Some(place) = self.shared.admit(peer.ip().to_canonical()) else {
            tracing::debug!(%peer, "http: too many connections");
            return;
        };
        let loopback = self.listeners.get(&asked).is_some_and(|listener| listener.loopback);
        let tls = self.shared.secrecy.borrow().of(loopback);
        let pace = Rc::new(Pace::new(self.shared.patience.get()));
        let secure = tls.is_some();
        let wire = stream
            .set_nonblocking(true)
            .and_then(|()| stream.set_nodelay(true))
            .map(|()| Rc::new(stream))
            .and_then(|socket| {
                Wire::new(Rc::clone(&socket), tls, Rc::clone(&pace), self.shared.handle.clone())
                    .map(|wire| (wire, socket))
            });
        match wire {
            Ok((wire, socket)) => {
                let (shared, connection) = (Rc::clone(&self.shared), place.number);
                let here = Here { shared, pace, peer, connection, socket, loopback, secure };
                if self.scheduler.schedule(connection::serve(here, wire, place)).is_err() {
                    tracing::error!("http: the executor has ended");
                }
            }
            Err(error) => tracing::debug!(%peer, "http: connection lost at once: {error}"),
        }
    }

    /// Lets every connection end while the loop still lives.
    fn end(mut self, event_loop: &mut EventLoop<'static, State>) -> calloop::Result<()> {
        for (_, listener) in self.listeners.drain() {
            self.shared.handle.remove(listener.token);
        }
        self.shared.ending.set(true);
        let wakers: Vec<Waker> =
            self.shared.open.borrow_mut().values_mut().filter_map(|open| open.waker.take()).collect();
        wakers.into_iter().for_each(Waker::wake);
        for _ in 0..LAST_TURNS {
            if self.shared.open.borrow().is_empty() {
                break;
            }
            event_loop.dispatch(Some(Duration::ZERO), &mut self)?;
        }
        Ok(())
    }
}

fn note(addresses: &Addresses, asked: SocketAddr, listener: &TcpListener) {
    let bound = listener.local_addr().unwrap_or(asked);
    addresses.lock().unwrap_or_else(PoisonError::into_inner).insert(asked, bound);
}

fn bind_one(Wanted { address, beside_ipv4 }: Wanted) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    // A restart must not wait for the old connections' TIME_WAIT.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        // "[::]" alone takes IPv4 too, as people expect.
        sockopt::set_ipv6_v6only(&socket, beside_ipv4)?;
    }
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}
