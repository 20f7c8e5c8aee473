//! `cargo xtask bench sandbox`: what a hostile plugin does to everybody else.
//!
//! For each way to do harm a daemon is started anew with a simulated UPS, the NUT server and the hostile guest of the plugin
//! tests. A NUT client asks at a fixed pace, so that waiting is measured and not load. What the UPS path feels, the daemon
//! tells itself: how late its timers were. Judged against the same daemon with the same guest keeping quiet, measured just
//! before: a machine has its moods, and they last longer than two measurements.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::nut::{UPS, free_address};
use super::{daemon, paced};
use crate::command::Run;
use crate::services::Services;
use crate::workspace::{GUEST_TARGET, Profile, Workspace};
use crate::{build, console, onmc};

/// Timers of the main loop, at the 99th percentile.
const LATE_TARGET_MS: f64 = 10.0;
/// Of the quiet p99.
const NUT_TARGET: f64 = 2.0;
/// Below this a scheduler's mood decides, not a plugin: twice a tenth of a millisecond is no harm to anybody.
const NUT_GRAIN_MS: f64 = 1.0;
const START_LIMIT: Duration = Duration::from_secs(120);
/// Clients of the hostile plugin that ask, and read nothing.
const SLOW_CLIENTS: usize = 100;

/// In this one the guest has no clients either.
const QUIET: &str = "quiet";

/// What the guest is told, and what it is for people.
const MODES: [(&str, &str); 14] = [
    ("slow-clients", "its clients ask for a lot and read nothing"),
    ("trap", "traps at once, every time"),
    ("spin", "an endless loop"),
    ("busy", "computes 200 of the 250 ms of every call"),
    ("host-calls", "endless calls of host functions"),
    ("memory-bomb", "allocates until it is stopped"),
    ("memory-full", "takes all it may have, and touches it"),
    ("stack", "recursion without end"),
    ("timers", "every timer it may have, every 10 ms"),
    ("log-flood", "long lines into the log, without a pause"),
    ("event-storm", "events on the bus, without a pause"),
    ("store-fill", "large values into its store, without a pause"),
    ("sockets", "connections to itself, without a pause"),
    ("orders", "orders in its own name and in others', without a pause"),
];

/// What `cargo xtask bench sandbox` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long each way is measured, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Only this one.
    #[arg(long)]
    mode: Option<String>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Fail when a target is missed.
    #[arg(long)]
    enforce: bool,
}

#[derive(Serialize)]
struct Row {
    mode: &'static str,
    harm: &'static str,
    late_p99_ms: f64,
    late_longest_ms: f64,
    nut_median_ms: f64,
    nut_p99_ms: f64,
    nut_answers: usize,
    nut_wrong: usize,
    /// Of the quiet daemon just before.
    quiet_late_p99_ms: f64,
    /// Of the quiet daemon just before.
    quiet_nut_p99_ms: f64,
    /// What became of the guest.
    state: String,
    restarts: u64,
    last_failure: Option<String>,
    /// The NUT server was started again: it must never be.
    others_restarts: u64,
    resident_mib: f64,
}

/// Measures and reports.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if let Some(mode) = &options.mode
        && !MODES.iter().any(|(name, _)| name == mode)
    {
        let names: Vec<&str> = MODES.iter().map(|(name, _)| *name).collect();
        bail!("there is no mode `{mode}`; there is {}", names.join(", "));
    }
    build::everything(workspace, Profile::Release)?;
    let packages = hostile_package(workspace)?;
    let mut rows = Vec::new();
    for (mode, harm) in MODES {
        if options.mode.as_ref().is_some_and(|only| only != mode) {
            continue;
        }
        console::heading(&format!("{mode}: {harm}"));
        let quiet = measure(workspace, &packages, QUIET, "", options)?;
        let row = measure(workspace, &packages, mode, harm, options)?;
        rows.push(Row { quiet_late_p99_ms: quiet.late_p99_ms, quiet_nut_p99_ms: quiet.nut_p99_ms, ..row });
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        print(&rows);
    }
    let missed = rows.iter().filter(|row| !verdict(row).is_empty()).count();
    if options.enforce && missed > 0 {
        bail!("{missed} targets were missed");
    }
    Ok(())
}

/// Builds and packs the guest, beside the packages that ship.
fn hostile_package(workspace: &Workspace) -> Result<PathBuf> {
    let guests = workspace.root().join("opennmc-host/tests/guests");
    let target = workspace.target().join("guests-test");
    Run::cargo(workspace, "build")
        .args(["--release", "--locked", "--package", "hostile", "--target", GUEST_TARGET, "--target-dir"])
        .arg(&target)
        .in_folder(&guests)
        .env("RUSTFLAGS", "-Clink-arg=-zstack-size=65536")
        .show()?;
    let module = target.join(GUEST_TARGET).join("release/hostile.wasm");
    let packages = workspace.target().join("bench/hostile");
    onmc::pack(workspace, Profile::Release, &guests.join("hostile"), &module, &packages)?;
    Ok(packages)
}

