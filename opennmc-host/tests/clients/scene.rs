//! The programs that play together, each killed when the scene is dropped.

use std::fs::{File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use opennmc_host::users::{NewUser, PasswordRules, Principal, Role, Scope, Secret, UserBase};
use tempfile::TempDir;

/// Far more than anything here takes; a test that gets here is stuck.
const PATIENCE: Duration = Duration::from_secs(60);
/// Who owns nothing, everywhere.
const NOBODY: u32 = 65_534;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// A simulated UPS, the daemon that serves it, and the port on which NUT clients find it.
pub(crate) struct Scene {
    dir: TempDir,
    port: u16,
    _daemon: Killed,
    _simulator: Killed,
}

/// A program that ends with its test.
pub(crate) struct Killed(Child);

/// A running `upsmon`.
pub(crate) struct Upsmon {
    folder: PathBuf,
    _process: Killed,
}

impl Upsmon {
    /// Whether it ran its SHUTDOWNCMD: `yes` or `no`.
    pub(crate) fn has_shut_down(&self) -> String {
        let ran = self.folder.join("shut-down").exists();
        if ran { "yes" } else { "no" }.to_owned()
    }

    /// When it ran its SHUTDOWNCMD.
    pub(crate) fn when_it_shut_down(&self) -> std::time::SystemTime {
        std::fs::metadata(self.folder.join("shut-down")).unwrap().modified().unwrap()
    }

    /// What it has printed.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// The folder with its configuration.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Scene {
    /// Starts everything and waits until the daemon is ready.
    pub(crate) fn start() -> Scene {
        Scene::with_users(&[])
    }

    /// The same, with users: name, password, role, and the scopes that narrow it.
    pub(crate) fn with_users(users: &[(&str, &str, Role, &str)]) -> Scene {
        Scene::with(users, "")
    }

    /// The same, with more in the configuration.
    pub(crate) fn with(users: &[(&str, &str, Role, &str)], more: &str) -> Scene {
        let dir = tempfile::tempdir().unwrap();
        make_users(&dir.path().join("state"), users);
        let (tty, control) = (dir.path().join("ups"), dir.path().join("control"));
        let simulator = simulator("smart-ups-1500", &tty, &control);

        let config = dir.path().join("opennmc.toml");
        let state = dir.path().join("state");
        let socket = dir.path().join("opennmc.sock");
        let text = format!(
            "[state]\ndir = {state:?}\n[control]\nsocket = {socket:?}\n[ups.main]\nport = {tty:?}\ndescription = \"Rack A\"\n\
             [plugin.nut-server]\nlisten = {{ nut = [\"127.0.0.1:0\"] }}\n{more}"
        );
        std::fs::write(&config, text).unwrap();
        let log = dir.path().join("log");
        let mut daemon = Command::new(env!("CARGO_BIN_EXE_opennmc"));
        daemon.arg("run").arg("--config").arg(&config).arg("--plugins").arg(packages());
        daemon.env_remove("NOTIFY_SOCKET").env_remove("OPENNMC_LOG").env("NO_COLOR", "1");
        let daemon = ready(&mut daemon, File::create(&log).unwrap().into());
        let text = std::fs::read_to_string(&log).unwrap();
        let port = text
            .split("nut=127.0.0.1:")
            .nth(1)
            .unwrap_or_else(|| panic!("the NUT server does not listen:\n{text}"));
        let port = port.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap();
        Scene { dir, port, _daemon: daemon, _simulator: simulator }
    }

    /// Waits until it is known what can be set, and to what: that comes after most of what is.
    pub(crate) fn wait_for_choices(&self) {
        until("what can be set", || self.upsrw(&[]), |out| out.contains("[input.sensitivity]"));
    }

    /// Where NUT's clients find it.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What `upsc` says of its connection besides the values.
    pub(crate) fn upsc_remarks(&self, arguments: &[&str]) -> String {
        text(&self.run_upsc(arguments).stderr)
    }

    /// One line of the simulator's control language, and its answer.
    pub(crate) fn control(&self, line: &str) -> String {
        tell_simulator(&self.dir.path().join("control"), line)
    }

    /// What `opennmc` says to these words, and whether it succeeded.
    pub(crate) fn opennmc(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opennmc"));
        command.args(arguments).env("OPENNMC_SOCKET", self.dir.path().join("opennmc.sock"));
        let output = run_to_its_end(&mut command);
        (output.status.success(), text(&output.stdout) + text(&output.stderr).as_str())
    }

    /// What the daemon has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// What `upsc` prints; empty when it fails.
    pub(crate) fn upsc(&self, arguments: &[&str]) -> String {
        text(&self.run_upsc(arguments).stdout)
    }

    /// The error that `upsc` ends with; empty when it does not fail.
    pub(crate) fn upsc_error(&self, arguments: &[&str]) -> String {
        let output = self.run_upsc(arguments);
        if output.status.success() {
            return String::new();
        }
        text(&output.stderr).lines().find(|line| line.starts_with("Error")).unwrap_or_default().to_owned()
    }

    /// The first line that `upslog` writes.
    pub(crate) fn upslog(&self) -> String {
        let mut upslog = Command::new(peer("upslog", "nut-client"));
        upslog.args(["-i", "1", "-l", "-", "-s"]).arg(format!("main@127.0.0.1:{}", self.port));
        let child = upslog.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut child = Killed(child);
        let lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map_while(Result::ok);
        lines.into_iter().find(|line| line.starts_with("20")).expect("upslog ended without a line")
    }

    /// What `nut-scanner` finds.
    pub(crate) fn nut_scanner(&self) -> String {
        let mut scanner = Command::new(peer("nut-scanner", "nut-client"));
        scanner.args(["-O", "-s", "127.0.0.1", "-e", "127.0.0.1", "-p"]).arg(self.port.to_string());
        text(&scanner.output().unwrap().stdout)
    }

    /// What `upscmd` says, on either output.
    pub(crate) fn upscmd(&self, options: &[&str], command: &[&str]) -> String {
        self.run_tool("upscmd", options, command)
    }

    /// What `upsrw` says, on either output.
    pub(crate) fn upsrw(&self, options: &[&str]) -> String {
        self.run_tool("upsrw", options, &[])
    }

    fn run_tool(&self, name: &str, options: &[&str], rest: &[&str]) -> String {
        let mut tool = Command::new(peer(name, "nut-client"));
        tool.args(options).arg(format!("main@127.0.0.1:{}", self.port)).args(rest).stdin(Stdio::null());
        let output = tool.output().unwrap();
        text(&output.stdout) + text(&output.stderr).as_str()
    }

    /// Debian's `upsmon` in a folder of its own, as the machine `name` that `main` feeds.
    pub(crate) fn upsmon(&self, name: &str, user: &str, password: &str, kind: &str) -> Upsmon {
        self.upsmon_with(self.folder(name), user, password, kind, "")
    }

    /// A folder of this scene, made anew.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.dir.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        folder
    }

    /// The same, with more in its configuration. The server is `localhost`, the name that certificates are made for.
    pub(crate) fn upsmon_with(
        &self,
        folder: PathBuf,
        user: &str,
        password: &str,
        kind: &str,
        more: &str,
    ) -> Upsmon {
        let shown = folder.display();
        let config = format!(
            "MONITOR main@localhost:{} 1 {user} {password} {kind}\nMINSUPPLIES 1\nPOLLFREQ 1\nPOLLFREQALERT 1\n\
             HOSTSYNC 15\nDEADTIME 15\nFINALDELAY 0\nSHUTDOWNCMD \"touch {shown}/shut-down\"\n\
             POWERDOWNFLAG {shown}/killpower\n{more}",
            self.port
        );
        std::fs::write(folder.join("upsmon.conf"), config).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let mut upsmon = Command::new(upsmon_program());
        // In the foreground and without a second process for the shutdown.
        upsmon.args(["-F", "-D", "-p"]);
        // As root it would keep a second one from starting, by a file of which no option says where it is.
        if rustix::process::geteuid().is_root() {
            for folder in [self.dir.path(), &folder] {
                std::fs::set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
            }
            upsmon.uid(NOBODY).gid(NOBODY);
        }
        for variable in ["NUT_CONFPATH", "NUT_STATEPATH", "NUT_PIDPATH", "NUT_ALTPIDPATH"] {
            upsmon.env(variable, &folder);
        }
        let (output, errors) = (log.try_clone().unwrap(), log);
        let process = upsmon.stdin(Stdio::null()).stdout(output).stderr(errors).spawn().unwrap();
        Upsmon { folder, _process: Killed(process) }
    }

    fn run_upsc(&self, arguments: &[&str]) -> Output {
        let server = format!("127.0.0.1:{}", self.port);
        let mut upsc = Command::new(peer("upsc", "nut-client"));
        match arguments {
            [option @ ("-l" | "-L")] => upsc.args([option, server.as_str()]),
            ["-c", ups] => upsc.arg("-c").arg(format!("{ups}@{server}")),
            [ups, rest @ ..] => upsc.arg(format!("{ups}@{server}")).args(rest),
            [] => &mut upsc,
        };
        upsc.output().unwrap()
    }
}

