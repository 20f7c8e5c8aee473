//! `cargo xtask bench scripts`: what ten scripts cost while nothing happens.
//!
//! A daemon without scripts and one with the first ten of the gallery (`plugins/scripts`), one after the other, both with a
//! simulated UPS on line power. None of the ten has a timer while nothing happens, but for those of the calendar. What is said of memory is the difference between the two. A thread that wakes up leaves
//! the processor of its own accord when it goes to sleep again; the kernel counts that, thread by thread.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use crate::services::Services;
use crate::workspace::{Profile, Workspace};
use crate::{build, console};

/// 6 MB.
const MEMORY_TARGET_MIB: f64 = 5.72;
const START_LIMIT: Duration = Duration::from_secs(60);
/// Until the UPS was read and everybody has heard that it answers; one script looks at it 30 s later, once.
const SETTLING: Duration = Duration::from_secs(45);
const TEN: usize = 10;
/// What the names of scripts' threads begin with.
const THREAD: &str = "script.";

/// What `cargo xtask bench scripts` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long wake-ups are counted, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Fail when a target is missed.
    #[arg(long)]
    enforce: bool,
}

#[derive(Serialize)]
struct Report {
    scripts: usize,
    seconds: u64,
    without: Memory,
    with: Memory,
    more_mib: f64,
    /// Of each script's thread, by its name.
    wakeups: BTreeMap<String, u64>,
    /// Of all other threads together, without scripts and with them.
    others_without: u64,
    others_with: u64,
}

/// Of the whole process, in MiB.
#[derive(Serialize, Clone, Copy)]
struct Memory {
    resident: f64,
    /// Of that, what no file has: stacks, heaps, and what was written to.
    anonymous: f64,
}

struct Measured {
    memory: Memory,
    /// By thread number, so that two of one name are two.
    wakeups: BTreeMap<(u32, String), u64>,
}

/// Measures and reports.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    build::programs(workspace, Profile::Release)?;
    let scripts = gallery(workspace)?;
    console::heading("A daemon without scripts");
    let without = measure(workspace, options, &[])?;
    console::heading(&format!("The same with {} scripts", scripts.len()));
    let with = measure(workspace, options, &scripts)?;
    let is_script = |(_, name): &(u32, String)| name.starts_with(THREAD);
    let others = |measured: &Measured| {
        measured.wakeups.iter().filter(|(thread, _)| !is_script(thread)).map(|(_, count)| count).sum()
    };
    let report = Report {
        scripts: scripts.len(),
        seconds: options.seconds,
        without: without.memory,
        with: with.memory,
        more_mib: with.memory.resident - without.memory.resident,
        others_without: others(&without),
        others_with: others(&with),
        wakeups: with
            .wakeups
            .into_iter()
            .filter(|(thread, _)| is_script(thread))
            .map(|((_, name), count)| (name, count))
            .collect(),
    };
    ensure!(report.wakeups.len() == scripts.len(), "these scripts run: {:?}", report.wakeups.keys());
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        report.print();
    }
    if options.enforce && !(report.keeps_memory() && report.sleeps()) {
        bail!("a target was missed");
    }
    Ok(())
}

