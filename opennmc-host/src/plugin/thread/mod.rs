//! A plugin's thread: its own loop, which owns its mailbox, its sockets, its timers and its instance.
//!
//! A turn of the loop first lets calloop's callbacks note what is ready, and only then works: events, timers, new
//! connections, data, one write per connection. So no callback enters the guest, and the guest is entered once for all
//! that arrived. The thread ends with its instance; whatever it held is closed by dropping it.

pub(super) mod budget;
pub(super) mod connections;
pub(super) mod datagrams;
mod greedy;
mod linger;
mod listeners;
mod notifying;
mod web;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicU32,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use calloop::channel::{Event as Mail, channel};
use calloop::ping::PingSource;
use calloop::{EventLoop, Readiness};

use self::budget::Budget;
use self::connections::{Arrival, Connections, News};
use self::datagrams::Datagrams;
use self::greedy::Greedy;
use self::linger::Linger;
pub(super) use self::listeners::Bound;
use self::listeners::{Listeners, Peer};
use self::notifying::Notifying;
use self::web::{Pages, Web};
use super::bindings::wit::types::Error;
use super::capability::Clock;
use super::engine::Compiler;
use super::instance::{self, Gauges, Inbound, Instance, Origin, PageRequest};
use super::outbound::Network;
use super::runnable::Runnable;
use super::script::{self, ScriptInstance};
use super::services::{Outcome, Services};
use super::watch::Watch;
use super::{
    Digest, Epitaph, EventPattern, Grant, HttpNeed, Limits, Lines, ListenAddress, Package, PluginError,
    PluginSettings, SignerName, Trust, effective_config,
};
use crate::allocation;
use crate::http::{Answered, Asked, Assets};
use crate::state::{Event, SnapshotCell};

/// Read of one connection in one turn. A client that asks for long lists in one burst gets their bytes multiplied in
/// the guest's memory, so this is small; level-triggered readiness brings the rest in the next turn.
const READ: usize = 2 << 10;
/// Bytes in one call of `on-data`; what arrived beyond goes into another call of the same turn. Hundreds of requests:
/// the cost of a call is spread thin, and the answers fit into a small guest's memory.
const BATCH: usize = 8 << 10;
/// An input buffer that grew larger is given back.
const KEPT_ENTRIES: usize = 1_024;
/// Events delivered in one turn, so that a full mailbox does not keep clients waiting.
const EVENTS_A_TURN: usize = 16;
/// Said for a plugin whose answer makes no sense.
const BAD_GATEWAY: u16 = 502;
/// How long an instance that ends may take for answers that it owes: within the patience of whoever ends it.
const LAST_ANSWERS: Duration = Duration::from_millis(400);
/// A request's body is copied into a component, which has other things in its memory too.
const SHARE_OF_MEMORY: u64 = 4;
/// Timers run in one turn.
const TIMERS_A_TURN: usize = 64;

/// Everything that one attempt to run a plugin needs.
pub(super) struct Job {
    pub(super) plugin: Arc<str>,
    pub(super) settings: Arc<PluginSettings>,
    pub(super) package_dirs: Arc<[PathBuf]>,
    pub(super) trust: Arc<Trust>,
    pub(super) compiler: Arc<Compiler>,
    pub(super) watch: Arc<Watch>,
    pub(super) budget: Budget,
    pub(super) gauges: Arc<Gauges>,
    pub(super) lines: Arc<Lines>,
    pub(super) snapshots: SnapshotCell,
    pub(super) services: Option<Services>,
    pub(super) outbound: Network,
    pub(super) started: Instant,
    /// Whoever puts something in here pings `wake` afterwards.
    pub(super) mailbox: Receiver<Arc<Event>>,
    /// Events in the mailbox.
    pub(super) waiting: Arc<AtomicU32>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) abort: Arc<AtomicBool>,
    /// Set when it may listen: at once, or when the instance that it replaces has ended.
    pub(super) go: Arc<AtomicBool>,
    /// Sockets of the instance that it replaces.
    pub(super) inherited: Vec<Bound>,
    pub(super) wake: PingSource,
    /// Called when the plugin's `start` has succeeded, and again when it listens.
    pub(super) announce: Box<dyn Fn(Progress) + Send>,
}

