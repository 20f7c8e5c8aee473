//! `cargo xtask bench web`: requests per second of the API's overview, and what readers of the stream cost and when they hear of an
//! outage.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::net::{self, AddressFamily, SocketType};
use serde::Serialize;

use super::daemon;
use super::nut::{free_address, raise_open_files};
use crate::command::Run;
use crate::services::Services;
use crate::workspace::{Profile, Workspace};
use crate::{build, console, setup};

const REQUESTS_TARGET: f64 = 20_000.0;
const MEMORY_TARGET_MIB: f64 = 25.0;
const HEARD_TARGET_MS: f64 = 100.0;
/// Connections and threads of wrk.
const CONNECTIONS: &str = "64";
const THREADS: &str = "1";
/// Readers of the stream, from so many addresses: one may have 64.
const READERS: usize = 500;
const ADDRESSES: usize = 10;
const OUTAGES: usize = 5;
/// The first start compiles the plugins.
const START_LIMIT: Duration = Duration::from_secs(120);
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Until a page's snapshots were told and what was allocated for them is given back.
const SETTLING: Duration = Duration::from_secs(3);

/// What `cargo xtask bench web` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long wrk asks, in seconds.
    #[arg(long, default_value_t = 10)]
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
    requests_a_second: f64,
    /// As wrk tells it.
    p99: String,
    readers: usize,
    readers_mib: f64,
    /// From the simulator's order to the last byte of the event, of all readers in all outages.
    heard_median_ms: f64,
    heard_last_ms: f64,
}

/// Measures and reports.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::ensure(workspace, setup::Task::Bench)?;
    build::everything(workspace, Profile::Release)?;
    raise_open_files()?;
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let (address, socket) = (free_address()?, folder.path().join("control"));
    let mut services = Services::new(false)?;
    let config = configuration(folder.path(), address, &socket)?;
    let arguments =
        ["run".into(), "--config".into(), config.into(), "--plugins".into(), workspace.packages().into()];
    let program = workspace.program("opennmc", Profile::Release);
    let pid = services.start("opennmc", program.as_os_str(), &arguments)?;
    services.wait_until_ready("opennmc", START_LIMIT)?;
    let token = token(&program, &socket)?;

    console::heading("The overview, with keep-alive");
    let (requests_a_second, p99) = wrk(address, &token, options.seconds)?;
    console::heading(&format!("{READERS} readers of the stream"));
    let before = daemon::resident_mib(pid)?;
    let mut readers =
        (0..READERS).map(|number| Reader::open(address, &token, number)).collect::<Result<Vec<_>>>()?;
    let until = Instant::now() + SETTLING;
    services.wait_until("it to settle", SETTLING * 4, || Instant::now() >= until)?;
    let readers_mib = daemon::resident_mib(pid)? - before;
    let mut heard = Vec::new();
    for outage in 0..OUTAGES {
        let (line, kind) = if outage % 2 == 0 { ("off", "ups.on-battery") } else { ("on", "ups.on-line") };
        heard.extend(hear(&mut readers, address, &token, line, kind)?);
    }
    services.stop();
    heard.sort_by(f64::total_cmp);
    let report = Report {
        requests_a_second,
        p99,
        readers: READERS,
        readers_mib,
        heard_median_ms: heard.get(heard.len() / 2).copied().unwrap_or_default(),
        heard_last_ms: heard.last().copied().unwrap_or_default(),
    };
    tell(&report, options)
}

fn tell(report: &Report, options: &Options) -> Result<()> {
    let Report { requests_a_second, p99, readers, readers_mib, heard_median_ms, heard_last_ms } = report;
    if options.json {
        println!("{}", serde_json::to_string_pretty(report)?);
    } else {
        println!("\nGET /api/v1/ups: {requests_a_second:.0} /s, p99 {p99} (target ≥ {REQUESTS_TARGET})");
        println!("{readers} readers: {readers_mib:.1} MiB more (target < {MEMORY_TARGET_MIB})");
        println!(
            "an outage is heard by half of them after {heard_median_ms:.1} ms, by the last after {heard_last_ms:.1} ms (target ≤ {HEARD_TARGET_MS})"
        );
    }
    let kept = *requests_a_second >= REQUESTS_TARGET
        && *readers_mib < MEMORY_TARGET_MIB
        && *heard_last_ms <= HEARD_TARGET_MS;
    ensure!(kept || !options.enforce, "a target was missed");
    Ok(())
}

