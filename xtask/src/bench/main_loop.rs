//! `cargo xtask bench loop`: one daemon and many UPSes.
//!
//! The UPSes are processes of their own behind pseudo-terminals, at the pace of real lines, so that what they compute is not
//! counted as the daemon's. Counted is all that the daemon's process has used, no plugin running; how late its timers were it
//! tells itself, over its control socket.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;

use crate::services::Services;
use crate::workspace::{Profile, Workspace};
use crate::{build, console};

/// Of one core, for the default number of UPSes.
const CPU_TARGET: f64 = 0.10;
const LATE_TARGET_MS: f64 = 10.0;
const START_LIMIT: Duration = Duration::from_secs(120);
/// Reading everything that a UPS knows takes half a minute at 2400 baud; some more until the long questions are rare.
const SETTLING: Duration = Duration::from_secs(60);
/// In which `/proc` counts processor time, on every architecture that we build for.
const USER_HZ: u64 = 100;
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// What `cargo xtask bench loop` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many UPSes.
    #[arg(long, default_value_t = 64)]
    upses: usize,
    /// How long is measured, in seconds, after everything was read.
    #[arg(long, default_value_t = 60)]
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
    upses: usize,
    /// UPSes that answered without a fault on the line while it was measured.
    answering: usize,
    seconds: f64,
    /// Of one core, 0 to 1: the whole process, and of that its main thread.
    cpu: f64,
    main_thread_cpu: f64,
    turns_per_second: f64,
    questions_per_second: f64,
    late_median_ms: f64,
    late_p99_ms: f64,
    late_longest_ms: f64,
    resident_mib: f64,
}

/// Measures and reports.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    build::everything(workspace, Profile::Release)?;
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let mut services = Services::new(false)?;
    console::heading(&format!("Starting {} simulated UPSes and opennmc", options.upses));
    let ports = start_simulators(&mut services, workspace, folder.path(), options.upses)?;
    let mut daemon = start_daemon(&mut services, workspace, folder.path(), &ports)?;
    let report = measure(&mut services, &mut daemon, options)?;
    services.stop();
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        report.print();
    }
    if options.enforce && (report.cpu >= CPU_TARGET || report.late_p99_ms >= LATE_TARGET_MS) {
        bail!("a target was missed");
    }
    Ok(())
}

fn start_simulators(
    services: &mut Services,
    workspace: &Workspace,
    folder: &Path,
    count: usize,
) -> Result<Vec<String>> {
    let program = workspace.program("apcsmart-sim", Profile::Release);
    let mut ports = Vec::new();
    for number in 0..count {
        let port = folder.join(format!("ups-{number}"));
        let arguments: [OsString; 5] = [
            "--pace".into(),
            "--seed".into(),
            number.to_string().into(),
            "--pty".into(),
            port.clone().into(),
        ];
        services.start("apcsmart-sim", program.as_os_str(), &arguments)?;
        ports.push(port.display().to_string());
    }
    services.wait_until("the simulators' ports", START_LIMIT, || {
        ports.iter().all(|port| Path::new(port).exists())
    })?;
    Ok(ports)
}

/// The daemon, by its control socket.
struct Daemon {
    pid: u32,
    socket: BufReader<UnixStream>,
}

fn start_daemon(
    services: &mut Services,
    workspace: &Workspace,
    folder: &Path,
    ports: &[String],
) -> Result<Daemon> {
    let (config, state, socket) = (folder.join("opennmc.toml"), folder.join("state"), folder.join("control"));
    let mut text = format!("[control]\nsocket = {socket:?}\n");
    for (number, port) in ports.iter().enumerate() {
        text += &format!("[ups.rack-{number}]\nport = {port:?}\n");
    }
    std::fs::write(&config, text).context("could not write opennmc's configuration")?;
    let arguments: [OsString; 5] =
        ["run".into(), "--config".into(), config.into(), "--state".into(), state.into()];
    let program = workspace.program("opennmc", Profile::Release);
    services.start("opennmc", program.as_os_str(), &arguments)?;
    services.wait_until_ready("opennmc", START_LIMIT)?;
    Daemon::connect(&socket)
}

impl Daemon {
    fn connect(socket: &Path) -> Result<Daemon> {
        let stream = UnixStream::connect(socket).context("could not reach the daemon's control socket")?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        let mut daemon = Daemon { pid: 0, socket: BufReader::new(stream) };
        let greeting = daemon.line()?;
        let pid = greeting["pid"].as_u64().context("the daemon's greeting has no pid")?;
        daemon.pid = u32::try_from(pid)?;
        Ok(daemon)
    }