fn measure(workspace: &Workspace, options: &Options, scripts: &[PathBuf]) -> Result<Measured> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let place = |name: &str| folder.path().join(name);
    let (config, state, token) = (place("opennmc.toml"), place("state"), place("token"));
    fs::create_dir_all(state.join("scripts")).context("could not make the state folder")?;
    fs::write(&token, "secret\n")?;
    let mut text =
        format!("[control]\nsocket = {:?}\n[ups.main]\nport = \"sim:smart-ups-1500\"\n", place("control"));
    for script in scripts {
        let file = script.file_name().context("a script without a name")?;
        fs::copy(script, state.join("scripts").join(file))?;
        let name = script.file_stem().unwrap_or(file).display();
        text += &format!(
            "[script.{name}]\nsecrets = {{ token = {{ file = {token:?} }} }}\n\
             allow = {{ connect = [\"https://hooks.example.org\"], ups = {{ commands = [\"test.battery.start\", \"load.off\"] }} }}\n"
        );
    }
    fs::write(&config, text).context("could not write opennmc's configuration")?;
    let arguments: [OsString; 5] =
        ["run".into(), "--config".into(), config.into(), "--state".into(), state.into()];
    let mut services = Services::new(false)?;
    let program = workspace.program("opennmc", Profile::Release);
    // The guard becomes the program, so that its number is the program's.
    let pid = services.start("opennmc", program.as_os_str(), &arguments)?;
    services.wait_until_ready("opennmc", START_LIMIT)?;
    pause(&mut services, SETTLING)?;
    let before = switches(pid)?;
    pause(&mut services, Duration::from_secs(options.seconds))?;
    let after = switches(pid)?;
    let memory = memory(pid)?;
    services.stop();
    let wakeups = after.into_iter().map(|(thread, count)| {
        let at_first = before.get(&thread).copied().unwrap_or_default();
        (thread, count.saturating_sub(at_first))
    });
    Ok(Measured { memory, wakeups: wakeups.collect() })
}

/// The first ten by their names.
fn gallery(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let folder = workspace.root().join("plugins/scripts");
    let mut scripts = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("could not read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Definitions for editors are no script.
        if name.ends_with(".rhai") && !name.ends_with(".d.rhai") {
            scripts.push(path);
        }
    }
    scripts.sort();
    ensure!(scripts.len() >= TEN, "{} has {} scripts only", folder.display(), scripts.len());
    scripts.truncate(TEN);
    Ok(scripts)
}

fn pause(services: &mut Services, duration: Duration) -> Result<()> {
    let until = Instant::now() + duration;
    services.wait_until("the measuring", duration + START_LIMIT, || Instant::now() >= until)
}

/// How often each thread has gone to sleep.
fn switches(pid: u32) -> Result<BTreeMap<(u32, String), u64>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task")).context("opennmc does not run")? {
        let task = entry?.path();
        // A thread may end while it is looked at.
        let (Ok(name), Ok(status)) =
            (fs::read_to_string(task.join("comm")), fs::read_to_string(task.join("status")))
        else {
            continue;
        };
        let number = task.file_name().and_then(|name| name.to_str()?.parse().ok()).context("an odd task")?;
        let count = field(&status, "voluntary_ctxt_switches:")?;
        all.insert((number, name.trim_end().to_owned()), count);
    }
    Ok(all)
}

fn memory(pid: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mib = |name: &str| field(&status, name).map(|kib| kib as f64 / 1024.0);
    Ok(Memory { resident: mib("VmRSS:")?, anonymous: mib("RssAnon:")? })
}

/// The number behind a name.
fn field(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.with_context(|| format!("/proc does not tell {name}"))
}

impl Report {
    fn keeps_memory(&self) -> bool {
        self.more_mib < MEMORY_TARGET_MIB
    }

    fn sleeps(&self) -> bool {
        self.wakeups.values().all(|count| *count == 0)
    }

    fn print(&self) {
        let verdict = |kept: bool| if kept { "kept" } else { "MISSED" };
        println!(
            "resident: {:.1} MiB without scripts, {:.1} with {}: {:.2} MiB more ({:.2} of it anonymous), target < {MEMORY_TARGET_MIB} MiB: {}",
            self.without.resident,
            self.with.resident,
            self.scripts,
            self.more_mib,
            self.with.anonymous - self.without.anonymous,
            verdict(self.keeps_memory())
        );
        println!(
            "wake-ups of the scripts' threads in {} s: {}, target 0: {}",
            self.seconds,
            self.wakeups.values().sum::<u64>(),
            verdict(self.sleeps())
        );
        for (name, count) in self.wakeups.iter().filter(|(_, count)| **count > 0) {
            println!("  {name}: {count}");
        }
        println!(
            "wake-ups of all other threads: {} without scripts, {} with them",
            self.others_without, self.others_with
        );
    }
}
