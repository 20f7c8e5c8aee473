//! Packages: manifest, component, assets and signature as an `.onmc` file.
//!
//! Invariant: the same inputs give the same bytes, on any machine and at any time, because an operator's grant is for
//! a hash. So: sorted entries, no times, no owners, one mode. What is written was read back by the host's own reader.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{BUILT, component, read, replace, sign, wrong};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::cli::words;
use crate::plugin::{Manifest, Package, Target, precompile};

/// Everybody may read a package's files and nobody runs them.
const FILE_MODE: u32 = 0o644;
/// What `build` leaves for `pack`.
pub(super) const COMPONENT: &str = "plugin.wasm";

/// Files of a package by name, in the order in which they are written.
type Members = BTreeMap<String, Vec<u8>>;

#[derive(Debug, Args)]
pub(in crate::cli) struct PackArguments {
    /// The plugin's folder, with `plugin.toml` and maybe `assets/`
    #[arg(default_value = ".")]
    folder: PathBuf,

    /// Pack this core module or component instead of what `build` left
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,

    /// Write the package into this folder instead of target/opennmc in the plugin's
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,

    /// Sign it with this minisign secret key
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,

    /// Put compiled forms for these targets into it, for hosts without a compiler: pulley32, pulley64, or this machine's own
    ///
    /// Needs --sign: a host only uses forms whose signer it lets precompile.
    #[arg(long, value_name = "TARGET", num_args = 1.., value_delimiter = ',')]
    precompiled: Vec<Target>,
}

pub(super) fn pack(arguments: &PackArguments, output: Output) -> Result<Exit, Failure> {
    let folder = &arguments.folder;
    // Before anything else: nothing is compiled that nobody would use.
    if !arguments.precompiled.is_empty() && arguments.sign.is_none() {
        return Err(Failure::new(
            Exit::BadUsage,
            "--precompiled needs --sign KEY: no host uses compiled forms that nobody has signed",
        ));
    }
    let module = match &arguments.module {
        Some(file) => read(file)?,
        None => {
            let built = folder.join(BUILT).join(COMPONENT);
            fs::read(&built).map_err(|error| {
                wrong(format!("can't read {}: {error}; `opennmc plugin build` makes it", built.display()))
            })?
        }
    };
    let wasm =
        component::component(&module).map_err(|problem| wrong(format!("{}: {problem}", folder.display())))?;
    let into = arguments.into.clone().unwrap_or_else(|| folder.join(BUILT));
    let forms = forms(&wasm, &arguments.precompiled)?;
    let packed = write(folder, &wasm, &into, arguments.sign.as_deref(), forms)?;
    output.text(&packed.told())?;
    Ok(Exit::Done)
}

/// A package that is there now.
pub(super) struct Packed {
    path: PathBuf,
    size: u64,
    wasm: u64,
    /// False: it was the same already, and was not touched.
    written: bool,
}

impl Packed {
    pub(super) fn told(&self) -> String {
        let verb = if self.written { "packed" } else { "unchanged" };
        let (size, wasm) = (words::bytes(self.size), words::bytes(self.wasm));
        format!("{verb} {} ({size}, of which {COMPONENT} {wasm})\n", self.path.display())
    }
}

/// The compiled forms of `wasm`, as members of a package.
fn forms(wasm: &[u8], targets: &[Target]) -> Result<Members, Failure> {
    let form = |target: &Target| {
        let bytes = precompile(wasm, *target)
            .map_err(|problem| wrong(format!("can't compile for {target}: {problem}")))?;
        Ok((format!("precompiled/{target}.cwasm"), bytes))
    };
    targets.iter().map(form).collect()
}

/// Packs `wasm`, a component, with its compiled `forms` and what is in the plugin's folder.
pub(super) fn write(
    folder: &Path,
    wasm: &[u8],
    into: &Path,
    key: Option<&Path>,
    forms: Members,
) -> Result<Packed, Failure> {
    let manifest_path = folder.join("plugin.toml");
    let text = String::from_utf8(read(&manifest_path)?)
        .map_err(|_| wrong(format!("{} is not UTF-8 text", manifest_path.display())))?;
    let manifest = Manifest::parse(folder, &text).map_err(|error| wrong(error.to_string()))?;
    let mut files = forms;
    files.insert("plugin.toml".to_owned(), text.into_bytes());
    files.insert(COMPONENT.to_owned(), wasm.to_vec());
    collect(&folder.join("assets"), "assets", &mut files)?;
    if let Some(key) = key {
        let signature = sign::signature(key, &files, &manifest)?;
        files.insert(sign::MEMBER.to_owned(), signature.into_bytes());
    }
    let archive = archive(&files)
        .map_err(|error| Failure::system(format!("can't pack {}", folder.display()), error))?;
    let path = into.join(format!("{}-{}.onmc", manifest.plugin.id, manifest.plugin.version));
    // What the host would refuse is better refused here, in the same words.
    Package::read(&path, archive.as_slice()).map_err(|error| wrong(error.to_string()))?;
    let written = !fs::read(&path).is_ok_and(|present| present == archive);
    if written {
        replace(&path, &archive)?;
    }
    Ok(Packed { path, size: archive.len() as u64, wasm: wasm.len() as u64, written })
}

