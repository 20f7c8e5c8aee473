//! Who may connect, and what that lets them do. Root is needed to be somebody else.

use std::process::{Command, Output};

use super::place::{Daemon, Place, text};

/// The user that owns nothing; its group is in the configuration of some tests.
const USER: &str = "nobody";
const GROUP: &str = "nogroup";

/// True when this test can become another user. Elsewhere than as root only the own user can be tested.
pub(crate) fn can_change_user() -> bool {
    rustix::process::geteuid().is_root()
}

/// A place whose folder everybody may enter, and a daemon whose configuration says `control`.
pub(crate) fn place(control: &str) -> (Place, Daemon) {
    let place = Place::with(&format!("[ups.main]\nport = \"sim:smart-ups-1500\"\n[control]\n{control}\n"));
    std::fs::set_permissions(place.dir(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let daemon = Daemon::start(&place, place.run());
    (place, daemon)
}

pub(crate) fn as_nobody(place: &Place, words: &[&str]) -> Output {
    // The program itself may be in a folder that nobody can enter.
    let program = place.dir().join("opennmc");
    if !program.exists() {
        std::fs::copy(env!("CARGO_BIN_EXE_opennmc"), &program).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", GROUP, "--clear-groups"]).arg(program);
    command.args(words).arg("--socket").arg(place.socket()).env_remove("OPENNMC_SOCKET");
    command.stdin(std::process::Stdio::null()).output().unwrap()
}

#[test]
fn nobody_is_kept_out_by_the_file_until_a_group_is_named() {
    if !can_change_user() {
        return;
    }
    let (place, _daemon) = place("");
    let output = as_nobody(&place, &["status"]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    let error = text(&output.stderr);
    assert!(error.contains("this user may not talk to the daemon on"), "{error}");
    assert!(error.contains("`operators` or `monitors` under `[control]`"), "{error}");
}

#[test]
fn whom_the_file_lets_in_the_daemon_still_asks_who_it_is() {
    if !can_change_user() {
        return;
    }
    let (place, _daemon) = place("group = \"nogroup\"\nmonitors = [\"daemon\"]");
    let output = as_nobody(&place, &["status"]);
    assert_eq!(output.status.code(), Some(5));
    let error = text(&output.stderr);
    assert!(error.contains("it is for root and for daemon"), "{error}");
}

#[test]
fn a_monitor_reads_and_does_nothing_else() {
    if !can_change_user() {
        return;
    }
    let (place, _daemon) = place("monitors = [\"nogroup\"]");
    let status = as_nobody(&place, &["status"]);
    // 9: the UPS may not have answered yet.
    assert!(matches!(status.status.code(), Some(0 | 9)), "{}", text(&status.stderr));
    assert!(text(&status.stdout).starts_with("main"));
    for words in [
        &["cmd", "beeper.enable"][..],
        &["cmd", "load.off", "--yes"],
        &["set", "ups.id", "X"],
        &["fsd", "set", "--yes"],
        &["fsd", "clear"],
        &["reload"],
        &["log-level", "debug"],
        &["simulate", "line", "off"],
    ] {
        let output = as_nobody(&place, words);
        assert_eq!(output.status.code(), Some(5), "{words:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("is a monitor here and may not"), "{}", text(&output.stderr));
    }
    assert_eq!(text(&as_nobody(&place, &["log-level"]).stdout), "info\n");
}

#[test]
fn an_operator_commands_and_does_not_administer() {
    if !can_change_user() {
        return;
    }
    let (place, _daemon) = place("operators = [\"nobody\"]\ngroup = \"nogroup\"");
    let output = as_nobody(&place, &["fsd", "clear"]);
    assert_ne!(output.status.code(), Some(5), "{}", text(&output.stderr));
    let output = as_nobody(&place, &["log-level", "debug"]);
    assert_eq!(output.status.code(), Some(5));
    assert!(text(&output.stderr).contains("is an operator here and may not"), "{}", text(&output.stderr));
}