/// How far a plugin's thread is.
#[derive(Debug)]
pub(super) enum Progress {
    /// `start` has succeeded; it waits for the word to listen.
    Ready(Box<Announcement>),
    /// A script's function has failed, and the script goes on.
    Erred(String),
    /// It listens.
    Open {
        /// Where, by the listener's name.
        listening: Vec<(String, ListenAddress)>,
        /// For the instance that comes after this one.
        sockets: Vec<Bound>,
    },
}

/// What a plugin that has started says of itself.
#[derive(Debug, Clone)]
pub(super) struct Announcement {
    pub(super) version: String,
    /// Where it listens, once it does, and with which sockets.
    pub(super) listening: Vec<(String, ListenAddress)>,
    pub(super) sockets: Vec<Bound>,
    /// Where its web pages are, if it has any.
    pub(super) pages: Option<HttpNeed>,
    /// What it may use.
    pub(super) limits: Limits,
    /// Of its `plugin.wasm`.
    pub(super) digest: Digest,
    /// Its package.
    pub(super) path: PathBuf,
    /// Whose signature the package has.
    pub(super) signer: Option<SignerName>,
    /// The kinds of events that it hears.
    pub(super) hears: Vec<EventPattern>,
}

/// What the loop's callbacks have noted, for the turn to work on.
#[derive(Default)]
pub(super) struct Inbox {
    ready: Vec<(u64, Readiness)>,
    accepting: Vec<usize>,
    datagrams: Vec<usize>,
    /// There may be events in the mailbox.
    mail: bool,
    /// Of checks and orders, and notices to deliver. There are never more than the plugin has tickets, which are limited,
    /// and deliveries under way, likewise.
    outcomes: Vec<Outcome>,
}

/// Runs a plugin until it is asked to stop (`Ok`) or fails.
pub(super) fn run(job: Job) -> Result<(), Epitaph> {
    // A panic of the host's own code on this thread, wasmtime's included, costs this plugin only.
    let life = || {
        let service = Service::start(job)?;
        // Reading a program, or compiling it, took much for a moment; from now on it is only kept.
        allocation::give_back();
        service.serve()
    };
    catch_unwind(AssertUnwindSafe(life)).unwrap_or_else(|panic| {
        let text =
            panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
        Err(Epitaph::new(format!("the host failed while running it: {}", text.unwrap_or("panic"))))
    })
}

struct Service {
    /// Set when it may listen.
    go: Arc<AtomicBool>,
    announce: Box<dyn Fn(Progress) + Send>,
    plugin: Arc<str>,
    // Before the loop, so that sources are dropped while their loop lives.
    instance: Runnable,
    listeners: Listeners,
    grant: Grant,
    budget: Budget,
    gauges: Arc<Gauges>,
    stop: Arc<AtomicBool>,
    mailbox: Receiver<Arc<Event>>,
    waiting: Arc<AtomicU32>,
    batch: Vec<Inbound>,
    filled: usize,
    batched: usize,
    greedy: Greedy,
    /// The only connection that had something to read in this turn.
    lone: Option<u64>,
    linger: Linger,
    refusals: u64,
    /// When it delivers notices: it is given them from its opening on, as long as this is there.
    notifying: Option<Notifying>,
    /// When this host has a server for web pages.
    web: Option<Web>,
    event_loop: EventLoop<'static, Inbox>,
}

/// What is to run, before it does.
struct Program {
    code: Code,
    grant: Grant,
    config: String,
    version: String,
    digest: Digest,
    path: PathBuf,
    signer: Option<SignerName>,
}

enum Code {
    Package(Box<Package>),
    Script(Box<script::Source>),
}

