//! `opennmc check`.

use std::path::PathBuf;

use clap::Args;

use super::ConfigArgument;
use super::exit::{Exit, Failure};
use super::output::Output;
use crate::config::inspect;

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
                output.text(&format!("{inspection}\n"))?;
            }
            Ok(if inspection.has_errors() { Exit::BadConfiguration } else { Exit::Done })
        }
        Err(error) => {
            output.text(&format!("{error}\n"))?;
            Ok(Exit::BadConfiguration)
        }
    }
}
