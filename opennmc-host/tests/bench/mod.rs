//! A main loop that a test turns itself, and its log.

#![allow(dead_code, reason = "each test needs another part of it")]

pub(crate) mod peer;

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opennmc_host::config::Settings;
use opennmc_host::host::HostHandle;
use opennmc_host::logging::Style;
use opennmc_host::main_loop::{MainLoop, Source};
use opennmc_host::state::{Availability, Device, Snapshot};
use tempfile::TempDir;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;

/// Far more than any test needs; a test that gets here is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Bench {
    main_loop: MainLoop,
    log: Log,
    _subscriber: DefaultGuard,
    dir: TempDir,
}

impl Bench {
    /// Nothing runs yet: make the port first, in [`Bench::dir`].
    pub(crate) fn new() -> Bench {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .event_format(Style::Journal)
            .with_max_level(LevelFilter::DEBUG)
            .with_writer(move || writer.clone())
            .finish();
        let subscriber = tracing::subscriber::set_default(subscriber);
        Bench {
            main_loop: MainLoop::new().unwrap(),
            log,
            _subscriber: subscriber,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Starts the loop with this configuration.
    pub(crate) fn start(&mut self, upses: &str) {
        let text = format!("[state]\ndir = \"{}/state\"\n{upses}", self.dir().display());
        let settings = Settings::parse(Path::new("test.toml"), &text).unwrap();
        self.main_loop.start(settings).unwrap();
    }

    /// Writes `text` where the loop's configuration is, or will be.
    pub(crate) fn write_config(&self, text: &str) {
        let text = format!("[state]\ndir = \"{}/state\"\n{text}", self.dir().display());
        std::fs::write(self.dir().join("opennmc.toml"), text).unwrap();
    }

    /// Starts the loop from the file that was written, to which it goes back when it is told to reload.
    pub(crate) fn start_from_file(&mut self) {
        let file = self.dir().join("opennmc.toml");
        let settings = Settings::load(&file).unwrap();
        let overridden = Arc::new(|settings| settings);
        // This process is a test, and no compiler.
        self.main_loop.compile_with(env!("CARGO_BIN_EXE_opennmc").into());
        self.main_loop.reload_from(Source { file, plugin_dirs: Vec::new(), overridden });
        self.main_loop.start(settings).unwrap();
    }

    /// The daemon is gone and another is started from the same files.
    pub(crate) fn restarted(self) -> Bench {
        let Bench { main_loop, log, _subscriber, dir } = self;
        drop(main_loop);
        let mut bench = Bench { main_loop: MainLoop::new().unwrap(), log, _subscriber, dir };
        bench.start_from_file();
        bench
    }

    /// Starts the loop with one UPS, `main`.
    pub(crate) fn start_on(&mut self, port: impl std::fmt::Display) {
        self.start(&format!("[ups.main]\nport = \"{port}\"\n"));
    }

    /// What other threads hold.
    pub(crate) fn host(&self) -> HostHandle {
        self.main_loop.handle()
    }

    /// Where web pages are.
    pub(crate) fn http_addresses(&self) -> Vec<std::net::SocketAddr> {
        self.main_loop.http_addresses()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.main_loop.is_ready()
    }

    /// Turns the loop until `done`; gives the number of turns.
    pub(crate) fn turn_until(&mut self, what: &str, mut done: impl FnMut(&Bench) -> bool) -> usize {
        let began = Instant::now();
        let mut turns = 0;
        while !done(self) {
            assert!(began.elapsed() < PATIENCE, "still waiting until {what}; log:\n{}", self.log.text());
            self.main_loop.turn(Some(PATIENCE)).unwrap();
            turns += 1;
        }
        turns
    }

    pub(crate) fn turn_until_main_is(&mut self, availability: Availability) -> usize {
        self.turn_until(&format!("main is {availability:?}"), |bench| {
            bench.main().availability == availability
        })
    }

    /// Asks something of the loop, and turns it until the answer is there.
    pub(crate) fn ask<Answer: Send + 'static>(
        &mut self,
        ask: impl FnOnce(HostHandle, Box<dyn FnOnce(Answer) + Send>),
    ) -> Answer {
        let answer = Arc::new(Mutex::new(None));
        let sink = Arc::clone(&answer);
        ask(self.host(), Box::new(move |given| *sink.lock().unwrap() = Some(given)));
        self.turn_until("there is an answer", |_| answer.lock().unwrap().is_some());
        let given = answer.lock().unwrap().take();
        given.unwrap()
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.main_loop.snapshots().load()
    }

    pub(crate) fn main(&self) -> Arc<Device> {
        Arc::clone(self.snapshot().device("main").unwrap())
    }

    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.main().variables.get(name).map(|variable| variable.value.clone())
    }

    /// Lines that an operator sees by default: info and above.
    pub(crate) fn operator_lines(&self) -> Vec<String> {
        self.log.text().lines().filter(|line| !line.starts_with("<7>")).map(str::to_owned).collect()
    }

    /// How many lines of any level contain `text`.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.log.text().lines().filter(|line| line.contains(text)).count()
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