fn measure(
    workspace: &Workspace,
    packages: &Path,
    mode: &'static str,
    harm: &'static str,
    options: &Options,
) -> Result<Row> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let (nut, bait) = (free_address()?, free_address()?);
    let socket = folder.path().join("control");
    let config = folder.path().join("opennmc.toml");
    let text = format!(
        "[control]\nsocket = {socket:?}\n[ups.{UPS}]\nport = \"sim:smart-ups-1500\"\n\
         [plugin.nut-server]\nlisten = {{ nut = [\"{nut}\"] }}\n\
         [plugin.hostile]\nlisten = {{ bait = [\"{bait}\"] }}\nconfig = {{ mode = \"{mode}\", port = {} }}\n",
        bait.port()
    );
    fs::write(&config, text).context("could not write opennmc's configuration")?;
    let arguments: [OsString; 9] = [
        "run".into(),
        "--config".into(),
        config.into(),
        "--state".into(),
        folder.path().join("state").into(),
        "--plugins".into(),
        workspace.packages().into(),
        "--plugins".into(),
        packages.into(),
    ];
    let mut services = Services::new(false)?;
    let program = workspace.program("opennmc", Profile::Release);
    let pid = services.start("opennmc", program.as_os_str(), &arguments)?;
    services.wait_until_ready("opennmc", START_LIMIT)?;
    let _slow = if mode == QUIET { Vec::new() } else { slow_clients(bait) };
    let began = Instant::now();
    let client = thread::spawn({
        let duration = Duration::from_secs(options.seconds);
        move || paced::ask(nut, || began.elapsed() < duration)
    });
    services.wait_until("the client", Duration::from_secs(options.seconds) * 4 + START_LIMIT, || {
        client.is_finished()
    })?;
    let Ok(nut) = client.join() else { bail!("the client panicked") };
    let nut = nut?;
    let health = daemon::ask(&socket, "health")?;
    let (hostile, others) = (daemon::plugin(&socket, "hostile")?, daemon::plugin(&socket, "nut-server")?);
    let resident_mib = daemon::resident_mib(pid)?;
    services.stop();
    Ok(Row {
        mode,
        harm,
        late_p99_ms: health["late_p99_ms"].as_f64().context("no lateness")?,
        late_longest_ms: health["late_longest_ms"].as_f64().context("no lateness")?,
        nut_median_ms: nut.percentile(0.5),
        nut_p99_ms: nut.percentile(0.99),
        nut_answers: nut.waits_ms.len(),
        nut_wrong: nut.wrong,
        quiet_late_p99_ms: 0.0,
        quiet_nut_p99_ms: 0.0,
        state: hostile["state"].as_str().unwrap_or_default().to_owned(),
        restarts: hostile["restarts"].as_u64().unwrap_or_default(),
        last_failure: hostile["last_failure"].as_str().map(str::to_owned),
        others_restarts: others["restarts"].as_u64().unwrap_or_default(),
        resident_mib,
    })
}

/// They ask for a lot and read nothing of it. Where the guest does not listen just now, there are fewer.
fn slow_clients(bait: SocketAddr) -> Vec<TcpStream> {
    let clients: Vec<TcpStream> = (0..SLOW_CLIENTS).filter_map(|_| TcpStream::connect(bait).ok()).collect();
    for mut client in &clients {
        // Its end may be closed already: then it is one less.
        let _ = client.write_all(b"more\n");
    }
    clients
}

/// What is wrong with a row; empty when nothing is.
fn verdict(row: &Row) -> String {
    let mut missed = Vec::new();
    if row.late_p99_ms > LATE_TARGET_MS {
        missed.push(format!("timers later than {LATE_TARGET_MS} ms"));
    }
    if row.nut_p99_ms > (NUT_TARGET * row.quiet_nut_p99_ms).max(NUT_GRAIN_MS) {
        missed.push(format!("NUT slower than {NUT_TARGET} times"));
    }
    if row.nut_wrong > 0 {
        missed.push(format!("{} wrong answers", row.nut_wrong));
    }
    if row.others_restarts > 0 {
        missed.push("another plugin was harmed".to_owned());
    }
    missed.join(", ")
}

fn print(rows: &[Row]) {
    println!(
        "{:<12} {:>22} {:>24} {:>9} {:>9} {:>12} {:>8}  verdict",
        "mode", "timers late ms", "NUT wait ms", "answers", "restarts", "state", "MiB"
    );
    println!("{:<12} {:>22} {:>24}", "", "p99 (quiet) / longest", "median / p99 (quiet)");
    for row in rows {
        let missed = verdict(row);
        println!(
            "{:<12} {:>22} {:>24} {:>9} {:>9} {:>12} {:>8.1}  {}",
            row.mode,
            format!("{:.2} ({:.2}) / {:.2}", row.late_p99_ms, row.quiet_late_p99_ms, row.late_longest_ms),
            format!("{:.3} / {:.3} ({:.3})", row.nut_median_ms, row.nut_p99_ms, row.quiet_nut_p99_ms),
            row.nut_answers,
            row.restarts,
            row.state,
            row.resident_mib,
            if missed.is_empty() { "kept" } else { &missed }
        );
    }
    for row in rows.iter().filter(|row| row.last_failure.is_some()) {
        println!("  {}: {}", row.mode, row.last_failure.as_deref().unwrap_or_default());
    }
}
