//! The command line.
//!
//! Arguments become typed values here and nothing else happens: each command is a module that does one thing and
//! returns how it ended.

#[cfg(feature = "author")]
mod author;
mod backup;
mod check;
#[cfg(feature = "compiler")]
mod compile;
mod confirm;
mod connect;
mod daemon;
mod demo;
mod doctor;
mod events;
mod exit;
#[cfg(feature = "author")]
mod generate;
mod get;
mod history;
#[cfg(feature = "import-nut")]
mod import_nut;
mod order;
mod output;
mod plugin;
mod probe;
mod run;
mod script;
mod status;
mod table;
mod terminal;
mod trace;
mod user;
mod words;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use self::exit::{EXIT_CODES, Exit, Failure};
use self::output::Output;

use crate::config::{ConfigError, DEFAULT_FILE, LogFilter, Settings};
use crate::printable::printable_lines;

const EXAMPLES: &str = "\
A configuration to start with:

  [ups.main]                 # the name NUT clients see
  port = \"/dev/ttyS0\"        # or \"tcp://host:port\", or \"sim:smart-ups-1500\" to try things out
  description = \"Rack A\"

  [plugin.nut-server]        # serves it to NUT clients on 127.0.0.1:3493";

/// Parses the arguments of this process and does what they say.
pub fn main() -> ExitCode {
    let Cli { command, output } = Cli::parse();
    let ended = match command {
        Command::Run(arguments) => Ok(run::run(arguments)),
        Command::Demo(arguments) => demo::demo(&arguments, output),
        Command::Check(arguments) => check::check(&arguments, output),
        Command::Status(arguments) => status::status(&arguments, output),
        Command::Get(arguments) => get::get(&arguments, output),
        Command::Set(arguments) => order::set(&arguments, output),
        Command::Cmd(arguments) => order::cmd(&arguments, output),
        Command::Fsd(arguments) => order::fsd(&arguments, output),
        Command::Events(arguments) => events::events(&arguments, output),
        Command::History(arguments) => history::history(&arguments, output),
        Command::Audit(arguments) => history::audit(&arguments, output),
        Command::Reload(arguments) => daemon::reload(&arguments, output),
        Command::LogLevel(arguments) => daemon::log_level(&arguments, output),
        Command::Plugin(arguments) => plugin::plugin(&arguments, output),
        Command::Script(arguments) => script::script(&arguments, output),
        Command::User(arguments) => user::user(&arguments, output),
        Command::Backup(arguments) => backup::backup(&arguments, output),
        Command::Restore(arguments) => backup::restore(&arguments, output),
        Command::Doctor(arguments) => doctor::doctor(&arguments, output),
        #[cfg(feature = "import-nut")]
        Command::ImportNut(arguments) => import_nut::import_nut(&arguments, output),
        Command::Probe(arguments) => probe::probe(&arguments, output),
        Command::Trace(arguments) => trace::trace(&arguments, output),
        #[cfg(feature = "author")]
        Command::Completions(arguments) => generate::completions(&arguments, output),
        #[cfg(feature = "author")]
        Command::Man(arguments) => generate::man(&arguments, output),
        Command::Simulate(arguments) => daemon::simulate(&arguments, output),
        #[cfg(feature = "compiler")]
        Command::Compile(arguments) => compile::compile(&arguments),
    };
    ended.unwrap_or_else(complain).into()
}

/// Says on standard error why it was not done. What went wrong may quote a stranger's file.
fn complain(failure: Failure) -> Exit {
    if !failure.message.is_empty() {
        // Who does not read standard error has the exit code.
        let _ = writeln!(std::io::stderr(), "opennmc: {}", printable_lines(&failure.message));
    }
    failure.exit
}

/// Watches APC UPSes and serves their state to NUT clients and other plugins.
#[derive(Debug, Parser)]
#[command(name = "opennmc", version, after_help = EXIT_CODES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon in the foreground, until SIGTERM or SIGINT
    ///
    /// Prints one line `ready` on standard output, and tells systemd, once every plugin listens and every UPS port was
    /// tried. The log goes to standard error. A UPS that does not answer does not keep the daemon from starting: it is
    /// looked for until it is found.
    Run(RunArguments),
    /// Run the daemon with a simulated UPS, to try things out
    Demo(demo::DemoArguments),
    /// Say what is wrong with a configuration, without running it
    ///
    /// Prints one line per problem, `FILE:LINE:COLUMN: KEY: …`, on standard output.
    Check(check::CheckArguments),
    /// Show how the UPSes are
    Status(status::StatusArguments),
    /// Print variables by their NUT names
    Get(get::GetArguments),
    /// Set a variable of a UPS
    ///
    /// The UPS is asked afterwards what it has: the answer says whether the value is there.
    Set(order::SetArguments),
    /// Run a command of a UPS, or list them
    ///
    /// What interrupts the power of the load is asked about first.
    Cmd(order::CmdArguments),
    /// Set or clear the forced shutdown, as NUT's FSD
    Fsd(order::FsdArguments),
    /// Show what happened, and follow what happens
    Events(events::EventsArguments),
    /// Show what was measured, as text, CSV or JSON
    History(history::HistoryArguments),
    /// Show who ordered what, from where, and what came of it
    Audit(history::AuditArguments),
    /// Load the configuration anew, without dropping a UPS or a client that it does not concern
    ///
    /// A file with a problem changes nothing: `opennmc check` lists what is wrong with it.
    Reload(daemon::ReloadArguments),
    /// Show how much the daemon logs, or set it until its next start
    LogLevel(daemon::LogLevelArguments),
    /// Show what the plugins do, and write new ones
    Plugin(plugin::PluginArguments),
    /// Show what the scripts do, check them, and begin new ones
    Script(script::ScriptArguments),
    /// List, add and change the users of all services, and their tokens
    ///
    /// Works on the users' file itself when no daemon runs.
    User(user::UserArguments),
    /// Look at health and security, and say how to mend what is found
    ///
    /// Exits with 11 when somebody should look, with 12 when data or power is at risk. As root it sees the most.
    Doctor(doctor::DoctorArguments),
    /// Write configuration, users, scripts, plugins and history into one file
    Backup(backup::BackupArguments),
    /// Bring a backup back, all of it or nothing; a daemon that runs does it and starts anew
    Restore(backup::RestoreArguments),
    /// Make a configuration and users out of NUT's
    ///
    /// Says what became of every line, and names each that could not be carried over. NUT's files are not touched.
    #[cfg(feature = "import-nut")]
    ImportNut(import_nut::ImportNutArguments),
    /// Find out what is on a serial line
    ///
    /// For a UPS that is not found: tells a wrong cable from a silent UPS from one that speaks another protocol. Exits with 6
    /// when there is no UPS that speaks the smart protocol. The daemon must not have the port.
    Probe(probe::ProbeArguments),
    /// Show everything that goes over a serial line, with what it means
    ///
    /// For bug reports: `>` went to the UPS, `<` came from it, `=` is what was made of it. Nothing is changed in the UPS. The
    /// daemon must not have the port.
    Trace(trace::TraceArguments),
    /// Print a script that lets a shell complete this program's command lines
    #[cfg(feature = "author")]
    Completions(generate::CompletionsArguments),
    /// Write the manual pages into a folder
    #[cfg(feature = "author")]
    Man(generate::ManArguments),
    /// Let something happen to a simulated UPS, one whose port is `sim:MODEL`
    Simulate(daemon::SimulateArguments),
    /// Compile a component from standard input to standard output; the daemon does it so
    #[cfg(feature = "compiler")]
    #[command(hide = true)]
    Compile(compile::CompileArguments),
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
