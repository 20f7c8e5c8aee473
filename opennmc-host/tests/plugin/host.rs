//! A main loop with nothing but the supervisor on it, and clients of its plugins.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use calloop::EventLoop;
use calloop::channel::{Event as Mail, Sender, channel};
use opennmc_host::plugin::{
    Compiling, Network, OnOutcome, Outcome, PluginSettings, PluginStatus, Report, Services, Supervisor,
    SupervisorOptions, Target, Trust,
};
use opennmc_host::state::{Event, SnapshotCell};
use tempfile::TempDir;

use crate::guests::{ALL_NEEDS, guests, manifest, pack};

/// Nothing in these tests takes a tenth of it, even on a machine that is busy otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// A restart that is further away than this is brought forward: the tests read the wait, and don't sit through it.
const HURRY: Duration = Duration::from_millis(100);

/// The supervisor on a thread of its own, with a loop as the daemon has it.
pub(crate) struct Host {
    observed: Arc<(Mutex<Observed>, Condvar)>,
    orders: Sender<Order>,
    thread: Option<JoinHandle<()>>,
    pub(crate) snapshots: SnapshotCell,
    packages: TempDir,
}

/// What the main loop has seen.
#[derive(Clone, Default)]
pub(crate) struct Observed {
    pub(crate) events: Vec<Event>,
    pub(crate) status: Vec<PluginStatus>,
    pub(crate) settled: bool,
    pub(crate) deadline: Option<Instant>,
    pub(crate) stopped_after: Option<Duration>,
}

/// With this build's own compiler, unless `OPENNMC_COMPILER` names another program: a build that has none is tested with that of
/// one that has.
pub(crate) fn compiler() -> PathBuf {
    let other = std::env::var_os("OPENNMC_COMPILER").map(PathBuf::from);
    other.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_opennmc")))
}

/// With that compiler, for this build's machine or the one that `OPENNMC_TARGET` names.
pub(crate) fn compiling(state: PathBuf) -> Compiling {
    let program = compiler();
    let target = match std::env::var("OPENNMC_TARGET") {
        Ok(target) => target.parse().unwrap(),
        Err(_) => Target::of_this_host(),
    };
    std::fs::create_dir_all(&state).unwrap();
    Compiling::here(state).with(Some(program), target)
}

enum Order {
    Publish(Event),
    Replace(Box<PluginSettings>, OnOutcome),
    Restart(String, OnOutcome),
    Answer(std::sync::mpsc::Sender<()>),
    Stop,
}

/// One plugin of a test.
pub(crate) struct Actor {
    pub(crate) id: &'static str,
    pub(crate) needs: &'static str,
    pub(crate) settings: PluginSettings,
}

/// The actor with all needs.
pub(crate) fn actor(id: &'static str) -> Actor {
    Actor {
        id,
        needs: ALL_NEEDS,
        settings: PluginSettings { id: id.to_owned(), ..PluginSettings::default() },
    }
}

impl Actor {
    pub(crate) fn needs(self, needs: &'static str) -> Self {
        Self { needs, ..self }
    }

    pub(crate) fn on_start(mut self, behaviour: &str) -> Self {
        self.settings.config.insert("on-start".to_owned(), behaviour.into());
        self
    }

    pub(crate) fn config(mut self, key: &str, value: impl Into<toml::Value>) -> Self {
        self.settings.config.insert(key.to_owned(), value.into());
        self
    }

    pub(crate) fn listen(mut self, name: &str, address: SocketAddr) -> Self {
        self.settings.listen.insert(name.to_owned(), vec![address.into()]);
        self
    }
}

impl Host {
    pub(crate) fn start(actors: Vec<Actor>) -> Self {
        let packages = tempfile::tempdir().unwrap();
        for actor in &actors {
            write_package(packages.path(), actor.id, actor.needs, &guests().actor);
        }
        Self::start_in(packages, actors.into_iter().map(|actor| actor.settings).collect())
    }

    /// With packages that the test has written.
    pub(crate) fn start_in(packages: TempDir, settings: Vec<PluginSettings>) -> Self {
        Self::start_offering(packages, settings, None)
    }

    /// With what plugins reach beyond the state.
    pub(crate) fn start_offering(
        packages: TempDir,
        settings: Vec<PluginSettings>,
        services: Option<Services>,
    ) -> Self {
        let compiling = compiling(packages.path().join("state"));
        Self::start_compiling(packages, settings, services, compiling)
    }

    /// With a network of the test's own.
    pub(crate) fn start_reaching(packages: TempDir, settings: Vec<PluginSettings>, network: Network) -> Self {
        let compiling = compiling(packages.path().join("state"));
        let host = Self::begin_with(packages, settings, (None, network), compiling, Trust::default());
        host.until("the first starts have ended", |seen| seen.settled);
        host
    }

