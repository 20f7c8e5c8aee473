//! `cargo xtask bench nut`: GET VAR, LIST VAR, TLS and idle clients, ours beside upsd's.
//!
//! Both servers run for the whole time and are measured in turn, several rounds, so that what disturbs the machine
//! disturbs both. The figures are medians over the rounds. Both serve the same variables and get the same requests.

mod certificate;
mod idle;
mod tls;

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

pub(crate) use self::certificate::{Certificate, NICKNAME};
use super::load::{self, Judge, Measured, Question};
use super::{opennmc, upsd};
use crate::services::Services;
use crate::setup;
use crate::workspace::{Profile, Workspace};
use crate::{build, console};

/// The name of the UPS on both servers.
pub(crate) const UPS: &str = "bench";
/// What a server for a rack must stand: one client, a few, many, and a monitoring system gone wild.
const CONNECTIONS: [usize; 4] = [1, 16, 128, 1000];
const WARM_UP: Duration = Duration::from_millis(300);
/// Of our rate over upsd's.
const GET_TARGET: f64 = 1.0;
const LIST_TARGET: f64 = 100.0;
/// Handshakes a second, of ours over upsd's.
const TLS_TARGET: f64 = 1.0;
/// What idle clients may cost.
const IDLE_TARGET_MIB: f64 = 20.0;
/// Both ends of the largest run are not in one process; this leaves room for everything else.
const OPEN_FILES: u64 = 8192;
/// How long the simulated UPS may take until everything was read once.
const COMPLETE_LIMIT: Duration = Duration::from_secs(300);
/// No other variables for so long: all were read. Derived ones appear when their sources were read twice.
const COMPLETE_QUIET: Duration = Duration::from_secs(15);
/// Above this the generator's own core is full and the server's rate is not known.
const GENERATOR_FULL: f64 = 0.95;

/// What `cargo xtask bench nut` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How often each server is measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each time, in seconds.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Fail when a target is missed.
    #[arg(long)]
    enforce: bool,
}

/// One variable as a NUT server lists it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Variable {
    /// NUT's name.
    pub(crate) name: String,
    /// Without the quotes.
    pub(crate) value: String,
}

/// Measures and reports.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    setup::ensure(workspace, setup::Task::Bench)?;
    build::everything(workspace, Profile::Release)?;
    raise_open_files()?;

    let folder = tempfile::tempdir().context("no temporary folder")?;
    let (our_address, upsd_address) = (free_address()?, free_address()?);
    let mut services = Services::new(false)?;
    console::heading("Starting opennmc, and upsd with the same variables");
    let certificate = certificate::make(folder.path())?;
    let our_pid = opennmc::start(&mut services, workspace, folder.path(), our_address, &certificate)?;
    let ours = wait_for_all_variables(&mut services, our_address)?;
    let upsd_folder = folder.path().join("upsd");
    std::fs::create_dir(&upsd_folder)?;
    let [upsd_pid, _] = upsd::start(&mut services, &upsd_folder, upsd_address, &ours, &certificate)?;
    let theirs = wait_for_all_variables(&mut services, upsd_address)?;
    console::remark(&format!("opennmc lists {} variables, upsd {}", ours.len(), theirs.len()));

    let mut servers =
        [Server::new("opennmc", our_address, &ours), Server::new("upsd", upsd_address, &theirs)];
    let common = common_names(&ours, &theirs)?;
    let mut results = Vec::new();
    for connections in CONNECTIONS {
        let name = format!("GET VAR, {connections} connection{}", if connections == 1 { "" } else { "s" });
        results.push(compare(&name, GET_TARGET, options, &mut servers, |server, duration| {
            server.measure(connections, &mut server.get_questions(&common), duration)
        })?);
    }
    results.push(compare(
        "LIST VAR, 1 connection",
        LIST_TARGET,
        options,
        &mut servers,
        |server, duration| server.measure(1, &mut [server.list_question()], duration),
    )?);
    let tls = compare_tls(options, &servers, &certificate)?;
    let idle = compare_idle([(our_address, our_pid), (upsd_address, upsd_pid)])?;
    services.stop();

    let report = Report {
        variables: ours.len(),
        rounds: options.rounds,
        seconds: options.seconds,
        results,
        tls,
        idle,
    };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.table());
    }
    report.judge(options.enforce)
}

