//! What is asked of the daemon itself: `reload`, `log-level`, `simulate`.

use clap::Args;
use serde::Serialize;

use super::connect::{Connect, split_ups};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::terminal::clean;
use crate::config::LogFilter;
use crate::control::protocol::Request;
use crate::control::report::ReloadReport;

#[derive(Debug, Args)]
pub(super) struct ReloadArguments {
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Args)]
pub(super) struct LogLevelArguments {
    /// error, warn, info, debug or trace; or for a part: info,opennmc_host::link=debug
    level: Option<LogFilter>,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Args)]
pub(super) struct SimulateArguments {
    /// The UPS (may be left out when there is one) and what happens to it: `line off`, `line on`, `charge 42`, `load 55`…
    #[arg(value_name = "[UPS] WORD", required = true)]
    words: Vec<String>,
    #[command(flatten)]
    connect: Connect,
}

pub(super) fn reload(arguments: &ReloadArguments, output: Output) -> Result<Exit, Failure> {
    let report: ReloadReport = arguments.connect.open()?.ask(Request::Reload)?;
    if output.json {
        output.document(&report)?;
        return Ok(Exit::Done);
    }
    let changed = report.changed.iter().map(|change| format!("{}\n", clean(change)));
    let later = report.needs_restart.iter().map(|change| format!("after a restart: {}\n", clean(change)));
    let mut text: String = changed.chain(later).collect();
    if text.is_empty() {
        text.push_str("the configuration says what it said before\n");
    }
    output.text(&text)?;
    Ok(Exit::Done)
}

pub(super) fn log_level(arguments: &LogLevelArguments, output: Output) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Document {
        level: String,
    }
    let filter = arguments.level.as_ref().map(ToString::to_string);
    let level: String = arguments.connect.open()?.ask(Request::LogLevel { filter })?;
    if output.json {
        output.document(&Document { level })?;
    } else {
        output.text(&format!("{level}\n"))?;
    }
    Ok(Exit::Done)
}

pub(super) fn simulate(arguments: &SimulateArguments, output: Output) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Document {
        ups: String,
        answer: String,
    }
    let mut client = arguments.connect.open()?;
    let (ups, words) = split_ups(&client, None, &arguments.words, usize::MAX)?;
    let answer: String = client.ask(Request::Simulate { ups: ups.clone(), line: words.join(" ") })?;
    if output.json {
        output.document(&Document { ups, answer })?;
    } else {
        output.text(&format!("{}\n", clean(answer.trim_end())))?;
    }
    Ok(Exit::Done)
}
