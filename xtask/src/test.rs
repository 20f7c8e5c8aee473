//! `cargo xtask test`: everything a change must pass, peers installed and programs built first.

use anyhow::Result;

use crate::command::Run;
use crate::setup;
use crate::steps::Steps;
use crate::workspace::{Profile, Workspace};
use crate::{build, console, python, runtime_only};

/// Runs all tests.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new("test");
    add_to(&mut steps, workspace)?;
    steps.finish();
    Ok(())
}

/// The steps, for this task and for `ci`.
pub(crate) fn add_to(steps: &mut Steps, workspace: &Workspace) -> Result<()> {
    steps.step("peers that the tests run against", || setup::ensure(workspace, setup::Task::Test))?;
    if workspace.guest_manifest().is_some() {
        steps.step("the plugins' own tests", || plugins(workspace))?;
    }
    steps.step("build", || build::everything(workspace, Profile::Dev))?;
    steps.step("library, host and tools", || {
        Run::cargo(workspace, "test").args(["--workspace", "--locked"]).show()
    })?;
    steps.step("plugins without a compiler, by the interpreter", || runtime_only::test(workspace))?;
    python::add_to(steps, workspace)
}

/// Natively: a guest's logic runs against a simulated host there. `build` and the host's tests run the real thing.
fn plugins(workspace: &Workspace) -> Result<()> {
    let Some(manifest) = workspace.guest_manifest() else {
        console::remark("there are none");
        return Ok(());
    };
    Run::cargo(workspace, "test")
        .args(["--workspace", "--locked", "--manifest-path"])
        .arg(manifest)
        .env("CARGO_TARGET_DIR", workspace.guest_target())
        .show()
}
