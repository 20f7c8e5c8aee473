//! `cargo deny`: licences, sources and duplicates of what we depend on, and known vulnerabilities.
//!
//! The rules are `deny.toml`. The vulnerability database is on a host that not every machine reaches: then the other
//! checks still hold, and a notice says that this one was not made.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::Run;
use crate::workspace::Workspace;
use crate::{ci, console};

/// Pinned, so that a new release can't fail a submission that did not change anything.
const VERSION: &str = "0.20.2";
/// What cargo deny says when it has no database and can't get one. A finding never contains it.
const NO_DATABASE: &str = "failed to fetch advisory database";

/// Checks every workspace of the tree.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let program = program(workspace)?;
    let config = workspace.root().join("deny.toml");
    for manifest in &ci::manifests(workspace) {
        let run = || {
            Run::new(&program)
                .args(["--log-level", "warn", "--manifest-path"])
                .arg(manifest)
                .arg("--config")
                .arg(&config)
                // One list of exceptions serves every workspace, so some of it matches nothing in one of them.
                .args(["check", "--hide-inclusion-graph"])
                .args(["--allow", "unmatched-skip", "--allow", "unnecessary-skip"])
                .args(["--allow", "license-exception-not-encountered"])
        };
        run().args(["bans", "licenses", "sources"]).show()?;
        advisories(run().arg("advisories"), manifest)?;
    }
    Ok(())
}

fn advisories(run: Run, manifest: &std::path::Path) -> Result<()> {
    let Err(error) = run.quiet() else { return Ok(()) };
    let text = format!("{error:#}");
    if text.contains(NO_DATABASE) {
        console::notice(&format!(
            "advisories were NOT checked for {}: the vulnerability database can't be fetched from here",
            manifest.display()
        ));
        return Ok(());
    }
    Err(error)
}

fn program(workspace: &Workspace) -> Result<PathBuf> {
    let own = workspace.target().join("tools/bin/cargo-deny");
    for candidate in [own.clone(), PathBuf::from("cargo-deny")] {
        let version = Run::new(&candidate).arg("--version").read_stdout();
        if version.is_ok_and(|version| version.trim() == format!("cargo-deny {VERSION}")) {
            return Ok(candidate);
        }
    }
    console::heading(&format!("Installing cargo-deny {VERSION} under target/tools"));
    Run::cargo(workspace, "install")
        .args(["cargo-deny", "--version", VERSION, "--locked", "--debug", "--root"])
        .arg(workspace.target().join("tools"))
        .env("CARGO_TARGET_DIR", workspace.target().join("tools/build"))
        // It runs for a second: compiling it quickly matters more than its speed.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("CARGO_INCREMENTAL", "0")
        .show()
        .context("cargo-deny could not be installed")?;
    Ok(own)
}
