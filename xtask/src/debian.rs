//! Debian packages: whether they are there, and installing them.
//!
//! Installs as root or through `sudo -n`, never asks anything, and starts no service.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::command::Run;
use crate::console;

/// Installs packages that are not there yet. An error says what a person with the right to install has to run.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = format!("sudo apt-get install {}", missing.join(" "));
    let Some(rights) = Rights::find() else {
        bail!("these Debian packages are missing and only root can install them; run: {by_hand}");
    };
    if !Run::new("apt-get").arg("--version").succeeds() {
        bail!("this is not a Debian system; install what Debian calls {} in its own way", missing.join(", "));
    }
    console::heading(&format!("Installing Debian packages: {}", missing.join(", ")));
    if !missing.iter().all(|package| is_known(package)) {
        rights.apt_get(&["update"]).quiet()?;
    }
    let install = [&["install", "--yes", "--no-install-recommends"], missing.as_slice()].concat();
    if rights.apt_get(&install).quiet().is_err() {
        // The lists may be older than what the mirrors still have.
        rights.apt_get(&["update"]).quiet()?;
        rights.apt_get(&install).quiet()?;
    }
    Ok(())
}

/// Downloads a package and unpacks its files into `folder`, without installing it. Needs no rights.
pub(crate) fn unpack(package: &str, folder: &Path) -> Result<()> {
    let download = tempfile::tempdir().context("no temporary folder")?;
    let fetch = || Run::new("apt-get").args(["--quiet", "download", package]).in_folder(download.path());
    if fetch().quiet().is_err() {
        if let Some(rights) = Rights::find() {
            rights.apt_get(&["update"]).quiet()?;
        }
        fetch().quiet()?;
    }
    let file = fs::read_dir(download.path())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .with_context(|| format!("apt-get downloaded no package {package}"))?;
    fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
    Run::new("dpkg-deb").arg("-x").arg(file).arg(folder).quiet()
}

/// Whether dpkg has it fully installed.
pub(crate) fn is_installed(package: &str) -> bool {
    Run::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Abbrev}", package])
        .read_stdout()
        .is_ok_and(|status| status.starts_with("ii"))
}

fn is_known(package: &str) -> bool {
    Run::new("apt-cache").args(["show", "--no-all-versions", package]).succeeds()
}

#[derive(Clone, Copy)]
enum Rights {
    Root,
    Sudo,
}

impl Rights {
    fn find() -> Option<Self> {
        if rustix::process::geteuid().is_root() {
            Some(Self::Root)
        } else if Run::new("sudo").args(["-n", "true"]).succeeds() {
            Some(Self::Sudo)
        } else {
            None
        }
    }

    /// `RUNLEVEL=1` makes Debian's maintainer scripts leave services stopped; the peers are started by our tests, with
    /// configurations of their own.
    fn apt_get(self, arguments: &[&str]) -> Run {
        let settings = ["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"];
        let run = match self {
            Self::Root => Run::new("env"),
            Self::Sudo => Run::new("sudo").args(["-n", "env"]),
        };
        run.args(settings).args(["apt-get", "--quiet", "-o", "DPkg::Lock::Timeout=300"]).args(arguments)
    }
}
