//! `opennmc script`: the scripts that run, and help for whoever writes one.

mod check;
mod new;
#[cfg(feature = "author")]
mod run;
mod section;

use clap::{Args, Subcommand};

use super::connect::Connect;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::plugin::LogsArguments;
use super::table::Table;
use super::terminal::{Tone, clean};
use super::words;
use crate::control::protocol::Request;
use crate::control::report::PluginReport;
use crate::plugin::script::{PREFIX, hook_list};

#[derive(Debug, Args)]
pub(super) struct ScriptArguments {
    #[command(subcommand)]
    what: Script,
}

#[derive(Debug, Subcommand)]
enum Script {
    /// Every script and how it is, with its last error
    List(ListArguments),
    /// Say what is wrong with scripts, and what they would do, without doing it
    ///
    /// Calls every function with an event as it could come. Exits with 1 when a script has an error.
    Check(check::CheckArguments),
    /// Rehearse a script: a simulated UPS, or a play, in simulated time
    ///
    /// A day takes a second or so. The script runs with its real limits and grants; what it posts goes nowhere and is answered
    /// with 200. Shows what happens (`<`), the status (`=`), the events (`!`) and what the script does (`>`). Exits with 1 when the
    /// script has an error.
    #[cfg(feature = "author")]
    Run(run::RunArguments),
    /// Write a script to begin with
    New(new::NewArguments),
    /// Show what a script has logged of late
    Log(LogsArguments),
    /// List the functions that are called by themselves, and when
    Hooks,
    /// Print what scripts can use, for editors that know Rhai
    ///
    /// As a definition file of Rhai's language server: put it beside the scripts as opennmc.d.rhai.
    #[cfg(feature = "author")]
    Definitions,
}

#[derive(Debug, Args)]
struct ListArguments {
    #[command(flatten)]
    connect: Connect,
}

pub(super) fn script(arguments: &ScriptArguments, output: Output) -> Result<Exit, Failure> {
    match &arguments.what {
        Script::List(arguments) => list(arguments, output),
        Script::Check(arguments) => check::check(arguments, output),
        #[cfg(feature = "author")]
        Script::Run(arguments) => run::run(arguments, output),
        Script::New(arguments) => new::new(arguments, output),
        Script::Log(arguments) => super::plugin::logs(&arguments.of_script(PREFIX), output),
        Script::Hooks => hooks(output),
        #[cfg(feature = "author")]
        Script::Definitions => definitions(output),
    }
}

fn list(arguments: &ListArguments, output: Output) -> Result<Exit, Failure> {
    let plugins: Vec<PluginReport> = arguments.connect.open()?.ask(Request::Plugins)?;
    let scripts: Vec<&PluginReport> = plugins.iter().filter(|plugin| plugin.id.starts_with(PREFIX)).collect();
    if output.json {
        output.document(&scripts)?;
        return Ok(Exit::Done);
    }
    if scripts.is_empty() {
        output.text("no script runs: put a file such as night.rhai into the folder with scripts\n")?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["SCRIPT", "VERSION", "STATE", "CALLS", "SLOWEST", "LAST ERROR"]);
    for script in scripts {
        let tone = match script.state.as_str() {
            "running" => Tone::Good,
            "quarantined" => Tone::Critical,
            _ => Tone::Warning,
        };
        let at =
            script.failed_at.as_deref().map_or_else(String::new, |at| format!("{} ", words::local_time(at)));
        let error =
            script.last_failure.as_deref().map_or_else(String::new, |error| at + clean(error).as_str());
        table.row([
            (clean(script.id.trim_start_matches(PREFIX)), Tone::Bold),
            (script.version.clone().unwrap_or_default(), Tone::Plain),
            (script.state.clone(), tone),
            (script.calls.to_string(), Tone::Plain),
            (format!("{} ms", script.slowest_call_us as f64 / 1000.0), Tone::Plain),
            (error, Tone::Plain),
        ]);
    }
    output.text(&table.print(output.screen()))?;
    Ok(Exit::Done)
}

#[cfg(feature = "author")]
fn definitions(output: Output) -> Result<Exit, Failure> {
    let text = crate::plugin::script::definitions().map_err(|problem| {
        Failure::new(Exit::Failed, format!("can't tell what scripts can use: {problem}"))
    })?;
    if output.json {
        #[derive(serde::Serialize)]
        struct Document {
            definitions: String,
        }
        output.document(&Document { definitions: text })?;
    } else {
        output.text(&text)?;
    }
    Ok(Exit::Done)
}

fn hooks(output: Output) -> Result<Exit, Failure> {
    let all = hook_list();
    if output.json {
        output.document(&all)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["FUNCTION", "IS CALLED WHEN"]);
    for hook in all {
        table.row([
            (format!("{}({})", hook.name, hook.parameters.join(", ")), Tone::Bold),
            (hook.when, Tone::Plain),
        ]);
    }
    output.text(&table.print(output.screen()))?;
    Ok(Exit::Done)
}