struct Server {
    name: &'static str,
    address: SocketAddr,
    variables: Vec<Variable>,
}

impl Server {
    fn new(name: &'static str, address: SocketAddr, variables: &[Variable]) -> Self {
        Self { name, address, variables: variables.to_vec() }
    }

    fn get_questions(&self, names: &[String]) -> Vec<Question> {
        let asked = self.variables.iter().filter(|variable| names.contains(&variable.name));
        asked
            .map(|Variable { name, value }| Question {
                request: format!("GET VAR {UPS} {name}\n").into(),
                end: b"\n".into(),
                answer: format!("VAR {UPS} {name} \"{value}\"\n").into(),
            })
            .collect()
    }

    fn list_question(&self) -> Question {
        let lines: String = self
            .variables
            .iter()
            .map(|Variable { name, value }| format!("VAR {UPS} {name} \"{value}\"\n"))
            .collect();
        Question {
            request: format!("LIST VAR {UPS}\n").into(),
            end: format!("END LIST VAR {UPS}\n").into(),
            answer: format!("BEGIN LIST VAR {UPS}\n{lines}END LIST VAR {UPS}\n").into(),
        }
    }

    fn measure(
        &self,
        connections: usize,
        questions: &mut [Question],
        duration: Duration,
    ) -> Result<Measured> {
        load::closed_loop(self.address, connections, questions, &MeasuredValuesMayMove, WARM_UP, duration)
            .with_context(|| format!("{} with {connections} connections", self.name))
    }
}

/// Rounds in which each server is measured once; who is first alternates.
fn compare(
    name: &str,
    target: f64,
    options: &Options,
    servers: &mut [Server; 2],
    measure: impl Fn(&Server, Duration) -> Result<Measured>,
) -> Result<Comparison> {
    console::heading(name);
    let duration =
        Duration::try_from_secs_f64(options.seconds).context("--seconds must be a positive number")?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..options.rounds.max(1) {
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for index in order {
            let measured = measure(&servers[index], duration)?;
            let figures = Figures::of(&measured);
            console::remark(&format!(
                "round {}: {:8} {:>9.0} /s",
                round + 1,
                servers[index].name,
                figures.per_second
            ));
            if index == 0 { ours.push(figures) } else { theirs.push(figures) }
        }
    }
    let (opennmc, upsd) = (Figures::medians(&ours), Figures::medians(&theirs));
    let ratio = opennmc.per_second / upsd.per_second;
    Ok(Comparison { name: name.to_owned(), opennmc, upsd, ratio, target })
}

#[derive(Serialize)]
struct Report {
    variables: usize,
    rounds: usize,
    seconds: f64,
    results: Vec<Comparison>,
    tls: Tls,
    idle: Idle,
}

/// Handshakes a second.
#[derive(Serialize)]
struct Tls {
    opennmc: f64,
    upsd: f64,
    ratio: f64,
    opennmc_version: String,
    upsd_version: String,
}

/// What idle clients cost, in MiB of the server's resident memory.
#[derive(Serialize)]
struct Idle {
    clients: usize,
    opennmc_mib: f64,
    upsd_mib: f64,
}

fn compare_tls(options: &Options, servers: &[Server; 2], certificate: &Certificate) -> Result<Tls> {
    console::heading("TLS: connect, STARTTLS, handshake, one question");
    let config = tls::client(&certificate.certificate)?;
    let duration =
        Duration::try_from_secs_f64(options.seconds).context("--seconds must be a positive number")?;
    let mut rates = [Vec::new(), Vec::new()];
    let mut versions = [String::new(), String::new()];
    for round in 0..options.rounds.max(1) {
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for index in order {
            let server = &servers[index];
            let measured = tls::measure(server.address, &config, duration)
                .with_context(|| format!("TLS with {}", server.name))?;
            console::remark(&format!(
                "round {}: {:8} {:>9.0} /s, {}",
                round + 1,
                server.name,
                measured.per_second,
                measured.version
            ));
            rates[index].push(measured.per_second);
            versions[index] = measured.version;
        }
    }
    let [ours, theirs] = rates.map(median);
    let [opennmc_version, upsd_version] = versions;
    Ok(Tls { opennmc: ours, upsd: theirs, ratio: ours / theirs, opennmc_version, upsd_version })
}

