//! `cargo xtask soak`: what is too long for every submission. Campaigns of the protocol library on bad lines, kills of the
//! history's writer, the library's tests under Miri, then the fuzz targets.
//!
//! Campaigns are deterministic; `SEED=7` before the command runs others. A finding of the fuzzer is a file that
//! reproduces it: its path is printed, and it ends the task.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command::{Run, find_program};
use crate::steps::Steps;
use crate::workspace::{Profile, Workspace};
use crate::{api_fuzz, build, console};

/// Fixed, so that the same seeds find the same things.
const CARGO_FUZZ: &str = "0.13.2";
/// How long `ci` runs each target: long enough to play all seeds.
const SMOKE: Duration = Duration::from_secs(3);
/// How long schemathesis asks the API.
const API: Duration = Duration::from_secs(300);
/// Miri comes with nightly compilers only.
const MIRI_TOOLCHAIN: &str = "nightly";
/// What Miri runs: the core and the simulator with those of their tests that need no operating system, and the two files that
/// believe pointers from C.
const MIRI_RUNS: [&[&str]; 2] = [
    &[
        "--features",
        "simulator",
        "--lib",
        "--test",
        "campaign",
        "--test",
        "simulator",
        "--test",
        "spacing",
        "--test",
        "transcripts",
    ],
    &["--features", "capi", "--lib", "--", "capi::boundary", "capi::text"],
];
/// What a panic carries is forgotten on purpose at the border to C, so leaks are no findings. Transcripts are files, which are
/// read only without isolation.
const MIRI_FLAGS: &str = "-Zmiri-ignore-leaks -Zmiri-disable-isolation";
/// An input that takes longer is a finding.
const SLOWEST_INPUT: &str = "-timeout=10";

/// What `cargo xtask soak` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long to run each fuzz target.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// Only this fuzz target, no campaigns and no Miri.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
}

/// Runs the campaigns, Miri and every fuzz target.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut steps = Steps::new("soak");
    if options.target.is_none() {
        steps.step("campaigns on bad lines", || campaigns(workspace))?;
        steps.step("200 kills of the history's writer", || kills(workspace))?;
        steps.step("tests under Miri", || miri(workspace))?;
        steps.step("build", || build::everything(workspace, Profile::Dev))?;
        steps.step("the web interface's API", || api_fuzz::campaign(workspace, Some(API)))?;
    }
    let cargo_fuzz = steps.step("cargo-fuzz", || cargo_fuzz(workspace))?;
    let duration = Duration::from_secs(options.minutes * 60);
    for target in targets(workspace)? {
        if options.target.as_ref().is_none_or(|wanted| *wanted == target) {
            steps
                .step(&format!("fuzz target {target}"), || fuzz(workspace, &cargo_fuzz, &target, duration))?;
        }
    }
    steps.finish();
    Ok(())
}

/// Plays the seeds of every target and goes on for a few seconds.
pub(crate) fn smoke(workspace: &Workspace) -> Result<()> {
    let cargo_fuzz = cargo_fuzz(workspace)?;
    targets(workspace)?.iter().try_for_each(|target| fuzz(workspace, &cargo_fuzz, target, SMOKE))
}

fn campaigns(workspace: &Workspace) -> Result<()> {
    Run::cargo(workspace, "test")
        .args(["--release", "--locked", "--package", "libapcsmart"])
        .args(["--no-default-features", "--features", "simulator"])
        .args(["--test", "campaign", "--test", "noise", "--", "--ignored", "--nocapture"])
        .show()
}

/// Kills a writer of the history at any moment, and looks for what it had said was kept.
fn kills(workspace: &Workspace) -> Result<()> {
    Run::cargo(workspace, "test")
        .args(["--locked", "--package", "opennmc-host", "--test", "history"])
        .args([
            "kill::nothing_that_was_called_committed_is_lost_by_two_hundred_kills",
            "--",
            "--ignored",
            "--nocapture",
        ])
        .show()
}

/// The library's tests, interpreted: undefined behaviour in them ends the task.
fn miri(workspace: &Workspace) -> Result<()> {
    let rustup = find_program("rustup").context("Miri comes by rustup, which is not installed")?;
    Run::new(&rustup)
        .args(["toolchain", "install", MIRI_TOOLCHAIN, "--profile", "minimal"])
        .args(["--component", "miri,rust-src"])
        .show()?;
    MIRI_RUNS.iter().try_for_each(|what| {
        Run::new(&rustup)
            .args(["run", MIRI_TOOLCHAIN, "cargo", "miri", "test", "--locked"])
            .args(["--package", "libapcsmart", "--no-default-features"])
            .args(*what)
            .in_folder(workspace.root())
            .env("CARGO_TARGET_DIR", workspace.target())
            .env("MIRIFLAGS", MIRI_FLAGS)
            .show()
    })
}

/// The targets are the files of one folder.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.root().join("fuzz/fuzz_targets");
    let files = std::fs::read_dir(&folder).with_context(|| format!("there is no {}", folder.display()))?;
    let mut targets: Vec<String> = files
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    targets.sort();
    Ok(targets)
}

/// Finds cargo-fuzz, or installs it under the target folder.
fn cargo_fuzz(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(program) = find_program("cargo-fuzz") {
        return Ok(program);
    }
    let tools = workspace.target().join("tools");
    let program = tools.join("bin/cargo-fuzz");
    if !program.is_file() {
        console::heading("Installing cargo-fuzz under target/tools");
        Run::cargo(workspace, "install")
            .args(["cargo-fuzz", "--locked", "--version", CARGO_FUZZ, "--root"])
            .arg(&tools)
            .show()?;
    }
    Ok(program)
}

fn fuzz(workspace: &Workspace, cargo_fuzz: &Path, target: &str, duration: Duration) -> Result<()> {
    // Artifacts of earlier runs are not findings of this one.
    let artifacts = workspace.root().join("fuzz/artifacts").join(target);
    let before = files_in(&artifacts);
    let run = Run::new(cargo_fuzz)
        .args(["fuzz", "run", target, "--", SLOWEST_INPUT])
        .arg(format!("-max_total_time={}", duration.as_secs()))
        .arg("-print_final_stats=1")
        .arg("-verbosity=0")
        .in_folder(&workspace.root().join("fuzz"))
        .env("CARGO_TARGET_DIR", workspace.target().join("fuzz"))
        // Sanitizers are -Z flags, which a stable compiler takes only when told to.
        .env("RUSTC_BOOTSTRAP", "1")
        .show();
    let found: Vec<String> = files_in(&artifacts)
        .into_iter()
        .filter(|file| !before.contains(file))
        .map(|file| format!("  cargo fuzz run {target} {}", file.display()))
        .collect();
    match (run, found.is_empty()) {
        (run, true) => run.map_err(|error| error.context(format!("fuzz target {target} did not run"))),
        (_, false) => bail!("fuzz target {target} found something; reproduce it with\n{}", found.join("\n")),
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}