fn collect(folder: &Path, name: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), Failure> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let entry =
            entry.map_err(|error| Failure::system(format!("can't read {}", folder.display()), error))?;
        let path = entry.path();
        let file_name = entry.file_name();
        let Some(file_name) = file_name.to_str() else {
            return Err(wrong(format!("{} has a name that is not UTF-8", path.display())));
        };
        let name = format!("{name}/{file_name}");
        if path.is_dir() {
            collect(&path, &name, files)?;
        } else {
            files.insert(name, read(&path)?);
        }
    }
    Ok(())
}

fn archive(files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<Vec<u8>> {
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
    builder.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reader of packages does not look into it.
    const WASM: &[u8] = b"\0asm\x0d\0\x01\0";

    fn plugin_folder(version: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let manifest = format!(
            "[plugin]\nid = \"sample\"\nversion = \"{version}\"\napi = \"0.1\"\nsummary = \"A sample\"\n"
        );
        fs::write(folder.path().join("plugin.toml"), manifest).unwrap();
        fs::create_dir_all(folder.path().join("assets/img")).unwrap();
        fs::write(folder.path().join("assets/index.html"), "<p>hello").unwrap();
        fs::write(folder.path().join("assets/img/a.svg"), "<svg/>").unwrap();
        folder
    }

    fn packed(folder: &Path, into: &Path) -> Packed {
        write(folder, WASM, into, None, Members::new()).unwrap()
    }

    #[test]
    fn the_same_plugin_gives_the_same_bytes_whenever_and_wherever_it_is_packed() {
        let (one, other) = (plugin_folder("0.1.0"), plugin_folder("0.1.0"));
        let old = fs::File::options().append(true).open(other.path().join("assets/index.html")).unwrap();
        old.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        let (into_one, into_other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = packed(one.path(), into_one.path());
        let second = packed(other.path(), into_other.path());
        assert_eq!(fs::read(first.path).unwrap(), fs::read(second.path).unwrap());
    }

    #[test]
    fn a_package_holds_manifest_component_and_assets_sorted_and_without_times() {
        let (folder, into) = (plugin_folder("0.1.0"), tempfile::tempdir().unwrap());
        let path = packed(folder.path(), into.path()).path;
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
        let (folder, into) = (plugin_folder("0.1.0"), tempfile::tempdir().unwrap());
        assert!(packed(folder.path(), into.path()).written);
        assert!(!packed(folder.path(), into.path()).written);
    }

    #[test]
    fn a_manifest_that_the_host_would_refuse_is_refused_in_its_words() {
        let folder = plugin_folder("0.1.0");
        fs::write(
            folder.path().join("plugin.toml"),
            "[plugin]\nid = \"../x\"\nversion = \"1.0.0\"\napi = \"0.1\"\nsummary = \"x\"\n",
        )
        .unwrap();
        let refusal = write(folder.path(), WASM, folder.path(), None, Members::new()).err().unwrap();
        assert!(refusal.message.contains("id"), "{refusal}");
    }

    #[test]
    fn a_signed_package_carries_a_signature_over_every_other_member() {
        let (folder, into) = (plugin_folder("0.1.0"), tempfile::tempdir().unwrap());
        let (public, key) = sign::pair_in(into.path());
        let path = write(folder.path(), WASM, into.path(), Some(&key), Members::new()).unwrap().path;
        let mut archive = tar::Archive::new(fs::File::open(path).unwrap());
        let mut files = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            files.insert(name, bytes);
        }
        let signature = String::from_utf8(files.remove(sign::MEMBER).unwrap()).unwrap();
        let signature = minisign_verify::Signature::decode(&signature).unwrap();
        public.verify(sign::listing(&files).as_bytes(), &signature, false).unwrap();
        files.insert("assets/index.html".to_owned(), b"<p>evil".to_vec());
        assert!(public.verify(sign::listing(&files).as_bytes(), &signature, false).is_err());
    }
}
