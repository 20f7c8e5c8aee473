//! `opennmc plugin`: what the daemon's plugins do.

use clap::{Args, Subcommand};

use super::connect::Connect;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::table::Table;
use super::terminal::{Tone, clean, pad};
use super::words;
use crate::control::protocol::Request;
use crate::control::report::PluginReport;

#[derive(Debug, Args)]
pub(super) struct PluginArguments {
    #[command(subcommand)]
    what: Plugin,
}

#[derive(Debug, Subcommand)]
enum Plugin {
    /// Every configured plugin and how it is
    List(ListArguments),
    /// Everything that is known of one plugin
    Info(InfoArguments),
}

#[derive(Debug, Args)]
struct ListArguments {
    #[command(flatten)]
    connect: Connect,
}

#[derive(Debug, Args)]
struct InfoArguments {
    /// Its id
    id: String,
    #[command(flatten)]
    connect: Connect,
}

pub(super) fn plugin(arguments: &PluginArguments, output: Output) -> Result<Exit, Failure> {
    match &arguments.what {
        Plugin::List(arguments) => {
            let plugins: Vec<PluginReport> = arguments.connect.open()?.ask(Request::Plugins)?;
            if output.json {
                output.document(&plugins)?;
            } else if plugins.is_empty() {
                output.text("no plugin is configured: add a section such as `[plugin.nut-server]`\n")?;
            } else {
                output.text(&list(&plugins, output))?;
            }
        }
        Plugin::Info(arguments) => {
            let plugins: Vec<PluginReport> = arguments.connect.open()?.ask(Request::Plugins)?;
            let plugin = find(&plugins, &arguments.id)?;
            if output.json {
                output.document(plugin)?;
            } else {
                output.text(&info(plugin, output))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn find<'p>(plugins: &'p [PluginReport], id: &str) -> Result<&'p PluginReport, Failure> {
    plugins.iter().find(|plugin| plugin.id == id).ok_or_else(|| {
        let ids: Vec<&str> = plugins.iter().map(|plugin| plugin.id.as_str()).collect();
        let there = if ids.is_empty() {
            "none is configured".to_owned()
        } else {
            format!("there is {}", ids.join(", "))
        };
        Failure::new(Exit::NotFound, format!("there is no plugin `{}`; {there}", clean(id)))
    })
}

fn list(plugins: &[PluginReport], output: Output) -> String {
    let mut table = Table::new(&["PLUGIN", "VERSION", "STATE", "CLIENTS", "MEMORY", "LISTENS ON"]);
    for plugin in plugins {
        let addresses: Vec<&str> = plugin.listening.values().flatten().map(String::as_str).collect();
        table.row([
            (clean(&plugin.id), Tone::Bold),
            (plugin.version.clone().unwrap_or_default(), Tone::Plain),
            (plugin.state.clone(), tone(plugin)),
            (plugin.connections.to_string(), Tone::Plain),
            (words::bytes(plugin.memory), Tone::Plain),
            (addresses.join(" "), Tone::Plain),
        ]);
    }
    table.print(output.screen())
}

fn info(plugin: &PluginReport, output: Output) -> String {
    let screen = output.screen();
    let mut out = format!(
        "{}: {}\n",
        screen.paint(Tone::Bold, &clean(&plugin.id)),
        screen.paint(tone(plugin), &plugin.state)
    );
    let mut row = |label: &str, value: String| {
        out.push_str(&format!("  {}{value}\n", screen.paint(Tone::Faint, &pad(label, 15))));
    };
    row("version", plugin.version.clone().unwrap_or_else(|| "not started yet".to_owned()));
    for (name, addresses) in &plugin.listening {
        row("listens", format!("{}: {}", clean(name), addresses.join(" ")));
    }
    row("connections", plugin.connections.to_string());
    row("memory", words::bytes(plugin.memory));
    row("calls", format!("{}, the slowest {} ms", plugin.calls, plugin.slowest_call_us as f64 / 1000.0));
    row("missed events", plugin.missed_events.to_string());
    row("restarts", plugin.restarts.to_string());
    if let Some(failure) = &plugin.last_failure {
        let at = plugin
            .failed_at
            .as_deref()
            .map_or_else(String::new, |at| format!(" ({})", words::local_time(at)));
        row("last failure", format!("{}{at}", clean(failure)));
    }
    out
}

fn tone(plugin: &PluginReport) -> Tone {
    match plugin.state.as_str() {
        "running" => Tone::Good,
        "quarantined" => Tone::Critical,
        "waiting" => Tone::Warning,
        _ => Tone::Plain,
    }
}
