//! NUT's client libraries from PyPI, npm and the crates registry: what other people's programs talk to our NUT server with.
//!
//! Each is pinned by a file in `opennmc-host/tests/clients/libraries`, with the digest of what was tried, and lies under
//! `target/peers`. It is fetched again only when that file changes. Nothing of them goes into what ships.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::Run;
use crate::console;
use crate::venv::Venv;
use crate::workspace::Workspace;

/// Where the pins and the programs that use the libraries are.
const PINS: &str = "opennmc-host/tests/clients/libraries";
/// The program that uses `rups`, as cargo leaves it below its target directory.
const RUPS_PROGRAM: &str = "debug/with-rups";

/// Fetches what is not there yet.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    for library in libraries(workspace) {
        library.install().with_context(|| format!("no {} for the tests", library.name()))?;
    }
    Ok(())
}

/// All of them.
pub(crate) fn libraries(workspace: &Workspace) -> [Library; 3] {
    [Registry::Pypi, Registry::Npm, Registry::Crates].map(|registry| Library {
        registry,
        pins: workspace.root().join(PINS),
        folder: workspace.target().join("peers").join(registry.folder()),
    })
}

/// The manifest of the program that uses `rups`: a workspace of its own.
pub(crate) fn rups_manifest(workspace: &Workspace) -> PathBuf {
    workspace.root().join(PINS).join("rups/Cargo.toml")
}

/// What comes from one registry.
pub(crate) struct Library {
    registry: Registry,
    pins: PathBuf,
    folder: PathBuf,
}

#[derive(Clone, Copy)]
enum Registry {
    Pypi,
    Npm,
    Crates,
}

impl Registry {
    fn folder(self) -> &'static str {
        match self {
            Self::Pypi => "pypi",
            Self::Npm => "npm",
            Self::Crates => "rups",
        }
    }
}

impl Library {
    /// Its name, for a list of peers.
    pub(crate) fn name(&self) -> &'static str {
        match self.registry {
            Registry::Pypi => "aionut, PyNUTClient",
            Registry::Npm => "node-nut",
            Registry::Crates => "rups",
        }
    }

    /// What it is there for.
    pub(crate) fn purpose(&self) -> &'static str {
        match self.registry {
            Registry::Pypi => "from PyPI: clients of our NUT server",
            Registry::Npm => "from npm: a client of our NUT server",
            Registry::Crates => "from the crates registry: a client of our NUT server",
        }
    }

    /// Whether it is there as it is pinned.
    pub(crate) fn is_present(&self) -> bool {
        match self.registry {
            Registry::Pypi => self.wanted().is_ok_and(|wanted| self.venv().is_made_for(&wanted)),
            Registry::Npm => self.wanted().is_ok_and(|wanted| self.node_is_made_for(&wanted)),
            Registry::Crates => self.folder.join(RUPS_PROGRAM).is_file(),
        }
    }

    fn install(&self) -> Result<()> {
        match self.registry {
            Registry::Pypi => self.with_pip(),
            Registry::Npm => self.with_npm(),
            Registry::Crates => self.with_cargo(),
        }
    }

    fn with_pip(&self) -> Result<()> {
        let list = self.pin();
        let options = ["--require-hashes", "--no-deps", "-r"].map(Into::into);
        self.venv().prepare(&self.wanted()?, options.into_iter().chain([list.into_os_string()]))
    }

    fn with_npm(&self) -> Result<()> {
        let wanted = self.wanted()?;
        if self.node_is_made_for(&wanted) {
            return Ok(());
        }
        console::heading("Fetching NUT's client from npm");
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("could not make {}", self.folder.display()))?;
        for name in ["package.json", "package-lock.json"] {
            let from = self.pins.join("npm").join(name);
            fs::copy(&from, self.folder.join(name))
                .with_context(|| format!("could not copy {}", from.display()))?;
        }
        // Nothing of it needs a script to be installed, so none is run.
        Run::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .in_folder(&self.folder)
            .quiet()?;
        let stamp = self.node_stamp();
        fs::write(&stamp, wanted).with_context(|| format!("could not write {}", stamp.display()))
    }

    /// Cargo knows itself what has to be done again.
    fn with_cargo(&self) -> Result<()> {
        Run::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--quiet", "--locked", "--manifest-path"])
            .arg(self.pin())
            .env("CARGO_TARGET_DIR", &self.folder)
            .show()
    }

    fn pin(&self) -> PathBuf {
        self.pins.join(match self.registry {
            Registry::Pypi => "pypi.txt",
            Registry::Npm => "npm/package-lock.json",
            Registry::Crates => "rups/Cargo.toml",
        })
    }

    fn wanted(&self) -> Result<String> {
        read(&self.pin())
    }

    fn venv(&self) -> Venv {
        Venv::at(self.folder.clone())
    }

    fn node_is_made_for(&self, wanted: &str) -> bool {
        fs::read_to_string(self.node_stamp()).is_ok_and(|made_for| made_for == wanted)
    }

    /// Within what `npm ci` empties, so that it can't outlive what it stands for.
    fn node_stamp(&self) -> PathBuf {
        self.folder.join("node_modules/.made-for")
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_library_is_pinned_to_what_was_tried_and_names_no_place_to_get_it_from() {
        let workspace = Workspace::find().unwrap();
        let [pypi, npm, _] = libraries(&workspace);
        let (list, lock) = (pypi.wanted().unwrap(), npm.wanted().unwrap());
        let packages: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(packages.iter().all(|line| line.contains("==") && line.contains("--hash=sha256:")), "{list}");
        assert_eq!((packages.len(), lock.matches("\"integrity\": \"sha512-").count()), (2, 1));
        assert!(!lock.contains("\"resolved\"") && !list.contains("://"), "an address is in the pins");
    }
}
