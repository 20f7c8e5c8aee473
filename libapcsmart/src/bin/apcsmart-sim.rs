//! `apcsmart-sim`: a simulated UPS on a pseudo-terminal or on TCP.
//!
//! Only the command line lives here; serving is `apcsmart::simulator::serve`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use apcsmart::simulator::serve::{Ready, ServeOptions, serve};
use apcsmart::simulator::{FaultSpec, Model, Simulator, SimulatorOptions};
use clap::Parser;

/// Simulates an APC UPS that speaks the smart serial protocol.
///
/// It prints one line that begins with `ready` when a reader may open the port, and ends on SIGTERM or SIGINT.
#[derive(Debug, Parser)]
#[command(name = "apcsmart-sim", version, after_help = AFTER_HELP)]
struct Arguments {
    /// The UPS to simulate; --list-models shows all.
    #[arg(long, value_name = "NAME", default_value = "smart-ups-1500", value_parser = Model::named)]
    model: Model,

    /// Offer a pseudo-terminal under this symbolic link.
    #[arg(long, value_name = "LINK")]
    pty: Option<PathBuf>,

    /// Offer a TCP serial port here; port 0 lets the system choose.
    #[arg(long, value_name = "ADDR")]
    tcp: Option<SocketAddr>,

    /// Listen for control lines on this Unix socket; the line `help` lists them.
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,

    /// Take as long as a real unit on a line at 2400 bit/s.
    #[arg(long)]
    pace: bool,

    /// Inject faults: drop, flip, duplicate, split, stall, unsolicited, deaf, hang-up, each with a rate.
    #[arg(long, value_name = "SPEC", default_value = "")]
    fault: FaultSpec,

    /// Seed of the faults: the same seed and traffic give the same faults.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Keep the EEPROM in this file.
    #[arg(long, value_name = "FILE")]
    eeprom: Option<PathBuf>,

    /// Write all that is said on the line into this file, with moments of the monotonic clock.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// Attach a Measure-UPS: a probe for temperature and humidity, and contacts.
    #[arg(long)]
    measure_ups: bool,

    /// Relax the rules about pauses between bytes by so many milliseconds, for hosts on a busy machine.
    #[arg(long, value_name = "MS", default_value_t = 250)]
    timing_slack: u64,

    /// List the models and end.
    #[arg(long)]
    list_models: bool,
}

const AFTER_HELP: &str = "\
Examples:
  apcsmart-sim --pty /tmp/ups --control /tmp/ups.ctl
  echo 'line off' | socat - UNIX-CONNECT:/tmp/ups.ctl
  apcsmart-sim --model matrix-3000 --tcp 127.0.0.1:2400 --pace --fault drop=0.01,stall=0.02:800ms --seed 7";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list_models {
        for model in Model::all() {
            println!("{:<24} {}", model.name(), model.summary());
        }
        return ExitCode::SUCCESS;
    }
    if arguments.pty.is_none() && arguments.tcp.is_none() {
        eprintln!("apcsmart-sim: nobody could reach the UPS; give --pty LINK or --tcp ADDR, or both");
        return ExitCode::from(2);
    }
    let sim = Simulator::new(
        arguments.model,
        SimulatorOptions {
            seed: arguments.seed,
            pace: arguments.pace,
            faults: arguments.fault,
            measure_ups: arguments.measure_ups,
            timing_slack: Duration::from_millis(arguments.timing_slack),
            ..SimulatorOptions::default()
        },
    );
    let options = ServeOptions {
        pty: arguments.pty,
        tcp: arguments.tcp,
        control: arguments.control,
        eeprom: arguments.eeprom,
        trace: arguments.trace,
    };
    match serve(sim, &options, announce) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("apcsmart-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Scripts wait for this line.
fn announce(ready: &Ready) {
    let mut line = "ready".to_owned();
    if let Some(pty) = &ready.pty {
        line += &format!(" pty={}", pty.display());
    }
    if let Some(tcp) = &ready.tcp {
        line += &format!(" tcp={tcp}");
    }
    if let Some(control) = &ready.control {
        line += &format!(" control={}", control.display());
    }
    println!("{line}");
    let _ = std::io::stdout().flush();
}