fn compare_idle(servers: [(SocketAddr, u32); 2]) -> Result<Idle> {
    console::heading(&format!("{} idle clients", idle::CLIENTS));
    let mut grown = [0.0; 2];
    for (grown, (address, pid)) in grown.iter_mut().zip(servers) {
        let (before, with) = idle::measure(address, pid)?;
        *grown = with - before;
    }
    let [opennmc_mib, upsd_mib] = grown;
    Ok(Idle { clients: idle::CLIENTS, opennmc_mib, upsd_mib })
}

#[derive(Serialize)]
struct Comparison {
    name: String,
    opennmc: Figures,
    upsd: Figures,
    ratio: f64,
    target: f64,
}

#[derive(Serialize, Clone, Copy, Debug, PartialEq)]
struct Figures {
    per_second: f64,
    median_us: f64,
    p99_us: f64,
    /// The part of one core that the load generator needed.
    generator_load: f64,
}

impl Figures {
    fn of(measured: &Measured) -> Self {
        let microseconds = |share| measured.percentile(share).as_secs_f64() * 1e6;
        Self {
            per_second: measured.rate(),
            median_us: microseconds(0.5),
            p99_us: microseconds(0.99),
            generator_load: measured.own_load(),
        }
    }

    fn medians(rounds: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure).collect());
        Self {
            per_second: of(|f| f.per_second),
            median_us: of(|f| f.median_us),
            p99_us: of(|f| f.p99_us),
            generator_load: of(|f| f.generator_load),
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        even if even % 2 == 0 => (values[middle - 1] + values[middle]) / 2.0,
        _ => values[middle],
    }
}

impl Report {
    fn table(&self) -> String {
        let mut text = format!(
            "\n{} variables, medians of {} rounds of {} s\n\n{:24} {:>11} {:>11} {:>8} {:>9} {:>22} {:>11}\n",
            self.variables,
            self.rounds,
            self.seconds,
            "",
            "opennmc /s",
            "upsd /s",
            "ratio",
            "target",
            "p99 µs (ours, theirs)",
            "generator"
        );
        for row in &self.results {
            text.push_str(&format!(
                "{:24} {:>11.0} {:>11.0} {:>8.2} {:>9} {:>22} {:>11}\n",
                row.name,
                row.opennmc.per_second,
                row.upsd.per_second,
                row.ratio,
                format!("≥ {}", row.target),
                format!("{:.0}, {:.0}", row.opennmc.p99_us, row.upsd.p99_us),
                format!("{:.0} %", row.opennmc.generator_load.max(row.upsd.generator_load) * 100.0),
            ));
        }
        let Tls { opennmc, upsd, ratio, opennmc_version, upsd_version } = &self.tls;
        text.push_str(&format!(
            "{:24} {opennmc:>11.0} {upsd:>11.0} {ratio:>8.2} {:>9}  {opennmc_version}, {upsd_version}\n",
            "TLS handshakes",
            format!("≥ {TLS_TARGET}"),
        ));
        let Idle { clients, opennmc_mib, upsd_mib } = &self.idle;
        text.push_str(&format!(
            "\n{clients} idle clients: {opennmc_mib:.1} MiB, upsd {upsd_mib:.1} MiB; target < {IDLE_TARGET_MIB} MiB\n"
        ));
        text.push_str(
            "\ngenerator: the part of one core that the load generator itself needed, the higher of both.\n",
        );
        text
    }

