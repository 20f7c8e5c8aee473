//! `opennmc check`.

use std::path::PathBuf;

use clap::Args;

use super::ConfigArgument;
use super::exit::{Exit, Failure};
use super::output::Output;
use crate::config::inspect;
use crate::printable::printable_lines;

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    config: ConfigArgument,

    /// Look for plugin packages in this folder before the configured ones, as `run` (may be given several times)
    #[arg(long, value_name = "DIR")]
    plugins: Vec<PathBuf>,
}

pub(super) fn check(arguments: &CheckArguments, output: Output) -> Result<Exit, Failure> {
    match inspect(&arguments.config.file, &arguments.plugins) {
        Ok(inspection) => {
            if output.json {
                output.document(&inspection)?;
            } else {
                output.text(&(printable_lines(&inspection.to_string()) + "\n"))?;
            }
            Ok(if inspection.has_errors() { Exit::BadConfiguration } else { Exit::Done })
        }
        Err(error) => {
            output.text(&(printable_lines(&error.to_string()) + "\n"))?;
            Ok(Exit::BadConfiguration)
        }
    }
}
