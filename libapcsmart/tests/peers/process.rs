//! A child process that does not outlive its test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine: NUT alone spends 24 s on a UPS that is mostly silent.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(50);

/// No child is made while this is held. Between fork and exec a child has every file of this process open: one that a
/// test closes meanwhile stays open for others to see.
pub(crate) fn no_forks() -> MutexGuard<'static, ()> {
    static FORKS: Mutex<()> = Mutex::new(());
    FORKS.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; all it says goes to a file in `folder`.
    pub(crate) fn start(mut command: Command, folder: &Path, name: &str) -> Process {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).unwrap();
        let errors = output.try_clone().unwrap();
        let alone = no_forks();
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        drop(alone);
        Process { child: child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}")), log }
    }

    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub(crate) fn terminate(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    /// Polls until `found` finds something. Fails with what the process said when it ends before or time runs out.
    pub(crate) fn wait_for<T>(&mut self, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            if let Some(found) = found() {
                return found;
            }
            let ended = self.has_ended();
            assert!(ended.is_none(), "ended ({ended:?}) before {what}; it said:\n{}", self.said());
            assert!(begin.elapsed() < PATIENCE, "no sign of {what}; the process said:\n{}", self.said());
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Polls until `done`.
pub(crate) fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < PATIENCE, "it never came to this: {what}");
        std::thread::sleep(POLL);
    }
}

/// A TCP port that is free now.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
