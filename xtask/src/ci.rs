//! `cargo xtask ci`: what runs on every submission. Formatting, lints, dependencies and interfaces first, then all tests.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::{Run, find_program};
use crate::steps::Steps;
use crate::workspace::{GUEST_TARGET, Workspace};
use crate::{
    api_fuzz, api_reference, console, deny, headers, interface, registries, soak, test, wasm_target, web,
};

/// Runs every check and every test.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new("ci");
    steps.step("formatting", || formatting(workspace))?;
    steps.step("plugin interface (WIT)", || interface::check(workspace))?;
    steps.step("C headers", || headers::check(workspace))?;
    steps.step("the API's reference", || api_reference::check(workspace))?;
    steps.step("dependencies (cargo deny)", || deny::check(workspace))?;
    steps.step("lints", || lints(workspace))?;
    steps.step("the protocol library without an operating system", || no_std(workspace))?;
    test::add_to(&mut steps, workspace)?;
    web::add_to(&mut steps, workspace)?;
    steps.step("the API, asked for all that its reference permits and forbids", || {
        api_fuzz::campaign(workspace, None)
    })?;
    steps.step("fuzz targets, a few seconds each", || soak::smoke(workspace))?;
    steps.finish();
    Ok(())
}

/// Every cargo workspace of the tree.
pub(crate) fn manifests(workspace: &Workspace) -> Vec<PathBuf> {
    let fuzz = workspace.root().join("fuzz/Cargo.toml");
    [
        Some(workspace.root().join("Cargo.toml")),
        workspace.guest_manifest(),
        Some(fuzz).filter(|fuzz| fuzz.is_file()),
        Some(registries::rups_manifest(workspace)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn formatting(workspace: &Workspace) -> Result<()> {
    toolchain_component("rustfmt", "fmt", workspace)?;
    for manifest in manifests(workspace) {
        Run::cargo(workspace, "fmt")
            .args(["--all", "--check", "--manifest-path"])
            .arg(&manifest)
            .show()
            .context("the code is not formatted; run `cargo fmt --all` with that --manifest-path")?;
    }
    Ok(())
}

fn lints(workspace: &Workspace) -> Result<()> {
    toolchain_component("clippy", "clippy", workspace)?;
    Run::cargo(workspace, "clippy")
        .args(["--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"])
        .show()?;
    let Some(manifest) = workspace.guest_manifest() else { return Ok(()) };
    Run::cargo(workspace, "clippy")
        .args(["--workspace", "--all-targets", "--locked", "--manifest-path"])
        .arg(&manifest)
        .args(["--", "--deny", "warnings"])
        .env("CARGO_TARGET_DIR", workspace.guest_target())
        .show()?;
    let mut guests = wasm_target::cargo(workspace, "clippy")?.args(["--locked", "--target", GUEST_TARGET]);
    for guest in workspace.guests()? {
        guests = guests.arg("--package").arg(guest.package);
    }
    guests.args(["--", "--deny", "warnings"]).show()
}

/// A target without an operating system is the proof that the library needs none.
const BARE_TARGET: &str = "thumbv7em-none-eabihf";

fn no_std(workspace: &Workspace) -> Result<()> {
    let libraries =
        Run::new("rustc").args(["--print", "target-libdir", "--target", BARE_TARGET]).read_stdout()?;
    if !std::path::Path::new(libraries.trim()).is_dir() {
        if find_program("rustup").is_none() {
            console::remark(&format!(
                "left out: this compiler has no {BARE_TARGET}, and there is no rustup to add it"
            ));
            return Ok(());
        }
        console::heading(&format!("Installing the compiler target {BARE_TARGET} with rustup"));
        Run::new("rustup").args(["target", "add", BARE_TARGET]).in_folder(workspace.root()).show()?;
    }
    Run::cargo(workspace, "build")
        .args(["--package", "libapcsmart", "--no-default-features", "--locked", "--target", BARE_TARGET])
        .show()
}

/// `cargo fmt` and `cargo clippy` are parts of a toolchain that a minimal installation lacks.
fn toolchain_component(component: &str, subcommand: &str, workspace: &Workspace) -> Result<()> {
    if Run::cargo(workspace, subcommand).arg("--version").succeeds() {
        return Ok(());
    }
    console::heading(&format!("Installing {component} with rustup"));
    Run::new("rustup").args(["component", "add", component]).in_folder(workspace.root()).show().with_context(|| {
        format!("`cargo {subcommand}` is missing; with Debian's Rust: apt-get install {component}, or with rustup: rustup component add {component}")
    })
}
