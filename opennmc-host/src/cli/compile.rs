//! `opennmc compile`: the child that compiles one plugin for the daemon. Not for people.

use clap::Args;

use super::exit::{Exit, Failure};
use crate::plugin::Target;

#[derive(Debug, Args)]
pub(super) struct CompileArguments {
    /// The machine to compile for
    #[arg(long)]
    target: Target,
}

pub(super) fn compile(arguments: &CompileArguments) -> Result<Exit, Failure> {
    crate::plugin::compile(arguments.target, std::io::stdin().lock(), std::io::stdout().lock())
        .map(|()| Exit::Done)
        .map_err(|problem| Failure::new(Exit::Failed, problem))
}
