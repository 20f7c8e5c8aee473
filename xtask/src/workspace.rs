//! Where things are in the source tree, and what its guest packages are.
//!
//! Every path that more than one task uses is named here and nowhere else.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::command::Run;

/// The target that guests are compiled for: no WASI, so a guest's imports are only what it asks of OpenNMC.
pub(crate) const GUEST_TARGET: &str = "wasm32-unknown-unknown";

/// The source tree that this xtask belongs to.
pub(crate) struct Workspace {
    root: PathBuf,
}

/// One package of the `plugins/` workspace that becomes a plugin.
pub(crate) struct Guest {
    /// The cargo package's name.
    pub(crate) package: String,
    /// The folder with `Cargo.toml`, `plugin.toml` and maybe `assets/`.
    pub(crate) folder: PathBuf,
    /// The file that cargo leaves in the guest target directory.
    pub(crate) module: PathBuf,
}

impl Workspace {
    /// From the place of this crate: `cargo run` names it at run time; a copied binary falls back on where it was built.
    pub(crate) fn find() -> Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest.parent().context("xtask is not inside a workspace")?.to_owned();
        if !root.join("libapcsmart").is_dir() || !root.join("opennmc-host").is_dir() {
            bail!("{} is not OpenNMC's source tree; run this as `cargo xtask` inside it", root.display());
        }
        Ok(Self { root })
    }

    /// The folder with the main `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// All that is built goes here, whatever `CARGO_TARGET_DIR` says: scripts rely on these places.
    pub(crate) fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// Where guests are compiled.
    pub(crate) fn guest_target(&self) -> PathBuf {
        self.target().join("guests")
    }

    /// Where the `.onmc` packages are.
    pub(crate) fn packages(&self) -> PathBuf {
        self.target().join("plugins")
    }

    /// The manifest of the guests' workspace; none as long as it has no plugins.
    pub(crate) fn guest_manifest(&self) -> Option<PathBuf> {
        Some(self.root.join("plugins/Cargo.toml")).filter(|manifest| manifest.is_file())
    }

    /// A program of this workspace as `cargo xtask build` leaves it.
    pub(crate) fn program(&self, name: &str, profile: Profile) -> PathBuf {
        self.target().join(profile.folder()).join(name)
    }

    /// The folders of the plugins that are not cargo's, sorted: those with a `plugin.toml` and C files.
    pub(crate) fn guests_in_c(&self) -> Result<Vec<PathBuf>> {
        let plugins = self.root.join("plugins");
        let Ok(entries) = std::fs::read_dir(&plugins) else { return Ok(Vec::new()) };
        let mut folders = Vec::new();
        for entry in entries {
            let folder = entry.with_context(|| format!("could not read {}", plugins.display()))?.path();
            if folder.join("plugin.toml").is_file() && !folder.join("Cargo.toml").is_file() {
                folders.push(folder);
            }
        }
        folders.sort();
        Ok(folders)
    }

    /// The packages that have a `plugin.toml` next to their `Cargo.toml`, sorted by name.
    pub(crate) fn guests(&self) -> Result<Vec<Guest>> {
        let Some(manifest) = self.guest_manifest() else { return Ok(Vec::new()) };
        let text = Run::cargo(self, "metadata")
            .args(["--no-deps", "--format-version", "1", "--manifest-path"])
            .arg(&manifest)
            .read_stdout()?;
        let metadata: Metadata =
            serde_json::from_str(&text).context("`cargo metadata` answered something unexpected")?;
        let modules = self.guest_target().join(GUEST_TARGET).join("release");
        let mut guests = Vec::new();
        for package in metadata.packages {
            let folder = package.manifest_path.parent().map(Path::to_owned).unwrap_or_default();
            if !folder.join("plugin.toml").is_file() {
                continue;
            }
            let Some(library) =
                package.targets.iter().find(|target| target.kind.iter().any(|kind| kind == "cdylib"))
            else {
                bail!(
                    "{} has a plugin.toml but no `crate-type = [\"cdylib\"]` in its Cargo.toml",
                    folder.display()
                );
            };
            let module = modules.join(format!("{}.wasm", library.name.replace('-', "_")));
            guests.push(Guest { package: package.name, folder, module });
        }
        guests.sort_by(|a, b| a.package.cmp(&b.package));
        Ok(guests)
    }
}

/// How the native programs are compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Profile {
    /// Quick to build, with overflow checks.
    Dev,
    /// What is measured.
    Release,
}

impl Profile {
    /// Cargo's name for the folder under `target/`.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<MetadataTarget>,
}

#[derive(Deserialize)]
struct MetadataTarget {
    name: String,
    kind: Vec<String>,
}
