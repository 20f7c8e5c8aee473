//! Starts plugins, watches over them, starts them again: the main loop's side of the plugin platform.
//!
//! Nothing here runs guest code or waits for a plugin's thread, except [`Supervisor::stop`], which waits at most
//! [`STOP`]. Plugin threads speak to it through [`Report`]s on the main loop's channel; it speaks to them through
//! bounded mailboxes and a stop flag.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{
    AtomicBool, AtomicU32,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::mpsc;
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use calloop::channel::Sender;
use calloop::ping::{Ping, make_ping};

use super::engine::Compiler;
use super::epitaph::{self, Epitaph};
use super::instance::Gauges;
use super::lifecycle::{Lifecycle, Start, State, Verdict};
use super::manifest::{Limits, LimitsOverride, is_id};
use super::outbound::Network;
use super::script::{self, ScriptSettings};
use super::services::Services;
use super::thread::budget::Budget;
use super::thread::{self as service, Announcement, Bound, Job, Progress};
use super::watch::{self, Watch};
use super::{
    Allow, Compiling, Digest, HttpNeed, Lines, ListenAddress, Mark, PluginError, SignerName, Trust, Usage,
};
use crate::state::{Event, Severity, SnapshotCell};

mod reload;

use self::reload::Successor;
pub use self::reload::{OnOutcome, Outcome};

/// How long stopping may take in all.
const STOP: Duration = Duration::from_secs(1);
/// A call that still runs after this part of [`STOP`] is interrupted.
const STOP_PATIENCE: Duration = Duration::from_millis(600);
/// Brings the longest permitted deadline within a few turns of the waiting loop.
const EPOCHS_AT_ONCE: usize = 50;
/// A plugin's thread runs the compiler, and guest code on the same stack. Untouched pages cost nothing.
const THREAD_STACK: usize = 4 << 20;

/// What the operator wants of one plugin: `[plugin.ID]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PluginSettings {
    /// The plugin's id.
    pub id: String,
    /// Its package; `None`: the newest in the package folders.
    pub package: Option<PathBuf>,
    /// The only `plugin.wasm` that it may be.
    pub sha256: Option<Digest>,
    /// Addresses that replace the manifest's, by listener.
    pub listen: BTreeMap<String, Vec<ListenAddress>>,
    /// Likewise, for UDP.
    pub listen_udp: BTreeMap<String, Vec<SocketAddr>>,
    /// Limits that replace the manifest's.
    pub limits: LimitsOverride,
    /// What is granted in the place of what the manifest asks for.
    pub allow: Allow,
    /// Keys that replace the manifest's defaults.
    pub config: toml::Table,
    /// When it is a script and no package.
    pub script: Option<ScriptSettings>,
}

/// What all plugins share.
#[derive(Debug, Clone)]
pub struct SupervisorOptions {
    /// Where packages are found, by precedence.
    pub package_dirs: Vec<PathBuf>,
    /// Where the host keeps its state.
    pub state_dir: PathBuf,
    /// How plugins become code.
    pub compiling: Compiling,
    /// Which packages it trusts.
    pub trust: Trust,
    /// The origin of the host's uptime.
    pub started: Instant,
}

/// Something a plugin's thread says to the supervisor; opaque to the main loop, which only carries it.
#[derive(Debug)]
pub struct Report(Said);

#[derive(Debug)]
enum Said {
    /// A guest call began after a quiet time: the watchdog has to tick.
    Busy,
    /// Attempt `attempt` of the plugin with this number says…
    Plugin { plugin: u64, attempt: u64, news: News },
}

#[derive(Debug)]
enum News {
    Progress(Progress),
    Ended(Result<(), Epitaph>),
}

