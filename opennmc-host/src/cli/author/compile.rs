//! `opennmc plugin build`: a plugin's sources become a core module, with the compiler of their language.
//!
//! What language it is, the folder says: a `Cargo.toml` is Rust, C files under `src/` are C. The compilers are the
//! author's own; what they say goes to the screen.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use serde::Deserialize;

use super::{BUILT, component, pack, read, replace, wrong};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;

/// No WASI: what such a module imports is only what it asks of OpenNMC.
const TARGET: &str = "wasm32-unknown-unknown";
/// Of a C plugin's own stack, in bytes. It is part of its memory.
const C_STACK: &str = "-Wl,-z,stack-size=16384";

#[derive(Debug, Args)]
pub(in crate::cli) struct BuildArguments {
    /// The plugin's folder
    #[arg(default_value = ".")]
    folder: PathBuf,

    /// Don't let cargo use the network
    #[arg(long)]
    offline: bool,

    /// Write the package into this folder instead of target/opennmc in the plugin's
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
}

pub(super) fn build(arguments: &BuildArguments, output: Output) -> Result<Exit, Failure> {
    let folder = &arguments.folder;
    let module = if folder.join("Cargo.toml").is_file() {
        build_rust(folder, arguments.offline)?
    } else {
        build_c(folder)?
    };
    let wasm = component::component(&read(&module)?)
        .map_err(|problem| wrong(format!("{}: {problem}", module.display())))?;
    replace(&folder.join(BUILT).join(pack::COMPONENT), &wasm)?;
    let into = arguments.into.clone().unwrap_or_else(|| folder.join(BUILT));
    let packed = pack::write(folder, &wasm, &into, None, BTreeMap::new())?;
    output.text(&packed.told())?;
    Ok(Exit::Done)
}

fn build_rust(folder: &Path, offline: bool) -> Result<PathBuf, Failure> {
    let manifest = folder.join("Cargo.toml");
    let module = module_of(&manifest, offline)?;
    let mut cargo = cargo("build", &manifest, offline);
    cargo.args(["--release", "--target", TARGET]);
    let done = cargo.status().map_err(|error| Failure::system("can't run cargo", error))?;
    if !done.success() {
        return Err(wrong(format!(
            "cargo did not build {}; what it said is above. If the target is missing: rustup target add {TARGET}",
            folder.display()
        )));
    }
    Ok(module)
}

/// Where cargo will leave the module.
fn module_of(manifest: &Path, offline: bool) -> Result<PathBuf, Failure> {
    let mut cargo = cargo("metadata", manifest, offline);
    cargo.args(["--no-deps", "--format-version", "1"]);
    let answer =
        cargo.stderr(Stdio::inherit()).output().map_err(|error| Failure::system("can't run cargo", error))?;
    let metadata: Metadata = serde_json::from_slice(&answer.stdout)
        .map_err(|_| wrong(format!("cargo can't read {}", manifest.display())))?;
    let full = manifest.canonicalize().unwrap_or_else(|_| manifest.to_owned());
    let library = metadata
        .packages
        .iter()
        .filter(|package| package.manifest_path == full)
        .flat_map(|package| &package.targets)
        .find(|target| target.kind.iter().any(|kind| kind == "cdylib"));
    let library = library.ok_or_else(|| {
        wrong(format!("{} needs `crate-type = [\"cdylib\", \"rlib\"]` under [lib]", manifest.display()))
    })?;
    let name = format!("{}.wasm", library.name.replace('-', "_"));
    Ok(metadata.target_directory.join(TARGET).join("release").join(name))
}

fn cargo(subcommand: &str, manifest: &Path, offline: bool) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg(subcommand).arg("--manifest-path").arg(manifest).stdin(Stdio::null());
    if offline {
        cargo.arg("--offline");
    }
    cargo
}

fn build_c(folder: &Path) -> Result<PathBuf, Failure> {
    let entries = std::fs::read_dir(folder.join("src")).into_iter().flatten().flatten();
    let mut sources: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.extension() == Some(OsStr::new("c"))).collect();
    if sources.is_empty() {
        return Err(wrong(format!(
            "{} has neither a Cargo.toml nor C files under src/; `opennmc plugin new` makes a plugin",
            folder.display()
        )));
    }
    // In the same order on every machine.
    sources.sort();
    let module = folder.join(BUILT).join("module.wasm");
    if let Some(place) = module.parent() {
        std::fs::create_dir_all(place)
            .map_err(|error| Failure::system(format!("can't make {}", place.display()), error))?;
    }
    let clang = std::env::var_os("CLANG").unwrap_or_else(|| "clang".into());
    let mut command = Command::new(&clang);
    command
        .args(["--target=wasm32", "-std=c11", "-Os", "-ffreestanding", "-nostdlib", "-Wall", "-Wextra"])
        .args(["-ffunction-sections", "-fdata-sections"])
        .args(["-Wl,--no-entry", "-Wl,--gc-sections", "-Wl,--strip-all", C_STACK])
        .arg("-I")
        .arg(folder.join("include"))
        .args(&sources)
        .arg("-o")
        .arg(&module)
        .stdin(Stdio::null());
    let done = command.status().map_err(|error| {
        wrong(format!("can't run {}: {error}; install clang and lld", clang.to_string_lossy()))
    })?;
    if done.success() {
        Ok(module)
    } else {
        Err(wrong(format!("clang did not build {}; what it said is above", folder.display())))
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct MetadataPackage {
    manifest_path: PathBuf,
    targets: Vec<MetadataTarget>,
}

#[derive(Deserialize)]
struct MetadataTarget {
    name: String,
    kind: Vec<String>,
}
