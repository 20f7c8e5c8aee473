//! `opennmc run` and `opennmc check`, as people and scripts run them.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::place::{Daemon, PATIENCE, Place, opennmc, text};

#[test]
fn check_is_content_with_a_good_file() {
    let place = Place::simulated();
    let output = place.check();
    assert_eq!(
        text(&output.stdout),
        format!("{}: no problems; UPSes: 1, plugins: 0\n", place.config().display())
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn check_prints_every_problem_and_exits_with_1() {
    let place = Place::with("[ups.main]\nprot = \"/dev/ttyS0\"\n");
    let output = place.check();
    let file = place.config().display().to_string();
    assert_eq!(
        text(&output.stdout),
        format!(
            "{file}:3:6: ups.main.port: this key is required, for example `port = \"/dev/ttyS0\"`\n\
             {file}:4:1: ups.main.prot: there is no such key here; did you mean `port`?\n"
        )
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn check_of_a_missing_file_exits_with_1() {
    let output = opennmc().args(["check", "--config", "/nowhere/opennmc.toml"]).output().unwrap();
    assert!(
        text(&output.stdout).starts_with("/nowhere/opennmc.toml: can't read the configuration: No such file")
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    for arguments in [&["rum"][..], &["run", "--config"], &["run", "--log", "loud"], &[]] {
        let output = opennmc().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_told() {
    let version = opennmc().arg("--version").output().unwrap();
    assert_eq!(text(&version.stdout), format!("opennmc {}\n", env!("CARGO_PKG_VERSION")));
    let help = text(&opennmc().arg("--help").output().unwrap().stdout);
    for told in ["Exit codes:", "port = \"/dev/ttyS0\"", "run", "check"] {
        assert!(help.contains(told), "{told} in:\n{help}");
    }
    let run = text(&opennmc().args(["run", "--help"]).output().unwrap().stdout);
    for option in
        ["--config <FILE>", "--state <DIR>", "--plugins <DIR>", "--log <LEVEL>", "/etc/opennmc/opennmc.toml"]
    {
        assert!(run.contains(option), "{option} in:\n{run}");
    }
}

#[test]
fn run_says_ready_and_ends_cleanly_on_sigterm_and_sigint() {
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::simulated();
        let daemon = Daemon::start(&place, place.run());
        assert!(place.dir().join("state").is_dir());
        daemon.signal(signal);
        assert_eq!(daemon.end(), Some(0));
        assert!(place.log().ends_with(" INFO ended\n"), "{}", place.log());
    }
}

#[test]
fn run_keeps_the_first_password_out_of_the_log() {
    let place = Place::simulated();
    let daemon = Daemon::start(&place, place.run());
    let file = place.dir().join("state/initial-password");
    let told = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    let password = told.lines().find_map(|line| line.strip_prefix("password: ")).unwrap();
    assert!(password.len() >= 12, "{told}");
    assert!(place.log().contains("state/initial-password"), "{}", place.log());
    assert!(!place.log().contains(password));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
    let daemon = Daemon::start(&place, place.run());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), told, "the second start makes no other");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn run_loads_its_configuration_anew_on_sighup() {
    let place = Place::simulated();
    let daemon = Daemon::start(&place, place.run());
    daemon.signal(Signal::HUP);
    let began = Instant::now();
    while !place.log().contains("loaded anew for SIGHUP") {
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn run_is_ready_although_no_ups_can_be_reached() {
    let place = Place::with("[ups.main]\nport = \"/dev/does-not-exist\"\n");
    let daemon = Daemon::start(&place, place.run());
    let log = place.log();
    assert_eq!(log.matches("WARN UPS main has not been reached yet; still trying").count(), 1, "{log}");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn run_prints_the_problems_of_its_configuration_and_exits_with_1() {
    let place = Place::with("[upss.main]\n");
    let output = place.run().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    assert!(
        text(&output.stderr)
            .contains("opennmc.toml:3:2: upss: there is no such key here; did you mean `ups`?")
    );
}

#[test]
fn run_that_can_not_make_its_state_folder_says_so_and_exits_with_3() {
    let place = Place::simulated();
    let output = place.run().arg("--state").arg("/proc/none").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let log = text(&output.stderr);
    assert!(log.contains("ERROR can't make the state folder /proc/none: "), "{log}");
}

#[test]
fn the_state_folder_on_the_command_line_goes_before_the_configured_one() {
    let place = Place::simulated();
    let mut command = place.run();
    command.arg("--state").arg(place.dir().join("elsewhere"));
    let daemon = Daemon::start(&place, command);
    assert!(place.dir().join("elsewhere").is_dir());
    assert!(!place.dir().join("state").exists());
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn systemd_is_told_when_it_is_ready_and_when_it_stops() {
    let place = Place::simulated();
    let path = place.dir().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = place.run();
    command.env("NOTIFY_SOCKET", &path);
    let daemon = Daemon::start(&place, command);
    let receive = || {
        let mut buffer = [0; 256];
        let count = socket.recv(&mut buffer).unwrap();
        text(&buffer[..count])
    };
    assert_eq!(receive(), "READY=1\n");
    daemon.signal(Signal::TERM);
    assert_eq!(receive(), "STOPPING=1\n");
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn under_the_journal_lines_have_a_priority_and_no_time() {
    let place = Place::with("[ups.main]\nport = \"/dev/does-not-exist\"\n");
    let log = File::create(place.dir().join("log")).unwrap().metadata().unwrap();
    let mut command = place.run();
    command.env("JOURNAL_STREAM", format!("{}:{}", log.dev(), log.ino()));
    let daemon = Daemon::start(&place, command);
    assert!(place.log().starts_with("<4>UPS main has not been reached yet"), "{}", place.log());
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn the_log_level_comes_from_the_command_line_then_the_environment_then_the_file() {
    let place = Place::with("[log]\nlevel = \"error\"\n[ups.main]\nport = \"/dev/does-not-exist\"\n");
    let logged = |arguments: &[&str], environment: Option<&str>| {
        let mut command = place.run();
        command.args(arguments).envs(environment.map(|level| ("OPENNMC_LOG", level)));
        let daemon = Daemon::start(&place, command);
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.end(), Some(0));
        let log = place.log();
        ["DEBUG", "INFO", "WARN"].into_iter().find(|level| log.contains(&format!(" {level} ")))
    };
    assert_eq!(logged(&[], None), None);
    assert_eq!(logged(&[], Some("warn")), Some("WARN"));
    assert_eq!(logged(&["--log", "debug"], Some("warn")), Some("DEBUG"));
}

#[test]
fn a_log_that_nobody_can_write_stops_nothing() {
    let place = Place::simulated();
    let mut command = place.run();
    command.stderr(File::create("/dev/full").unwrap());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let place = Place::simulated();
    let mut command = place.run();
    command.args(["--log", "trace"]).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The pipe stays open and is never read; the daemon writes more into it than it holds.
    let unread = child.stderr.take().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    for _ in 0..5000 {
        // Each makes a line.
        kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    drop(unread);
}

#[test]
fn a_state_folder_has_one_daemon_and_is_closed_to_others() {
    let place = Place::simulated();
    let daemon = Daemon::start(&place, place.run());
    let state = place.dir().join("state");
    assert_eq!(std::fs::metadata(&state).unwrap().mode() & 0o007, 0);
    let backup = place.dir().join("b");
    let backup = backup.to_str().unwrap();
    assert!(place.client(&["backup", backup]).status().unwrap().success());
    // The same folder under another socket.
    let other = place.dir().join("other.toml");
    let text_of_other =
        std::fs::read_to_string(place.config()).unwrap().replace("opennmc.sock", "other.sock");
    std::fs::write(&other, text_of_other).unwrap();
    let second = opennmc().args(["run", "--config"]).arg(&other).output().unwrap();
    assert_eq!(second.status.code(), Some(3));
    let said = text(&second.stderr);
    assert!(said.contains("another opennmc runs with the state folder"), "{said}");
    let mut restore = opennmc();
    restore
        .args(["restore", backup, "--yes", "--config"])
        .arg(&other)
        .arg("--socket")
        .arg(place.dir().join("none"));
    let restored = restore.output().unwrap();
    assert_eq!(restored.status.code(), Some(7), "{}", text(&restored.stderr));
    daemon.signal(Signal::KILL);
    daemon.end();
    let next = Daemon::start(&place, place.run());
    next.signal(Signal::TERM);
    next.end();
}
