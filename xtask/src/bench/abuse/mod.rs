//! `cargo xtask bench abuse`: what clients of bad will do to the NUT server and to those of good will.
//!
//! For each kind a daemon is started anew. A client of good will asks at a fixed pace: first with nobody else there, then while the
//! abuse lasts. Both are judged against each other, and the daemon by what it takes and whether it goes on.

mod kinds;
mod sides;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use self::kinds::KINDS;
use super::nut::{UPS, free_address, raise_open_files};
use super::{daemon, paced};
use crate::services::Services;
use crate::workspace::{Profile, Workspace};
use crate::{build, console};

/// Of the quiet p99.
const WAIT_TARGET: f64 = 2.0;
/// Below this a scheduler's mood decides.
const GRAIN_MS: f64 = 1.0;
/// What 4,096 clients, the plugin's memory and the sockets' unsent bytes may take together, above what it had before.
const MEMORY_TARGET_MIB: f64 = 32.0;
const START_LIMIT: Duration = Duration::from_secs(60);
/// Nothing here takes so long, on the slowest machine.
const ABUSE_LIMIT: Duration = Duration::from_secs(300);
/// Between two looks at the memory.
const LOOK: Duration = Duration::from_millis(100);
/// Until what was freed is given back.
const SETTLING: Duration = Duration::from_secs(2);

/// What `cargo xtask bench abuse` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long the quiet spell is, and each abuse at least, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Only this one.
    #[arg(long)]
    kind: Option<String>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Fail when a target is missed.
    #[arg(long)]
    enforce: bool,
}

#[derive(Serialize)]
struct Row {
    kind: &'static str,
    what: &'static str,
    seconds: f64,
    /// What came of it, in the words of the abuser.
    done: String,
    quiet_p50_ms: f64,
    quiet_p99_ms: f64,
    p50_ms: f64,
    p99_ms: f64,
    answers: usize,
    wrong: usize,
    before_mib: f64,
    peak_mib: f64,
    after_mib: f64,
    restarts: u64,
}

/// Measures and reports.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let wanted: Vec<_> =
        KINDS.iter().filter(|kind| options.kind.as_ref().is_none_or(|only| only == kind.name)).collect();
    if wanted.is_empty() {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        bail!("there is no such kind; there is {}", names.join(", "));
    }
    build::everything(workspace, Profile::Release)?;
    raise_open_files()?;
    sides::server();
    let mut rows = Vec::new();
    for kind in wanted {
        console::heading(&format!("{}: {}", kind.name, kind.what));
        rows.push(measure(workspace, kind, options)?);
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        print(&rows);
    }
    let missed = rows.iter().filter(|row| !row.misses().is_empty()).count();
    if options.enforce && missed > 0 {
        bail!("{missed} targets were missed");
    }
    Ok(())
}

fn measure(workspace: &Workspace, kind: &kinds::Kind, options: &Options) -> Result<Row> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let (address, socket) = (free_address()?, folder.path().join("control"));
    let mut services = Services::new(false)?;
    let pid = start(&mut services, workspace, folder.path(), address, &socket)?;
    let spell = Duration::from_secs(options.seconds);

    let began = Instant::now();
    let client = thread::spawn(move || paced::ask(address, || began.elapsed() < spell));
    services.wait_until("the quiet spell", spell * 4 + START_LIMIT, || client.is_finished())?;
    let quiet = joined(client)?;
    let before_mib = daemon::resident_mib(pid)?;

    let abused = Arc::new(AtomicBool::new(true));
    let client = thread::spawn({
        let abused = Arc::clone(&abused);
        move || paced::ask(address, || abused.load(Ordering::SeqCst))
    });
    let began = Instant::now();
    let abuse = thread::spawn({
        let abuse = kind.abuse;
        move || abuse(address, began + spell)
    });
    let mut peak_mib: f64 = before_mib;
    let mut looked = Instant::now();
    services.wait_until("the abuse to end", ABUSE_LIMIT, || {
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            peak_mib = daemon::resident_mib(pid).map_or(peak_mib, |now| peak_mib.max(now));
        }
        abuse.is_finished()
    })?;
    let lasted = began.elapsed();
    abused.store(false, Ordering::SeqCst);
    services.wait_until("the client of good will", START_LIMIT, || client.is_finished())?;
    let (waits, done) = (joined(client)?, joined(abuse)?);
    let until = Instant::now() + SETTLING;
    services.wait_until("it to settle", SETTLING * 4, || Instant::now() >= until)?;
    let after_mib = daemon::resident_mib(pid)?;
    let server = daemon::plugin(&socket, "nut-server")?;
    services.stop();
    Ok(Row {
        kind: kind.name,
        what: kind.what,
        seconds: lasted.as_secs_f64(),
        done,
        quiet_p50_ms: quiet.percentile(0.5),
        quiet_p99_ms: quiet.percentile(0.99),
        p50_ms: waits.percentile(0.5),
        p99_ms: waits.percentile(0.99),
        answers: waits.waits_ms.len(),
        wrong: waits.wrong + quiet.wrong,
        before_mib,
        peak_mib,
        after_mib,
        restarts: server["restarts"].as_u64().context("the daemon does not count restarts")?,
    })
}

