//! What NUT's own integration tests ask of a running server, asked of ours with the same programs: several devices, one of
//! which can't be reached; a status that changes again and again; users who may do one thing each; a machine with two feeds.
//!
//! Which of NUT's cases are here and elsewhere, and which can't be had, is in docs/nut-server.md.

use std::path::{Path, PathBuf};
use std::process::Command;

use opennmc_host::users::Role;
use tempfile::TempDir;

use crate::scene::{Killed, Scene, run_to_its_end, simulator, tell_simulator, until};

const ADMIN: (&str, &str, Role, &str) = ("admin", "a-sunny-place", Role::Administrator, "");
/// May test the battery, and nothing else. Its password has blanks.
const TESTER: (&str, &str, Role, &str) = (
    "tester",
    "pass words of mine",
    Role::Operator,
    "read command:test.battery.start command:test.battery.stop",
);
const MONITOR: (&str, &str, Role, &str) = ("dummy-admin", "P@ssW0rdAdm", Role::Operator, "read login fsd");
/// How often the status changes; NUT's test watches it change twice.
const FLIPS: usize = 3;

#[test]
fn devices_are_listed_in_the_order_of_the_configuration_and_one_that_is_not_there_is_told_as_such() {
    let devices = Devices::start(&[]);
    let names = ["main", "UPS2", "UPS1", "absent"];
    assert_eq!(devices.scene.upsc(&["-l"]).lines().collect::<Vec<_>>(), names);
    let described = devices.scene.upsc(&["-L"]);
    assert!(described.contains("UPS2: Rack B") && described.contains("UPS1: Rack C"), "{described}");
    for (name, model) in [("main", "SMART-UPS 1500"), ("UPS2", "SMART-UPS 700"), ("UPS1", "SMART-UPS 1500")] {
        let told = || devices.scene.upsc(&[name, "device.model"]);
        until("its model", told, |told| told.trim() == model);
        let error = devices.scene.upsc_error(&[name, "no.such.variable"]);
        assert_eq!(error, "Error: Variable not supported by UPS");
    }
    let absent = || devices.scene.upsc_error(&["absent"]);
    until("the one that is not there", absent, |error| error == "Error: Driver not connected");
    assert_eq!(devices.scene.upsc_error(&["unheard-of"]), "Error: Unknown UPS");
    let mut scanner = Command::new("nut-scanner");
    scanner.args(["-q", "-O", "-P", "-s", "localhost", "-p"]).arg(devices.scene.port().to_string());
    let found = run_to_its_end(&mut scanner).stdout;
    assert_eq!(String::from_utf8_lossy(&found).lines().count(), names.len());
}

#[test]
fn a_status_that_changes_again_and_again_is_seen_each_time_and_at_its_own_device() {
    let devices = Devices::start(&[]);
    let status = |name: &'static str| devices.scene.upsc(&[name, "ups.status"]);
    for name in ["main", "UPS1", "UPS2"] {
        until("OL", || status(name), |told| told == "OL\n");
    }
    for _ in 0..FLIPS {
        devices.control("UPS1", "line off");
        until("OB", || status("UPS1"), |told| told.starts_with("OB"));
        assert_eq!((status("main"), status("UPS2")), ("OL\n".to_owned(), "OL\n".to_owned()));
        devices.control("UPS1", "line on");
        until("OL again", || status("UPS1"), |told| told.starts_with("OL"));
    }
}