impl Program {
    fn read(job: &Job) -> Result<Self, Epitaph> {
        if let Some(settings) = &job.settings.script {
            let source = script::Source::read(&job.settings, settings)?;
            return Ok(Self {
                grant: script::grant(&job.settings, settings).map_err(unusable)?,
                config: script::config(&job.settings.config),
                version: source.version(),
                digest: source.digest,
                path: settings.file.clone(),
                signer: None,
                code: Code::Script(Box::new(source)),
            });
        }
        let package = job.trust.open(&job.settings, &job.package_dirs).map_err(unusable)?;
        if let Some(pinned) = job.settings.sha256.filter(|pinned| *pinned != package.digest) {
            let problem =
                format!("sha256: {pinned} is expected, but {} is {}", package.path.display(), package.digest);
            return Err(unusable(PluginError::Settings { id: job.settings.id.clone(), problem }));
        }
        let grant = Grant::new(&package.manifest, &job.settings).map_err(unusable)?;
        let config = effective_config(&package.manifest, &job.settings.config).map_err(unusable)?;
        Ok(Self {
            grant,
            config,
            version: package.manifest.plugin.version.to_string(),
            digest: package.digest,
            path: package.path.clone(),
            signer: package.signer.clone(),
            code: Code::Package(Box::new(package)),
        })
    }

    /// What its web pages are like, with their files.
    fn take_pages(&mut self) -> Pages {
        match &mut self.code {
            Code::Package(package) => Pages {
                assets: Assets::new(std::mem::take(&mut package.assets)),
                largest_body: usize::try_from(self.grant.limits.memory.0 / SHARE_OF_MEMORY)
                    .unwrap_or(usize::MAX),
                is_address: false,
            },
            Code::Script(_) => Pages {
                assets: Assets::default(),
                largest_body: script::LARGEST_BODY,
                // Whoever calls a webhook does not follow anybody elsewhere.
                is_address: true,
            },
        }
    }
}

fn unusable(error: PluginError) -> Epitaph {
    match error {
        // A folder that is mounted late, a package that is being replaced.
        PluginError::NotFound { .. } | PluginError::Read { .. } => {
            Epitaph::of_surroundings(error.to_string())
        }
        error => Epitaph::new(error.to_string()),
    }
}

impl Service {
    fn start(job: Job) -> Result<Self, Epitaph> {
        let mut program = Program::read(&job)?;
        let Program { grant, config, .. } = &program;
        let (grant, config) = (grant.clone(), config.clone());
        let event_loop = EventLoop::<Inbox>::try_new().map_err(no_loop)?;
        let handle = event_loop.handle();
        handle
            .insert_source(job.wake, |(), (), inbox| inbox.mail = true)
            .map_err(|error| no_loop(error.error))?;
        let (outcomes, outcome) = channel();
        handle
            .insert_source(outcome, |mail, (), inbox| {
                if let Mail::Msg(outcome) = mail {
                    inbox.outcomes.push(outcome);
                }
            })
            .map_err(|error| no_loop(error.error))?;
        let mounts = job.services.as_ref().and_then(|services| services.mounts.clone());
        let reserve = |mounts| {
            Web::reserve(mounts, Arc::clone(&job.plugin), &grant, program.take_pages(), outcomes.clone())
        };
        let web = mounts.map(reserve).transpose()?;
        let listeners = Listeners::bind(handle.clone(), &grant, job.inherited)?;
        let messages = job.services.as_ref().and_then(|services| services.messages.clone());
        let notifying = messages.filter(|_| grant.needs.notifier);
        let notifying =
            notifying.map(|messages| Notifying::new(Arc::clone(&job.plugin), messages, outcomes.clone()));
        let origin = Origin {
            plugin: Arc::clone(&job.plugin),
            grant: &grant,
            started: job.started,
            clock: Clock::System,
            snapshots: job.snapshots,
            datagrams: Datagrams::new(handle.clone(), &grant),
            connections: Connections::new(handle, &grant.limits),
            services: job.services,
            outbound: job.outbound,
            budget: job.budget.clone(),
            outcomes,
            watch: job.watch,
            abort: job.abort,
            gauges: Arc::clone(&job.gauges),
            lines: job.lines,
        };
        let mut instance = match &program.code {
            Code::Package(package) => {
                job.gauges.compiling.store(true, Relaxed);
                let compiled = job.compiler.compile(package, &job.stop);
                job.gauges.compiling.store(false, Relaxed);
                let component = compiled.map_err(unusable)?;
                Runnable::Component(Box::new(Instance::new(&component, origin)?))
            }
            Code::Script(source) => Runnable::Script(Box::new(ScriptInstance::new(source, origin))),
        };
        let started = instance.start(&config);
        job.gauges.add_usage(&instance.state().take_usage());
        started?;
        (job.announce)(Progress::Ready(Box::new(Announcement {
            version: program.version,
            listening: Vec::new(),
            sockets: Vec::new(),
            pages: grant.needs.http.clone(),
            limits: grant.limits,
            digest: program.digest,
            path: program.path,
            signer: program.signer,
            hears: match instance.hears_events() {
                true => grant.needs.events.iter().cloned().collect(),
                false => Vec::new(),
            },
        })));
        Ok(Self {
            go: job.go,
            announce: job.announce,
            notifying,
            web,
            plugin: job.plugin,
            instance,
            listeners,
            grant,
            budget: job.budget,
            gauges: job.gauges,
            stop: job.stop,
            mailbox: job.mailbox,
            waiting: job.waiting,
            batch: Vec::new(),
            filled: 0,
            batched: 0,
            greedy: Greedy::default(),
            lone: None,
            linger: Linger::new(),
            refusals: 0,
            event_loop,
        })
    }

