//! Backups through the daemon: by whom, of what, and what becomes of a bad one.

use std::fs::{self, File};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::AsFd as _;
use std::path::PathBuf;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde_json::Value;

use super::Raw;
use super::peers::{as_nobody, can_change_user, place as place_for};
use super::place::{Daemon, Place, text};

fn says(place: &Place, words: &[&str]) -> String {
    let output = place.client(words).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}\n{}", text(&output.stderr), place.log());
    text(&output.stdout)
}

fn daemon_of(place: &Place) -> (Value, Value) {
    let status: Value = serde_json::from_str(&says(place, &["log-level", "--json"])).unwrap();
    assert!(status["level"].is_string());
    let answer = Raw::greeted(&place.socket()).ask(r#"{"v":1,"id":1,"do":"status"}"#);
    (answer["ok"]["daemon"]["pid"].clone(), answer["ok"]["daemon"]["started_at"].clone())
}

#[test]
fn a_restore_brings_everything_back_in_the_same_process() {
    let place = Place::simulated();
    let daemon = Daemon::start(&place, place.run());
    let config = fs::read_to_string(place.config()).unwrap();
    let file = place.dir().join("backup.tar.gz").display().to_string();
    says(&place, &["user", "add", "olga", "--role", "operator", "--no-password"]);
    says(&place, &["backup", &file]);
    says(&place, &["user", "add", "eve", "--role", "monitor", "--no-password"]);
    fs::create_dir(place.dir().join("scripts")).unwrap();
    fs::write(place.dir().join("scripts/new.rhai"), "").unwrap();
    fs::write(place.config(), config.replace("[ups.main]", "[ups.other]")).unwrap();
    says(&place, &["reload"]);
    let before = daemon_of(&place);
    let unconfirmed = place.client(&["restore", &file]).output().unwrap();
    assert_eq!(unconfirmed.status.code(), Some(7));
    assert_eq!(daemon_of(&place), before, "nobody wanted it");

    says(&place, &["restore", &file, "--yes"]);
    let after = daemon_of(&place);
    assert_eq!(after.0, before.0, "it is the same process");
    assert_ne!(after.1, before.1, "that was started anew");
    assert_eq!(fs::read_to_string(place.config()).unwrap(), config);
    assert_eq!(Raw::connect(&place.socket()).line().unwrap()["upses"], serde_json::json!(["main"]));
    let users = says(&place, &["user", "list"]);
    assert!(users.contains("olga") && !users.contains("eve"), "{users}");
    assert!(!place.dir().join("scripts/new.rhai").exists());
    let audit = says(&place, &["audit"]);
    assert!(audit.contains("restore a backup of"), "{audit}");
    assert!(audit.contains("5 files restored, 1 removed"), "{audit}");
    assert!(says(&place, &["events"]).contains("host.restored"), "the event log tells of it");
    daemon.signal(rustix::process::Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn making_one_is_in_the_audit() {
    let place = Place::simulated();
    let _daemon = Daemon::start(&place, place.run());
    let file = place.dir().join("backup.tar.gz").display().to_string();
    says(&place, &["backup", &file]);
    let audit = says(&place, &["audit"]);
    assert!(audit.contains("make a backup") && audit.contains("done: "), "{audit}");
    // One that is there is kept, also when the daemon makes the new one.
    let output = place.client(&["backup", &file]).output().unwrap();
    assert_eq!(output.status.code(), Some(10), "{}", text(&output.stderr));
    says(&place, &["backup", &file, "--force"]);
}

#[test]
fn a_bad_file_changes_nothing_and_the_daemon_goes_on() {
    let place = Place::simulated();
    let _daemon = Daemon::start(&place, place.run());
    let good = place.dir().join("backup.tar.gz");
    says(&place, &["backup", &good.display().to_string()]);
    let bytes = fs::read(&good).unwrap();
    let before = (daemon_of(&place), files(&place));
    let bad = place.dir().join("bad");
    // In gzip's checksum: elsewhere a bit may be another way to say the same.
    let mut flipped = bytes.clone();
    flipped[bytes.len() - 8] ^= 1;
    for contents in [&b"no backup"[..], &[], &bytes[..bytes.len() - 20], &flipped] {
        fs::write(&bad, contents).unwrap();
        let output = place.client(&["restore", &bad.display().to_string(), "--yes"]).output().unwrap();
        assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("nothing was restored"), "{}", text(&output.stderr));
        assert_eq!((daemon_of(&place), files(&place)), before);
    }
    let audit = says(&place, &["audit"]);
    assert!(audit.contains("restore a backup") && audit.contains("failed: "), "{audit}");
}

/// Everything in the place but what runs: logs and the history.
fn files(place: &Place) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![place.dir().join("state")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.file_name().unwrap().to_str().unwrap().starts_with("history.db") {
                files.push((path.clone(), fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files.push((place.config(), fs::read(place.config()).unwrap()));
    files
}

/// Asks with an open file, as programs in other languages do.
fn ask_with(place: &Place, line: &str, file: &File) -> Value {
    let mut raw = Raw::greeted(&place.socket());
    let files = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&files)));
    let line = format!("{line}\n");
    sendmsg(&raw.stream, &[IoSlice::new(line.as_bytes())], &mut control, SendFlags::empty()).unwrap();
    raw.line().unwrap()
}

#[test]
fn what_comes_with_a_request_must_be_a_file_that_fits() {
    let place = Place::simulated();
    let _daemon = Daemon::start(&place, place.run());
    let make = r#"{"v":1,"id":1,"do":"back-up","file":"it"}"#;
    let restore = r#"{"v":1,"id":1,"do":"restore","file":"it"}"#;
    for line in [make, restore] {
        let answer = Raw::greeted(&place.socket()).ask(line);
        assert_eq!(answer["error"]["code"], "bad-request", "{answer}");
    }
    let (pipe, _other_end) = std::io::pipe().unwrap();
    let pipe = File::from(std::os::fd::OwnedFd::from(pipe));
    let answer = ask_with(&place, restore, &pipe);
    assert_eq!(answer["error"]["code"], "bad-request", "a pipe could keep it waiting: {answer}");
    let path = place.dir().join("mine");
    fs::write(&path, "mine").unwrap();
    let opened = fs::OpenOptions::new().write(true).open(&path).unwrap();
    assert_eq!(ask_with(&place, make, &opened)["error"]["code"], "refused");
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    // Opened for reading only: the rights are those of whoever opened it.
    fs::write(&path, "").unwrap();
    let answer = ask_with(&place, make, &File::open(&path).unwrap());
    assert_eq!(answer["error"]["code"], "failed", "{answer}");
    let opened = fs::OpenOptions::new().write(true).open(&path).unwrap();
    assert!(ask_with(&place, make, &opened)["ok"]["manifest"].is_object());
}

#[test]
fn the_backup_role_restores_what_this_machine_made_and_nothing_else() {
    if !can_change_user() {
        return;
    }
    let (place, _daemon) = place_for("backups = [\"nobody\"]\ngroup = \"nogroup\"");
    let theirs = place.dir().join("theirs");
    fs::create_dir(&theirs).unwrap();
    std::os::unix::fs::chown(&theirs, Some(65534), Some(65534)).unwrap();
    let file = theirs.join("backup.tar.gz").display().to_string();
    let output = as_nobody(&place, &["status"]);
    assert_eq!(output.status.code(), Some(5), "it may do nothing else");
    let output = as_nobody(&place, &["backup", &file]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    says(&place, &["user", "add", "eve", "--role", "monitor", "--no-password"]);
    let output = as_nobody(&place, &["restore", &file, "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stderr), place.log());
    assert!(!says(&place, &["user", "list"]).contains("eve"));
    assert!(says(&place, &["audit", "--user", "nobody"]).contains("restore a backup of"));

    let (other, _other_daemon) = place_for("");
    let foreign = other.dir().join("backup.tar.gz");
    says(&other, &["user", "add", "mallory", "--role", "administrator", "--no-password"]);
    says(&other, &["backup", &foreign.display().to_string()]);
    fs::copy(&foreign, &file).unwrap();
    let before = (daemon_of(&place), files(&place));
    let output = as_nobody(&place, &["restore", &file, "--yes"]);
    assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("needs an administrator"), "{}", text(&output.stderr));
    assert_eq!((daemon_of(&place), files(&place)), before);
}

#[test]
fn a_daemon_that_may_not_write_its_configuration_restores_the_rest_or_says_why_not() {
    if !can_change_user() {
        return;
    }
    let place = Place::simulated();
    fs::set_permissions(place.dir(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let state = place.dir().join("state");
    fs::create_dir(&state).unwrap();
    std::os::unix::fs::chown(&state, Some(65534), Some(65534)).unwrap();
    let socket = state.join("socket");
    let config = fs::read_to_string(place.config()).unwrap();
    let config = config.replace(&place.socket().display().to_string(), &socket.display().to_string());
    fs::write(place.config(), &config).unwrap();
    let program = place.dir().join("opennmc");
    fs::copy(env!("CARGO_BIN_EXE_opennmc"), &program).unwrap();
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]).arg(program).arg("run");
    command.arg("--config").arg(place.config()).stdout(std::process::Stdio::piped());
    let _daemon = Daemon::start(&place, command);
    let run = |words: &[&str]| {
        let mut command = super::place::opennmc();
        command.args(words).arg("--config").arg(place.config()).stdin(std::process::Stdio::null());
        command.output().unwrap()
    };
    let file = place.dir().join("backup.tar.gz").display().to_string();
    assert_eq!(run(&["backup", &file]).status.code(), Some(0));
    run(&["user", "add", "eve", "--role", "monitor", "--no-password"]);

    fs::write(place.config(), config.replace("[ups.main]", "[ups.other]")).unwrap();
    let output = run(&["restore", &file, "--yes"]);
    assert_eq!(output.status.code(), Some(7), "{}", place.log());
    assert!(text(&output.stderr).contains("As root: stop the daemon"), "{}", text(&output.stderr));
    assert!(text(&run(&["user", "list"]).stdout).contains("eve"), "nothing was restored");

    fs::write(place.config(), &config).unwrap();
    let output = run(&["restore", &file, "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stderr), place.log());
    assert!(!text(&run(&["user", "list"]).stdout).contains("eve"));
    assert!(text(&run(&["audit"]).stdout).contains("restore a backup of"));
}
