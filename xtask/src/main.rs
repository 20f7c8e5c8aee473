//! `cargo xtask`: builds, demonstrates, tests and measures OpenNMC.
//!
//! Each subcommand is one file (or one folder) of this crate and this file only names them. Nothing here is part of
//! what ships; anything that a user of an installed OpenNMC needs belongs into `opennmc` itself.

mod build;
mod command;
mod console;
mod debian;
mod onmc;
mod wasm_target;
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
    }
}
