//! `cargo xtask build`: the native programs and the plugin packages.
//!
//! It leaves `target/PROFILE/opennmc`, `target/PROFILE/apcsmart-sim` and the libraries beside them, and
//! `target/plugins/NAME-VERSION.onmc`. What is up to date is neither built nor written again.

use std::path::PathBuf;

use anyhow::Result;

use crate::command::Run;
use crate::onmc;
use crate::workspace::{GUEST_TARGET, Guest, Profile, Workspace};
use crate::{console, install, setup, wasm_target, web};

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
    let profile = if options.release { Profile::Release } else { Profile::Dev };
    if options.plugins {
        packer(workspace, profile)?;
        return packages(workspace, profile).map(drop);
    }
    everything(workspace, profile)
}

/// What the other tasks call before they run something.
pub(crate) fn everything(workspace: &Workspace, profile: Profile) -> Result<()> {
    programs(workspace, profile)?;
    packages(workspace, profile).map(drop)
}

/// The program that packs.
fn packer(workspace: &Workspace, profile: Profile) -> Result<()> {
    let mut cargo = Run::cargo(workspace, "build").args(["--package", "opennmc-host", "--bin", "opennmc"]);
    if profile == Profile::Release {
        cargo = cargo.arg("--release");
    }
    cargo.show()
}

/// `opennmc`, `apcsmart-sim` and the libraries, without plugins.
pub(crate) fn programs(workspace: &Workspace, profile: Profile) -> Result<()> {
    console::heading("Building opennmc, apcsmart-sim and libapcsmart");
    let mut cargo =
        Run::cargo(workspace, "build").args(["--package", "libapcsmart", "--package", "opennmc-host"]);
    if profile == Profile::Release {
        cargo = cargo.arg("--release");
    }
    cargo.show()?;
    install::libraries(workspace, profile)
}

/// Builds and packs the guests with the program of this profile; gives the packages' paths.
pub(crate) fn packages(workspace: &Workspace, profile: Profile) -> Result<Vec<PathBuf>> {
    web::build(workspace);
    let (guests, others) = (workspace.guests()?, workspace.guests_in_c()?);
    let mut packed = Vec::new();
    if !guests.is_empty() {
        console::heading(&format!("Building the plugins ({})", names(&guests)));
        compile(workspace, &guests)?;
    }
    for guest in &guests {
        packed.push(onmc::pack(workspace, profile, &guest.folder, &guest.module, &workspace.packages())?);
    }
    if !others.is_empty() {
        setup::ensure(workspace, setup::Task::Plugins)?;
    }
    for folder in &others {
        packed.push(onmc::build(workspace, profile, folder)?);
    }
    for package in packed.iter().filter(|package| package.told.starts_with("packed")) {
        console::remark(&package.told);
    }
    let packages: Vec<PathBuf> = packed.into_iter().map(|package| package.path).collect();
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