#[test]
fn a_user_who_may_test_the_battery_may_do_only_that_and_a_password_may_have_blanks() {
    let scene = Scene::with_users(&[ADMIN, TESTER, MONITOR]);
    scene.wait_for_choices();
    // NUT's tools send what they are given as it is, so that the quotes of the protocol have to be in it.
    let quoted = format!("\"{}\"", TESTER.1);
    let tester = ["-u", TESTER.0, "-p", &quoted];
    let denied = |said: String| assert!(said.contains("ACCESS-DENIED"), "{said}");
    denied(scene.upscmd(&tester, &["load.off"]));
    denied(scene.upscmd(&["-u", TESTER.0, "-p", "\"pass words\""], &["test.battery.start"]));
    denied(scene.upsrw(&[&["-s", "ups.id=MINE"], &tester[..]].concat()));
    let monitor = ["-u", MONITOR.0, "-p", MONITOR.1];
    denied(scene.upscmd(&monitor, &["test.battery.start"]));
    denied(scene.upsrw(&[&["-s", "ups.id=MINE"], &monitor[..]].concat()));
    let started = scene.upscmd(&[&["-w"], &tester[..]].concat(), &["test.battery.start"]);
    assert!(started.contains("SUCCESS"), "{started}");
    let stopped = scene.upscmd(&tester, &["test.battery.stop"]);
    assert!(stopped.contains("OK"), "{stopped}");
    let admin = ["-u", ADMIN.0, "-p", ADMIN.1];
    let set = scene.upsrw(&[&["-s", "ups.id=OURS"], &admin[..]].concat());
    assert!(set.contains("OK"), "{set}");
    assert!(scene.control("truth").contains("ups.id: OURS"));
}

#[test]
fn a_machine_with_two_feeds_goes_down_when_the_second_fails_and_watches_a_third_that_does_not_feed_it() {
    let devices = Devices::start(&[MONITOR]);
    let scene = &devices.scene;
    for name in ["main", "UPS1", "UPS2"] {
        until("OL", || scene.upsc(&[name, "ups.status"]), |told| told == "OL\n");
    }
    let (port, user, password) = (scene.port(), MONITOR.0, MONITOR.1);
    let others = format!(
        "MONITOR UPS1@localhost:{port} 1 {user} {password} primary\n\
         MONITOR UPS2@localhost:{port} 0 {user} {password} primary\n"
    );
    let machine = scene.upsmon_with(scene.folder("two-feeds"), user, password, "primary", &others);
    for name in ["main", "UPS1", "UPS2"] {
        until("the log-in", || scene.upsc(&["-c", name]), |clients| clients.contains("127.0.0.1"));
    }
    for name in ["UPS2", "main"] {
        devices.control(name, "line off");
        devices.control(name, "low-battery");
        let status = || scene.upsc(&[name, "ups.status"]);
        until("a low battery", status, |told| told.contains("OB") && told.contains("LB"));
    }
    // One feed is enough, and that which is not one does not count. What it would do it does within a second.
    devices.control("UPS1", "line off");
    until("OB", || scene.upsc(&["UPS1", "ups.status"]), |told| told.starts_with("OB"));
    let notice = format!("UPS UPS1@localhost:{port} on battery");
    until("its notice of it", || machine.log(), |log| log.contains(&notice));
    assert_eq!(machine.has_shut_down(), "no", "{}", machine.log());
    devices.control("UPS1", "low-battery");
    until("SHUTDOWNCMD", || machine.has_shut_down(), |yes| yes == "yes");
    for name in ["main", "UPS1"] {
        assert!(scene.upsc(&[name, "ups.status"]).contains("FSD"), "{name}");
    }
}

/// Three simulated UPSes, and one whose port is not there.
struct Devices {
    scene: Scene,
    files: TempDir,
    _simulators: [Killed; 2],
}

impl Devices {
    fn start(users: &[(&str, &str, Role, &str)]) -> Devices {
        let files = tempfile::tempdir().unwrap();
        let start =
            |name: &str, model: &str| simulator(model, &files.path().join(name), &control(&files, name));
        let simulators = [start("UPS2", "smart-ups-700"), start("UPS1", "smart-ups-1500")];
        let section = |name: &str, description: &str| {
            let port = files.path().join(name);
            format!("[ups.{name}]\nport = {port:?}\ndescription = {description:?}\n")
        };
        let more = [("UPS2", "Rack B"), ("UPS1", "Rack C"), ("absent", "Rack D")]
            .map(|(name, description)| section(name, description))
            .concat();
        let scene = Scene::with(users, &more);
        Devices { scene, files, _simulators: simulators }
    }

    fn control(&self, name: &str, line: &str) {
        if name == "main" {
            self.scene.control(line);
        } else {
            tell_simulator(&control(&self.files, name), line);
        }
    }
}

fn control(files: &TempDir, name: &str) -> PathBuf {
    Path::new(files.path()).join(format!("{name}.control"))
}
