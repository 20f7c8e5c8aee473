//! A compiler that can build guests: rustup's target when it is there, else Debian's compiler with its sources.
//!
//! A machine without either gets one message that says exactly what to run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::{Run, find_program};
use crate::console;
use crate::debian;
use crate::workspace::{GUEST_TARGET, Workspace};

/// Debian builds these from the current stable compiler; the `wasm32-unknown-unknown` library is not among its packages,
/// so it is compiled from the sources.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld"];
/// Where `rustc-web` and `cargo-web` put their programs.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// `cargo SUBCOMMAND` for the guests' workspace, with a compiler that has the target; installs one when none has.
///
/// The caller adds `--target` with [`GUEST_TARGET`].
pub(crate) fn cargo(workspace: &Workspace, subcommand: &str) -> Result<Run> {
    let manifest = workspace.guest_manifest().context("there is no plugins/Cargo.toml")?;
    let command = match compiler(workspace)? {
        Compiler::Present => Run::cargo(workspace, subcommand),
        Compiler::Debian => Run::new(DEBIAN_CARGO)
            .arg(subcommand)
            .arg("-Zbuild-std=std,panic_abort")
            .in_folder(workspace.root())
            .env("RUSTC", DEBIAN_RUSTC)
            // Stable compilers take -Z flags only when told that they are part of a toolchain's own build.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld"),
    };
    Ok(command
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--target-dir")
        .arg(workspace.guest_target())
        .env("CARGO_TARGET_DIR", workspace.guest_target()))
}

enum Compiler {
    /// The one that runs us has the target.
    Present,
    /// Debian's, which compiles the standard library along.
    Debian,
}

fn compiler(workspace: &Workspace) -> Result<Compiler> {
    if has_target("rustc") {
        return Ok(Compiler::Present);
    }
    let rustup = match find_program("rustup") {
        Some(_) => {
            console::heading(&format!("Installing the compiler target {GUEST_TARGET} with rustup"));
            Run::new("rustup").args(["target", "add", GUEST_TARGET]).in_folder(workspace.root()).show().err()
        }
        None => Some(anyhow::anyhow!("there is no rustup")),
    };
    let Some(no_rustup) = rustup else { return Ok(Compiler::Present) };
    if !debian_is_ready() {
        install_debian(&no_rustup)?;
    }
    Ok(Compiler::Debian)
}

fn install_debian(no_rustup: &anyhow::Error) -> Result<()> {
    if let Err(error) = debian::install(&DEBIAN_PACKAGES) {
        bail!(
            "plugins need a compiler for {GUEST_TARGET}. Run one of these, then try again:\n  \
             rustup target add {GUEST_TARGET}\n  \
             sudo apt-get install {}\n\
             (tried both: rustup: {no_rustup:#}; Debian: {error:#})",
            DEBIAN_PACKAGES.join(" ")
        );
    }
    if !debian_is_ready() {
        bail!(
            "Debian's {} are installed, but {DEBIAN_RUSTC} has no sources to build the library from",
            DEBIAN_PACKAGES.join(", ")
        );
    }
    Ok(())
}

fn debian_is_ready() -> bool {
    let sources =
        sysroot(DEBIAN_RUSTC).map(|sysroot| sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml"));
    sources.is_some_and(|sources| sources.is_file())
        && Path::new(DEBIAN_CARGO).is_file()
        && find_program("wasm-ld").is_some()
}

fn has_target(rustc: &str) -> bool {
    sysroot(rustc).is_some_and(|sysroot| sysroot.join("lib/rustlib").join(GUEST_TARGET).join("lib").is_dir())
}

fn sysroot(rustc: &str) -> Option<PathBuf> {
    let sysroot = Run::new(rustc).args(["--print", "sysroot"]).read_stdout().ok()?;
    Some(PathBuf::from(sysroot.trim()))
}
