//! A daemon with simulated UPSes and the plugin `web-ui` from its package, and clients of its API.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use opennmc_host::config::Settings;
use opennmc_host::host::HostHandle;
use opennmc_host::main_loop::MainLoop;
use opennmc_host::users::{NewUser, PasswordRules, Principal, Role, Secret, UserBase};
use serde_json::Value;
use tempfile::TempDir;

use crate::contract;

/// Nothing here takes a tenth of it, even on a machine that is busy otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How often the thread looks whether the test is over.
const LOOK: Duration = Duration::from_millis(50);

/// Basic, with the password `a-sunny-place` of each.
pub(crate) const ADA: &str = "authorization: Basic YWRhOmEtc3VubnktcGxhY2U=\r\n";
pub(crate) const JO: &str = "authorization: Basic am86YS1zdW5ueS1wbGFjZQ==\r\n";
pub(crate) const GUEST: &str = "authorization: Basic Z3Vlc3Q6YS1zdW5ueS1wbGFjZQ==\r\n";
pub(crate) const KEEPER: &str = "authorization: Basic a2VlcGVyOmEtc3VubnktcGxhY2U=\r\n";

pub(crate) struct Daemon {
    pub(crate) host: HostHandle,
    pub(crate) users: Arc<UserBase>,
    http: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl Daemon {
    /// One with `main` and `other`, and somebody of each role.
    pub(crate) fn start() -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[state]\ndir = \"{}/state\"\n[http]\nlisten = [\"127.0.0.1:0\"]\n[plugins]\ndirs = [\"{}\"]\n\
             [plugin.web-ui]\n[ups.main]\nport = \"sim:smart-ups-1500\"\n[ups.other]\nport = \"sim:smart-ups-1500\"\n",
            folder.path().display(),
            packages().display()
        );
        let settings = Settings::parse(Path::new("test.toml"), &text).unwrap();
        let stop = Arc::<AtomicBool>::default();
        let (ready, started) = sync_channel(1);
        let stopping = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut main_loop = MainLoop::new().unwrap();
            main_loop.compile_with(PathBuf::from(env!("CARGO_BIN_EXE_opennmc")));
            main_loop.start(settings).unwrap();
            while !main_loop.is_ready() {
                main_loop.turn(Some(LOOK)).unwrap();
            }
            ready.send((main_loop.handle(), main_loop.users().unwrap(), main_loop.http_addresses())).unwrap();
            while !stopping.load(SeqCst) {
                main_loop.turn(Some(LOOK)).unwrap();
            }
        });
        let (host, users, addresses) = started.recv_timeout(PATIENCE).unwrap();
        for (name, role) in [
            ("ada", Role::Administrator),
            ("jo", Role::Operator),
            ("guest", Role::Monitor),
            ("keeper", Role::Backup),
        ] {
            let password = Some(Secret::from("a-sunny-place"));
            let new = NewUser { name: name.to_owned(), role, scopes: None, password };
            users.add(new, PasswordRules::Strict, &Principal::host()).unwrap();
        }
        let daemon = Daemon { host, users, http: addresses[0], stop, thread: Some(thread), _folder: folder };
        let live = |ups: &&str| {
            let snapshot = daemon.host.snapshots.load();
            snapshot.device(ups).is_some_and(|device| {
                device.variables.contains_key("ups.status") && !device.commands.is_empty()
            })
        };
        wait_until("every UPS was heard", || ["main", "other"].iter().all(live));
        wait_until("the plugin answers", || daemon.raw("GET", "/api/v1", "", "").status == 200);
        daemon
    }

    /// Sends what is not to be held against the document.
    pub(crate) fn raw(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length =
            if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}{length}\r\n"
        );
        // A refusal may come before all was sent.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{method} {path}: {text}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let head = head.to_ascii_lowercase();
        let chunked = head.contains("transfer-encoding: chunked");
        assert!(!chunked, "{head}");
        Answer { status, head, text: body.to_owned() }
    }

    /// Sends these bytes, and gives all that comes until the server closes.
    pub(crate) fn say(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        // What it closes on may cut the connection before the end was read.
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            answer.extend_from_slice(&piece[..count]);
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Asks, and holds the answer against the document.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let json = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        let answer = self.raw(method, path, &format!("{headers}{json}"), body);
        contract::assert_foreseen(method, path, &answer);
        answer
    }

    pub(crate) fn get(&self, path: &str, headers: &str) -> Answer {
        self.ask("GET", path, headers, "")
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

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The folder of the packed plugins.
fn packages() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_opennmc")).ancestors().nth(2).unwrap().join("plugins");
    let packed = std::fs::read_dir(&target).into_iter().flatten().flatten();
    let found = packed.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("web-ui-"));
    assert!(found, "no web-ui package in {}: run `cargo xtask build` first", target.display());
    target
}
