//! The hidden subcommand `guard`: becomes another program that ends when the task that started it ends.
//!
//! The kernel sends the signal, so it holds even for a task that was killed with SIGKILL. It is done here, after the
//! fork and before the exec, because a process can only ask for it on its own behalf.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// What `guard` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The process whose end ends the program.
    parent: i32,
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Becomes the program; returns only when that failed.
pub(crate) fn run(options: &Options) -> Result<Infallible> {
    set_parent_process_death_signal(Some(Signal::TERM)).context("prctl(PR_SET_PDEATHSIG) failed")?;
    if getppid() != Pid::from_raw(options.parent) {
        bail!("the task that started this has ended already");
    }
    let (program, arguments) = options.command.split_first().context("no program was named")?;
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("could not start {}", program.display()))
}
