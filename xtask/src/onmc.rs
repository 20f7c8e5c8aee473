//! Plugin packages: a core module becomes a component, and with its manifest and assets an `.onmc` file.
//!
//! Invariant: the same inputs give the same bytes, on any machine and at any time, because an operator's grant is for
//! a hash. So: sorted entries, no times, no owners, one mode.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Everybody may read a package's files and nobody runs them.
const FILE_MODE: u32 = 0o644;

/// Whether a package was written or the one there was the same already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Written {
    /// The file is new or has other contents now.
    New,
    /// Not touched.
    Unchanged,
}

/// Packs the plugin in `folder`, whose compiled core module is `module`, into the folder `into`.
pub(crate) fn pack(folder: &Path, module: &[u8], into: &Path) -> Result<(PathBuf, Written)> {
    let manifest_path = folder.join("plugin.toml");
    let manifest =
        fs::read(&manifest_path).with_context(|| format!("could not read {}", manifest_path.display()))?;
    let identity =
        identity(&manifest).with_context(|| format!("{} does not name a plugin", manifest_path.display()))?;
    let component = component(module)
        .with_context(|| format!("the module of {} can't become a component", identity.id))?;

    let mut files =
        BTreeMap::from([("plugin.toml".to_owned(), manifest), ("plugin.wasm".to_owned(), component)]);
    collect_assets(&folder.join("assets"), "assets", &mut files)?;
    let archive = archive(&files)?;

    let path = into.join(format!("{}-{}.onmc", identity.id, identity.version));
    if fs::read(&path).is_ok_and(|present| present == archive) {
        return Ok((path, Written::Unchanged));
    }
    fs::create_dir_all(into).with_context(|| format!("could not make {}", into.display()))?;
    replace(&path, &archive).with_context(|| format!("could not write {}", path.display()))?;
    Ok((path, Written::New))
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

#[derive(Deserialize)]
struct Identity {
    id: String,
    version: String,
}

fn identity(manifest: &[u8]) -> Result<Identity> {
    #[derive(Deserialize)]
    struct Manifest {
        plugin: Identity,
    }
    let text = std::str::from_utf8(manifest)?;
    let identity = toml::from_str::<Manifest>(text)?.plugin;
    let plain =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-.+".contains(c));
    if !plain(&identity.id) || !plain(&identity.version) {
        bail!(
            "id and version may only have letters, digits, `-`, `.` and `+`, since the file is named after them"
        );
    }
    Ok(identity)
}

fn component(module: &[u8]) -> Result<Vec<u8>> {
    wit_component::ComponentEncoder::default().validate(true).module(module)?.encode()
}

fn collect_assets(folder: &Path, name: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let file_name = entry.file_name();
        let Some(file_name) = file_name.to_str() else {
            bail!("{} has a name that is not UTF-8", path.display())
        };
        let name = format!("{name}/{file_name}");
        if path.is_dir() {
            collect_assets(&path, &name, files)?;
        } else {
            let contents = fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
            files.insert(name, contents);
        }
    }
    Ok(())
}

fn archive(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, contents) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(contents.len() as u64);
        header.set_mode(FILE_MODE);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        builder.append_data(&mut header, name, contents.as_slice())?;
    }
    Ok(builder.into_inner()?)
}

/// A reader sees the old file or the new one, never half of it.
fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("onmc.new");
    fs::write(&unfinished, contents)?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest core module: it imports and exports nothing, so its component is empty but valid.
    const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

    fn plugin_folder(version: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let manifest = format!("[plugin]\nid = \"sample\"\nversion = \"{version}\"\n");
        fs::write(folder.path().join("plugin.toml"), manifest).unwrap();
        fs::create_dir_all(folder.path().join("assets/img")).unwrap();
        fs::write(folder.path().join("assets/index.html"), "<p>hello").unwrap();
        fs::write(folder.path().join("assets/img/a.svg"), "<svg/>").unwrap();
        folder
    }

    #[test]
    fn the_same_plugin_gives_the_same_bytes_whenever_and_wherever_it_is_packed() {
        let (one, other) = (plugin_folder("0.1.0"), plugin_folder("0.1.0"));
        let old = fs::File::options().append(true).open(other.path().join("assets/index.html")).unwrap();
        old.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        let (into_one, into_other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (first, _) = pack(one.path(), EMPTY_MODULE, into_one.path()).unwrap();
        let (second, _) = pack(other.path(), EMPTY_MODULE, into_other.path()).unwrap();
        assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
    }

    #[test]
    fn a_package_holds_manifest_component_and_assets_sorted_and_without_times() {
        let folder = plugin_folder("0.1.0");
        let into = tempfile::tempdir().unwrap();
        let (path, _) = pack(folder.path(), EMPTY_MODULE, into.path()).unwrap();
        assert_eq!(path.file_name().unwrap(), "sample-0.1.0.onmc");
        let mut archive = tar::Archive::new(fs::File::open(path).unwrap());
        let entries: Vec<(String, u64, u64)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                (entry.path().unwrap().display().to_string(), header.mtime().unwrap(), header.uid().unwrap())
            })
            .collect();
        let names: Vec<&str> = entries.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["assets/img/a.svg", "assets/index.html", "plugin.toml", "plugin.wasm"]);
        assert!(entries.iter().all(|(_, mtime, uid)| *mtime == 0 && *uid == 0));
    }

    #[test]
    fn an_unchanged_package_is_not_written_again() {
        let folder = plugin_folder("0.1.0");
        let into = tempfile::tempdir().unwrap();
        let (path, first) = pack(folder.path(), EMPTY_MODULE, into.path()).unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let (_, second) = pack(folder.path(), EMPTY_MODULE, into.path()).unwrap();
        assert_eq!((first, second), (Written::New, Written::Unchanged));
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), modified);
    }

    #[test]
    fn the_package_of_an_older_version_goes_away() {
        let into = tempfile::tempdir().unwrap();
        let (old, _) = pack(plugin_folder("0.1.0").path(), EMPTY_MODULE, into.path()).unwrap();
        let (new, _) = pack(plugin_folder("0.2.0").path(), EMPTY_MODULE, into.path()).unwrap();
        remove_others(into.path(), std::slice::from_ref(&new)).unwrap();
        assert!(!old.exists() && new.exists());
    }

    #[test]
    fn a_manifest_whose_id_would_leave_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("plugin.toml"), "[plugin]\nid = \"../x\"\nversion = \"1\"\n").unwrap();
        assert!(pack(folder.path(), EMPTY_MODULE, folder.path()).is_err());
    }

    #[test]
    fn a_file_that_is_no_module_is_refused_with_the_plugin_named() {
        let folder = plugin_folder("0.1.0");
        let error = pack(folder.path(), b"not wasm", folder.path()).unwrap_err();
        assert!(format!("{error:#}").contains("sample"), "{error:#}");
    }
}
