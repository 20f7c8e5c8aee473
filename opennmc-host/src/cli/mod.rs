//! The command line.
//!
//! Arguments become typed values here and nothing else happens: each command is a module that does one thing and
//! returns how it ended.

mod check;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{ConfigError, DEFAULT_FILE, LogFilter, Settings};

const EXIT_CODES: &str = "\
Exit codes:
  0  done; `run` was asked to end and did
  1  the configuration is wrong or can't be read; every problem was printed
  2  the command line is wrong
  3  the daemon can't start or can't go on; the last line of the log says why";

const EXAMPLES: &str = "\
A configuration to start with:

  [ups.main]                 # the name NUT clients see
  port = \"/dev/ttyS0\"        # or \"tcp://host:port\", or \"sim:smart-ups-1500\" to try things out
  description = \"Rack A\"

  [plugin.nut-server]        # serves it to NUT clients on 127.0.0.1:3493";

/// Parses the arguments of this process and does what they say.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(arguments) => run::run(arguments).into(),
        Command::Check(arguments) => check::check(arguments).into(),
    }
}

/// How a command ended: the process's exit code. Numbers are never given a new meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Exit {
    Done = 0,
    BadConfiguration = 1,
    // 2 is clap's, for a wrong command line.
    Broken = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Watches APC UPSes and serves their state to NUT clients and other plugins.
#[derive(Debug, Parser)]
#[command(name = "opennmc", version, after_help = EXIT_CODES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon in the foreground, until SIGTERM or SIGINT
    ///
    /// Prints one line `ready` on standard output, and tells systemd, once every plugin listens and every UPS port was
    /// tried. The log goes to standard error. A UPS that does not answer does not keep the daemon from starting: it is
    /// looked for until it is found.
    Run(RunArguments),
    /// Say what is wrong with a configuration, without running it
    ///
    /// Prints one line per problem, `FILE:LINE:COLUMN: KEY: …`, on standard output.
    Check(CheckArguments),
}

#[derive(Debug, Args)]
struct RunArguments {
    #[command(flatten)]
    config: ConfigArgument,

    /// Keep state in this folder instead of the configured one
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    /// Look for plugin packages in this folder before the configured ones (may be given several times)
    #[arg(long, value_name = "DIR")]
    plugins: Vec<PathBuf>,

    /// How much to log: error, warn, info, debug or trace; or for a part: info,opennmc_host::link=debug
    ///
    /// Goes before `[log] level` in the configuration.
    #[arg(long, value_name = "LEVEL", env = "OPENNMC_LOG")]
    log: Option<LogFilter>,
}

#[derive(Debug, Args)]
struct CheckArguments {
    #[command(flatten)]
    config: ConfigArgument,
}

#[derive(Debug, Args)]
struct ConfigArgument {
    /// The configuration file
    #[arg(long = "config", value_name = "FILE", default_value = DEFAULT_FILE)]
    file: PathBuf,
}

impl ConfigArgument {
    fn load(&self) -> Result<Settings, ConfigError> {
        Settings::load(&self.file)
    }
}
