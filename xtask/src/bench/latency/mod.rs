//! `cargo xtask bench latency`: from the UPS's alert byte to the first byte of a webhook, beside `upsmon`.
//!
//! Two simulated UPSes at the pace of real lines, one for each side. Each writes down when it says what, on the clock that is
//! one for all processes, just before the byte can be read at the other end; the receiver notes when the first byte of a
//! request is there. Between outages there is line power for a time that is different each time, so that an outage comes at
//! any moment of anybody's polling.

mod line;
mod receiver;
mod upsmon;

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use self::line::Line;
use self::receiver::{Post, Receiver};
use crate::services::Services;
use crate::workspace::{Profile, Workspace};
use crate::{build, console, setup};

const TARGET_MS: f64 = 20.0;
/// Ten bits at 2400 bit/s. Who reads the line has the byte at the end of it, which is where measuring begins.
const ALERT_BYTE_MS: f64 = 10.0 * 1000.0 / 2400.0;
const START_LIMIT: Duration = Duration::from_secs(60);
/// Reading everything that a UPS knows takes half a minute at 2400 baud, for both sides.
const SETTLING: Duration = Duration::from_secs(40);
/// The slowest polls every 5 s; whoever needs so long has missed it.
const HEARING: Duration = Duration::from_secs(60);
/// On line power between outages, at least: longer than anybody takes for a flicker.
const PAUSE: Duration = Duration::from_secs(3);
/// What comes on top of that differs, by steps of the golden section of this time: evenly, and never in step with polling.
const SPREAD: f64 = 5.0;
const GOLDEN: f64 = 0.618_033_988_749_895;

const OURS: &str = "opennmc";
const SCRIPT: &str = r#"fn on_start() { http_post(config.url + "start", ""); }
fn on_battery(ups, event) { http_post(config.url + "battery", `${ups.name} is on battery`); }
fn on_line(ups, event) { http_post(config.url + "line", `${ups.name} is on line power again`); }
"#;

/// What `cargo xtask bench latency` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many power failures.
    #[arg(long, default_value_t = 30)]
    outages: usize,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Fail when the target is missed.
    #[arg(long)]
    enforce: bool,
}

#[derive(Serialize)]
struct Row {
    who: &'static str,
    median_ms: f64,
    p90_ms: f64,
    longest_ms: f64,
    outages: usize,
}

#[derive(Serialize)]
struct Report {
    /// Not in the rows: what the byte itself takes on the line.
    alert_byte_ms: f64,
    rows: Vec<Row>,
}

/// Measures and reports.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::ensure(workspace, setup::Task::Bench)?;
    build::programs(workspace, Profile::Release)?;
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let mut services = Services::new(false)?;
    let report = measure(&mut services, workspace, folder.path(), options)?;
    services.stop();
    let with_byte = report.rows.first().context("no figure")?.median_ms + ALERT_BYTE_MS;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report, with_byte);
    }
    if options.enforce && with_byte > TARGET_MS {
        bail!("the target was missed");
    }
    Ok(())
}

