//! `cargo xtask bench`: how fast we are, beside the peer, in the same run on the same machine.
//!
//! Without a name it lists the benchmarks. docs/benchmarks.md says how they measure and what the figures were.

mod abuse;
mod daemon;
mod latency;
mod load;
mod main_loop;
mod nut;
mod opennmc;
mod paced;
mod sandbox;
mod scripts;
mod start;
mod upsd;
mod web;

use anyhow::Result;

use crate::workspace::Workspace;

/// What `cargo xtask bench` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    bench: Option<Bench>,
}

#[derive(clap::Subcommand)]
enum Bench {
    /// NUT requests per second, through the plugin sandbox, beside NUT's own upsd.
    Nut(nut::Options),
    /// What clients of bad will do to the NUT server and to those of good will.
    Abuse(abuse::Options),
    /// Processor time and lateness of the main loop with many UPSes.
    Loop(main_loop::Options),
    /// What a hostile plugin does to the UPS path and to the other plugins.
    Sandbox(sandbox::Options),
    /// From the start of the program to its line `ready`.
    Start(start::Options),
    /// From the UPS's alert byte to a script's webhook, beside NUT's upsmon with NOTIFYCMD.
    Latency(latency::Options),
    /// What ten scripts cost while nothing happens.
    Scripts(scripts::Options),
    /// Requests per second of the API, and what 500 readers of its stream cost.
    Web(web::Options),
}

/// Runs one benchmark or lists them.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    match &options.bench {
        Some(Bench::Nut(options)) => nut::run(workspace, options),
        Some(Bench::Abuse(options)) => abuse::run(workspace, options),
        Some(Bench::Loop(options)) => main_loop::run(workspace, options),
        Some(Bench::Sandbox(options)) => sandbox::run(workspace, options),
        Some(Bench::Start(options)) => start::run(workspace, options),
        Some(Bench::Latency(options)) => latency::run(workspace, options),
        Some(Bench::Scripts(options)) => scripts::run(workspace, options),
        Some(Bench::Web(options)) => web::run(workspace, options),
        None => {
            println!(
                "cargo xtask bench nut     NUT requests per second through the plugin sandbox, beside NUT's own upsd"
            );
            println!(
                "cargo xtask bench abuse   what clients of bad will do to the NUT server and to those of good will"
            );
            println!("cargo xtask bench loop    processor time and lateness of the main loop with 64 UPSes");
            println!(
                "cargo xtask bench sandbox what a hostile plugin does to the UPS path and to the other plugins"
            );
            println!("cargo xtask bench start   from the start of the program to its line `ready`");
            println!(
                "cargo xtask bench latency from the UPS's alert byte to a script's webhook, beside NUT's upsmon"
            );
            println!("cargo xtask bench scripts what ten scripts cost while nothing happens");
            println!(
                "cargo xtask bench web     requests per second of the API, and what 500 readers of its stream cost"
            );
            println!("\nEach takes --help.");
            Ok(())
        }
    }
}
