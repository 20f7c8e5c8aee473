//! A folder with a configuration, and the program run in it.

#![allow(dead_code, reason = "each test program uses its part")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Far more than anything here takes; a test that gets here is stuck.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn opennmc() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opennmc"));
    command
        .env_remove("OPENNMC_LOG")
        .env_remove("NOTIFY_SOCKET")
        .env_remove("JOURNAL_STREAM")
        .env_remove("OPENNMC_SOCKET");
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder with an `opennmc.toml` that says `text`, and state beside it.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn with(text: &str) -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        let state = format!("[state]\ndir = \"{}\"\n", place.dir().join("state").display());
        let socket = format!("[control]\nsocket = \"{}\"\n", place.socket().display());
        let text = match text.contains("[control]\n") {
            true => text.replace("[control]\n", &socket),
            false => format!("{text}{socket}"),
        };
        std::fs::write(place.config(), format!("{state}{text}")).unwrap();
        place
    }

    pub(crate) fn simulated() -> Place {
        Place::with("[ups.main]\nport = \"sim:smart-ups-1500\"\n")
    }

    pub(crate) fn dir(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir().join("opennmc.toml")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir().join("opennmc.sock")
    }

    /// A command that talks to the daemon of this place.
    pub(crate) fn client(&self, words: &[&str]) -> Command {
        let mut command = opennmc();
        command.args(words).arg("--socket").arg(self.socket()).arg("--config").arg(self.config());
        command.stdin(Stdio::null());
        command
    }

    /// Lets the mains fail for the simulated UPS.
    pub(crate) fn outage(&self) {
        let output = self.client(&["simulate", "line", "off"]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    pub(crate) fn check(&self) -> Output {
        opennmc().arg("check").arg("--config").arg(self.config()).output().unwrap()
    }

    pub(crate) fn run(&self) -> Command {
        let mut command = opennmc();
        command.arg("run").arg("--config").arg(self.config()).stdout(Stdio::piped());
        command
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir().join("log")).unwrap()
    }
}

/// A daemon that was started and is ready. Killed when the test fails before [`Daemon::end`].
pub(crate) struct Daemon(Child);

impl Daemon {
    pub(crate) fn start(place: &Place, mut command: Command) -> Daemon {
        command.stderr(File::create(place.dir().join("log")).unwrap());
        let mut daemon = Daemon(command.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(daemon.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "log:\n{}", place.log());
        daemon
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Waits for the end; gives the exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It has ended already when the test went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