    fn serve(mut self) -> Result<(), Epitaph> {
        let result = self.serve_on();
        // Of the turn that may have ended it.
        self.tell_usage();
        result
    }

    fn tell_usage(&mut self) {
        let seen = self.instance.state().take_usage();
        self.gauges.add_usage(&seen);
    }

    fn serve_on(&mut self) -> Result<(), Epitaph> {
        let mut inbox = Inbox::default();
        let mut buffer = [0; READ];
        let mut is_open = false;
        while !self.stop.load(SeqCst) {
            if !is_open && self.go.load(SeqCst) {
                // First: whoever sees it open may count on its being given notices.
                if let Some(notifying) = &mut self.notifying {
                    notifying.begin();
                }
                self.listeners.open()?;
                let (mut listening, sockets) = (self.listeners.addresses(), self.listeners.sockets());
                // An earlier instance has let its own go by now.
                let sockets_of_datagrams = self.instance.state().datagrams.open(&self.grant)?;
                listening.extend(sockets_of_datagrams.into_iter().map(|(name, at)| (name, at.into())));
                if let Some(web) = &mut self.web {
                    web.open()?;
                }
                (self.announce)(Progress::Open { listening, sockets });
                is_open = true;
            }
            let timeout = self.timeout(&inbox);
            self.event_loop.dispatch(timeout, &mut inbox).map_err(no_loop)?;
            self.turn(&mut inbox, &mut buffer)?;
            self.linger(&mut buffer)?;
        }
        // Whoever connects from now on waits for the next instance; what has arrived here is still answered.
        self.listeners.close();
        self.answer_last_requests(&mut inbox, &mut buffer)?;
        self.event_loop.dispatch(Some(Duration::ZERO), &mut inbox).map_err(no_loop)?;
        inbox.accepting.clear();
        self.turn(&mut inbox, &mut buffer)?;
        self.instance.stop()?;
        self.instance.state().connections.close_all();
        Ok(())
    }