fn joined<T>(thread: thread::JoinHandle<Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|_| bail!("a thread panicked"))
}

fn start(
    services: &mut Services,
    workspace: &Workspace,
    folder: &Path,
    address: SocketAddr,
    socket: &Path,
) -> Result<u32> {
    let place = |name: &str| folder.join(name);
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    fs::write(place("cert.pem"), made.cert.pem())?;
    fs::write(place("key.pem"), made.signing_key.serialize_pem())?;
    let text = format!(
        "[control]\nsocket = {socket:?}\n[tls]\ncertificate = {:?}\nkey = {:?}\n[ups.{UPS}]\nport = \"sim:smart-ups-1500\"\n\
         [plugin.nut-server]\nlisten = {{ nut = [\"{address}\"] }}\n",
        place("cert.pem"),
        place("key.pem"),
    );
    fs::write(place("opennmc.toml"), text).context("could not write opennmc's configuration")?;
    let arguments = [
        "run".into(),
        "--config".into(),
        place("opennmc.toml").into(),
        "--state".into(),
        place("state").into(),
        "--plugins".into(),
        workspace.packages().into(),
    ];
    let program = workspace.program("opennmc", Profile::Release);
    let pid = services.start("opennmc", program.as_os_str(), &arguments)?;
    services.wait_until_ready("opennmc", START_LIMIT)?;
    Ok(pid)
}

impl Row {
    /// What is wrong with it; empty when nothing is.
    fn misses(&self) -> String {
        let mut missed = Vec::new();
        if self.p99_ms > (WAIT_TARGET * self.quiet_p99_ms).max(GRAIN_MS) {
            missed.push(format!("p99 above {WAIT_TARGET} times"));
        }
        if self.peak_mib - self.before_mib > MEMORY_TARGET_MIB {
            missed.push(format!("more than {MEMORY_TARGET_MIB} MiB"));
        }
        if self.wrong > 0 {
            missed.push(format!("{} wrong answers", self.wrong));
        }
        if self.restarts > 0 {
            missed.push(format!("{} restarts", self.restarts));
        }
        missed.join(", ")
    }
}

fn print(rows: &[Row]) {
    println!(
        "{:<14} {:>6} {:>26} {:>9} {:>24} {:>9}  verdict",
        "", "s", "p50 / p99 (quiet) ms", "answers", "MiB before, peak, after", "restarts"
    );
    for row in rows {
        let missed = row.misses();
        println!(
            "{:<14} {:>6.1} {:>26} {:>9} {:>24} {:>9}  {}",
            row.kind,
            row.seconds,
            format!("{:.2} / {:.2} ({:.2})", row.p50_ms, row.p99_ms, row.quiet_p99_ms),
            row.answers,
            format!("{:.1}, {:.1}, {:.1}", row.before_mib, row.peak_mib, row.after_mib),
            row.restarts,
            if missed.is_empty() { "kept" } else { &missed }
        );
    }
    for row in rows {
        println!("  {}: {}", row.kind, row.done);
    }
}
