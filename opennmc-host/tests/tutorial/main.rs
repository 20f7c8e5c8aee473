//! docs/plugin-guide.md, word for word: what it says to type is typed, and what it shows is what is printed.
//!
//! A block that is marked `console` has lines that begin with `$ `, those that go on with `> `, and below each what it
//! prints. Nothing below a line: what that prints is not told. Sizes and hashes may differ, since compilers do. All of it is
//! typed into one shell, as a reader does.

#![cfg(feature = "author")]
#![allow(
    clippy::unwrap_used,
    reason = "all of this is test code, of which clippy only knows the `#[test]` functions"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const GUIDE: &str = include_str!("../../../docs/plugin-guide.md");
/// Seconds, on a busy machine too; what waits for something that does not come ends by it.
const PATIENCE: &str = "900";
/// Between what two commands print.
const MARK: &str = "\x1e";
const HEADER: &str = include_str!("../../src/cli/author/templates/c/opennmc.h");

/// One line to type, and what the guide shows below it.
struct Step {
    command: String,
    shown: String,
}

fn steps(guide: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in guide.split("```console\n").skip(1) {
        for line in block.split("\n```").next().unwrap_or_default().lines() {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command: command.to_owned(), shown: String::new() }),
                None => {
                    let step = steps.last_mut().expect("a block begins with a command");
                    match line.strip_prefix('>') {
                        Some(more) => {
                            step.command.push('\n');
                            step.command.push_str(more.strip_prefix(' ').unwrap_or(more));
                        }
                        None => {
                            step.shown.push_str(line);
                            step.shown.push('\n');
                        }
                    }
                }
            }
        }
    }
    steps
}

/// Without what depends on the compiler's version.
fn comparable(text: &str) -> Vec<&str> {
    text.trim_end().lines().map(comparable_line).collect()
}

fn comparable_line(line: &str) -> &str {
    let line = line.split(" (").next().unwrap_or_default().trim_end();
    if line.starts_with("  SHA-256") { "  SHA-256" } else { line }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The program under test first in `PATH`, and one target folder for all plugins, so that the SDK is compiled once.
fn shell(folder: &Path, command: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_opennmc"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(
        [program.parent().unwrap().to_owned()].into_iter().chain(std::env::split_paths(&path)),
    );
    let target: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("author-test");
    let mut shell = Command::new("timeout");
    shell
        .args([PATIENCE, "sh", "-ec", command])
        .current_dir(folder)
        .env("PATH", path.unwrap())
        .env("CARGO_TARGET_DIR", target);
    shell.env("NO_COLOR", "1").env_remove("RUSTFLAGS").env_remove("OPENNMC_LOG").env_remove("OPENNMC_SOCKET");
    shell
}

/// What the command printed, as its result and besides; it must succeed.
fn typed(folder: &Path, command: &str) -> (String, String) {
    let output = shell(folder, command).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "$ {command}\n{out}{err}");
    (out.into_owned(), err.into_owned())
}

#[test]
fn the_guide_works_as_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let steps = steps(GUIDE);
    assert!(steps.len() >= 20, "the guide has lost its commands");
    // What the reader has in the background ends with the shell, whatever happens.
    let mut script = "trap 'kill $! 2>/dev/null' EXIT\n".to_owned();
    for Step { command, .. } in &steps {
        script.push_str(&format!("printf '{MARK}' | tee /dev/stderr\n{command}\n"));
    }
    let (out, err) = typed(folder.path(), &script);
    let (out, err): (Vec<&str>, Vec<&str>) = (out.split(MARK).collect(), err.split(MARK).collect());
    assert_eq!((out.len(), err.len()), (steps.len() + 1, steps.len() + 1));
    for (at, Step { command, shown }) in steps.iter().enumerate().filter(|(_, step)| !step.shown.is_empty()) {
        // Progress is not told; where it is, it comes before the result.
        let (out, both) = (out[at + 1], format!("{}{}", err[at + 1], out[at + 1]));
        if comparable(out) != comparable(shown) {
            assert_eq!(comparable(&both), comparable(shown), "$ {command}");
        }
    }
    assert!(folder.path().join("my-first/target/opennmc/my-first-0.1.0.onmc").is_file());
}

#[test]
fn every_template_builds_and_its_test_passes() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["listener", "tcp-service", "notifier", "web", "publisher"] {
        typed(folder.path(), &format!("opennmc plugin new a-{kind} --kind {kind}"));
        typed(folder.path(), &format!("cd a-{kind}; cargo test --quiet; opennmc plugin build"));
    }
    for kind in ["listener", "notifier", "publisher"] {
        let new = format!("opennmc plugin new c-{kind} --language c --kind {kind}");
        typed(folder.path(), &format!("{new}; opennmc plugin build c-{kind}"));
    }
    let absent = shell(folder.path(), "opennmc plugin new x --language c --kind web").output().unwrap();
    assert_eq!(absent.status.code(), Some(2));
}

#[test]
fn a_folder_that_is_there_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("mine")).unwrap();
    let again = shell(folder.path(), "opennmc plugin new mine --language c").output().unwrap();
    assert!(!again.status.success());
    assert_eq!(fs::read_dir(folder.path().join("mine")).unwrap().count(), 0);
}

#[test]
fn the_plugin_in_c_has_the_header_of_the_template() {
    let ours = fs::read_to_string(repository().join("plugins/c-herald/include/opennmc.h")).unwrap();
    assert!(
        ours == HEADER,
        "copy opennmc-host/src/cli/author/templates/c/opennmc.h to plugins/c-herald/include"
    );
}
