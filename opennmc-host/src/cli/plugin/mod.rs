//! `opennmc plugin`: which plugins there are, what they do and what they may do.

mod download;
mod install;
mod switch;

use clap::{Args, Subcommand};

pub(super) use self::switch::{LogsArguments, logs};

use super::connect::Connect;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::table::Table;
use super::terminal::{Tone, clean, pad};
use super::words;
use crate::control::protocol::{PluginRequest, Request};
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
    /// Say what a package is and what it may do, without running it
    Inspect(install::InspectArguments),
    /// Install a package, or a new version of it, and start it
    ///
    /// Says what it may do and asks first. A version that does not start leaves the one before in its place.
    Install(install::InstallArguments),
    /// Grant an installed package what it needs, after its bytes or its needs have changed
    Grant(install::GrantArguments),
    /// Stop an installed plugin and delete its package
    Remove(switch::RemoveArguments),
    /// Start a plugin, now and whenever the daemon starts
    Enable(switch::OneArguments),
    /// Stop a plugin until it is enabled
    Disable(switch::OneArguments),
    /// Put a new instance of a plugin in its place; one that was given up is tried again
    Restart(switch::OneArguments),
    /// Show what a plugin has logged of late
    Logs(switch::LogsArguments),
    #[cfg(feature = "author")]
    #[command(flatten)]
    Author(crate::cli::author::Author),
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
        #[cfg(feature = "author")]
        Plugin::Author(what) => return crate::cli::author::author(what, output),
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
        Plugin::Inspect(arguments) => return install::inspect(arguments, output),
        Plugin::Install(arguments) => return install::install(arguments, output),
        Plugin::Grant(arguments) => return install::grant(arguments, output),
        Plugin::Remove(arguments) => return switch::remove(arguments, output),
        Plugin::Enable(arguments) => {
            return switch::switch(arguments, |id| PluginRequest::Enable { id }, output);
        }
        Plugin::Disable(arguments) => {
            return switch::switch(arguments, |id| PluginRequest::Disable { id }, output);
        }
        Plugin::Restart(arguments) => {
            return switch::switch(arguments, |id| PluginRequest::Restart { id }, output);
        }
        Plugin::Logs(arguments) => return switch::logs(arguments, output),
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
    if let Some(pages) = &plugin.pages {
        let to_whom = if pages.public { "everybody" } else { "people who have logged in" };
        row("web pages", format!("{} for {to_whom}", clean(&pages.mount)));
    }
    let of = |limit: Option<String>| limit.map_or_else(String::new, |limit| format!(" of {limit}"));
    let limits = plugin.limits.as_ref();
    let most = of(limits.map(|limits| limits.connections.to_string()));
    row("connections", format!("{}{most}", plugin.connections));
    let most = of(limits.map(|limits| limits.memory.to_string()));
    row("memory", format!("{}{most}", words::bytes(plugin.memory)));
    let most = of(limits.map(|limits| format!("{} ms", limits.call_ms)));
    row(
        "calls",
        format!("{}, the slowest {} ms{most}", plugin.calls, plugin.slowest_call_us as f64 / 1000.0),
    );
    let most = of(limits.map(|limits| limits.mailbox.to_string()));
    row("mailbox", format!("{}{most}", plugin.mailbox));
    row("missed events", plugin.missed_events.to_string());
    if plugin.dropped_datagrams > 0 {
        row("lost datagrams", plugin.dropped_datagrams.to_string());
    }
    if let Some(limits) = limits {
        row("timers", format!("at most {}", limits.timers));
    }
    row("strikes", plugin.strikes.to_string());
    if let Some(package) = &plugin.package {
        row("package", clean(package));
    }
    if let Some(sha256) = &plugin.sha256 {
        row("SHA-256", sha256.to_string());
    }
    let nobody = || "nobody who is configured here".to_owned();
    row("signed by", plugin.signer.as_deref().map_or_else(nobody, clean));
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