/// How one plugin is.
#[derive(Debug, Clone)]
pub struct PluginStatus {
    /// Its id.
    pub id: String,
    /// The version that started last.
    pub version: Option<String>,
    /// Where it stands.
    pub state: State,
    /// Failures since its last healthy minute.
    pub strikes: u32,
    /// How often it was started again after a failure.
    pub restarts: u64,
    /// Its last failure.
    pub epitaph: Option<Epitaph>,
    /// Its listeners, while it runs.
    pub listening: Vec<(String, ListenAddress)>,
    /// Where its web pages are, while it runs.
    pub pages: Option<HttpNeed>,
    /// Open connections.
    pub connections: u64,
    /// Bytes of its memory.
    pub memory: u64,
    /// Calls into it since the host started.
    pub calls: u64,
    /// The longest of them, in microseconds.
    pub slowest_call_us: u64,
    /// Events it did not get because its mailbox was full.
    pub missed_events: u64,
    /// Datagrams that were dropped, in either direction, beyond its rate or for want of a place.
    pub dropped_datagrams: u64,
    /// Events that wait for it.
    pub mailbox: u32,
    /// The most that it used of each limit, and how often it wanted more.
    pub usage: Usage,
    /// It does not run yet because its code is still being made.
    pub compiling: bool,
    /// A new instance of it is being started while this one serves.
    pub reloading: bool,
    /// What it may use, while it runs.
    pub limits: Option<Limits>,
    /// The SHA-256 of its `plugin.wasm`, while it runs.
    pub digest: Option<Digest>,
    /// The package that it was started from, while it runs.
    pub package: Option<PathBuf>,
    /// Whose signature the package has.
    pub signer: Option<SignerName>,
    /// Its last error that did not end it: of a script, or of a new instance that did not start.
    pub trouble: Option<Epitaph>,
    /// What it publishes, when it is a script.
    pub metrics: BTreeMap<String, f64>,
    /// What it has logged of late.
    pub lines: Arc<Lines>,
}

impl PluginStatus {
    /// Whether it serves.
    pub fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// Of a plugin that is known and not to run.
    pub fn switched_off(id: &str) -> Self {
        Plugin::new(0, PluginSettings { id: id.to_owned(), ..PluginSettings::default() }).status()
    }
}

/// The main loop's side of all plugins.
pub struct Supervisor {
    options: SupervisorOptions,
    package_dirs: Arc<[PathBuf]>,
    trust: Arc<Trust>,
    compiler: Arc<Compiler>,
    watch: Arc<Watch>,
    budget: Budget,
    snapshots: SnapshotCell,
    services: Option<Services>,
    outbound: Network,
    reports: Sender<Report>,
    /// In the order of the configuration.
    plugins: Vec<Plugin>,
    /// Of the numbers of plugins, the last.
    last: u64,
    next_tick: Option<Instant>,
}

struct Plugin {
    /// By which its threads' reports find it again; an id can leave and come back.
    number: u64,
    id: Arc<str>,
    settings: Arc<PluginSettings>,
    life: Lifecycle,
    /// Whether the first start has ended.
    settled: bool,
    /// Of the instance that serves, or of the last.
    attempt: u64,
    /// The last number given to an attempt.
    attempts: u64,
    running: Option<Running>,
    announcement: Option<Announcement>,
    /// The instance that is to take its place.
    successor: Option<Successor>,
    gauges: Arc<Gauges>,
    /// Of instances that were replaced, in all.
    past_calls: u64,
    past_missed: u64,
    past_dropped: u64,
    lines: Arc<Lines>,
    trouble: Option<Epitaph>,
    /// Who waits for the end of the start under way.
    waiting: Vec<OnOutcome>,
    /// It was asked to stop, and this comes when it has.
    next: Option<Next>,
    /// What is done once it is gone for good.
    farewells: Vec<OnGone>,
    /// While it was asked to stop: when the call that keeps it is broken off.
    patience: Option<Instant>,
}

/// Done once nothing of a plugin runs any more, on the main loop: it must not block.
pub type OnGone = Box<dyn FnOnce() + Send>;

/// What comes when a plugin has stopped.
enum Next {
    /// It is no longer configured.
    Gone,
    /// It is started anew, with these settings.
    Again(Box<PluginSettings>),
}

/// The thread of the attempt under way.
struct Running {
    thread: JoinHandle<()>,
    /// Takes what there is memory for; its bound is kept by counting in `waiting`. (One that is bounded takes 64 KiB at once.)
    mailbox: mpsc::Sender<Arc<Event>>,
    /// Events in the mailbox.
    waiting: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
    /// Ends even a call that is within its time.
    abort: Arc<AtomicBool>,
    /// Lets it listen.
    go: Arc<AtomicBool>,
    wake: Ping,
}

impl Running {
    fn ask_to_stop(&self) {
        self.stop.store(true, SeqCst);
        self.wake.ping();
    }
}

