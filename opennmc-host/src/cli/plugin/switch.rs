//! `opennmc plugin enable`, `disable`, `restart`, `remove` and `logs`.

use clap::Args;

use super::super::confirm::Confirm;
use super::super::connect::Connect;
use super::super::exit::{Exit, Failure};
use super::super::output::Output;
use super::super::terminal::clean;
use super::super::words;
use crate::control::protocol::{PluginRequest, Request};
use crate::control::report::{DoneReport, time};
use crate::plugin::Line;

#[derive(Debug, Args)]
pub(super) struct OneArguments {
    /// Its id
    id: String,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArguments {
    /// Its id
    id: String,
    /// Delete what it has stored as well, and its compiled forms; also of a plugin that was removed before
    #[arg(long)]
    purge: bool,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct LogsArguments {
    /// Its id
    id: String,
    /// Go on with what it logs from now on
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    connect: Connect,
}

pub(super) fn switch(
    arguments: &OneArguments,
    what: impl FnOnce(String) -> PluginRequest,
    output: Output,
) -> Result<Exit, Failure> {
    carry_out(&arguments.connect, what(arguments.id.clone()), output)
}

pub(super) fn remove(arguments: &RemoveArguments, output: Output) -> Result<Exit, Failure> {
    let id = arguments.id.clone();
    let purge = arguments.purge;
    let stored = match purge {
        true => "What it has stored is deleted for good, too.",
        false => "What it has stored stays; --purge deletes that, too.",
    };
    arguments.confirm.ask(&format!("{} is stopped, and its package is deleted. {stored}", clean(&id)))?;
    carry_out(&arguments.connect, PluginRequest::Remove { id, purge }, output)
}

fn carry_out(connect: &Connect, request: PluginRequest, output: Output) -> Result<Exit, Failure> {
    let done: DoneReport = connect.open()?.ask(Request::Plugin { plugin: request })?;
    if output.json {
        output.document(&done)?;
    } else {
        output.text(&format!("{}\n", clean(&done.done)))?;
    }
    Ok(Exit::Done)
}

impl LogsArguments {
    /// For the script of this name.
    pub(in crate::cli) fn of_script(&self, prefix: &str) -> Self {
        let id = self.id.trim_start_matches(prefix);
        Self { id: format!("{prefix}{id}"), ..self.clone() }
    }
}

pub(in crate::cli) fn logs(arguments: &LogsArguments, output: Output) -> Result<Exit, Failure> {
    let request = PluginRequest::Logs { id: arguments.id.clone(), follow: arguments.follow };
    let mut client = arguments.connect.open()?;
    client.stream(Request::Plugin { plugin: request }, |item| {
        if output.json {
            return output.line(&item);
        }
        let line: Line =
            serde_json::from_value(item).map_err(|error| Failure::system("the daemon's answer", error))?;
        let at = words::local_time(&time(line.at_ms));
        output.text(&format!("{at} {:<5} {}\n", clean(&line.level), clean(&line.text)))
    })?;
    Ok(Exit::Done)
}
