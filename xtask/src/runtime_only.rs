//! The host as the card has it: without a compiler, plugins run by the interpreter. The same tests, and the size gate.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::command::Run;
use crate::console;
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

/// Builds the program as it ships for the card, for this machine's processor, and weighs it.
pub(crate) fn size(workspace: &Workspace) -> Result<()> {
    Run::cargo(workspace, "build")
        .args(["--package", "opennmc-host", "--no-default-features", "--profile", "dist", "--locked"])
        .show()?;
    let program = workspace.target().join("dist/opennmc");
    let bytes = fs::metadata(&program).with_context(|| format!("no {}", program.display()))?.len();
    console::remark(&format!("opennmc without a compiler: {bytes} bytes; the most is {MOST_BYTES}"));
    ensure!(bytes <= MOST_BYTES, "opennmc without a compiler has {bytes} bytes; the most is {MOST_BYTES}");
    Ok(())
}
