//! The daemon's own main loop on a thread, with plugins on it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use opennmc_host::config::Settings;
use opennmc_host::host::{Fed, HostHandle, Subscription};
use opennmc_host::main_loop::MainLoop;
use opennmc_host::state::Event;
use tempfile::TempDir;

use crate::host::{Client, write_package};

/// Nothing here takes a tenth of it, even on a machine that is busy otherwise.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the thread looks whether the test is over.
const LOOK: Duration = Duration::from_millis(50);

pub(crate) struct Daemon {
    pub(crate) host: HostHandle,
    pub(crate) feed: Subscription,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl Daemon {
    /// A daemon with one simulated UPS, `main`, and these plugins: id, needs, component.
    pub(crate) fn start(plugins: &[(&str, &str, &[u8])]) -> Daemon {
        Daemon::start_prepared(plugins, |_| {})
    }

    /// Likewise; `prepare` is given the folder for state before anything runs.
    pub(crate) fn start_prepared(plugins: &[(&str, &str, &[u8])], prepare: impl FnOnce(&Path)) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let mut text = format!(
            "[state]\ndir = \"{path}/state\"\n[plugins]\ndirs = [\"{path}\"]\n[ups.main]\nport = \"sim:smart-ups-1500\"\n"
        );
        for (id, needs, wasm) in plugins {
            write_package(folder.path(), id, needs, wasm);
            text.push_str(&format!("[plugin.{id}]\n"));
        }
        let settings = Settings::parse(Path::new("test.toml"), &text).unwrap();
        std::fs::create_dir(folder.path().join("state")).unwrap();
        prepare(&folder.path().join("state"));
        let stop = Arc::<AtomicBool>::default();
        let (ready, started) = sync_channel(1);
        let stopping = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut main_loop = MainLoop::new().unwrap();
            // Before anything happens.
            let feed = main_loop.handle().feed.subscribe();
            main_loop.compile_with(crate::host::compiler());
            main_loop.start(settings).unwrap();
            while !main_loop.is_ready() {
                main_loop.turn(Some(LOOK)).unwrap();
            }
            ready.send((main_loop.handle(), feed)).unwrap();
            while !stopping.load(SeqCst) {
                main_loop.turn(Some(LOOK)).unwrap();
            }
        });
        let (host, feed) = started.recv_timeout(PATIENCE).unwrap();
        Daemon { host, feed, stop, thread: Some(thread), _folder: folder }
    }

    /// Where a plugin listens, once it runs.
    pub(crate) fn address(&self, plugin: &str) -> SocketAddr {
        let began = Instant::now();
        loop {
            let all = self.host.plugins_and_wait(PATIENCE).unwrap();
            let status = all.iter().find(|status| status.id == plugin).unwrap();
            if let Some((_, address)) = status.listening.first() {
                return address.tcp().unwrap();
            }
            assert!(
                began.elapsed() < PATIENCE && status.epitaph.is_none(),
                "never: {plugin} listens: {status:?}"
            );
        }
    }

    pub(crate) fn client(&self, plugin: &str) -> Client {
        Client::connect(self.address(plugin))
    }

    /// The next event of this kind, from where the last was found.
    pub(crate) fn event(&self, kind: &str) -> Arc<Event> {
        loop {
            match self.feed.next(PATIENCE) {
                Ok(Fed::Event(event)) if event.kind == kind => return event,
                Ok(_) => {}
                Err(silence) => panic!("never: {kind}: {silence:?}"),
            }
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Asks until the answer is as wanted: what is asked for is brought by another thread.
pub(crate) fn ask_until(client: &mut Client, command: &str, is: impl Fn(&str) -> bool) -> String {
    let began = Instant::now();
    loop {
        let answer = client.ask(command);
        if is(&answer) {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "never: {command}; {answer}");
    }
}