    /// How long nothing can happen but through the loop's sources.
    fn timeout(&mut self, inbox: &Inbox) -> Option<Duration> {
        if inbox.mail || self.instance.state().connections.has_more() {
            return Some(Duration::ZERO);
        }
        let rested = self.listeners.deadline();
        let state = self.instance.state();
        let due =
            [state.timers.next_due(), state.connections.deadline(), rested].into_iter().flatten().min()?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    fn turn(&mut self, inbox: &mut Inbox, buffer: &mut [u8; READ]) -> Result<(), Epitaph> {
        if inbox.mail {
            for _ in 0..EVENTS_A_TURN {
                let Ok(event) = self.mailbox.try_recv() else {
                    inbox.mail = false;
                    break;
                };
                self.waiting.fetch_sub(1, SeqCst);
                self.instance.on_event(&event)?;
            }
        }
        for outcome in inbox.outcomes.drain(..) {
            self.tell(outcome)?;
        }
        self.run_timers()?;
        self.note_held(&mut inbox.ready);
        self.lone = match inbox.ready.as_slice() {
            [(number, readiness)] if readiness.readable && !readiness.error => Some(*number),
            _ => None,
        };
        for (number, readiness) in inbox.ready.drain(..) {
            match self.instance.state().connections.is_greedy(number) {
                true => self.greedy.put(number, readiness),
                false => self.read(number, readiness, buffer)?,
            }
        }
        self.deliver()?;
        if !(self.greedy.is_empty() && inbox.accepting.is_empty()) {
            // Whoever asked little has its answer before the rest costs time.
            self.settle()?;
        }
        for listener in inbox.accepting.drain(..) {
            self.accept(listener)?;
        }
        self.read_greedy(buffer)?;
        for socket in inbox.datagrams.drain(..) {
            let received = self.instance.state().datagrams.receive(socket);
            if !received.is_empty() {
                self.instance.on_datagrams(received)?;
            }
        }
        self.settle()
    }

    fn tell(&mut self, outcome: Outcome) -> Result<(), Epitaph> {
        let state = self.instance.state();
        match outcome {
            Outcome::Checked { ticket, connection, result } => {
                let lives = state.connections.peer(connection).is_some();
                if let Some(outcome) = state.auth.checked(connection, result, lives) {
                    self.instance.on_checked(ticket, outcome)?;
                }
                self.instance.state().connections.release(connection);
                Ok(())
            }
            Outcome::Ended { ticket, result } => {
                let connection = state.control.ended(ticket);
                self.instance.on_ended(ticket, &result)?;
                if let Some(connection) = connection {
                    self.instance.state().connections.release(connection);
                }
                Ok(())
            }
            Outcome::Fetched { ticket, result } => match state.http.ended(ticket) {
                true => self.instance.on_reply(ticket, result),
                false => Ok(()),
            },
            Outcome::Located { route, addresses } => {
                if let Err(problem) = state.datagrams.looked_up(&route, addresses, &state.udp.budget) {
                    tracing::debug!(plugin = %self.plugin, "datagrams lost: {problem}");
                }
                Ok(())
            }
            Outcome::LookedUp { connection, found } => {
                state.connections.looked_up(connection, found);
                Ok(())
            }
            Outcome::Past { ticket, answer } => {
                state.history.answered();
                self.instance.on_past(ticket, answer)
            }
            Outcome::Administered { ticket, answer } => {
                state.admin.answered();
                self.instance.on_administered(ticket, &answer)
            }
            Outcome::Asked => self.serve_pages(),
            Outcome::Deliver(delivery) => self.instance.deliver(&delivery),
        }
    }

    /// Hands the guest the requests for its pages that wait.
    fn serve_pages(&mut self) -> Result<(), Epitaph> {
        self.instance.state().end_left_requests();
        let asked = self.web.as_ref().map_or_else(Vec::new, Web::take);
        for Asked { method, path, query, headers, body, principal, peer, answer } in asked {
            let state = self.instance.state();
            let id = state.pages.begin(answer);
            let user = principal.as_ref().map_or_else(String::new, |principal| principal.name.clone());
            let principal = principal.map(|principal| state.auth.came_with(id, principal));
            let peer = peer.to_string();
            let request = PageRequest { id, method, path, query, headers, body, principal, user, peer };
            let Some(response) = self.instance.handle(&request)? else { continue };
            let state = self.instance.state();
            if let Err(Error::Invalid(problem)) = state.answer(id, response) {
                tracing::warn!(plugin = %self.plugin, "its answer to a request can't be sent: {problem}");
                if let Some(answer) = state.end_request(id) {
                    answer.give(Answered { status: BAD_GATEWAY, headers: Vec::new(), body: Vec::new() });
                }
            }
        }
        Ok(())
    }

    /// Before the end: gives the guest a moment for the requests that it has left open. New ones wait for the next instance.
    fn answer_last_requests(&mut self, inbox: &mut Inbox, buffer: &mut [u8; READ]) -> Result<(), Epitaph> {
        let Some(web) = &self.web else { return Ok(()) };
        web.close();
        let until = Instant::now() + LAST_ANSWERS;
        while self.instance.state().pages.has_open() && Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = self.timeout(inbox).map_or(left, |timeout| timeout.min(left));
            self.event_loop.dispatch(Some(timeout), inbox).map_err(no_loop)?;
            self.turn(inbox, buffer)?;
        }
        Ok(())
    }

