//! Plugin packages: `opennmc plugin pack` makes them, here as for everybody who writes plugins.
//!
//! What a package is, is written down once, in the host. This calls the program that was built and keeps the folder of
//! packages free of old versions.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::Run;
use crate::workspace::{Profile, Workspace};

/// What one `opennmc plugin` call did.
pub(crate) struct Packed {
    /// The package.
    pub(crate) path: PathBuf,
    /// What it said, without the newline.
    pub(crate) told: String,
}

/// Packs the plugin in `folder`, whose compiled core module is `module`, into the folder `into`.
pub(crate) fn pack(
    workspace: &Workspace,
    profile: Profile,
    folder: &Path,
    module: &Path,
    into: &Path,
) -> Result<Packed> {
    let told = opennmc(workspace, profile, "pack", folder, into).arg("--module").arg(module).read_stdout()?;
    packed(workspace, &told)
}

/// Compiles a plugin that is not cargo's, and packs it.
pub(crate) fn build(workspace: &Workspace, profile: Profile, folder: &Path) -> Result<Packed> {
    let told = opennmc(workspace, profile, "build", folder, &workspace.packages()).read_stdout()?;
    packed(workspace, &told)
}

fn opennmc(workspace: &Workspace, profile: Profile, what: &str, folder: &Path, into: &Path) -> Run {
    Run::new(workspace.program("opennmc", profile))
        .args(["plugin", what])
        .arg(folder)
        .arg("--into")
        .arg(into)
        .in_folder(workspace.root())
}

/// `packed PATH (…)`, or `unchanged PATH (…)`.
fn packed(workspace: &Workspace, told: &str) -> Result<Packed> {
    let told = told.trim_end().to_owned();
    let path =
        path_in(&told).with_context(|| format!("`opennmc plugin` said something unexpected: {told}"))?;
    let shown = told.replace(&format!("{}/", workspace.root().display()), "");
    Ok(Packed { path, told: shown })
}

fn path_in(told: &str) -> Option<PathBuf> {
    let rest = told.strip_prefix("packed ").or_else(|| told.strip_prefix("unchanged "))?;
    Some(rest.split_once(" (")?.0.into())
}

/// Removes packages that this build did not make: an old version beside the new one would be a second plugin.
pub(crate) fn remove_others(folder: &Path, keep: &[PathBuf]) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "onmc") && !keep.contains(&path) {
            fs::remove_file(&path)
                .with_context(|| format!("could not remove the outdated {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_of_an_older_version_goes_away() {
        let into = tempfile::tempdir().unwrap();
        let (old, new) = (into.path().join("a-0.1.0.onmc"), into.path().join("a-0.2.0.onmc"));
        for path in [&old, &new] {
            fs::write(path, "").unwrap();
        }
        remove_others(into.path(), std::slice::from_ref(&new)).unwrap();
        assert!(!old.exists() && new.exists());
    }

    #[test]
    fn the_path_is_read_from_what_the_program_says() {
        let path = Some(PathBuf::from("/x y/a-0.1.0.onmc"));
        assert_eq!(path_in("packed /x y/a-0.1.0.onmc (57.0 KiB, of which plugin.wasm 54.1 KiB)"), path);
        assert_eq!(path_in("unchanged /x y/a-0.1.0.onmc (57.0 KiB)"), path);
        assert_eq!(path_in("error"), None);
    }
}
