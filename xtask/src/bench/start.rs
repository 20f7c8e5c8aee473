//! `cargo xtask bench start`: from the start of the program to its line `ready`, with every bundled plugin, compiled before.
//!
//! `ready` means that every plugin listens and every port was tried, so this is what a machine waits for after a power cut.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

use super::nut::free_address;
use crate::workspace::{Profile, Workspace};
use crate::{build, console};

const TARGET_MS: f64 = 150.0;
const END_LIMIT: Duration = Duration::from_secs(10);

/// What `cargo xtask bench start` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How often it is started, after the first time, which compiles.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Fail when the target is missed.
    #[arg(long)]
    enforce: bool,
}

#[derive(Serialize)]
struct Report {
    plugins: Vec<String>,
    /// With every plugin to be compiled.
    first_ms: f64,
    median_ms: f64,
    longest_ms: f64,
    rounds: usize,
}

/// Measures and reports.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    build::everything(workspace, Profile::Release)?;
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let plugins = configure(workspace, folder.path())?;
    console::heading(&format!("Starting opennmc {} times with {}", options.rounds + 1, plugins.join(", ")));
    let mut starts = Vec::new();
    for _ in 0..=options.rounds {
        starts.push(start(workspace, folder.path())?);
    }
    let first_ms = starts.remove(0);
    starts.sort_unstable_by(f64::total_cmp);
    let median_ms = *starts.get(starts.len() / 2).context("no round")?;
    let longest_ms = *starts.last().context("no round")?;
    let report = Report { plugins, first_ms, median_ms, longest_ms, rounds: starts.len() };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!(
            "from exec to ready with {}: median {median_ms:.0} ms, longest {longest_ms:.0} ms, of {} starts; target {TARGET_MS} ms: {}\n\
             the first start, which compiles them: {first_ms:.0} ms",
            report.plugins.join(", "),
            report.rounds,
            if median_ms <= TARGET_MS { "kept" } else { "MISSED" }
        );
    }
    if options.enforce && median_ms > TARGET_MS {
        bail!("the target was missed");
    }
    Ok(())
}

/// Every package that was built, each with free addresses for its listeners.
fn configure(workspace: &Workspace, folder: &Path) -> Result<Vec<String>> {
    let mut text = format!(
        "[control]\nsocket = {:?}\n[ups.main]\nport = \"sim:smart-ups-1500\"\n",
        folder.join("control")
    );
    let mut plugins = Vec::new();
    for guest in workspace.guests()? {
        let manifest = fs::read_to_string(guest.folder.join("plugin.toml"))?;
        let manifest: toml::Table = toml::from_str(&manifest)?;
        let id = manifest["plugin"]["id"].as_str().context("a plugin without an id")?.to_owned();
        text += &format!("[plugin.{id}]\n");
        let listen =
            manifest.get("needs").and_then(|needs| needs.get("listen")).and_then(toml::Value::as_table);
        for name in listen.into_iter().flat_map(|listen| listen.keys()) {
            text += &format!("listen.{name} = [\"{}\"]\n", free_address()?);
        }
        plugins.push(id);
    }
    fs::write(folder.join("opennmc.toml"), text)?;
    Ok(plugins)
}

/// One start, in milliseconds.
fn start(workspace: &Workspace, folder: &Path) -> Result<f64> {
    let program = workspace.program("opennmc", Profile::Release);
    let arguments: [OsString; 7] = [
        "run".into(),
        "--config".into(),
        folder.join("opennmc.toml").into(),
        "--state".into(),
        folder.join("state").into(),
        "--plugins".into(),
        workspace.packages().into(),
    ];
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("could not start opennmc")?;
    let stdout = child.stdout.take().context("no standard output")?;
    let mut line = String::new();
    let read = BufReader::new(stdout).read_line(&mut line);
    let took = began.elapsed();
    end(&mut child)?;
    read.context("opennmc says nothing")?;
    ensure!(line.trim_end() == "ready", "opennmc says `{}` and not `ready`", line.trim_end());
    Ok(took.as_secs_f64() * 1000.0)
}

fn end(child: &mut Child) -> Result<()> {
    kill_process(Pid::from_child(child), Signal::TERM).context("could not end opennmc")?;
    let began = Instant::now();
    while child.try_wait()?.is_none() {
        if began.elapsed() > END_LIMIT {
            child.kill()?;
            bail!("opennmc did not end within {} s", END_LIMIT.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