impl Supervisor {
    /// Sets the engine up. Packages are not read yet: one that is missing or broken is a failed start of its plugin and
    /// keeps nothing else from running.
    pub fn new(
        options: SupervisorOptions,
        settings: Vec<PluginSettings>,
        snapshots: SnapshotCell,
        reports: Sender<Report>,
    ) -> Result<Self, PluginError> {
        for (index, plugin) in settings.iter().enumerate() {
            let name = plugin.script.as_ref().and_then(|_| plugin.id.strip_prefix(script::PREFIX));
            let problem = if !is_id(name.unwrap_or(&plugin.id)) {
                "is no plugin id; ids are lower-case letters, digits and hyphens"
            } else if settings[..index].iter().any(|earlier| earlier.id == plugin.id) {
                "is there twice; keep one"
            } else {
                continue;
            };
            return Err(PluginError::Settings { id: plugin.id.clone(), problem: problem.to_owned() });
        }
        let waker = reports.clone();
        let watch = Watch::new(move || {
            // The receiver is gone only when the host ends.
            let _ = waker.send(Report(Said::Busy));
        });
        let mut supervisor = Self {
            package_dirs: options.package_dirs.clone().into(),
            compiler: Compiler::new(options.compiling.clone())?,
            trust: Arc::new(options.trust.clone()),
            options,
            watch,
            budget: Budget::of_process(),
            snapshots,
            services: None,
            outbound: Network::default(),
            reports,
            plugins: Vec::new(),
            last: 0,
            next_tick: None,
        };
        for plugin in settings {
            supervisor.insert(plugin);
        }
        Ok(supervisor)
    }

    /// Starts one more plugin. One of the same id that is on its way out is waited for, without blocking.
    pub fn add(&mut self, settings: PluginSettings) {
        match self.find(&settings.id) {
            Some(index) => self.renew(index, settings),
            None => {
                let index = self.insert(settings);
                self.start(index);
            }
        }
    }

    /// Stops a plugin for good. What it held is let go when its thread has ended; nothing here waits for that.
    pub fn remove(&mut self, id: &str) {
        if let Some(index) = self.find(id) {
            self.leave(index, Next::Gone);
        }
    }

    /// As [`Supervisor::remove`], and does `then` when it is gone; never, if it is started again before.
    pub fn remove_and_then(&mut self, id: &str, then: OnGone) {
        match self.find(id) {
            Some(index) => {
                self.plugins[index].farewells.push(then);
                self.leave(index, Next::Gone);
            }
            None => then(),
        }
    }

    /// Starts a plugin anew with these settings, its strikes forgotten. One that runs goes on serving until the new
    /// instance has started, and its listeners are taken over; when that fails, it goes on as it was.
    pub fn replace(&mut self, settings: PluginSettings) {
        self.add(settings);
    }

    /// Lists the plugins in this order from now on.
    pub fn arrange(&mut self, ids: &[String]) {
        let place = |plugin: &Plugin| ids.iter().position(|id| **id == *plugin.id).unwrap_or(usize::MAX);
        self.plugins.sort_by_key(place);
    }

    /// Where packages are looked for from now on; what runs keeps what it was made from.
    pub fn set_package_dirs(&mut self, folders: Vec<PathBuf>) {
        self.package_dirs = folders.clone().into();
        self.options.package_dirs = folders;
    }

    /// Which packages are trusted from now on; what runs goes on.
    pub fn set_trust(&mut self, trust: Trust) {
        self.trust = Arc::new(trust.clone());
        self.options.trust = trust;
    }

    /// Lets plugins that are granted it reach users and orders, from their next start on.
    pub fn offer(&mut self, services: Services) {
        self.services = Some(services);
    }

    /// Lets plugins that are granted it reach the network this way, from their next start on.
    pub fn reach_through(&mut self, outbound: Network) {
        self.outbound = outbound;
    }

    /// Starts every plugin on its own thread, and returns at once.
    pub fn start_all(&mut self) {
        for index in 0..self.plugins.len() {
            self.start(index);
        }
    }

