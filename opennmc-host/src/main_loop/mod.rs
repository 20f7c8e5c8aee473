//! The main loop: one thread, one [`State`], nothing that waits.
//!
//! UPS ports, timers and signals are sources of one calloop loop, and their callbacks call methods of [`State`]. No
//! callback ever returns an error: that would drop the other events of the turn. After each turn, [`State::settle`]
//! makes at most one snapshot and sends out the events; plugins see the new state before they hear what happened.

mod clock;
mod first_start;
mod front;
mod links;
mod messages;
mod orders;
mod plugins;
mod publish;
mod records;
mod reload;
mod requests;
mod scripts;
mod signals;
mod users;

pub use self::first_start::INITIAL_PASSWORD;
pub use self::reload::Source;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use calloop::timer::{TimeoutAction, Timer};
use calloop::{EventLoop, LoopHandle, channel};

use self::clock::Clock;
use self::first_start::InitialPassword;
use self::links::Links;
use self::messages::Messaging;
use self::plugins::Plugins;
use self::publish::Publisher;
use self::records::Records;
use self::reload::Reloads;
use crate::backup::Recovered;
use crate::config::Settings;
use crate::door::Door;
use crate::history::{AuditRecord, HistoryError};
use crate::host::health::LatenessLog;
use crate::host::{EventFeed, HostHandle, Paths, Request};
use crate::http::{Front, Mounts};
use crate::link::{Link, LinkId, Resolved};
use crate::logging::LogControl;
use crate::plugin::{PluginError, Tls, TlsMaterial};
use crate::service::folder::make_private;
use crate::service::watchdog::Watchdog;
use crate::state::{Event, Heartbeat, Severity, SnapshotCell};
use crate::users::{UserBase, UserError};

/// A loop that fails this often in a row will not recover.
const MOST_FAILURES: u32 = 10;

/// The main loop with everything on it.
pub struct MainLoop {
    event_loop: EventLoop<'static, State>,
    state: State,
}

/// What the callbacks work on.
pub struct State {
    handle: LoopHandle<'static, State>,
    clock: Clock,
    links: Links,
    door: Door,
    publisher: Publisher,
    plugins: Option<Plugins>,
    /// Where plugins have their web pages.
    mounts: Mounts,
    /// When web pages are served.
    front: Option<Front>,
    messaging: Messaging,
    /// Since the start.
    records: Option<Records>,
    users: Option<Arc<UserBase>>,
    /// The certificates in use, which all who need them share.
    tls: Tls,
    initial_password: Option<InitialPassword>,
    feed: EventFeed,
    heartbeat: Heartbeat,
    lateness: LatenessLog,
    turns: u64,
    requests: channel::Sender<Request>,
    paths: Paths,
    /// What runs, since the start.
    settings: Option<Settings>,
    reloads: Reloads,
    /// What compiles plugins; none: this program.
    compiler: Option<PathBuf>,
    log: Option<LogControl>,
    resolved: channel::Sender<Resolved>,
    /// What happened to the daemon itself, until the turn ends.
    happened: Vec<Event>,
    /// The world was told that everything is up.
    announced: bool,
    /// Nobody waits for that.
    unannounced: bool,
    watchdog: Watchdog,
    /// Somebody asked for the end.
    ending: Option<Ending>,
}

/// Why the main loop has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By SIGTERM or SIGINT.
    Asked,
    /// To start anew at once.
    StartAnew,
}

