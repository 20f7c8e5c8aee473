//! The host as the card has it: without a compiler, plugins run by the interpreter. The same tests; `size.rs` weighs it.

use std::fs;

use anyhow::{Context, Result};

use crate::command::Run;
use crate::workspace::{Profile, Workspace};

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