    /// Adds the connections that hold bytes which their sockets know nothing of; each is read once a turn.
    fn note_held(&mut self, ready: &mut Vec<(u64, Readiness)>) {
        let connections = &mut self.instance.state().connections;
        if !connections.has_more() {
            return;
        }
        let readable = Readiness { readable: true, writable: false, error: false };
        ready.extend(connections.take_again().into_iter().map(|number| (number, readable)));
        ready.sort_unstable_by_key(|(number, _)| *number);
        ready.dedup_by(|(number, readiness), (kept, merged)| {
            let same = number == kept;
            if same {
                merged.readable |= readiness.readable;
                merged.writable |= readiness.writable;
                merged.error |= readiness.error;
            }
            same
        });
    }

    /// Tells the guest what has come about on its connections, before any bytes that came later.
    fn tell_news(&mut self) -> Result<(), Epitaph> {
        while let Some(news) = self.instance.state().connections.pop_news() {
            match news {
                News::Connected(number) => self.instance.on_connected(number)?,
                News::Secured(number) => self.instance.on_secured(number)?,
            }
        }
        Ok(())
    }

    fn run_timers(&mut self) -> Result<(), Epitaph> {
        if self.instance.state().timers.next_due().is_none()
            && self.instance.state().connections.deadline().is_none()
            && self.listeners.deadline().is_none()
        {
            return Ok(());
        }
        let now = Instant::now();
        self.listeners.wake_rested(now);
        self.instance.state().connections.run_deadlines(now);
        for _ in 0..TIMERS_A_TURN {
            let Some(timer) = self.instance.state().timers.pop_due(now) else { break };
            self.instance.on_timer(timer)?;
        }
        Ok(())
    }

    fn accept(&mut self, listener: usize) -> Result<(), Epitaph> {
        for (stream, peer) in self.listeners.accept(listener) {
            let has_room = self.instance.state().connections.admits_one_more();
            let place = if has_room { self.budget.take() } else { None };
            let Some(place) = place else {
                self.refuse(peer, "all connections that it may have are in use");
                continue;
            };
            let number = match self.instance.state().connections.insert(stream, place) {
                Ok(number) => number,
                Err(error) => {
                    tracing::debug!(plugin = %self.plugin, %peer, "connection lost at once: {error}");
                    continue;
                }
            };
            let name = self.listeners.name(listener);
            if let Err(reason) = self.instance.on_accept(name, number, &peer.to_string())? {
                self.refuse(peer, &instance::first_line(&reason));
                self.instance.state().connections.forget(number);
            }
        }
        Ok(())
    }

    /// The stream is dropped: the client sees at once that it has to come back later.
    fn refuse(&mut self, peer: Peer, reason: &str) {
        self.refusals += 1;
        // The first, and then ever more rarely: a flood of clients must not become a flood of lines.
        if self.refusals.is_power_of_two() {
            tracing::warn!(
                plugin = %self.plugin, %peer, refused = self.refusals, "connection refused: {reason}"
            );
        }
    }

