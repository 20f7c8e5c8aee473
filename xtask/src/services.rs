//! Programs that run beside a task: started, watched, and always ended.
//!
//! Invariant: when a [`Services`] is dropped, or its process dies in whatever way, no program of it keeps running.
//! Everything here happens on the thread that made it, since the kernel ties a child's life to its parent's thread.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::command::{ending, last_lines};
use crate::console;

/// How often programs and signals are looked at while nothing is said.
const TICK: Duration = Duration::from_millis(50);
/// `opennmc` promises to end within 2 s; twice that on a loaded machine, and then there is something wrong.
const STOP_LIMIT: Duration = Duration::from_secs(4);
/// Enough to see what a program was doing when it died.
const KEPT_LINES: usize = 100;

/// A set of programs that live and die together.
pub(crate) struct Services {
    running: Vec<Service>,
    lines: Receiver<Line>,
    sender: Sender<Line>,
    interrupted: Arc<AtomicBool>,
    shown: bool,
}

struct Service {
    name: &'static str,
    child: Child,
    recent: VecDeque<String>,
}

struct Line {
    service: &'static str,
    text: String,
    standard_output: bool,
}

/// Why waiting for something ended without it.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

impl Services {
    /// With `shown`, every line that a program says appears on our standard output behind its name.
    ///
    /// From here on Ctrl-C, SIGTERM and SIGHUP no longer end this process but the waiting in here.
    pub(crate) fn new(shown: bool) -> Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))
                .context("could not handle signals")?;
        }
        let (sender, lines) = channel();
        Ok(Self { running: Vec::new(), lines, sender, interrupted, shown })
    }

    /// Starts one; `name` is the prefix of its lines.
    pub(crate) fn start(
        &mut self,
        name: &'static str,
        program: &OsStr,
        arguments: &[OsString],
    ) -> Result<u32> {
        self.start_with(name, program, arguments, &[])
    }

    /// As [`Self::start`], with additions to the environment.
    pub(crate) fn start_with(
        &mut self,
        name: &'static str,
        program: &OsStr,
        arguments: &[OsString],
        environment: &[(&str, OsString)],
    ) -> Result<u32> {
        // /proc/self/exe still is this program when a rebuild has replaced its file in the meantime.
        let mut child = Command::new("/proc/self/exe")
            .arg("guard")
            .arg(std::process::id().to_string())
            .arg(program)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            // A group of its own: Ctrl-C on the terminal comes to us alone and we end the others in order.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start {}", program.display()))?;
        if let Some(out) = child.stdout.take() {
            pump(out, name, true, self.sender.clone());
        }
        if let Some(err) = child.stderr.take() {
            pump(err, name, false, self.sender.clone());
        }
        let pid = child.id();
        self.running.push(Service { name, child, recent: VecDeque::new() });
        Ok(pid)
    }

    /// Waits until `name` prints a line whose first word is `ready` on its standard output.
    pub(crate) fn wait_until_ready(&mut self, name: &str, limit: Duration) -> Result<()> {
        let mut ready = false;
        self.wait(&format!("{name} to say `ready`"), limit, |said| {
            ready |= said.is_some_and(|said| {
                said.service == name && said.standard_output && said.text.split(' ').next() == Some("ready")
            });
            ready
        })
    }

    /// Waits until `condition` holds.
    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        limit: Duration,
        mut condition: impl FnMut() -> bool,
    ) -> Result<()> {
        self.wait(what, limit, |_| condition())
    }

    /// Shows what they say until one ends (an error) or a signal asks to stop (`Ok`).
    pub(crate) fn run_until_interrupted(&mut self) -> Result<()> {
        match self.wait("the end of time", Duration::MAX, |_| false) {
            Err(error) if error.is::<Interrupted>() => Ok(()),
            other => other,
        }
    }

    /// Ends all of them, the last started first, and says when one had to be killed.
    pub(crate) fn stop(&mut self) {
        while let Some(mut service) = self.running.pop() {
            if service.end(Signal::TERM, STOP_LIMIT).is_none() {
                console::notice(&format!(
                    "{} did not end within {} s of SIGTERM and was killed",
                    service.name,
                    STOP_LIMIT.as_secs()
                ));
                service.end(Signal::KILL, STOP_LIMIT);
            }
            self.take_lines();
        }
    }

    fn wait(
        &mut self,
        what: &str,
        limit: Duration,
        mut done: impl FnMut(Option<&Line>) -> bool,
    ) -> Result<()> {
        let start = Instant::now();
        loop {
            match self.lines.recv_timeout(TICK) {
                Ok(line) => {
                    let done = done(Some(&line));
                    self.keep(line);
                    if done {
                        return Ok(());
                    }
                    continue;
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if done(None) {
                return Ok(());
            }
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(Interrupted.into());
            }
            self.check_alive()?;
            if start.elapsed() > limit {
                bail!("waited {} for {what}\n{}", console::spoken(limit), self.what_they_said());
            }
        }
    }

    fn check_alive(&mut self) -> Result<()> {
        let Some(index) = self.running.iter_mut().position(|service| service.has_ended()) else {
            return Ok(());
        };
        self.take_lines();
        let mut dead = self.running.remove(index);
        let how = dead.child.wait().map_or_else(|error| error.to_string(), ending);
        bail!("{} ended by itself ({how}); its last lines:\n{}", dead.name, dead.said());
    }

    fn what_they_said(&mut self) -> String {
        self.take_lines();
        let said = |service: &Service| format!("  {} said:\n{}", service.name, service.said());
        self.running.iter().map(said).collect::<Vec<_>>().join("\n")
    }

    /// Takes what the pumps have read so far, and gives them one tick for what is still in the pipes.
    fn take_lines(&mut self) {
        while let Ok(line) = self.lines.recv_timeout(TICK) {
            self.keep(line);
        }
    }

    fn keep(&mut self, line: Line) {
        if self.shown {
            println!("{:>12} | {}", line.service, line.text);
        }
        if let Some(service) = self.running.iter_mut().find(|service| service.name == line.service) {
            if service.recent.len() == KEPT_LINES {
                service.recent.pop_front();
            }
            service.recent.push_back(line.text);
        }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Service {
    fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
    }

    fn said(&self) -> String {
        let text: Vec<&str> = self.recent.iter().map(String::as_str).collect();
        if text.is_empty() { "    (nothing)".to_owned() } else { last_lines(&text.join("\n")) }
    }

    /// Sends `signal` to the program and what it has started; gives its status if it ended in time.
    fn end(&mut self, signal: Signal, limit: Duration) -> Option<ExitStatus> {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Some(status);
        }
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            // It may have ended since; then there is nobody to signal.
            let _ = kill_process_group(pid, signal);
        }
        let start = Instant::now();
        while start.elapsed() < limit {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

fn pump(from: impl Read + Send + 'static, service: &'static str, standard_output: bool, to: Sender<Line>) {
    std::thread::spawn(move || {
        for bytes in BufReader::new(from).split(b'\n') {
            let Ok(bytes) = bytes else { break };
            let text = String::from_utf8_lossy(&bytes).trim_end_matches('\r').to_owned();
            if to.send(Line { service, text, standard_output }).is_err() {
                break;
            }
        }
    });
}
