//! The C library, built as `cargo xtask install` builds it, but unoptimised and in a folder of its own.
#![allow(clippy::unwrap_used)] // what is missing fails the test, with a message that says what to do
#![allow(dead_code)] // each test program uses its part

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

pub(crate) const SONAME: &str = "libapcsmart.so.0";

/// The source tree.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

pub(crate) fn header() -> String {
    std::fs::read_to_string(root().join("include/apcsmart.h")).unwrap()
}

/// The functions that the header declares.
pub(crate) fn declared() -> Vec<String> {
    let header = header();
    let names = header.lines().filter(|line| !line.starts_with([' ', '#', '/'])).filter_map(|line| {
        let (before, _) = line.split_once('(')?;
        let name = before.rsplit([' ', '*']).next()?;
        name.starts_with("apcsmart_").then(|| name.to_owned())
    });
    names.collect()
}

/// A folder with `libapcsmart.so`, `libapcsmart.so.0` and `libapcsmart.a`. The crate makes no C library by itself: one that
/// did could not be built without `std`.
pub(crate) fn libraries() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c-library");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(root()).args(["rustc", "--package", "libapcsmart", "--lib", "--locked"]);
        cargo.args(["--no-default-features", "--features", "capi", "--crate-type", "cdylib,staticlib"]);
        cargo.arg("--target-dir").arg(&target);
        cargo.args(["--", "-C", &format!("link-arg=-Wl,-soname,{SONAME}")]);
        run(&mut cargo);
        let folder = target.join("debug");
        let link = folder.join(SONAME);
        if std::fs::read_link(&link).is_err() {
            // Another test program may have made it meanwhile.
            let _ = std::os::unix::fs::symlink("libapcsmart.so", &link);
        }
        assert!(link.exists(), "{} leads nowhere", link.display());
        folder
    })
}

/// Runs a program to its end and gives what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?} ended with {}:\n{said}{complained}", output.status);
    said
}

/// Fails with the name of the package when a program is missing.
pub(crate) fn need(program: &str, package: &str) {
    let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(found, "`{program}` is missing; install Debian's package {package}: apt-get install {package}");
}