    fn read(&mut self, number: u64, readiness: Readiness, buffer: &mut [u8; READ]) -> Result<(), Epitaph> {
        let connections = &mut self.instance.state().connections;
        if readiness.writable || readiness.error {
            connections.writable(number);
        }
        if readiness.error {
            connections.lost(number);
        }
        if !(readiness.readable || readiness.error) {
            return Ok(());
        }
        let arrival = connections.read(number, buffer);
        self.tell_news()?;
        if let Arrival::Bytes(count) = arrival {
            self.enter_batch(number, &buffer[..count]);
        }
        if self.batched >= BATCH { self.deliver() } else { Ok(()) }
    }

    /// Reads one of the connections that send or ask for much.
    fn read_greedy(&mut self, buffer: &mut [u8; READ]) -> Result<(), Epitaph> {
        if self.greedy.is_empty() {
            return Ok(());
        }
        if let Some((number, readiness)) = self.greedy.next() {
            self.read(number, readiness, buffer)?;
        }
        for number in self.greedy.drain() {
            self.instance.state().connections.stay_held(number);
        }
        self.deliver()
    }

    /// Answers what the only client of this turn asks at once, without the loop in between.
    fn linger(&mut self, buffer: &mut [u8; READ]) -> Result<(), Epitaph> {
        let lone = self.lone.take();
        let worth_it = self.linger.is_worth_it(lone);
        let Some(number) = lone.filter(|_| worth_it) else { return Ok(()) };
        for _ in 0..linger::IN_A_ROW {
            let began = Instant::now();
            let count = loop {
                match self.instance.state().connections.read(number, buffer) {
                    Arrival::Bytes(count) => break count,
                    Arrival::Nothing if began.elapsed() < linger::LOOK => std::hint::spin_loop(),
                    Arrival::Nothing => {
                        self.linger.missed();
                        // Reading may have found its end, or TLS something to say.
                        return self.settle();
                    }
                }
            };
            self.linger.hit();
            self.enter_batch(number, &buffer[..count]);
            self.deliver()?;
            self.settle()?;
        }
        Ok(())
    }

    fn enter_batch(&mut self, connection: u64, bytes: &[u8]) {
        match self.batch.get_mut(self.filled) {
            Some(entry) => {
                entry.connection = connection;
                entry.bytes.clear();
                entry.bytes.extend_from_slice(bytes);
            }
            None => self.batch.push(Inbound { connection, bytes: bytes.to_vec() }),
        }
        self.filled += 1;
        self.batched += bytes.len();
    }

    /// Gives the guest all that was read, and queues its answers.
    fn deliver(&mut self) -> Result<(), Epitaph> {
        if self.filled == 0 {
            return Ok(());
        }
        let answers = self.instance.on_data(&self.batch[..self.filled])?;
        self.filled = 0;
        self.batched = 0;
        self.batch.truncate(KEPT_ENTRIES);
        let connections = &mut self.instance.state().connections;
        for answer in answers {
            connections.answer(answer.connection, answer.bytes, answer.close);
        }
        connections.flush();
        Ok(())
    }

    /// Writes what was queued, and tells the guest which connections are gone, until neither brings anything new.
    fn settle(&mut self) -> Result<(), Epitaph> {
        self.instance.state().connections.flush();
        self.tell_news()?;
        self.instance.state().connections.flush();
        while let Some((number, reason)) = self.instance.state().connections.pop_gone() {
            tracing::debug!(plugin = %self.plugin, connection = number, "connection ended: {reason}");
            self.instance.on_closed(number, &reason)?;
            self.instance.state().auth.connection_ended(number);
            self.instance.state().connections.flush();
        }
        for text in self.instance.take_errors() {
            (self.announce)(Progress::Erred(text));
        }
        let open = self.instance.state().connections.len() as u64;
        self.gauges.connections.store(open, Relaxed);
        self.gauges.dropped_datagrams.fetch_add(self.instance.state().datagrams.take_dropped(), Relaxed);
        self.tell_usage();
        Ok(())
    }
}

fn no_loop(error: impl std::fmt::Display) -> Epitaph {
    Epitaph::new(format!("the host can't run its loop: {error}"))
}
