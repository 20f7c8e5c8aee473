//! `cargo xtask build`: the native programs and the plugin packages.
//!
//! It leaves `target/PROFILE/opennmc`, `target/PROFILE/apcsmart-sim` and the libraries beside them, and
//! `target/plugins/NAME-VERSION.onmc`. What is up to date is neither built nor written again.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command::Run;
use crate::onmc::{self, Written};
use crate::workspace::{GUEST_TARGET, Guest, Profile, Workspace};
use crate::{console, install, wasm_target};

/// What `cargo xtask build` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Optimise the native programs. Guests always are.
    #[arg(long)]
    release: bool,
    /// Build only the plugins.
    #[arg(long)]
    plugins: bool,
}

/// Builds all.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.plugins {
        return packages(workspace).map(drop);
    }
    everything(workspace, if options.release { Profile::Release } else { Profile::Dev })
}

/// What the other tasks call before they run something.
pub(crate) fn everything(workspace: &Workspace, profile: Profile) -> Result<()> {
    programs(workspace, profile)?;
    packages(workspace).map(drop)
}

fn programs(workspace: &Workspace, profile: Profile) -> Result<()> {
    console::heading("Building opennmc, apcsmart-sim and libapcsmart");
    let mut cargo =
        Run::cargo(workspace, "build").args(["--package", "libapcsmart", "--package", "opennmc-host"]);
    if profile == Profile::Release {
        cargo = cargo.arg("--release");
    }
    cargo.show()?;
    install::libraries(workspace, profile)
}

/// Builds and packs the guests; gives the packages' paths.
pub(crate) fn packages(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let guests = workspace.guests()?;
    if guests.is_empty() {
        onmc::remove_others(&workspace.packages(), &[])?;
        return Ok(Vec::new());
    }
    console::heading(&format!("Building the plugins ({})", names(&guests)));
    compile(workspace, &guests)?;
    let mut packages = Vec::new();
    for guest in &guests {
        let module = std::fs::read(&guest.module)
            .with_context(|| format!("could not read {}", guest.module.display()))?;
        let (path, written) = onmc::pack(&guest.folder, &module, &workspace.packages())?;
        if written == Written::New {
            let size = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
            let shown = path.strip_prefix(workspace.root()).unwrap_or(&path);
            console::remark(&format!("packed {} ({} KiB)", shown.display(), size.div_ceil(1024)));
        }
        packages.push(path);
    }
    onmc::remove_others(&workspace.packages(), &packages)?;
    Ok(packages)
}

fn compile(workspace: &Workspace, guests: &[Guest]) -> Result<()> {
    let mut cargo = wasm_target::cargo(workspace, "build")?.args(["--release", "--target", GUEST_TARGET]);
    for guest in guests {
        cargo = cargo.arg("--package").arg(&guest.package);
    }
    cargo.show()
}

fn names(guests: &[Guest]) -> String {
    guests.iter().map(|guest| guest.package.as_str()).collect::<Vec<_>>().join(", ")
}