    /// Takes in what a plugin's thread said.
    pub fn handle_report(&mut self, report: Report) -> Vec<Event> {
        let now = Instant::now();
        match report.0 {
            Said::Busy => {
                self.next_tick.get_or_insert(now + watch::TICK);
                Vec::new()
            }
            Said::Plugin { plugin: number, attempt, news } => {
                let found = self.plugins.iter().position(|plugin| plugin.number == number);
                let Some(index) = found else { return Vec::new() };
                let plugin = &self.plugins[index];
                if plugin.successor.as_ref().is_some_and(|successor| successor.attempt == attempt) {
                    return self.hear_successor(index, news);
                }
                // An earlier attempt has nothing to say any more.
                if plugin.attempt != attempt {
                    return Vec::new();
                }
                let failed = matches!(news, News::Ended(Err(_)));
                let mut events = self.plugins[index].hear(now, news);
                if failed && let Some(mounts) = self.services.as_ref().and_then(|it| it.mounts.as_ref()) {
                    mounts.give_up(&self.plugins[index].id);
                }
                events.extend(self.follow(index));
                events
            }
        }
    }

    /// A plugin that was asked to stop has: does what comes next.
    fn follow(&mut self, index: usize) -> Option<Event> {
        let plugin = &mut self.plugins[index];
        if plugin.running.is_some() {
            return None;
        }
        if plugin.successor.is_some() {
            self.promote(index);
            return None;
        }
        match plugin.next.take()? {
            Next::Gone => {
                let mut plugin = self.plugins.remove(index);
                if let Some(mounts) = self.services.as_ref().and_then(|services| services.mounts.as_ref()) {
                    mounts.remove(&plugin.id);
                }
                plugin.tell(&Err("it was stopped".to_owned()));
                tracing::info!(plugin = %plugin.id, "stopped");
                plugin.farewells.drain(..).for_each(|farewell| farewell());
                Some(plugin.event("plugin.stopped", Severity::Info, Vec::new()))
            }
            Next::Again(settings) => {
                let number = plugin.number;
                // Later attempts go on counting: an earlier one may still have a report under way.
                let (attempt, attempts) = (plugin.attempt, plugin.attempts);
                let waiting = std::mem::take(&mut plugin.waiting);
                let lines = Arc::clone(&plugin.lines);
                *plugin = Plugin { attempt, attempts, waiting, lines, ..Plugin::new(number, *settings) };
                self.start(index);
                None
            }
        }
    }

    fn leave(&mut self, index: usize, next: Next) {
        let plugin = &mut self.plugins[index];
        if let Some(successor) = plugin.successor.take() {
            successor.give_up();
        }
        plugin.next = Some(next);
        match &plugin.running {
            Some(running) => {
                running.ask_to_stop();
                plugin.patience.get_or_insert(Instant::now() + STOP_PATIENCE);
            }
            // Reported like any other end, so that there is one way for what comes next.
            None => {
                let said = Said::Plugin {
                    plugin: plugin.number,
                    attempt: plugin.attempt,
                    news: News::Ended(Ok(())),
                };
                let _ = self.reports.send(Report(said));
            }
        }
    }

    fn find(&self, id: &str) -> Option<usize> {
        self.plugins.iter().position(|plugin| *plugin.id == *id)
    }

    /// Its place in the list.
    fn insert(&mut self, settings: PluginSettings) -> usize {
        self.last += 1;
        self.plugins.push(Plugin::new(self.last, settings));
        self.plugins.len() - 1
    }