fn wrk(address: SocketAddr, token: &str, seconds: u64) -> Result<(f64, String)> {
    let told = Run::new("wrk")
        .args(["--latency", "-t", THREADS, "-c", CONNECTIONS, "-d", &format!("{seconds}s")])
        .args(["-H", &format!("Authorization: Bearer {token}")])
        .arg(format!("http://{address}/api/v1/ups"))
        .read_stdout()?;
    if told.contains("Non-2xx") || told.contains("Socket errors") {
        bail!("not all requests were answered as they should be:\n{told}");
    }
    let after = |label: &str| {
        let line = told.lines().find(|line| line.trim_start().starts_with(label));
        let value = line.and_then(|line| line.split_whitespace().last());
        value.map(str::to_owned).with_context(|| format!("wrk does not tell `{label}`:\n{told}"))
    };
    Ok((after("Requests/sec:")?.parse()?, after("99%")?))
}

/// One who reads the stream.
struct Reader(BufReader<TcpStream>);

impl Reader {
    fn open(server: SocketAddr, token: &str, number: usize) -> Result<Reader> {
        let from = SocketAddr::from(([127, 0, 1, u8::try_from(number % ADDRESSES)? + 1], 0));
        let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
        net::bind(&socket, &from)?;
        net::connect(&socket, &server).context("the server takes no connection")?;
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        let head = format!(
            "GET /api/v1/stream HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        let mut reader = Reader(BufReader::new(stream));
        reader.until("event: snapshot")?;
        Ok(reader)
    }

    /// Reads up to a line with this in it.
    fn until(&mut self, wanted: &str) -> Result<()> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.0.read_line(&mut line).context("nothing comes on the stream")? == 0 {
                bail!("the stream has ended");
            }
            if line.contains(wanted) {
                return Ok(());
            }
        }
    }
}

/// After how many milliseconds each reader has heard of it. They are read one after the other, so the last figures count.
fn hear(
    readers: &mut [Reader],
    address: SocketAddr,
    token: &str,
    line: &str,
    kind: &str,
) -> Result<Vec<f64>> {
    let began = Instant::now();
    let headers = format!("authorization: Bearer {token}\r\n");
    let asked = {
        let body = format!("{{\"line\":\"line {line}\"}}");
        thread::spawn(move || ask(address, "POST", "/api/v1/simulate/main", &headers, &body))
    };
    let wanted = format!("\"kind\":\"{kind}\"");
    let mut heard = Vec::with_capacity(readers.len());
    for reader in readers {
        reader.until(&wanted)?;
        heard.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    asked.join().unwrap_or_else(|_| bail!("a thread panicked"))?;
    Ok(heard)
}

/// Asks once; the body of the answer.
fn ask(address: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}content-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    ensure!(head.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
    Ok(body.to_owned())
}

/// A token of the first administrator: a password would be checked anew, slowly, for each connection.
fn token(program: &Path, socket: &Path) -> Result<String> {
    let told =
        Run::new(program).args(["user", "token", "admin", "--json", "--socket"]).arg(socket).read_stdout()?;
    let made: serde_json::Value = serde_json::from_str(&told)?;
    made["secret"].as_str().map(str::to_owned).with_context(|| format!("there is no secret in {told}"))
}

fn configuration(folder: &Path, address: SocketAddr, socket: &Path) -> Result<std::path::PathBuf> {
    let file = folder.join("opennmc.toml");
    let text = format!(
        "[control]\nsocket = {socket:?}\n[state]\ndir = {:?}\n[http]\nlisten = [\"{address}\"]\n[plugin.web-ui]\n\
         [ups.main]\nport = \"sim:smart-ups-1500\"\n",
        folder.join("state"),
    );
    fs::write(&file, text).context("could not write opennmc's configuration")?;
    Ok(file)
}