fn measure(
    services: &mut Services,
    workspace: &Workspace,
    folder: &Path,
    options: &Options,
) -> Result<Report> {
    let receiver = Receiver::start()?;
    console::heading("Starting two simulated UPSes, opennmc, and NUT's apcsmart, upsd and upsmon");
    let mut lines = [
        Line::start(services, workspace, folder, "ours")?,
        Line::start(services, workspace, folder, "theirs")?,
    ];
    let [ours, theirs] = &lines;
    start_opennmc(services, workspace, folder, &ours.port, &receiver)?;
    upsmon::start(services, folder, &theirs.port, &receiver)?;
    console::remark(&format!("waiting {} s until both have read everything", SETTLING.as_secs()));
    pause(services, SETTLING)?;
    // The line of each, by what it posts under.
    let sides: Vec<(&'static str, usize)> =
        [(OURS, 0)].into_iter().chain(upsmon::CLIENTS.map(|client| (client.name, 1))).collect();
    let mut delays: Vec<Vec<f64>> = sides.iter().map(|_| Vec::new()).collect();
    console::remark(&format!("{} power failures, and one that is not counted", options.outages));
    for outage in 0..=options.outages {
        // Ours is over in milliseconds, so that neither disturbs the other.
        let mut alerts = Vec::new();
        let mut posts = Vec::new();
        for (number, line) in lines.iter_mut().enumerate() {
            line.steer("line off")?;
            let awaited =
                sides.iter().filter(|(_, on)| *on == number).map(|(who, _)| format!("{who}/battery"));
            posts.extend(gather(services, &receiver, awaited.collect())?);
            alerts.push(line.alert()?);
        }
        for ((who, number), delays) in sides.iter().zip(&mut delays) {
            let path = format!("{who}/battery");
            let post = posts.iter().find(|post| post.path == path).context("a post was lost")?;
            let delay = post.at.checked_sub(alerts[*number]).context("a post came before its cause")?;
            if outage > 0 {
                delays.push(delay.as_secs_f64() * 1000.0);
            }
        }
        for line in &lines {
            line.steer("line on")?;
        }
        gather(services, &receiver, sides.iter().map(|(who, _)| format!("{who}/line")).collect())?;
        let spread = SPREAD * (outage as f64 * GOLDEN).fract();
        pause(services, PAUSE + Duration::from_secs_f64(spread))?;
    }
    let rows = sides.iter().zip(delays).map(|((who, _), delays)| row(who, delays)).collect();
    Ok(Report { alert_byte_ms: ALERT_BYTE_MS, rows })
}

fn start_opennmc(
    services: &mut Services,
    workspace: &Workspace,
    folder: &Path,
    port: &Path,
    receiver: &Receiver,
) -> Result<()> {
    let (config, state, socket) = (folder.join("opennmc.toml"), folder.join("state"), folder.join("control"));
    fs::create_dir_all(state.join("scripts")).context("could not make the state folder")?;
    fs::write(state.join("scripts/tell.rhai"), SCRIPT)?;
    let address = receiver.address;
    let text = format!(
        "[control]\nsocket = {socket:?}\n[ups.ours]\nport = {port:?}\n[script.tell]\n\
         config = {{ url = \"http://{address}/{OURS}/\" }}\nallow = {{ connect = [\"http://{address}\"] }}\n"
    );
    fs::write(&config, text).context("could not write opennmc's configuration")?;
    let arguments: [OsString; 5] =
        ["run".into(), "--config".into(), config.into(), "--state".into(), state.into()];
    services.start("opennmc", workspace.program("opennmc", Profile::Release).as_os_str(), &arguments)?;
    services.wait_until_ready("opennmc", START_LIMIT)?;
    gather(services, receiver, vec![format!("{OURS}/start")]).context("the script does not run")?;
    Ok(())
}

/// Waits for a post to each of these paths; others are of an outage before and forgotten.
fn gather(services: &mut Services, receiver: &Receiver, mut awaited: Vec<String>) -> Result<Vec<Post>> {
    let mut found = Vec::new();
    let what = awaited.join(", ");
    services.wait_until(&what, HEARING, || {
        for post in receiver.posts.try_iter() {
            if let Some(index) = awaited.iter().position(|path| *path == post.path) {
                awaited.remove(index);
                found.push(post);
            }
        }
        awaited.is_empty()
    })?;
    Ok(found)
}

fn pause(services: &mut Services, duration: Duration) -> Result<()> {
    let until = Instant::now() + duration;
    services.wait_until("the measuring", duration + HEARING, || Instant::now() >= until)
}

/// The clock of all processes.
fn now() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

fn row(who: &'static str, mut delays: Vec<f64>) -> Row {
    delays.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (delays.len() as f64 * share) as usize;
        delays.get(index.min(delays.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    };
    Row { who, median_ms: at(0.5), p90_ms: at(0.9), longest_ms: at(1.0), outages: delays.len() }
}

fn print(report: &Report, with_byte: f64) {
    println!("from the alert byte to the first byte of the request, in ms");
    println!("{:<24} {:>9} {:>9} {:>9} {:>9}", "", "median", "p90", "longest", "outages");
    for row in &report.rows {
        println!(
            "{:<24} {:>9.2} {:>9.2} {:>9.2} {:>9}",
            row.who, row.median_ms, row.p90_ms, row.longest_ms, row.outages
        );
    }
    println!(
        "the byte itself takes {ALERT_BYTE_MS:.2} ms more on the line; ours with it: median {with_byte:.2} ms, target {TARGET_MS} ms: {}",
        if with_byte <= TARGET_MS { "kept" } else { "MISSED" }
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_the_middle_the_slow_and_the_slowest() {
        let row = row("x", (1..=10).rev().map(f64::from).collect());
        assert_eq!((row.median_ms, row.p90_ms, row.longest_ms, row.outages), (6.0, 10.0, 10.0, 10));
    }
}