    /// When [`Supervisor::handle_deadline`] has to be called at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        let due = self.plugins.iter().flat_map(|plugin| [plugin.life.deadline(), plugin.patience]);
        due.flatten().chain(self.next_tick).min()
    }

    /// Ticks the watchdog and starts again what has waited long enough.
    pub fn handle_deadline(&mut self, now: Instant) -> Vec<Event> {
        if self.next_tick.is_some_and(|due| due <= now) {
            self.compiler.engine().increment_epoch();
            self.next_tick = self.watch.keeps_ticking().then(|| now + watch::TICK);
        }
        for index in 0..self.plugins.len() {
            let plugin = &mut self.plugins[index];
            if plugin.patience.is_some_and(|until| until <= now) {
                plugin.patience = None;
                if let Some(running) = &plugin.running {
                    running.abort.store(true, SeqCst);
                }
            }
            if plugin.next.is_none() && plugin.life.deadline().is_some_and(|due| due <= now) {
                self.start(index);
            }
        }
        Vec::new()
    }

    /// Gives an event to every plugin that hears events. A full mailbox misses it.
    pub fn publish(&mut self, event: &Arc<Event>) {
        for plugin in &mut self.plugins {
            plugin.give(event);
        }
    }

    /// Whether every plugin's first start has ended, one way or the other.
    pub fn settled(&self) -> bool {
        self.plugins.iter().all(|plugin| plugin.settled)
    }

    /// How every plugin is, in the order of the configuration.
    pub fn status(&self) -> Vec<PluginStatus> {
        self.plugins.iter().map(Plugin::status).collect()
    }

    /// Asks all plugins to stop, and waits for them for at most a second in all. A call that does not return is
    /// interrupted; a thread that still does not end is left behind.
    pub fn stop(&mut self) {
        let mut leaving = Vec::new();
        for plugin in &mut self.plugins {
            plugin.life.stopped();
            let successor = plugin.successor.take().map(|successor| successor.running);
            for running in plugin.running.take().into_iter().chain(successor) {
                running.ask_to_stop();
                leaving.push((Arc::clone(&plugin.id), running));
            }
        }
        let began = Instant::now();
        while !leaving.iter().all(|(_, running)| running.thread.is_finished()) && began.elapsed() < STOP {
            thread::sleep(Duration::from_millis(2));
            if began.elapsed() > STOP_PATIENCE {
                leaving.iter().for_each(|(_, running)| running.abort.store(true, SeqCst));
                // The main loop's timer can't tick while it waits here; and now the deadlines are to come fast.
                (0..EPOCHS_AT_ONCE).for_each(|_| self.compiler.engine().increment_epoch());
            }
        }
        for (id, Running { thread, .. }) in leaving {
            if !thread.is_finished() {
                tracing::warn!(plugin = %id, "did not stop within {} s; left behind", STOP.as_secs());
            } else if thread.join().is_err() {
                tracing::error!(plugin = %id, "its thread panicked while stopping");
            }
        }
        self.next_tick = None;
    }

    fn start(&mut self, index: usize) {
        let plugin = &mut self.plugins[index];
        plugin.life.begin();
        plugin.attempts += 1;
        plugin.attempt = plugin.attempts;
        let (attempt, settings, gauges) =
            (plugin.attempt, Arc::clone(&plugin.settings), Arc::clone(&plugin.gauges));
        match self.spawn(index, attempt, settings, gauges, Vec::new()) {
            Ok(running) => {
                running.go.store(true, SeqCst);
                running.wake.ping();
                self.plugins[index].running = Some(running);
            }
            Err(error) => {
                // Reported as any other failure, so that there is one way into the back-off.
                let news =
                    News::Ended(Err(Epitaph::new(format!("the host can't start its thread: {error}"))));
                let plugin = self.plugins[index].number;
                let _ = self.reports.send(Report(Said::Plugin { plugin, attempt, news }));
            }
        }
    }

    /// Starts a thread that makes an instance. It listens when it is told to go.
    fn spawn(
        &mut self,
        index: usize,
        attempt: u64,
        settings: Arc<PluginSettings>,
        gauges: Arc<Gauges>,
        inherited: Vec<Bound>,
    ) -> std::io::Result<Running> {
        let plugin = &self.plugins[index];
        // The ping alone takes descriptors, and says when there are none left.
        let (mailbox, mail) = mpsc::channel();
        let (wake, woken) = make_ping()?;
        let waiting = Arc::<AtomicU32>::default();
        let [stop, abort, go] = std::array::from_fn(|_| Arc::<AtomicBool>::default());
        let reports = self.reports.clone();
        let number = plugin.number;
        let say = move |news| {
            // The receiver is gone only when the host ends.
            let _ = reports.send(Report(Said::Plugin { plugin: number, attempt, news }));
        };
        let announce = say.clone();
        let job = Job {
            plugin: Arc::clone(&plugin.id),
            settings,
            package_dirs: Arc::clone(&self.package_dirs),
            trust: Arc::clone(&self.trust),
            compiler: Arc::clone(&self.compiler),
            watch: Arc::clone(&self.watch),
            budget: self.budget.clone(),
            gauges,
            lines: Arc::clone(&plugin.lines),
            snapshots: self.snapshots.clone(),
            services: self.services.clone(),
            outbound: self.outbound.clone(),
            started: self.options.started,
            mailbox: mail,
            waiting: Arc::clone(&waiting),
            stop: Arc::clone(&stop),
            abort: Arc::clone(&abort),
            go: Arc::clone(&go),
            inherited,
            wake: woken,
            announce: Box::new(move |progress| announce(News::Progress(progress))),
        };
        let thread = thread::Builder::new()
            .name(thread_name(&plugin.id))
            .stack_size(if is_script(&plugin.id) { script::STACK } else { THREAD_STACK })
            .spawn(move || say(News::Ended(service::run(job))))?;
        Ok(Running { thread, mailbox, waiting, stop, abort, go, wake })
    }
}

