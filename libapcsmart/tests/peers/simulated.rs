//! A running `apcsmart-sim`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::process::Process;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_apcsmart-sim");

pub(crate) struct Simulated {
    pub(crate) process: Process,
    pub(crate) ready: String,
    folder: TempDir,
}

impl Simulated {
    /// A UPS on a pseudo-terminal, with a control socket.
    pub(crate) fn start<I: AsRef<OsStr>>(model: &str, more: impl IntoIterator<Item = I>) -> Simulated {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["--model", model]);
        command.arg("--pty").arg(folder.path().join("ups"));
        command.arg("--control").arg(folder.path().join("control"));
        command.args(more);
        let mut process = Process::start(command, folder.path(), "apcsmart-sim");
        let log = folder.path().join("apcsmart-sim.log");
        let ready = process.wait_for("`ready`", || {
            let said = std::fs::read_to_string(&log).unwrap();
            said.lines().find(|line| line.starts_with("ready")).map(str::to_owned)
        });
        Simulated { process, ready, folder }
    }

    pub(crate) fn link(&self) -> PathBuf {
        self.folder.path().join("ups")
    }

    /// Where it serves TCP, when it was told to.
    pub(crate) fn tcp(&self) -> String {
        self.ready.split(' ').find_map(|word| word.strip_prefix("tcp=")).unwrap().to_owned()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("control")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// One control line with a one-line answer.
    pub(crate) fn control(&self, line: &str) -> String {
        self.lines(line, |_| true).remove(0)
    }

    /// A control line with a block as its answer.
    pub(crate) fn block(&self, line: &str) -> Vec<String> {
        let mut lines = self.lines(line, str::is_empty);
        lines.pop();
        lines
    }

    pub(crate) fn truth(&self) -> BTreeMap<String, String> {
        let lines = self.block("truth");
        let pairs = lines.iter().map(|line| line.split_once(": ").unwrap());
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.control(&format!("get {name}")).parse().unwrap()
    }

    fn lines(&self, line: &str, is_last: impl Fn(&str) -> bool) -> Vec<String> {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(super::process::PATIENCE)).unwrap();
        stream.write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut lines = Vec::new();
        for received in BufReader::new(stream).lines() {
            let received = received.unwrap();
            let last = is_last(&received);
            lines.push(received);
            if last {
                return lines;
            }
        }
        panic!("the control socket closed in the middle of its answer to `{line}`: {lines:?}");
    }
}
