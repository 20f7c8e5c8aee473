//! The same program again, in the same process: as it is started, and under the same number.
//!
//! Everything that is open closes with it, every thread ends; what stays are the rights that were kept and the machine's
//! watchdog, which would reset the machine if it were let go.

use std::convert::Infallible;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use super::privileges::keep_over_exec;
use super::watchdog::{INHERITED, Watchdog};

/// What the kernel starts this process from, also when the file was replaced or removed since.
const ITSELF: &str = "/proc/self/exe";

/// Starts this program anew, with the arguments that it was started with. Returns only when that fails.
pub fn start_anew(watchdog: Watchdog) -> Result<Infallible, io::Error> {
    let program = std::env::current_exe().ok().filter(|program| program.is_file());
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program.unwrap_or_else(|| PathBuf::from(ITSELF)));
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments).env_remove(INHERITED);
    keep_over_exec()?;
    if let Some(number) = watchdog.hand_over()? {
        command.env(INHERITED, number);
    }
    Err(command.exec())
}
