//! The examples, run as a newcomer runs them.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::process::Process;
use super::simulated::Simulated;

/// A user without rights, on every system.
const NOBODY: u32 = 65534;
/// The group of serial ports on Debian.
const DIALOUT: u32 = 20;

pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(built.exists(), "{} is missing: build it with `cargo build --examples`", built.display());
    built
}

fn run(name: &str, address: &Path) -> Output {
    Command::new(example(name)).arg(address).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn print_charge_prints_the_charge() {
    let ups = Simulated::start("smart-ups-1500", [""; 0]);
    ups.control("charge 42");
    let output = run("print_charge", &ups.link());
    assert_eq!((text(&output.stdout).as_str(), text(&output.stderr).as_str()), ("42.0 %\n", ""));
    assert!(output.status.success());
}

#[test]
fn print_charge_says_which_group_may_open_the_port() {
    if !rustix::process::geteuid().is_root() {
        return; // only the superuser can become somebody else
    }
    let ups = Simulated::start("smart-ups-1500", [""; 0]);
    let device = std::fs::canonicalize(ups.link()).unwrap();
    std::os::unix::fs::chown(&device, None, Some(DIALOUT)).unwrap();
    std::fs::set_permissions(&device, std::fs::Permissions::from_mode(0o660)).unwrap();
    let public = tempfile::tempdir().unwrap();
    let program = public.path().join("print_charge");
    std::fs::copy(example("print_charge"), &program).unwrap();
    std::fs::set_permissions(public.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new(program).arg(&device).uid(NOBODY).gid(NOBODY).output().unwrap();
    let said = text(&output.stderr);
    assert!(said.starts_with(&format!("no permission to open {}: ", device.display())), "{said}");
    assert!(said.contains("usermod -aG dialout"), "{said}");
    assert!(!output.status.success());
}

#[test]
fn self_test_tells_the_outcome_and_the_result() {
    let ups = Simulated::start("smart-ups-1500", [""; 0]);
    let output = run("self_test", &ups.link());
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    assert!(said.starts_with("self test: done: its effect was seen\n"), "{said}");
}

#[test]
fn own_loop_reads_everything() {
    let ups = Simulated::start("smart-ups-1500", [""; 0]);
    let output = run("own_loop", &ups.link());
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    for line in ["status: OL", "ups.model: ", "battery.charge: ", "everything was read once"] {
        assert!(said.contains(line), "{line} is missing in:\n{said}");
    }
}

#[test]
fn watch_shows_an_outage_and_outlives_a_pulled_plug() {
    let ups = Simulated::start("smart-ups-1500", [""; 0]);
    let mut command = Command::new(example("watch"));
    command.arg(ups.link());
    let mut watch = Process::start(command, ups.folder(), "watch");
    let mut seen = 0;
    let log = ups.folder().join("watch.log");
    // Each line behind the one before.
    let mut shows = |line: &str| {
        seen = watch.wait_for(line, || {
            let said = std::fs::read_to_string(&log).unwrap();
            said[seen..].find(line).map(|place| seen + place)
        });
    };
    shows("everything was read once");
    ups.control("line off");
    shows("status: OB");
    ups.control("unplug 1");
    shows("link: Closed");
    shows("link: Up");
}