    /// With another way to make code of plugins.
    pub(crate) fn start_compiling(
        packages: TempDir,
        settings: Vec<PluginSettings>,
        services: Option<Services>,
        compiling: Compiling,
    ) -> Self {
        let host = Self::begin(packages, settings, services, compiling);
        host.until("the first starts have ended", |seen| seen.settled);
        host
    }

    /// Without waiting for the first starts.
    pub(crate) fn begin(
        packages: TempDir,
        settings: Vec<PluginSettings>,
        services: Option<Services>,
        compiling: Compiling,
    ) -> Self {
        let reached = (services, Network::default());
        Self::begin_with(packages, settings, reached, compiling, Trust::default())
    }

    /// With signers, without waiting for the first starts.
    pub(crate) fn begin_trusting(
        packages: TempDir,
        settings: Vec<PluginSettings>,
        compiling: Compiling,
        trust: Trust,
    ) -> Self {
        Self::begin_with(packages, settings, (None, Network::default()), compiling, trust)
    }

    fn begin_with(
        packages: TempDir,
        settings: Vec<PluginSettings>,
        reached: (Option<Services>, Network),
        compiling: Compiling,
        trust: Trust,
    ) -> Self {
        let observed = Arc::new((Mutex::new(Observed::default()), Condvar::new()));
        let (orders, ordered) = channel();
        let snapshots = SnapshotCell::default();
        let options = SupervisorOptions {
            package_dirs: vec![packages.path().join("absent"), packages.path().to_owned()],
            compiling,
            state_dir: packages.path().join("state"),
            trust,
            started: Instant::now(),
        };
        let (seen, cell) = (Arc::clone(&observed), snapshots.clone());
        let thread = std::thread::spawn(move || main_loop(options, settings, reached, cell, ordered, &seen));
        Self { observed, orders, thread: Some(thread), snapshots, packages }
    }

    /// Waits until the main loop has seen this.
    pub(crate) fn until(&self, what: &str, mut is: impl FnMut(&Observed) -> bool) -> Observed {
        let (observed, changed) = &*self.observed;
        let (seen, timeout) =
            changed.wait_timeout_while(observed.lock().unwrap(), PATIENCE, |seen| !is(seen)).unwrap();
        assert!(!timeout.timed_out(), "never: {what}; events: {:#?}", seen.events);
        seen.clone()
    }

    /// Waits for the `count`th event of this kind of this plugin, and gives it.
    pub(crate) fn event(&self, plugin: &str, kind: &str, count: usize) -> Event {
        let find = |seen: &Observed| {
            let is = |event: &&Event| event.kind == kind && field(event, "plugin") == plugin;
            seen.events.iter().filter(is).nth(count - 1).cloned()
        };
        let seen = self.until(&format!("{kind} of {plugin}, {count} times"), |seen| find(seen).is_some());
        find(&seen).unwrap()
    }

    /// Forgets the events so far.
    #[allow(dead_code, reason = "only tests that run for long need it")]
    pub(crate) fn forget(&self) {
        self.observed.0.lock().unwrap().events.clear();
    }

    pub(crate) fn status(&self, plugin: &str) -> PluginStatus {
        let seen = self.observed.0.lock().unwrap();
        seen.status.iter().find(|status| status.id == plugin).unwrap().clone()
    }

    /// The address of the plugin's listener, once it runs.
    pub(crate) fn address(&self, plugin: &str, listener: &str) -> SocketAddr {
        let find = |seen: &Observed| {
            let status = seen.status.iter().find(|status| status.id == plugin)?;
            status.listening.iter().find(|(name, _)| name == listener).and_then(|(_, address)| address.tcp())
        };
        find(&self.until(&format!("{plugin} listens"), |seen| find(seen).is_some())).unwrap()
    }

    pub(crate) fn client(&self, plugin: &str) -> Client {
        Client::connect(self.address(plugin, "main"))
    }

    pub(crate) fn publish(&self, event: Event) {
        self.orders.send(Order::Publish(event)).unwrap();
    }

    /// Puts a new instance with these settings in the place of the one that runs, and says how that ended.
    pub(crate) fn replace(&self, settings: PluginSettings) -> Outcome {
        self.told(|told| Order::Replace(Box::new(settings), told))
    }

    /// Puts a new instance in the place of the one that runs, and says how that ended.
    pub(crate) fn restart(&self, plugin: &str) -> Outcome {
        self.told(|told| Order::Restart(plugin.to_owned(), told))
    }

