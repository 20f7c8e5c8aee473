//! The daemon as a service: whose rights it has, who watches over it, where it logs, and the unit that systemd reads.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

/// Far more than anything here takes; a test that gets here is stuck.
const PATIENCE: Duration = Duration::from_secs(60);
/// Every Linux has this user, and it owns nothing.
const USER: &str = "nobody";

struct Scene {
    dir: TempDir,
    daemon: Option<Child>,
}

impl Scene {
    fn new(text: &str) -> Scene {
        let dir = tempfile::tempdir().unwrap();
        // Other users must get through to their own folder in it.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let config = format!(
            "[state]\ndir = \"{0}/state\"\n[ups.main]\nport = \"sim:smart-ups-1500\"\n{1}",
            dir.path().display(),
            text.replace("DIR", &dir.path().display().to_string())
        );
        std::fs::write(dir.path().join("opennmc.toml"), config).unwrap();
        Scene { dir, daemon: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opennmc"));
        command.arg("run").arg("--config").arg(self.path("opennmc.toml")).stdout(Stdio::piped());
        command.env_remove("OPENNMC_LOG").env_remove("NOTIFY_SOCKET").env_remove("JOURNAL_STREAM");
        command
    }

    fn start(mut self) -> Scene {
        let log = std::fs::File::create(self.path("stderr")).unwrap();
        let mut daemon = self.command().stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.daemon = Some(daemon);
        assert_eq!(line, "ready\n", "{}", self.stderr());
        self
    }

    fn stderr(&self) -> String {
        std::fs::read_to_string(self.path("stderr")).unwrap()
    }

    fn pid(&self) -> u32 {
        self.daemon.as_ref().unwrap().id()
    }

