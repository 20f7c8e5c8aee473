//! The host as the card has it: without a compiler, plugins run by the interpreter. The same tests, and the size gate.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::command::Run;
use crate::workspace::{Profile, Workspace};

/// What design and card allow the program, stripped.
const MOST_BYTES: u64 = 6_000_000;

/// The plugin tests with a host that has no compiler. What they need compiled, the ordinary build compiles: it must have
/// been built.
pub(crate) fn test(workspace: &Workspace) -> Result<()> {
    // The build of this step takes the program's place in the target folder.
    let compiler = workspace.target().join("tools/opennmc-compiler");
    fs::create_dir_all(workspace.target().join("tools"))?;
    let program = workspace.program("opennmc", Profile::Dev);
    fs::copy(&program, &compiler).with_context(|| format!("no compiler in {}", program.display()))?;
    Run::cargo(workspace, "test")
        .args(["--package", "opennmc-host", "--no-default-features", "--test", "plugin", "--locked"])
        .env("OPENNMC_COMPILER", compiler)
        .show()
}

/// What `cargo xtask size` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Fail when the program is too large.
    #[arg(long)]
    enforce: bool,
}

/// Builds the program as it ships for the card, for this machine's processor, and weighs it.
pub(crate) fn size(workspace: &Workspace, options: &Options) -> Result<()> {
    Run::cargo(workspace, "build")
        .args(["--package", "opennmc-host", "--no-default-features", "--profile", "dist", "--locked"])
        .show()?;
    let program = workspace.target().join("dist/opennmc");
    let bytes = fs::metadata(&program).with_context(|| format!("no {}", program.display()))?.len();
    let kept = bytes <= MOST_BYTES;
    let verdict = if kept { "kept" } else { "MISSED" };
    println!("opennmc without a compiler, stripped: {bytes} bytes; target {MOST_BYTES}: {verdict}");
    ensure!(kept || !options.enforce, "the target was missed");
    Ok(())
}
