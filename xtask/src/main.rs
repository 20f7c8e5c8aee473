//! `cargo xtask`: builds, demonstrates, tests and measures OpenNMC.
//!
//! Each subcommand is one file (or one folder) of this crate and this file only names them. Nothing here is part of
//! what ships; anything that a user of an installed OpenNMC needs belongs into `opennmc` itself.

mod api_fuzz;
mod api_reference;
mod bench;
mod build;
mod ci;
mod command;
mod console;
mod debian;
mod demo;
mod deny;
mod guard;
mod headers;
mod install;
mod interface;
mod onmc;
mod port_owner;
mod python;
mod registries;
mod runtime_only;
mod services;
mod setup;
mod size;
mod soak;
mod steps;
mod test;
mod venv;
mod wasm_target;
mod web;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Builds, demonstrates, tests and measures OpenNMC.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the host, the simulator, and the plugins as packages.
    Build(build::Options),
    /// Install what tests and benchmarks need from Debian, and NUT's clients from package registries.
    Setup(setup::Options),
    /// Run a simulated UPS, the host and a NUT server in this terminal.
    Demo(demo::Options),
    /// Steer the UPS of the running demo: `cargo xtask demo-control line off`.
    DemoControl(demo::ControlOptions),
    /// Run every test.
    Test,
    /// Build the pages of the plugin web-ui and try them in a headless browser.
    WebTest,
    /// Build the Python package and run its tests.
    Python,
    /// Run every check and every test, as for a submission.
    Ci,
    /// Ask the web interface's API for what its reference permits and for what it forbids (schemathesis).
    ApiFuzz(api_fuzz::Options),
    /// Make the reference of the web interface's API, or check that it fits.
    ApiReference(api_reference::Options),
    /// Run the long campaigns and the fuzz targets.
    Soak(soak::Options),
    /// Measure, beside the peers; without a name: list the benchmarks.
    Bench(bench::Options),
    /// Build the program as it ships for the card, without a compiler, and weigh it.
    Size(size::Options),
    /// Make the C headers under include/ of the code, or check them.
    Headers(headers::Options),
    /// Make the reference of the plugin interface, or check that it and the plugins of old versions fit.
    Interface(interface::Options),
    /// Build the C library and install it with its header and pkg-config file, and the manual pages and completions of opennmc.
    Install(install::Options),
    /// Become another program that ends when we end.
    #[command(hide = true)]
    Guard(guard::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::failure(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    let workspace = Workspace::find()?;
    match task {
        Task::Build(options) => build::run(&workspace, &options),
        Task::Setup(options) => setup::run(&workspace, &options),
        Task::Demo(options) => demo::run(&workspace, &options),
        Task::DemoControl(options) => demo::control(&workspace, &options),
        Task::Test => test::run(&workspace),
        Task::WebTest => web::test(&workspace),
        Task::Python => python::run(&workspace),
        Task::Ci => ci::run(&workspace),
        Task::ApiFuzz(options) => api_fuzz::run(&workspace, &options),
        Task::ApiReference(options) => api_reference::run(&workspace, &options),
        Task::Soak(options) => soak::run(&workspace, &options),
        Task::Bench(options) => bench::run(&workspace, &options),
        Task::Size(options) => size::run(&workspace, &options),
        Task::Headers(options) => headers::run(&workspace, &options),
        Task::Interface(options) => interface::run(&workspace, &options),
        Task::Install(options) => install::run(&workspace, &options),
        Task::Guard(options) => guard::run(&options).map(|never| match never {}),
    }
}
