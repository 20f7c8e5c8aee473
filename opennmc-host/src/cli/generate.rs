//! `opennmc completions` and `opennmc man`: made of the very tables that parse the command line.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use serde::Serialize;

use super::Cli;
use super::exit::{Exit, Failure};
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// The folder to write into; it is made if it is not there
    dir: PathBuf,
}

pub(super) fn completions(arguments: &CompletionsArguments, output: Output) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "opennmc", &mut script);
    if output.json {
        #[derive(Serialize)]
        struct Document {
            shell: String,
            script: String,
        }
        let script = String::from_utf8_lossy(&script).into_owned();
        output.document(&Document { shell: arguments.shell.to_string(), script })?;
    } else {
        output.text(&String::from_utf8_lossy(&script))?;
    }
    Ok(Exit::Done)
}

pub(super) fn man(arguments: &ManArguments, output: Output) -> Result<Exit, Failure> {
    let dir = &arguments.dir;
    let failed = |error: std::io::Error| {
        Failure::system(format!("can't write manual pages into {}", dir.display()), error)
    };
    std::fs::create_dir_all(dir).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), dir).map_err(failed)?;
    let pages: Vec<PathBuf> =
        page_names(&Cli::command(), "opennmc").iter().map(|name| dir.join(format!("{name}.1"))).collect();
    if output.json {
        output.document(&pages)?;
    } else {
        output.text(&pages.iter().map(|page| format!("{}\n", page.display())).collect::<String>())?;
    }
    Ok(Exit::Done)
}

/// One page per command: `opennmc-user-add`.
fn page_names(command: &clap::Command, name: &str) -> Vec<String> {
    let inner = command.get_subcommands().filter(|inner| inner.get_name() != "help" && !inner.is_hide_set());
    let inner = inner.flat_map(|inner| page_names(inner, &format!("{name}-{}", inner.get_name())));
    std::iter::once(name.to_owned()).chain(inner).collect()
}
