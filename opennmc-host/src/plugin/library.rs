//! Finding a plugin's package in the folders where packages are kept.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

use semver::Version;

use super::{Package, PluginError};

/// The newest package of the plugin `id`, read and checked. Of equal versions the first folder's wins; a folder that
/// does not exist holds nothing.
pub fn find_package(id: &str, folders: &[PathBuf]) -> Result<Package, PluginError> {
    let path = newest(id, folders).ok_or_else(|| PluginError::NotFound {
        id: id.to_owned(),
        folders: folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", "),
    })?;
    open_as(id, &path)
}

/// Where the newest package of the plugin `id` is, by its name.
pub(super) fn newest(id: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    folders
        .iter()
        .flat_map(|folder| candidates(id, folder))
        .min_by_key(|(version, _)| Reverse(version.clone()))
        .map(|(_, path)| path)
}

/// The package in `path`, which must be of the plugin `id`.
pub(super) fn open_as(id: &str, path: &Path) -> Result<Package, PluginError> {
    let package = Package::open(path)?;
    if package.manifest.plugin.id != id {
        return Err(PluginError::Package {
            path: path.to_owned(),
            problem: format!("is the plugin \"{}\", not \"{id}\"", package.manifest.plugin.id),
        });
    }
    Ok(package)
}

/// All packages of the plugin `id` in a folder, by their names.
pub(super) fn all(id: &str, folder: &Path) -> Vec<PathBuf> {
    candidates(id, folder).into_iter().map(|(_, path)| path).collect()
}

fn candidates(id: &str, folder: &Path) -> Vec<(Version, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(id)?.strip_prefix('-')?.strip_suffix(".onmc")?;
            Some((Version::parse(version).ok()?, entry.path()))
        })
        .collect()
}