/// The program itself: Debian's `upsmon` on the path is a script that wants /etc/nut to say that it is wanted.
pub(crate) fn upsmon_program() -> &'static str {
    let places = ["/lib/nut/upsmon", "/usr/lib/nut/upsmon"];
    let program = places.into_iter().find(|place| Path::new(place).exists());
    program.unwrap_or_else(|| panic!("install nut-client for {places:?}"))
}

/// As `opennmc user add` makes them while no daemon runs.
fn make_users(state: &Path, users: &[(&str, &str, Role, &str)]) {
    std::fs::create_dir_all(state).unwrap();
    let base = UserBase::open(state).unwrap();
    for (name, password, role, scopes) in users {
        let scopes: Vec<Scope> = scopes.split_whitespace().map(|scope| scope.parse().unwrap()).collect();
        let new = NewUser {
            name: (*name).to_owned(),
            role: *role,
            scopes: Some(scopes).filter(|scopes| !scopes.is_empty()),
            password: Some(Secret::from(*password)),
        };
        base.add(new, PasswordRules::Strict, &Principal::host()).unwrap();
    }
}

/// Asks until the answer fits.
pub(crate) fn until(wanted: &str, mut ask: impl FnMut() -> String, fits: impl Fn(&str) -> bool) -> String {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = ask();
        if fits(&answer) {
            return answer;
        }
        assert!(Instant::now() < end, "{wanted} did not come; the last answer was {answer:?}");
        std::thread::sleep(LOOK);
    }
}