    fn judge(&self, enforce: bool) -> Result<()> {
        for row in &self.results {
            if row.opennmc.generator_load.max(row.upsd.generator_load) > GENERATOR_FULL {
                console::notice(&format!(
                    "{}: the load generator was the bottleneck; the servers can do more",
                    row.name
                ));
            }
        }
        let missed = |row: &&Comparison| row.ratio < row.target;
        let mut missed: Vec<&str> = self.results.iter().filter(missed).map(|row| row.name.as_str()).collect();
        if self.tls.ratio < TLS_TARGET {
            missed.push("TLS handshakes");
        }
        if self.idle.opennmc_mib > IDLE_TARGET_MIB {
            missed.push("idle clients");
        }
        if enforce && !missed.is_empty() {
            bail!("below target: {}", missed.join("; "));
        }
        Ok(())
    }
}

/// A simulated UPS breathes: its measurements may change between two answers, nothing else may.
struct MeasuredValuesMayMove;

/// It takes the host a minute of watching to know it.
const LAST: &str = "battery.runtime.trend";

/// What a UPS measures; everything else it reports is a name, a setting or a state.
const MEASURED: [&str; 16] = [
    "ambient.humidity",
    "ambient.temperature",
    // In days: a run may go past midnight.
    "battery.age",
    "battery.charge",
    "battery.current",
    "battery.runtime",
    "battery.temperature",
    "battery.voltage",
    "device.uptime",
    "input.frequency",
    "input.voltage",
    "output.",
    "ups.load",
    "ups.power",
    "ups.realpower",
    "ups.temperature",
];
/// Named like measurements but settings.
const NOT_MEASURED: [&str; 4] = [".nominal", ".restart", ".low", ".high"];

impl Judge for MeasuredValuesMayMove {
    fn judge(&self, known: &[u8], got: &[u8]) -> Result<()> {
        let (known, got) = (std::str::from_utf8(known)?, std::str::from_utf8(got)?);
        if known.lines().count() != got.lines().count() {
            bail!("{} lines instead of {}:\n{got}", got.lines().count(), known.lines().count());
        }
        for (known, got) in known.lines().zip(got.lines()).filter(|(known, got)| known != got) {
            let moved = variable(known).zip(variable(got)).is_some_and(|(known, got)| {
                known.name == got.name && is_measured(&got.name) && got.value.parse::<f64>().is_ok()
            });
            if !moved {
                bail!("got `{got}` instead of `{known}`");
            }
        }
        Ok(())
    }
}

fn is_measured(name: &str) -> bool {
    MEASURED.iter().any(|prefix| name.starts_with(prefix))
        && !NOT_MEASURED.iter().any(|suffix| name.ends_with(suffix))
}

/// Parses `VAR UPS NAME "VALUE"`. The quoting is kept: what is asked for is the text on the wire.
fn variable(line: &str) -> Option<Variable> {
    let (name, value) = line.strip_prefix("VAR ")?.strip_prefix(UPS)?.strip_prefix(' ')?.split_once(' ')?;
    let value = value.strip_prefix('"')?.strip_suffix('"')?;
    Some(Variable { name: name.to_owned(), value: value.to_owned() })
}

/// Asks until the list has not grown for a while, and holds a status and what comes last.
fn wait_for_all_variables(services: &mut Services, address: SocketAddr) -> Result<Vec<Variable>> {
    let mut known: Vec<Variable> = Vec::new();
    let mut grown = Instant::now();
    services.wait_until("all variables to be read", COMPLETE_LIMIT, || {
        let Ok(listed) = list(address) else { return false };
        let names = |list: &[Variable]| list.iter().map(|variable| variable.name.clone()).collect::<Vec<_>>();
        if names(&listed) != names(&known) {
            grown = Instant::now();
        }
        known = listed;
        let has = |name: &str| known.iter().any(|variable| variable.name == name);
        has("ups.status") && has(LAST) && grown.elapsed() > COMPLETE_QUIET
    })?;
    Ok(known)
}