fn is_script(plugin: &str) -> bool {
    plugin.starts_with(script::PREFIX)
}

/// The kernel shows its first 15 bytes: a script's id says by itself what it is.
fn thread_name(plugin: &str) -> String {
    if is_script(plugin) { plugin.to_owned() } else { format!("plugin {plugin}") }
}

impl Plugin {
    fn new(number: u64, settings: PluginSettings) -> Self {
        Self {
            number,
            id: settings.id.as_str().into(),
            settings: Arc::new(settings),
            life: Lifecycle::new(),
            settled: false,
            attempt: 0,
            attempts: 0,
            running: None,
            announcement: None,
            successor: None,
            gauges: Arc::default(),
            past_calls: 0,
            past_missed: 0,
            past_dropped: 0,
            lines: Arc::default(),
            trouble: None,
            waiting: Vec::new(),
            farewells: Vec::new(),
            next: None,
            patience: None,
        }
    }

    fn hear(&mut self, now: Instant, news: News) -> Vec<Event> {
        match news {
            News::Progress(Progress::Ready(announcement)) => {
                self.announcement = Some(*announcement);
                Vec::new()
            }
            News::Progress(Progress::Erred(text)) => {
                self.trouble = Some(Epitaph::new(text.clone()));
                vec![self.event("plugin.failed", Severity::Warning, vec![("reason", text)])]
            }
            News::Progress(Progress::Open { listening, sockets }) => {
                self.settled = true;
                self.trouble = None;
                let kind = match self.life.started(now) {
                    Start::Fresh => "plugin.started",
                    Start::Recovery => "plugin.recovered",
                };
                let shown = listed(&listening);
                let version = self.announcement.as_mut().map_or_else(String::new, |announcement| {
                    announcement.listening = listening;
                    announcement.sockets = sockets;
                    announcement.version.clone()
                });
                tracing::info!(plugin = %self.id, version, listening = shown, "{}", &kind["plugin.".len()..]);
                self.tell(&Ok(version.clone()));
                vec![self.event(kind, Severity::Info, vec![("version", version), ("listening", shown)])]
            }
            News::Ended(result) => {
                self.settled = true;
                self.running = None;
                self.announcement = None;
                self.gauges.connections.store(0, Relaxed);
                self.gauges.memory.store(0, Relaxed);
                self.patience = None;
                match result {
                    Ok(()) => {
                        self.life.stopped();
                        Vec::new()
                    }
                    // It was to go, and is gone.
                    Err(epitaph) if self.next.is_some() || self.successor.is_some() => {
                        tracing::warn!(plugin = %self.id, "failed while it was stopped: {}", epitaph.text);
                        self.life.stopped();
                        Vec::new()
                    }
                    Err(epitaph) => self.mourn(now, epitaph),
                }
            }
        }
    }

    /// One line and one event for each failure: why, and what happens next.
    fn mourn(&mut self, now: Instant, epitaph: Epitaph) -> Vec<Event> {
        let reason = epitaph.text.clone();
        self.tell(&Err(reason.clone()));
        self.lines.add("error", &format!("failed: {reason}"));
        match self.life.failed(now, epitaph) {
            Verdict::Retry(wait) => {
                let (seconds, strike) = (wait.as_secs(), self.life.strikes());
                tracing::error!(plugin = %self.id, strike, "failed: {reason}; next start in {seconds} s");
                let fields = vec![("reason", reason), ("retry-seconds", seconds.to_string())];
                vec![self.event("plugin.failed", Severity::Warning, fields)]
            }
            Verdict::Quarantine => {
                let strikes = self.life.strikes();
                tracing::error!(
                    plugin = %self.id,
                    "failed: {reason}; quarantined after {strikes} failures: repair it, then restart OpenNMC or the plugin"
                );
                let fields = vec![("reason", reason), ("failures", strikes.to_string())];
                vec![self.event("plugin.quarantined", Severity::Critical, fields)]
            }
        }
    }