    fn told(&self, order: impl FnOnce(OnOutcome) -> Order) -> Outcome {
        let (sender, outcome) = std::sync::mpsc::channel();
        self.orders.send(order(Box::new(move |told| sender.send(told).unwrap()))).unwrap();
        let outcome = outcome.recv_timeout(PATIENCE).unwrap();
        // Answered in a later turn, when what this outcome has changed can be seen.
        let (sender, seen) = std::sync::mpsc::channel();
        self.orders.send(Order::Answer(sender)).unwrap();
        seen.recv_timeout(PATIENCE).unwrap();
        outcome
    }

    /// Where the packages of this host are.
    pub(crate) fn packages(&self) -> &Path {
        self.packages.path()
    }

    /// Stops all plugins, and says how long that took.
    pub(crate) fn stop(&mut self) -> Duration {
        self.orders.send(Order::Stop).unwrap();
        self.thread.take().unwrap().join().unwrap();
        self.observed.0.lock().unwrap().stopped_after.unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = self.orders.send(Order::Stop);
            let _ = thread.join();
        }
    }
}

pub(crate) fn write_package(folder: &Path, id: &str, needs: &str, wasm: &[u8]) {
    let files = [("plugin.toml", manifest(id, needs).into_bytes()), ("plugin.wasm", wasm.to_vec())];
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    std::fs::write(folder.join(format!("{id}-1.2.3.onmc")), pack(&files)).unwrap();
}

pub(crate) fn field<'a>(event: &'a Event, name: &str) -> &'a str {
    event.fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
}

#[derive(Default)]
struct MainLoop {
    reports: Vec<Report>,
    orders: Vec<Order>,
}

fn main_loop(
    options: SupervisorOptions,
    settings: Vec<PluginSettings>,
    (services, network): (Option<Services>, Network),
    snapshots: SnapshotCell,
    ordered: calloop::channel::Channel<Order>,
    seen: &(Mutex<Observed>, Condvar),
) {
    let mut event_loop = EventLoop::<MainLoop>::try_new().unwrap();
    let (reports, reported) = channel();
    let handle = event_loop.handle();
    handle
        .insert_source(reported, |mail, (), state| match mail {
            Mail::Msg(report) => state.reports.push(report),
            Mail::Closed => {}
        })
        .unwrap();
    handle
        .insert_source(ordered, |mail, (), state| match mail {
            Mail::Msg(order) => state.orders.push(order),
            Mail::Closed => {}
        })
        .unwrap();
    let mut supervisor = Supervisor::new(options, settings, snapshots, reports).unwrap();
    if let Some(services) = services {
        supervisor.offer(services);
    }
    supervisor.reach_through(network);
    supervisor.start_all();
    let mut state = MainLoop::default();
    loop {
        let now = Instant::now();
        let due = supervisor.next_deadline().map(|due| if due > now + HURRY { now } else { due });
        event_loop.dispatch(due.map(|due| due.saturating_duration_since(now)), &mut state).unwrap();
        let mut events: Vec<Event> =
            state.reports.drain(..).flat_map(|report| supervisor.handle_report(report)).collect();
        let now = Instant::now();
        if let Some(due) = supervisor.next_deadline() {
            if due > now + HURRY {
                events.extend(supervisor.handle_deadline(due));
            } else if due <= now {
                events.extend(supervisor.handle_deadline(now));
            }
        }
        for order in state.orders.drain(..) {
            match order {
                Order::Publish(event) => supervisor.publish(&Arc::new(event)),
                Order::Replace(settings, told) => supervisor.replace_and_tell(*settings, told),
                Order::Answer(sender) => sender.send(()).unwrap(),
                Order::Restart(id, told) => assert!(supervisor.restart(&id, told)),
                Order::Stop => {
                    let began = Instant::now();
                    supervisor.stop();
                    seen.0.lock().unwrap().stopped_after = Some(began.elapsed());
                    return;
                }
            }
        }
        let mut observed = seen.0.lock().unwrap();
        observed.events.extend(events);
        observed.status = supervisor.status();
        observed.settled = supervisor.settled();
        observed.deadline = supervisor.next_deadline();
        seen.1.notify_all();
    }
}

/// A client of the actor's line protocol.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Self { stream, reader }
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// The next line without its end; empty when the connection is over.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(_) => line.trim_end().to_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => String::new(),
            Err(error) => panic!("no line: {error}"),
        }
    }

    /// Whether nothing has come that was not read.
    pub(crate) fn is_silent(&self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let next = self.stream.peek(&mut [0; 1]);
        self.stream.set_nonblocking(false).unwrap();
        self.reader.buffer().is_empty()
            && next.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }

    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.send(&format!("{command}\n"));
        self.line()
    }
}