fn list(address: SocketAddr) -> Result<Vec<Variable>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(COMPLETE_QUIET))?;
    stream.write_all(format!("LIST VAR {UPS}\n").as_bytes())?;
    let mut variables = Vec::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if line.starts_with("END ") {
            return Ok(variables);
        }
        if line.starts_with("BEGIN ") {
            continue;
        }
        variables.push(variable(&line).with_context(|| format!("not a variable: {line}"))?);
    }
    bail!("the list has no end")
}

/// The names that both serve, and only these are asked for. A variable that upsd lost makes the mix unequal.
fn common_names(ours: &[Variable], theirs: &[Variable]) -> Result<Vec<String>> {
    let own = |variable: &&Variable| !variable.name.starts_with("driver.");
    for variable in ours.iter().filter(own) {
        if !theirs.contains(variable) {
            bail!("upsd does not serve {} = \"{}\" as we do", variable.name, variable.value);
        }
    }
    Ok(ours.iter().filter(own).map(|variable| variable.name.clone()).collect())
}

/// Two connections' worth of files per client would be enough; the peers inherit it.
pub(crate) fn raise_open_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= OPEN_FILES) {
        return Ok(());
    }
    let maximum = limit.maximum.map(|maximum| maximum.max(OPEN_FILES));
    setrlimit(Resource::Nofile, Rlimit { current: Some(OPEN_FILES), maximum }).with_context(|| {
        format!("this needs {OPEN_FILES} open files; allow them with: ulimit -n {OPEN_FILES}")
    })
}

/// A port that nobody listens on now. The listener that found it is gone before it is used.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_list_gives_name_and_value_with_its_quoting() {
        let parsed = variable("VAR bench ups.id \"a \\\"b\\\" c\"").unwrap();
        assert_eq!((parsed.name.as_str(), parsed.value.as_str()), ("ups.id", "a \\\"b\\\" c"));
        assert_eq!(variable("VAR other ups.id \"a\""), None);
        assert_eq!(variable("ERR DATA-STALE"), None);
    }

    #[test]
    fn a_measurement_may_move_and_nothing_else_may() {
        let judge = |known: &str, got: &str| MeasuredValuesMayMove.judge(known.as_bytes(), got.as_bytes());
        assert!(judge("VAR bench ups.load \"10.1\"\n", "VAR bench ups.load \"10.2\"\n").is_ok());
        assert!(judge("VAR bench ups.load \"10.1\"\n", "VAR bench ups.load \"high\"\n").is_err());
        assert!(judge("VAR bench ups.id \"a\"\n", "VAR bench ups.id \"b\"\n").is_err());
        assert!(judge("VAR bench ups.load \"10.1\"\n", "VAR bench input.voltage \"230.0\"\n").is_err());
        assert!(
            judge("VAR bench battery.voltage.nominal \"24\"\n", "VAR bench battery.voltage.nominal \"25\"\n")
                .is_err()
        );
        assert!(judge("VAR bench ups.load \"10.1\"\n", "ERR DATA-STALE\n").is_err());
    }

    #[test]
    fn the_median_of_rounds_ignores_one_that_was_disturbed() {
        assert_eq!(median(vec![10.0, 1.0, 11.0]), 10.0);
        assert_eq!(median(vec![1.0, 3.0]), 2.0);
    }

    #[test]
    fn a_missed_target_fails_only_when_it_is_enforced() {
        let figures = Figures { per_second: 1.0, median_us: 1.0, p99_us: 1.0, generator_load: 0.5 };
        let row =
            Comparison { name: "x".to_owned(), opennmc: figures, upsd: figures, ratio: 0.4, target: 0.5 };
        let tls = Tls {
            opennmc: 2.0,
            upsd: 1.0,
            ratio: 2.0,
            opennmc_version: String::new(),
            upsd_version: String::new(),
        };
        let idle = Idle { clients: 1, opennmc_mib: 1.0, upsd_mib: 1.0 };
        let report = Report { variables: 60, rounds: 1, seconds: 1.0, results: vec![row], tls, idle };
        assert!(report.judge(false).is_ok());
        assert!(report.judge(true).is_err());
    }
}