    fn event(&self, kind: &str, severity: Severity, fields: Vec<(&str, String)>) -> Event {
        let own = [("plugin".to_owned(), self.id.to_string())];
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
        Event {
            // The main loop numbers it.
            id: 0,
            kind: match self.settings.script {
                Some(_) => script::event_kind(kind),
                None => kind.to_owned(),
            },
            severity,
            device: String::new(),
            at_ms: epitaph::wall_ms(),
            fields: own.into_iter().chain(fields).collect(),
        }
    }

    fn give(&mut self, event: &Arc<Event>) {
        // What is to take its place and has started hears what happens, for itself and for the one that is ending.
        let ready = self.successor.as_ref().and_then(|successor| {
            successor.announcement.as_ref().map(|announcement| (&successor.running, announcement))
        });
        let current = self.running.as_ref().zip(self.announcement.as_ref());
        let Some((running, announcement)) = ready.or(current) else { return };
        if !announcement.hears.iter().any(|pattern| pattern.matches(&event.kind)) {
            return;
        }
        // Nobody has to be told what it said itself.
        let rest = event.kind.strip_prefix("bus.").and_then(|rest| rest.strip_prefix(&*self.id));
        if rest.is_some_and(|rest| rest.starts_with('.')) {
            return;
        }
        // Counted first: its thread may take it out before this one goes on.
        let waiting = running.waiting.fetch_add(1, SeqCst);
        let is_full = waiting >= announcement.limits.mailbox;
        let sent = !is_full && running.mailbox.send(Arc::clone(event)).is_ok();
        running.wake.ping();
        let mut mailbox = Mark::default();
        match sent {
            true => mailbox.see(u64::from(waiting) + 1),
            false => mailbox.hit(),
        }
        self.gauges.add_usage(&Usage { mailbox, ..Usage::default() });
        if !sent {
            running.waiting.fetch_sub(1, SeqCst);
            let missed = self.gauges.missed_events.fetch_add(1, Relaxed) + 1;
            if missed.is_power_of_two() {
                tracing::warn!(plugin = %self.id, missed, "its mailbox is full; it misses events");
            }
        }
    }

    /// Tells those who wait how the start has ended.
    fn tell(&mut self, outcome: &Outcome) {
        self.waiting.drain(..).for_each(|waiting| waiting(outcome.clone()));
    }

    fn status(&self) -> PluginStatus {
        let (gauges, announcement) = (&self.gauges, self.announcement.as_ref());
        PluginStatus {
            id: self.id.to_string(),
            version: self.announcement.as_ref().map(|announcement| announcement.version.clone()),
            state: self.life.state(),
            strikes: self.life.strikes(),
            restarts: self.life.restarts(),
            epitaph: self.life.epitaph().cloned(),
            listening: self
                .announcement
                .as_ref()
                .map_or_else(Vec::new, |announcement| announcement.listening.clone()),
            pages: announcement.and_then(|announcement| announcement.pages.clone()),
            connections: gauges.connections.load(Relaxed),
            memory: gauges.memory.load(Relaxed),
            calls: self.past_calls + gauges.calls.load(Relaxed),
            slowest_call_us: gauges.slowest_call_us.load(Relaxed),
            missed_events: self.past_missed + gauges.missed_events.load(Relaxed),
            dropped_datagrams: self.past_dropped + gauges.dropped_datagrams.load(Relaxed),
            mailbox: self.running.as_ref().map_or(0, |running| running.waiting.load(SeqCst)),
            usage: gauges.usage(),
            compiling: gauges.compiling.load(Relaxed),
            reloading: self.successor.is_some(),
            limits: announcement.map(|announcement| announcement.limits),
            digest: announcement.map(|announcement| announcement.digest),
            package: announcement.map(|announcement| announcement.path.clone()),
            signer: announcement.and_then(|announcement| announcement.signer.clone()),
            trouble: self.trouble.clone(),
            metrics: gauges.metrics.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            lines: Arc::clone(&self.lines),
        }
    }
}

fn listed(listening: &[(String, ListenAddress)]) -> String {
    listening.iter().map(|(name, address)| format!("{name}={address}")).collect::<Vec<_>>().join(" ")
}
