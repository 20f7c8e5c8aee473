//! The compiler as a child process: what a stranger's component does to the compiler, it does to a process that has limits
//! and ends.
//!
//! The parent writes the component to the child's standard input and reads the compiled form from its standard output. It
//! waits on the plugin's own thread, and breaks off when the plugin is to stop. [`serve`] is the child's side.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::Target;

/// A package's largest component takes a fraction of this on the slowest machine that compiles.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often a wait looks whether the plugin is to stop.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// Compiled code is some times as large as the component.
const COMPILED_BYTES: usize = 256 << 20;
/// A sentence, and the part of a panic that says where.
const COMPLAINT_BYTES: usize = 2 << 10;

/// Compiles `wasm` with `program`. `Err` is a sentence.
pub(super) fn compile(
    program: &Path,
    target: Target,
    wasm: &[u8],
    stop: &AtomicBool,
) -> Result<Vec<u8>, String> {
    let child = Command::new(program)
        .args(["compile", "--target", target.name()])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("the compiler {} can't be started: {error}", program.display()))?;
    let mut child = Reaped(child);
    let streams = (child.0.stdin.take(), child.0.stdout.take(), child.0.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(stderr)) = streams else {
        return Err("the compiler's pipes are gone".to_owned());
    };
    thread::scope(|scope| {
        scope.spawn(move || {
            // A child that reads no further says on standard error why. Its end closes the pipe and ends this.
            let _ = stdin.write_all(wasm);
        });
        let collected = collect(stdout, stderr, stop);
        if collected.is_err() {
            child.kill();
        }
        let (compiled, complaint) = collected?;
        let status = child.0.wait().map_err(|error| format!("the compiler is lost: {error}"))?;
        if status.success() {
            return Ok(compiled);
        }
        let complaint = String::from_utf8_lossy(&complaint);
        let complaint = complaint.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        Err(match complaint.strip_prefix("opennmc: ") {
            Some(reason) => reason.to_owned(),
            // A limit shows as a signal, or as an allocation that failed.
            None => format!("the compiler gave up ({status}): {complaint}"),
        })
    })
}

/// Both streams to their ends.
fn collect(
    mut stdout: impl Read + std::os::fd::AsFd,
    mut stderr: impl Read + std::os::fd::AsFd,
    stop: &AtomicBool,
) -> Result<(Vec<u8>, Vec<u8>), String> {
    let began = Instant::now();
    let (mut compiled, mut complaint) = (Vec::new(), Vec::new());
    let (mut out_open, mut err_open) = (true, true);
    while out_open || err_open {
        if stop.load(SeqCst) {
            return Err("compiling was broken off".to_owned());
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("compiling takes longer than {} s", PATIENCE.as_secs()));
        }
        let (out, err) = {
            let mut streams = [PollFd::new(&stdout, PollFlags::IN), PollFd::new(&stderr, PollFlags::IN)];
            // A stream at its end would be ready for ever.
            let streams = match (out_open, err_open) {
                (true, true) => &mut streams[..],
                (true, false) => &mut streams[..1],
                _ => &mut streams[1..],
            };
            match poll(streams, Some(&LOOK)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(format!("the compiler is lost: {error}")),
            }
            let ready = |index: usize| streams.get(index).is_some_and(|stream| !stream.revents().is_empty());
            if out_open { (ready(0), ready(1)) } else { (false, ready(0)) }
        };
        if out {
            out_open =
                take(&mut stdout, &mut compiled).map_err(|error| format!("the compiler is lost: {error}"))?;
            if compiled.len() > COMPILED_BYTES {
                return Err(format!("the compiled form is larger than {} MiB", COMPILED_BYTES >> 20));
            }
        }
        if err {
            err_open = take(&mut stderr, &mut complaint)
                .map_err(|error| format!("the compiler is lost: {error}"))?;
            complaint.truncate(COMPLAINT_BYTES);
        }
    }
    Ok((compiled, complaint))
}

/// What is there now; false at the end.
fn take(stream: &mut impl Read, into: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 64 << 10];
    let count = stream.read(&mut buffer)?;
    into.extend_from_slice(&buffer[..count]);
    Ok(count > 0)
}

/// Never leaves a zombie.
struct Reaped(Child);

impl Reaped {
    fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The child: compiles what comes from `input` under limits that this process puts on itself, and writes it to `output`.
#[cfg(feature = "compiler")]
pub(crate) fn serve(target: Target, mut input: impl Read, mut output: impl Write) -> Result<(), String> {
    confine().map_err(|error| format!("the compiler can't put limits on itself: {error}"))?;
    let mut wasm = Vec::new();
    input.read_to_end(&mut wasm).map_err(|error| format!("no component: {error}"))?;
    let compiled = target
        .config()
        .and_then(|config| wasmtime::Engine::new(&config))
        .and_then(|engine| engine.precompile_component(&wasm))
        .map_err(|error| format!("{error:#}").replace('\n', " "))?;
    output
        .write_all(&compiled)
        .and_then(|()| output.flush())
        .map_err(|error| format!("nobody reads: {error}"))
}

/// Nothing that a component can do to the compiler costs more than this.
#[cfg(feature = "compiler")]
fn confine() -> rustix::io::Result<()> {
    use rustix::process::{
        DumpableBehavior, Resource, Rlimit, Signal, set_dumpable_behavior, set_parent_process_death_signal,
        setrlimit,
    };

    /// Cranelift takes some hundred bytes for each byte of a large component.
    const ADDRESS_SPACE: u64 = if cfg!(target_pointer_width = "64") { 3 << 30 } else { 1 << 30 };
    const PROCESSOR_SECONDS: u64 = 120;

    let most = |amount| Rlimit { current: Some(amount), maximum: Some(amount) };
    set_parent_process_death_signal(Some(Signal::KILL))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::thread::set_no_new_privs(true)?;
    setrlimit(Resource::As, most(ADDRESS_SPACE))?;
    setrlimit(Resource::Cpu, most(PROCESSOR_SECONDS))?;
    // It can open nothing: it reads one pipe and writes another.
    setrlimit(Resource::Fsize, most(COMPILED_BYTES as u64))?;
    setrlimit(Resource::Core, most(0))?;
    setrlimit(Resource::Nofile, most(3))
}