/// Why the daemon can't start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel refused something that every loop needs.
    #[error("can't set up the main loop: {0}")]
    Loop(#[from] calloop::Error),
    /// The state folder can't be made.
    #[error("can't make the state folder {}: {source}; is `[state] dir` right, and may this user write there?", dir.display())]
    StateDir {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The history can't start at all. A disk that is bad is no reason to stop.
    #[error("can't start the history: {0}")]
    History(#[source] HistoryError),
    /// The users can't be had at all; a file of theirs that can't be read is no reason to stop.
    #[error("can't start the users: {0}")]
    Users(#[from] UserError),
    /// The plugin platform can't start at all. A single plugin that fails is no reason to stop.
    #[error("can't start the plugins: {0}")]
    Plugins(#[from] PluginError),
}

impl MainLoop {
    /// An empty loop.
    pub fn new() -> Result<MainLoop, Error> {
        let event_loop = EventLoop::try_new()?;
        let (requests, requested) = channel::channel();
        requests::init(&event_loop.handle(), requested)?;
        let clock = Clock::new();
        let heartbeat = Heartbeat::new(clock.started);
        let state = State {
            handle: event_loop.handle(),
            clock,
            links: Links::default(),
            door: Door::default(),
            publisher: Publisher::new(heartbeat.clone()),
            plugins: None,
            mounts: Mounts::default(),
            front: None,
            messaging: Messaging::default(),
            records: None,
            users: None,
            tls: Tls::default(),
            initial_password: None,
            feed: EventFeed::default(),
            heartbeat,
            lateness: LatenessLog::default(),
            turns: 0,
            requests,
            paths: Paths::default(),
            settings: None,
            compiler: None,
            reloads: Reloads::init(&event_loop.handle())?,
            log: None,
            resolved: init_resolver(&event_loop.handle())?,
            happened: Vec::new(),
            announced: false,
            unannounced: false,
            watchdog: Watchdog::default(),
            ending: None,
        };
        Ok(MainLoop { event_loop, state })
    }

    /// Takes SIGTERM, SIGINT and SIGHUP from now on. Call it before anything starts a thread: only threads that are
    /// started later leave these signals to the loop.
    pub fn handle_signals(&mut self) -> Result<(), Error> {
        Ok(signals::init(&self.state.handle)?)
    }

    /// Says where the settings come from, so that they can be read again: on SIGHUP and on request.
    pub fn reload_from(&mut self, source: Source) {
        self.state.paths.config.clone_from(&source.file);
        self.state.reloads.set_source(source);
    }

    /// Compiles plugins with this program instead of the one that runs: for hosts inside of other programs.
    pub fn compile_with(&mut self, program: PathBuf) {
        self.state.compiler = Some(program);
    }

    /// Gives the loop the log's level to change.
    pub fn control_log(&mut self, log: LogControl) {
        self.state.log = Some(log);
    }

    /// Feeds `watchdog` from now on, as long as the loop turns.
    pub fn watch(&mut self, watchdog: Watchdog) {
        self.state.watchdog = watchdog;
    }

    /// Starts everything that `settings` name. Ports are tried at once; one that can't be opened is no error.
    pub fn start(&mut self, settings: Settings) -> Result<(), Error> {
        make_private(&settings.state_dir)
            .map_err(|source| Error::StateDir { dir: settings.state_dir.clone(), source })?;
        self.state.paths.state_dir.clone_from(&settings.state_dir);
        init_heartbeat(&self.state.handle)?;
        let records = records::init(&self.state.handle, &settings)?;
        self.state.users =
            Some(users::init(&self.state.handle, &settings.state_dir, records.history.clone())?);
        let first = records.history.next_event_id();
        self.state.publisher.number_from(first);
        self.state.feed.begin_after(first.saturating_sub(1));
        self.state.records = Some(records);
        for ups in &settings.upses {
            self.state.add_link(ups);
        }
        // The first snapshot has every UPS in it, before any plugin can look.
        self.state.settle();
        self.state.read_certificates(&settings);
        self.state.plugins = Some(plugins::init(&self.state, &settings)?);
        self.state.start_front(&settings.http);
        self.state.settings = Some(settings);
        Ok(())
    }

    /// Standard output is the caller's: nobody is told when everything is ready.
    #[cfg(feature = "author")]
    pub(crate) fn announce_to_nobody(&mut self) {
        self.state.unannounced = true;
    }

    /// Tells what the start has restored.
    pub fn tell_restored(&mut self, recovered: &Recovered) {
        let Recovered { restored, removed, note } = recovered;
        let made = crate::control::report::time(note.made_ms);
        let count = format!("{restored} files restored, {removed} removed");
        tracing::info!("the backup of {} from {made} is restored for {}: {count}", note.host, note.by);
        let fields = vec![("by", note.by.clone()), ("host", note.host.clone()), ("made-at", made)];
        self.state.happen("host.restored", Severity::Warning, fields);
        if let Some(records) = &self.state.records {
            records.history.audit(AuditRecord::of_restore(self.state.clock.wall_ms(), recovered));
        }
    }

    /// One turn: waits for something to happen, at most `limit`, and deals with it.
    pub fn turn(&mut self, limit: Option<Duration>) -> Result<(), Error> {
        let result = self.event_loop.dispatch(limit, &mut self.state);
        self.state.settle();
        Ok(result?)
    }

    /// Turns until somebody asks for the end, then ends everything and tells why.
    ///
    /// `before_ready` is called once, before the world is told that everything is up.
    pub fn run(&mut self, before_ready: impl Fn()) -> Result<Ending, Error> {
        self.state.greet();
        let mut failures = 0;
        let ending = loop {
            if let Some(ending) = self.state.ending {
                break ending;
            }
            if !self.state.announced && self.is_ready() {
                self.state.announced = true;
                before_ready();
                if !self.state.unannounced {
                    announce();
                }
            }
            match self.turn(None) {
                Ok(()) => failures = 0,
                Err(error) if failures < MOST_FAILURES => {
                    failures += 1;
                    tracing::error!("a turn of the main loop failed: {error}");
                }
                Err(error) => return Err(error),
            }
        };
        self.stop(ending);
        Ok(ending)
    }

    /// Every port was tried and every plugin has started or failed to.
    pub fn is_ready(&self) -> bool {
        self.state.links.iter().all(Link::attempted)
            && self.state.plugins.as_ref().is_some_and(Plugins::settled)
    }

    /// How every plugin is; after the end, how it was then.
    #[cfg(feature = "author")]
    pub(crate) fn plugins(&self) -> Vec<crate::plugin::PluginStatus> {
        self.state.plugins.as_ref().map_or_else(Vec::new, Plugins::status)
    }

    /// What other threads hold of this daemon. Take it after [`MainLoop::start`], which says where things are.
    pub fn handle(&self) -> HostHandle {
        self.state.host_handle()
    }

    /// Where web pages are served.
    pub fn http_addresses(&self) -> Vec<SocketAddr> {
        self.state.front.as_ref().map_or_else(Vec::new, Front::addresses)
    }

    /// Who may log in; there from [`MainLoop::start`] on.
    pub fn users(&self) -> Option<Arc<UserBase>> {
        self.state.users.clone()
    }

    /// Where the newest snapshot is found.
    pub fn snapshots(&self) -> SnapshotCell {
        self.state.publisher.snapshots()
    }

    /// Who watches over the daemon, for the one that is started in its place.
    pub fn into_watchdog(self) -> Watchdog {
        self.state.watchdog
    }

    fn stop(&mut self, ending: Ending) {
        match ending {
            Ending::Asked => tell_systemd(&[sd_notify::NotifyState::Stopping]),
            // It would take the service for ended.
            Ending::StartAnew => self.state.tell_systemd_of_reload(),
        }
        // Who waits for an order hears what is known of it: that it was begun, or not even that.
        self.state.door.abandon_all();
        self.state.settle();
        // Nobody asks any more.
        self.state.front = None;
        let State { handle, links, plugins, .. } = &mut self.state;
        for link in links.touch_all() {
            link.close(handle);
        }
        if let Some(plugins) = plugins {
            plugins.stop();
        }
        self.state.settle();
        self.state.feed.close();
        if let Some(records) = &self.state.records {
            records.close();
        }
        if ending == Ending::Asked {
            self.state.watchdog.end();
        }
        tracing::info!("ended");
    }
}

impl State {
    fn host_handle(&self) -> HostHandle {
        HostHandle {
            snapshots: self.publisher.snapshots(),
            feed: self.feed.clone(),
            heartbeat: self.heartbeat.clone(),
            paths: self.paths.clone(),
            started: self.clock.started_at,
            requests: self.requests.clone(),
            history: self.records.as_ref().map(|records| records.history.clone()),
        }
    }

    /// Bytes came in on a link, or its port hung up.
    pub(crate) fn link_readable(&mut self, id: LinkId) {
        let State { handle, clock, links, .. } = self;
        if let Some(link) = links.touch(id) {
            link.handle_readable(handle, clock.now());
        }
    }

    /// A link's connection is made, or failed.
    pub(crate) fn link_connected(&mut self, id: LinkId) {
        let State { handle, clock, links, .. } = self;
        if let Some(link) = links.touch(id) {
            link.handle_connected(handle, clock.now());
        }
    }

    /// A link's timer fired, which was `due` then.
    pub(crate) fn link_timer(&mut self, id: LinkId, due: Instant) {
        self.lateness.note(due.elapsed());
        let State { handle, clock, links, .. } = self;
        if let Some(link) = links.touch(id) {
            link.handle_timer(handle, clock.now());
        }
    }

    /// Bad certificates are no reason to leave a UPS unwatched.
    fn read_certificates(&self, settings: &Settings) {
        match TlsMaterial::load(&settings.tls) {
            Ok(material) => self.tls.set(material),
            Err(flaws) => flaws.iter().for_each(|flaw| tracing::error!("no TLS for clients: {flaw}")),
        }
    }

    /// Makes the first administrator if there is none.
    fn greet(&mut self) {
        if let Some(users) = &self.users {
            self.initial_password = first_start::greet(users, &self.paths.state_dir);
        }
    }

    fn look_after_initial_password(&mut self) {
        if let (Some(users), Some(password)) = (&self.users, &self.initial_password)
            && password.remove_if_spent(users)
        {
            self.initial_password = None;
        }
    }

    /// Starts scripts that came or were changed, and stops those that went.
    fn look_at_scripts(&mut self) {
        if let (Some(plugins), Some(settings)) = (&mut self.plugins, &self.settings) {
            plugins.look_at_scripts(settings);
        }
    }

    /// Hands the numbers of the newest snapshot to the history.
    fn sample(&mut self) {
        if let Some(records) = &mut self.records {
            records.sample(
                self.clock.now(),
                self.clock.wall_ms(),
                &self.publisher.snapshots().load().devices,
            );
        }
    }

    /// Something happened to the daemon itself.
    fn happen(&mut self, kind: &str, severity: Severity, fields: Vec<(&str, String)>) {
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let (kind, device, at_ms) = (kind.to_owned(), String::new(), self.clock.wall_ms());
        self.happened.push(Event { id: 0, kind, severity, device, at_ms, fields });
    }

    /// Brings out what the turn has changed: first the snapshot, then the events.
    fn settle(&mut self) {
        self.turns += 1;
        self.heartbeat.beat();
        self.run_door();
        let mut events = self.publisher.publish(&mut self.links, self.records.as_ref(), self.clock);
        if let Some(plugins) = &mut self.plugins {
            self.happened.append(plugins.take_events());
        }
        events.extend(self.happened.drain(..).map(|event| self.publisher.number(event)));
        events.extend(self.tell_ended_orders());
        // Numbered like all others; what is not kept leaves a gap in the history.
        let mut passing = Vec::new();
        for (event, kept) in self.messaging.take_told() {
            let event = self.publisher.number(event);
            if kept { events.push(event) } else { passing.push(event) }
        }
        records::record(self.records.as_ref(), &events);
        events.append(&mut passing);
        events.sort_by_key(|event| event.id);
        for event in &events {
            if let Some(plugins) = &mut self.plugins {
                plugins.publish(event);
            }
            self.feed.publish(event);
        }
        if let Some(plugins) = &mut self.plugins {
            plugins.arm(&self.handle);
        }
        self.messaging.arm(&self.handle);
    }
}

/// A loop that has nothing else to do still shows that it lives.
fn init_heartbeat(handle: &LoopHandle<'static, State>) -> Result<(), Error> {
    // What a turn does for the heartbeat is in `settle`.
    let timer = Timer::from_duration(Heartbeat::INTERVAL);
    let inserted = handle.insert_source(timer, |due, (), state: &mut State| {
        state.lateness.note(due.elapsed());
        state.watchdog.feed(state.clock.started.elapsed());
        state.sample();
        state.look_after_initial_password();
        state.look_at_scripts();
        TimeoutAction::ToDuration(Heartbeat::INTERVAL)
    });
    Ok(inserted.map(|_| ()).map_err(|error| error.error)?)
}

fn init_resolver(handle: &LoopHandle<'static, State>) -> Result<channel::Sender<Resolved>, Error> {
    let (sender, receiver) = channel::channel::<Resolved>();
    let inserted = handle.insert_source(receiver, |message, (), state: &mut State| {
        if let channel::Event::Msg(resolved) = message {
            let State { handle, clock, links, .. } = state;
            if let Some(link) = links.touch(resolved.link) {
                link.handle_resolved(handle, clock.now(), resolved);
            }
        }
    });
    inserted.map_err(|error| error.error)?;
    Ok(sender)
}

/// Tells whoever waits that the daemon serves.
fn announce() {
    let mut out = std::io::stdout();
    if let Err(error) = writeln!(out, "ready").and_then(|()| out.flush()) {
        tracing::debug!("nobody reads standard output: {error}");
    }
    tell_systemd(&[sd_notify::NotifyState::Ready]);
}

fn tell_systemd(state: &[sd_notify::NotifyState<'_>]) {
    // Without NOTIFY_SOCKET this does nothing.
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!("can't notify systemd: {error}");
    }
}
