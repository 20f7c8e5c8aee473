//! Both servers, with the same UPSes and the same user.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use opennmc_host::users::{NewUser, PasswordRules, Principal, Role, Secret, UserBase};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
/// A server that heard the LOGOUT closes at once; one that did not has nothing more to say.
const SILENCE: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(50);
const UPSD: &str = "/lib/nut/upsd";
const DUMMY_UPS: &str = "/lib/nut/dummy-ups";

pub(crate) struct Servers {
    theirs: SocketAddr,
    ours: SocketAddr,
    _processes: Vec<Killed>,
    _dir: TempDir,
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Servers {
    pub(crate) fn start() -> Servers {
        let dir = tempfile::tempdir().unwrap();
        let (daemon, ours) = start_ours(dir.path());
        // All that the UPSes have: the last that is read, and what is derived.
        wait_until("our values", || {
            let complete = |list: &str| {
                ["ups.status \"OL\"", "input.voltage.maximum"].iter().all(|value| list.contains(value))
            };
            complete(&ask(ours, "LIST VAR nodesc"))
                && complete(&ask(ours, "LIST VAR main"))
                && ask(ours, "LIST VAR main").contains("output.current")
        });
        let mut processes = vec![daemon];
        let theirs = start_theirs(dir.path(), ours, &mut processes);
        wait_until("upsd's values", || {
            ["main", "nodesc"]
                .iter()
                .all(|ups| ask(theirs, &format!("GET VAR {ups} ups.status")).contains("\"OL\""))
        });
        Servers { theirs, ours, _processes: processes, _dir: dir }
    }

    pub(crate) fn ask_both(&self, case: &str) -> (String, String) {
        (ask(self.theirs, case), ask(self.ours, case))
    }
}

fn start_ours(dir: &Path) -> (Killed, SocketAddr) {
    let (config, state, log) = (dir.join("opennmc.toml"), dir.join("state"), dir.join("log"));
    let text = format!(
        "[state]\ndir = {state:?}\n[control]\nsocket = {:?}\n[ups.main]\nport = \"sim:smart-ups-1500\"\ndescription = \"Rack A\"\n\
         [ups.nodesc]\nport = \"sim:smart-ups-rt-1000\"\n[ups.gone]\nport = \"/dev/no-such-port\"\n\
         [plugin.nut-server]\nlisten = {{ nut = [\"127.0.0.1:0\"] }}\n",
        dir.join("opennmc.sock")
    );
    std::fs::write(&config, text).unwrap();
    std::fs::create_dir(&state).unwrap();
    let user = NewUser {
        name: "admin".to_owned(),
        role: Role::Operator,
        scopes: None,
        password: Some(Secret::from("secret")),
    };
    UserBase::open(&state).unwrap().add(user, PasswordRules::KeepWeak, &Principal::host()).unwrap();
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_opennmc"));
    daemon.args(["run", "--plugins", "../target/plugins", "--config"]).arg(&config);
    daemon.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("NOTIFY_SOCKET").env("NO_COLOR", "1");
    let mut child =
        daemon.stdout(Stdio::piped()).stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    let ready = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .any(|line| line == "ready");
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(ready, "{text}");
    let port = text
        .split("nut=127.0.0.1:")
        .nth(1)
        .unwrap_or_else(|| panic!("the NUT server does not listen:\n{text}"));
    let port: u16 = port.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap();
    (Killed(child), SocketAddr::from(([127, 0, 0, 1], port)))
}

/// `gone` has a section and no driver.
fn start_theirs(dir: &Path, ours: SocketAddr, processes: &mut Vec<Killed>) -> SocketAddr {
    let folder = dir.join("nut");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o770)).unwrap();
    let mut sections = String::new();
    for ups in ["main", "nodesc"] {
        let device = folder.join(format!("{ups}.dev"));
        let values: Vec<String> =
            ask(ours, &format!("LIST VAR {ups}")).lines().filter_map(|line| value(ups, line)).collect();
        std::fs::write(&device, values.join("\n") + "\n").unwrap();
        let description = if ups == "main" { "  desc = \"Rack A\"\n" } else { "" };
        sections += format!(
            "[{ups}]\n  driver = dummy-ups\n  port = {}\n  mode = dummy-once\n{description}",
            device.display()
        )
        .as_str();
    }
    sections += "[gone]\n  driver = dummy-ups\n  port = /nowhere.dev\n";
    let address = free_address();
    std::fs::write(folder.join("ups.conf"), sections).unwrap();
    let server = format!("LISTEN {} {}\nSTATEPATH {}\n", address.ip(), address.port(), folder.display());
    std::fs::write(folder.join("upsd.conf"), server).unwrap();
    std::fs::write(folder.join("upsd.users"), "[admin]\n  password = secret\n  actions = SET\n  actions = FSD\n  instcmds = ALL\n  upsmon primary\n").unwrap();
    let mut start = |program: &str, arguments: &[&str]| {
        assert!(Path::new(program).exists(), "{program} is not installed: `cargo xtask setup` installs it");
        let mut command = Command::new(program);
        command.args(arguments).env("NUT_CONFPATH", &folder).env("NUT_STATEPATH", &folder);
        // As root both would change to a user who can't read the folder.
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "root"]);
        }
        processes.push(Killed(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()));
    };
    for ups in ["main", "nodesc"] {
        start(DUMMY_UPS, &["-F", "-a", ups]);
        let socket = folder.join(format!("dummy-ups-{ups}"));
        wait_until("dummy-ups", || socket.exists());
    }
    start(UPSD, &["-F"]);
    wait_until("upsd", || TcpStream::connect(address).is_ok());
    address
}

/// `VAR main name "value"` as dummy-ups reads it; its own are its own.
fn value(ups: &str, line: &str) -> Option<String> {
    let (name, value) = line.strip_prefix(&format!("VAR {ups} "))?.split_once(' ')?;
    let value = value.trim_matches('"').replace("\\\"", "\"").replace("\\\\", "\\");
    (!name.starts_with("driver.")).then(|| format!("{name}: {value}"))
}

/// All that comes back to the lines of a case, on a connection of its own.
fn ask(address: SocketAddr, case: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let mut bytes = Vec::new();
    for line in case.split(" | ") {
        bytes.extend(unescaped(line));
        bytes.push(b'\n');
    }
    // A backslash at the very end joins the empty line to it.
    bytes.extend(b"\nLOGOUT\n");
    let _ = stream.write_all(&bytes);
    // Nothing more will come; what was asked is answered all the same, whatever it has to wait for.
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// `{HH}` is a byte.
fn unescaped(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find('{') {
        bytes.extend(&rest.as_bytes()[..at]);
        match rest.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if rest.as_bytes().get(at + 3) == Some(&b'}') => {
                bytes.push(byte);
                rest = &rest[at + 4..];
            }
            _ => {
                bytes.push(b'{');
                rest = &rest[at + 1..];
            }
        }
    }
    bytes.extend(rest.as_bytes());
    bytes
}

fn free_address() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap()
}

fn wait_until(what: &str, is: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < until, "{what} did not come");
        std::thread::sleep(LOOK);
    }
}