/// Runs a program to its end; one that does not come to it is killed, and the test fails.
pub(crate) fn run_to_its_end(command: &mut Command) -> Output {
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}; `cargo xtask setup` helps"));
    let pid = rustix::process::Pid::from_child(&child);
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || ended.send(child.wait_with_output()));
    end.recv_timeout(PATIENCE).map(Result::unwrap).unwrap_or_else(|_| {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        panic!("{command:?} is stuck");
    })
}

/// A simulated UPS on a pseudo-terminal.
pub(crate) fn simulator(model: &str, tty: &Path, control: &Path) -> Killed {
    let mut simulator = Command::new(built("apcsmart-sim"));
    simulator.args(["--model", model, "--pace", "--pty"]).arg(tty).arg("--control").arg(control);
    ready(&mut simulator, Stdio::inherit())
}

/// One line to the simulator whose socket this is, and its answer.
pub(crate) fn tell_simulator(control: &Path, line: &str) -> String {
    let mut stream = UnixStream::connect(control).unwrap();
    stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    // `truth` is answered by a block that an empty line ends, everything else by one line.
    match line {
        "truth" => lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n"),
        _ => lines.next().unwrap_or_default(),
    }
}

/// Starts a program and waits for its line `ready`.
fn ready(command: &mut Command, stderr: Stdio) -> Killed {
    let child = command.stdout(Stdio::piped()).stderr(stderr).spawn();
    let mut child = Killed(child.unwrap_or_else(|error| panic!("{command:?}: {error}")));
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("ready"), "{command:?} said {line:?}");
    child
}

/// A program of the workspace, built beside `opennmc`.
fn built(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_opennmc")).with_file_name(name);
    assert!(path.exists(), "{} is missing: run `cargo xtask build` first", path.display());
    path
}

/// The folder of the packed plugins.
fn packages() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_opennmc")).ancestors().nth(2).unwrap().join("plugins");
    let packed = std::fs::read_dir(&target).into_iter().flatten().flatten();
    let found =
        packed.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("nut-server-"));
    assert!(found, "no nut-server package in {}: run `cargo xtask build` first", target.display());
    target
}

/// A client program of Debian's.
fn peer(name: &str, package: &str) -> String {
    let found = ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/sbin"]
        .iter()
        .any(|folder| Path::new(folder).join(name).exists());
    assert!(found, "{name} is missing: `apt-get install {package}`, or `cargo xtask setup`");
    name.to_owned()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