    /// A line of the kernel's description of the process.
    fn kernel_says(&self, key: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(&format!("{key}:"))).unwrap();
        line[key.len() + 1..].split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn wait_until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < PATIENCE, "still waiting until {what}:\n{}", self.stderr());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn signal(&mut self, signal: Signal) {
        let daemon = self.daemon.as_mut().unwrap();
        kill_process(Pid::from_child(daemon), signal).unwrap();
        daemon.wait().unwrap();
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

fn is_root() -> bool {
    geteuid().is_root()
}

#[test]
fn a_daemon_that_root_starts_becomes_its_user_and_keeps_low_ports_only() {
    let scene = Scene::new(&format!("[service]\nuser = \"{USER}\"\n"));
    if !is_root() {
        // Only root can give up root: everybody else is told so.
        let output = scene.command().output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert!(String::from_utf8_lossy(&output.stderr).contains("only root can become another user"));
        return;
    }
    let scene = scene.start();
    let nobody = nix::unistd::User::from_name(USER).unwrap().unwrap();
    let (uid, gid) = (nobody.uid, nobody.gid);
    assert_eq!(scene.kernel_says("Uid"), format!("{uid} {uid} {uid} {uid}"));
    assert_eq!(scene.kernel_says("Gid"), format!("{gid} {gid} {gid} {gid}"));
    assert_eq!(scene.kernel_says("Groups"), gid.to_string());
    assert_eq!(scene.kernel_says("NoNewPrivs"), "1");
    // CAP_NET_BIND_SERVICE is the tenth.
    assert_eq!(scene.kernel_says("CapEff"), format!("{:016x}", 1 << 10));
    assert_eq!(scene.kernel_says("CapPrm"), format!("{:016x}", 1 << 10));
    assert_eq!(std::fs::metadata(scene.path("state")).unwrap().uid(), uid.as_raw());
    // Every thread, not just the first: each one has rights of its own.
    for thread in std::fs::read_dir(format!("/proc/{}/task", scene.pid())).unwrap() {
        let status = std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        assert!(status.contains(&format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}")), "{status}");
    }
}

#[test]
fn a_state_folder_that_somebody_else_filled_is_not_taken() {
    if !is_root() {
        return;
    }
    let scene = Scene::new(&format!("[service]\nuser = \"{USER}\"\n"));
    std::fs::create_dir(scene.path("state")).unwrap();
    std::fs::write(scene.path("state/users.toml"), "").unwrap();
    let output = scene.command().output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("chown -R nobody"), "{said}");
}

#[test]
fn an_unknown_user_and_root_itself_are_refused() {
    for (user, words) in [("no-such-user", "there is no such user"), ("root", "is root")] {
        let scene = Scene::new(&format!("[service]\nuser = \"{user}\"\n"));
        let output = scene.command().output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn the_watchdog_is_fed_by_a_loop_that_turns_and_hears_farewell_at_a_clean_end() {
    let scene = Scene::new("[service]\nwatchdog = \"DIR/watchdog\"\n");
    let fed = scene.path("watchdog");
    std::fs::write(&fed, "").unwrap();
    let length = |path: &Path| std::fs::metadata(path).unwrap().len();
    let mut scene = scene.start();
    scene.wait_until("it was fed three times", || length(&fed) >= 3);
    // A loop that hangs feeds nobody.
    kill_process(Pid::from_child(scene.daemon.as_ref().unwrap()), Signal::STOP).unwrap();
    scene.wait_until("it has stopped", || scene.kernel_says("State").starts_with('T'));
    let while_stopped = length(&fed);
    kill_process(Pid::from_child(scene.daemon.as_ref().unwrap()), Signal::CONT).unwrap();
    scene.wait_until("it is fed again", || length(&fed) > while_stopped);
    scene.signal(Signal::TERM);
    let bytes = std::fs::read(&fed).unwrap();
    assert_eq!(bytes.last(), Some(&b'V'));
    assert_eq!(bytes.iter().filter(|byte| **byte == b'V').count(), 1);
}

#[test]
fn a_killed_daemon_says_no_farewell_to_the_watchdog() {
    let scene = Scene::new("[service]\nwatchdog = \"DIR/watchdog\"\n");
    let fed = scene.path("watchdog");
    std::fs::write(&fed, "").unwrap();
    let mut scene = scene.start();
    scene.wait_until("it was fed", || !std::fs::read(&fed).unwrap().is_empty());
    scene.signal(Signal::KILL);
    assert!(!std::fs::read(&fed).unwrap().contains(&b'V'));
}

#[test]
fn a_watchdog_that_can_not_be_opened_does_not_keep_the_ups_from_being_watched() {
    let scene = Scene::new("[service]\nwatchdog = \"DIR/missing\"\n").start();
    let said = scene.stderr();
    assert!(said.contains("can't open the watchdog"), "{said}");
}

#[test]
fn the_log_goes_into_a_file_that_is_put_aside_when_it_is_full() {
    let scene = Scene::new("[log]\nfile = \"DIR/log\"\nmax-size-kib = 16\nkeep = 2\n");
    // What an earlier run left: a full file, and two older ones.
    std::fs::write(scene.path("log"), vec![b'\n'; 16 * 1024]).unwrap();
    std::fs::write(scene.path("log.1"), "older\n").unwrap();
    std::fs::write(scene.path("log.2"), "oldest\n").unwrap();
    let scene = scene.start();
    scene.wait_until("the full file was put aside", || {
        std::fs::read_to_string(scene.path("log.2")).is_ok_and(|text| text == "older\n")
    });
    scene.wait_until("the UPS is in the log", || {
        std::fs::read_to_string(scene.path("log")).is_ok_and(|text| text.contains("UPS main answers"))
    });
    assert_eq!(scene.stderr(), "");
    for name in ["log", "log.1", "log.2"] {
        assert!(std::fs::metadata(scene.path(name)).unwrap().len() <= 16 * 1024, "{name}");
    }
    assert!(!scene.path("log.3").exists());
}

#[test]
fn systemd_finds_no_fault_with_the_unit_and_calls_it_well_shielded() {
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    let unit = std::fs::read_to_string(packaging.join("opennmc.service")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("opennmc.service");
    // What an installation has and a build folder has not.
    let installed = unit
        .replace("/usr/bin/opennmc", env!("CARGO_BIN_EXE_opennmc"))
        .replace("Documentation=man:opennmc(1)\n", "");
    std::fs::write(&copy, installed).unwrap();
    let analyze = |arguments: &[&str]| {
        let output = Command::new("systemd-analyze").args(arguments).arg(&copy).output();
        output.expect("systemd-analyze is needed: apt-get install systemd")
    };
    let verified = analyze(&["verify"]);
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    let about_us: Vec<&str> = said.lines().filter(|line| line.contains("opennmc.service")).collect();
    assert_eq!(about_us, [""; 0], "{said}");
    let shielded = analyze(&["security", "--offline=true", "--threshold=25"]);
    assert!(shielded.status.success(), "{}", String::from_utf8_lossy(&shielded.stdout));
}

/// Runs `opennmc WORDS` for the daemon of this scene.
fn client(scene: &Scene, words: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opennmc"));
    command.args(words).arg("--config").arg(scene.path("opennmc.toml")).env_remove("OPENNMC_SOCKET");
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn a_daemon_that_starts_anew_keeps_its_rights_its_number_and_its_watchdog() {
    if !is_root() {
        return;
    }
    let scene = Scene::new(&format!(
        "[control]\nsocket = \"DIR/state/socket\"\n[service]\nuser = \"{USER}\"\nwatchdog = \"DIR/watchdog\"\n"
    ));
    // Only root can open it, as a device of the machine.
    std::fs::write(scene.path("watchdog"), "").unwrap();
    std::fs::set_permissions(scene.path("watchdog"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut scene = scene.start();
    let rights = ["Uid", "Gid", "Groups", "NoNewPrivs", "CapEff", "CapPrm", "CapInh", "CapAmb"];
    let before = rights.map(|key| scene.kernel_says(key));
    let file = scene.path("backup").display().to_string();
    for words in [&["backup", &file][..], &["restore", &file, "--yes"]] {
        let output = client(&scene, words);
        assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stderr), scene.stderr());
    }
    assert!(scene.stderr().contains("is restored for root"), "{}", scene.stderr());
    assert_eq!(rights.map(|key| scene.kernel_says(key)), before);
    assert_eq!(scene.kernel_says("CapAmb"), "0000000000000000", "nothing that it starts has any right");
    let fed = std::fs::read(scene.path("watchdog")).unwrap();
    assert!(!fed.contains(&b'V'), "the machine is watched all the time");
    scene.wait_until("the new start feeds it", || {
        std::fs::metadata(scene.path("watchdog")).unwrap().len() > fed.len() as u64 + 2
    });
    scene.signal(Signal::TERM);
    assert!(std::fs::read(scene.path("watchdog")).unwrap().ends_with(b"V"), "it says farewell at the end");
}