    fn health(&mut self) -> Result<Value> {
        self.socket.get_mut().write_all(b"{\"v\":1,\"id\":1,\"do\":\"health\"}\n")?;
        let answer = self.line()?;
        match answer.get("ok") {
            Some(health) => Ok(health.clone()),
            None => bail!("the daemon does not tell its health: {answer}"),
        }
    }

    fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.socket.read_line(&mut line).context("the daemon does not answer")?;
        serde_json::from_str(&line).context("the daemon does not speak JSON")
    }

    /// Processor time of the whole process and of its main thread.
    fn cpu(&self) -> Result<(Duration, Duration)> {
        let process = cpu_in(&format!("/proc/{}/stat", self.pid))?;
        Ok((process, cpu_in(&format!("/proc/{0}/task/{0}/stat", self.pid))?))
    }

    fn resident_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }
}

fn cpu_in(path: &str) -> Result<Duration> {
    let stat = std::fs::read_to_string(path).with_context(|| format!("could not read {path}"))?;
    // Behind the name, which may contain anything: state is the first field, user and system time the 12th and 13th.
    let fields = stat.rsplit_once(')').context("an odd stat file")?.1;
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap_or_default())
        .sum();
    Ok(Duration::from_millis(ticks * 1000 / USER_HZ))
}

fn measure(services: &mut Services, daemon: &mut Daemon, options: &Options) -> Result<Report> {
    console::remark(&format!("waiting {} s until everything was read", SETTLING.as_secs()));
    pause(services, SETTLING)?;
    console::remark(&format!("measuring for {} s", options.seconds));
    let (before, (process, main_thread)) = (daemon.health()?, daemon.cpu()?);
    let began = Instant::now();
    pause(services, Duration::from_secs(options.seconds))?;
    let (process_after, main_thread_after) = daemon.cpu()?;
    let seconds = began.elapsed().as_secs_f64();
    let after = daemon.health()?;
    let counted = |health: &Value, name: &str| health[name].as_f64().unwrap_or_default();
    let lines = |health: &Value| health["lines"].as_array().cloned().unwrap_or_default();
    let sum = |health: &Value, name: &str| lines(health).iter().map(|line| counted(line, name)).sum::<f64>();
    let answering = lines(&before).into_iter().zip(lines(&after)).filter(|(before, after)| {
        counted(after, "answered") > counted(before, "answered")
            && counted(after, "faults") == counted(before, "faults")
    });
    Ok(Report {
        upses: options.upses,
        answering: answering.count(),
        seconds,
        cpu: (process_after - process).as_secs_f64() / seconds,
        main_thread_cpu: (main_thread_after - main_thread).as_secs_f64() / seconds,
        turns_per_second: (counted(&after, "turns") - counted(&before, "turns")) / seconds,
        questions_per_second: (sum(&after, "sent") - sum(&before, "sent")) / seconds,
        late_median_ms: counted(&after, "late_median_ms"),
        late_p99_ms: counted(&after, "late_p99_ms"),
        late_longest_ms: counted(&after, "late_longest_ms"),
        resident_mib: daemon.resident_mib()?,
    })
}

fn pause(services: &mut Services, duration: Duration) -> Result<()> {
    let until = Instant::now() + duration;
    services.wait_until("the measuring", duration * 2 + ANSWER_LIMIT, || Instant::now() >= until)
}

impl Report {
    fn print(&self) {
        let verdict = |kept: bool| if kept { "kept" } else { "MISSED" };
        println!(
            "{} UPSes, {} of them without a fault on the line, for {:.0} s",
            self.upses, self.answering, self.seconds
        );
        println!(
            "  processor      {:5.1} % of a core (main thread {:.1} %), target < {:.0} %: {}",
            self.cpu * 100.0,
            self.main_thread_cpu * 100.0,
            CPU_TARGET * 100.0,
            verdict(self.cpu < CPU_TARGET)
        );
        println!(
            "  timers late    median {:.2} ms, p99 {:.2} ms, longest {:.2} ms, target p99 < {LATE_TARGET_MS} ms: {}",
            self.late_median_ms,
            self.late_p99_ms,
            self.late_longest_ms,
            verdict(self.late_p99_ms < LATE_TARGET_MS)
        );
        println!(
            "  {:.0} questions and {:.0} turns of the loop a second; {:.1} MiB resident",
            self.questions_per_second, self.turns_per_second, self.resident_mib
        );
    }
}
