//! Completions, manual pages and the demonstration.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::place::{opennmc, text};

/// Every command that people type first.
const COMMANDS: [&str; 24] = [
    "run",
    "demo",
    "check",
    "status",
    "get",
    "set",
    "cmd",
    "fsd",
    "events",
    "reload",
    "log-level",
    "plugin",
    "user",
    "doctor",
    "import-nut",
    "probe",
    "trace",
    "completions",
    "man",
    "simulate",
    "history",
    "audit",
    "backup",
    "restore",
];

#[test]
fn completions_know_every_command_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = opennmc().args(["completions", shell]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let script = text(&output.stdout);
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn there_is_a_manual_page_for_every_command_with_the_exit_codes_on_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let output = opennmc().arg("man").arg(dir.path().join("man1")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    for page in told.lines() {
        assert!(std::path::Path::new(page).is_file(), "{page}");
    }
    for command in COMMANDS {
        assert!(told.contains(&format!("opennmc-{command}.1")), "{command} in:\n{told}");
    }
    assert!(told.contains("opennmc-user-token-revoke.1"), "{told}");
    let first = std::fs::read_to_string(dir.path().join("man1/opennmc.1")).unwrap();
    assert!(first.contains("Exit codes") && first.contains("puts data or power at risk"), "{first}");
}

#[test]
fn the_guide_names_every_command_and_every_exit_code() {
    let guide = include_str!("../../../docs/cli.md");
    for command in COMMANDS {
        assert!(guide.contains(&format!("`opennmc {command}")), "{command}");
    }
    let help = text(&opennmc().arg("--help").output().unwrap().stdout);
    for code in 0..=12 {
        assert!(guide.contains(&format!("| {code} |")), "{code}");
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(&format!("{code} "))),
            "{code} in:\n{help}"
        );
    }
}

#[test]
fn the_demonstration_runs_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = opennmc()
        .arg("demo")
        .env("TMPDIR", dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let socket =
        lines.find_map(|line| line.trim().strip_prefix("export OPENNMC_SOCKET=").map(str::to_owned)).unwrap();
    assert!(lines.any(|line| line == "ready"));
    let status = opennmc().args(["status", "--socket", &socket]).output().unwrap();
    assert!(text(&status.stdout).starts_with("demo"), "{}", text(&status.stderr));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
