//! `opennmc import-nut`: from NUT's configuration to OpenNMC's, with an account of every line.

use std::path::PathBuf;

use clap::Args;

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::config::{DEFAULT_FILE, DEFAULT_STATE_DIR};
use crate::import_nut::{ImportOptions, read};

#[derive(Debug, Args)]
pub(super) struct ImportNutArguments {
    /// The folder with ups.conf, upsd.conf, upsd.users, upsmon.conf and nut.conf, such as /etc/nut
    dir: PathBuf,

    /// The configuration to write
    #[arg(long, short, value_name = "FILE", default_value = DEFAULT_FILE)]
    output: PathBuf,

    /// Where the users go
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE_DIR)]
    state: PathBuf,

    /// Overwrite a configuration that exists, and give users that exist NUT's passwords and rights
    #[arg(long)]
    force: bool,

    /// Write nothing: say what would become of each line, and print the configuration
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn import_nut(arguments: &ImportNutArguments, output: Output) -> Result<Exit, Failure> {
    let ImportNutArguments { dir, output: file, state, force, dry_run } = arguments;
    let failed = |error: crate::import_nut::ImportError| Failure::new(Exit::Failed, error.to_string());
    let import = read(dir).map_err(failed)?;
    if *dry_run {
        if output.json {
            output.document(import.report())?;
        } else {
            output.text(&format!(
                "{}\n{}:\n\n{}",
                import.report(),
                file.display(),
                import.configuration(state)
            ))?;
        }
        return Ok(Exit::Done);
    }
    let options = ImportOptions { output: file.clone(), state_dir: state.clone(), force: *force };
    let report = import.apply(&options).map_err(failed)?;
    if output.json {
        output.document(&report)?;
    } else {
        output.text(&format!("{report}\nWrote {}.\n", file.display()))?;
    }
    Ok(Exit::Done)
}
