//! A daemon with simulated UPSes and its web server, and readers of its stream.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
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

/// Nothing here takes a tenth of it, even on a machine that is busy otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How often the thread looks whether the test is over.
const LOOK: Duration = Duration::from_millis(50);
/// Basic, of `jo`, who is an operator.
pub(crate) const JO: &str = "authorization: Basic am86YS1zdW5ueS1wbGFjZQ==\r\n";

pub(crate) struct Daemon {
    pub(crate) host: HostHandle,
    pub(crate) users: Arc<UserBase>,
    pub(crate) http: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl Daemon {
    /// One with these simulated UPSes.
    pub(crate) fn start(upses: &[&str]) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let mut text = format!("[state]\ndir = \"{path}/state\"\n[http]\nlisten = [\"127.0.0.1:0\"]\n");
        for ups in upses {
            text.push_str(&format!("[ups.{ups}]\nport = \"sim:smart-ups-1500\"\n"));
        }
        let settings = Settings::parse(Path::new("test.toml"), &text).unwrap();
        let stop = Arc::<AtomicBool>::default();
        let (ready, started) = sync_channel(1);
        let stopping = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut main_loop = MainLoop::new().unwrap();
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
        for (name, role) in [("jo", Role::Operator), ("keeper", Role::Backup)] {
            let password = Some(Secret::from("a-sunny-place"));
            let new = NewUser { name: name.to_owned(), role, scopes: None, password };
            users.add(new, PasswordRules::Strict, &Principal::host()).unwrap();
        }
        let daemon = Daemon { host, users, http: addresses[0], stop, thread: Some(thread), _folder: folder };
        let live = |ups: &&str| {
            let snapshot = daemon.host.snapshots.load();
            snapshot.device(ups).is_some_and(|device| device.variables.contains_key("ups.status"))
        };
        wait_until("every UPS was heard", || upses.iter().all(live));
        daemon
    }

    /// A line of the simulator's control language.
    pub(crate) fn simulate(&self, ups: &str, line: &str) {
        self.host.simulator_and_wait(Principal::host(), ups, line, PATIENCE).unwrap().unwrap();
    }

    /// Power goes and comes back, and the history knows.
    pub(crate) fn outage(&self, ups: &str) {
        let feed = self.host.feed.subscribe();
        for (line, kind) in [("line off", "ups.on-battery"), ("line on", "ups.on-line")] {
            self.simulate(ups, line);
            let until = Instant::now() + PATIENCE;
            while !matches!(
                feed.next(until - Instant::now()),
                Ok(opennmc_host::host::Fed::Event(event)) if event.kind == kind && event.device == ups
            ) {
                assert!(Instant::now() < until, "no {kind}");
            }
        }
    }

    pub(crate) fn read(&self, query: &str, more: &str) -> Reader {
        Reader::begin(TcpStream::connect(self.http).unwrap(), query, more)
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

/// Something that was told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) event: String,
    pub(crate) id: Option<u64>,
    pub(crate) data: Value,
}

/// A reader of the stream.
pub(crate) struct Reader {
    pub(crate) stream: TcpStream,
    pub(crate) status: u16,
    pub(crate) head: String,
    /// Read, and still in chunks.
    raw: Vec<u8>,
    text: String,
    pub(crate) ended: bool,
}

impl Reader {
    pub(crate) fn begin(mut stream: TcpStream, query: &str, more: &str) -> Reader {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET /api/v1/stream{query} HTTP/1.1\r\nhost: localhost\r\n{more}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let (head, text) = (String::new(), String::new());
        let mut reader = Reader { stream, status: 0, head, raw: Vec::new(), text, ended: false };
        let end = loop {
            if let Some(end) = reader.raw.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            assert!(reader.more(), "no answer");
        };
        reader.head = String::from_utf8(reader.raw.drain(..end + 4).collect()).unwrap().to_ascii_lowercase();
        reader.status = reader.head.split(' ').nth(1).unwrap().parse().unwrap();
        reader
    }

    /// The next that is told; none when the stream has ended.
    pub(crate) fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if block.starts_with(':') {
                    continue;
                }
                let field = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(name));
                    line.and_then(|rest| rest.strip_prefix(": ")).map(str::to_owned)
                };
                return Some(Told {
                    event: field("event").unwrap(),
                    id: field("id").map(|id| id.parse().unwrap()),
                    data: serde_json::from_str(&field("data").unwrap()).unwrap(),
                });
            }
            if self.ended || !(self.unpack() || self.more()) {
                return None;
            }
        }
    }

    /// The next of this kind that is wanted.
    pub(crate) fn until(&mut self, event: &str, mut wanted: impl FnMut(&Told) -> bool) -> Told {
        let until = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < until, "no {event} that is wanted");
            let told = self.next().expect("the stream goes on");
            if told.event == event && wanted(&told) {
                return told;
            }
        }
    }

    /// The next event of this kind, such as `ups.on-battery`.
    pub(crate) fn happening(&mut self, kind: &str) -> Told {
        self.until("event", |told| told.data["kind"] == kind)
    }

    /// One chunk, if it is there.
    fn unpack(&mut self) -> bool {
        let Some(end) = self.raw.windows(2).position(|bytes| bytes == b"\r\n") else { return false };
        let length = usize::from_str_radix(std::str::from_utf8(&self.raw[..end]).unwrap(), 16).unwrap();
        if self.raw.len() < end + 2 + length + 2 {
            return false;
        }
        self.text.push_str(std::str::from_utf8(&self.raw[end + 2..end + 2 + length]).unwrap());
        self.raw.drain(..end + 2 + length + 2);
        self.ended |= length == 0;
        true
    }

    fn more(&mut self) -> bool {
        let mut buffer = [0; 16 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.raw.extend_from_slice(&buffer[..count]);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}"),
        }
    }
}
