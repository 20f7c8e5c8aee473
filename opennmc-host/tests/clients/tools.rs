//! What NUT's small tools can do beyond one answer: `upslog` for days, `nut-scanner`'s ways to search, the lists of `upscmd`
//! and `upsrw`.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use opennmc_host::users::Role;
use rustix::process::{Pid, Signal, kill_process};

use crate::scene::{Scene, run_to_its_end, until};

const ADMIN: (&str, &str, Role, &str) = ("admin", "a-sunny-place", Role::Administrator, "");
const CREDENTIALS: [&str; 4] = ["-u", ADMIN.0, "-p", ADMIN.1];
/// Longer than a test takes: what is logged after the first line was asked for by a signal.
const NEVER_SECONDS: &str = "600";

#[test]
fn upslog_logs_what_it_is_asked_for_also_when_it_is_told_to_and_lets_its_file_be_rotated() {
    let scene = Scene::start();
    until("data", || scene.upsc(&["main", "ups.status"]), |status| status == "OL\n");
    let folder = scene.folder("upslog");
    let (file, rotated) = (folder.join("ups.log"), folder.join("ups.log.1"));
    let upslog = Upslog::start(&scene, &file, "%VAR ups.status% %VAR no.such% %UPSHOST% 100%%");
    let lines = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    let host = format!("main@localhost:{}", scene.port());
    until("the first line", || lines(&file), |text| text == format!("OL NA {host} 100%\n"));
    scene.control("line off");
    until("the outage", || scene.upsc(&["main", "ups.status"]), |status| status.contains("OB"));
    upslog.signal(Signal::USR1);
    until("a line on demand", || lines(&file), |text| text.ends_with(&format!("\nOB NA {host} 100%\n")));
    std::fs::rename(&file, &rotated).unwrap();
    upslog.signal(Signal::HUP);
    // It logs a line when it has opened the new file. A second signal meanwhile would cut its question short.
    until("a line in the new file", || lines(&file), |text| text == format!("OB NA {host} 100%\n"));
    assert!(lines(&rotated).starts_with("OL NA"));
}

#[test]
fn nut_scanner_finds_the_server_by_name_by_address_and_in_a_network() {
    let scene = Scene::start();
    let port = scene.port().to_string();
    let places: [&[&str]; 4] = [
        &["-s", "localhost"],
        &["-s", "127.0.0.1"],
        &["-s", "127.0.0.1", "-e", "127.0.0.3"],
        &["-m", "127.0.0.1/32"],
    ];
    for place in places {
        let found = |display: &str| {
            let mut scanner = Command::new("nut-scanner");
            let output = run_to_its_end(scanner.args(["-q", "-O", display, "-p", &port]).args(place));
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let parsable = found("-P");
        assert!(parsable.starts_with("NUT:driver=\"nutclient\",port=\"main@"), "{place:?}: {parsable}");
        // The start of what goes into a ups.conf.
        assert!(found("-N").contains("driver = \"nutclient\""), "{place:?}");
    }
}

#[test]
fn upscmd_lists_every_command_with_what_it_does() {
    let scene = Scene::start();
    until("its commands", || scene.upscmd(&["-l"], &[]), |out| out.contains("test.battery.start"));
    let listed = scene.upscmd(&["-l"], &[]);
    let commands: Vec<(&str, &str)> = listed.lines().filter_map(|line| line.split_once(" - ")).collect();
    assert!(commands.is_sorted() && commands.len() >= 12, "{listed}");
    for name in ["load.off", "shutdown.return", "test.battery.start", "calibrate.start"] {
        let (_, description) = commands.iter().find(|(command, _)| *command == name).expect(name);
        assert!(description.split(' ').count() > 2 && !description.contains("unavailable"), "{listed}");
    }
}

#[test]
fn upsrw_lists_what_can_be_set_and_waits_for_what_came_of_a_setting() {
    let scene = Scene::with_users(&[ADMIN]);
    scene.wait_for_choices();
    let listed = scene.upsrw(&["-l"]);
    let setting = |name: &str| {
        let block = listed.split("\n\n").find(|block| block.contains(&format!("[{name}]")));
        block.unwrap_or_else(|| panic!("{name} is not in:\n{listed}")).to_owned()
    };
    let id = setting("ups.id");
    assert!(id.contains("Type: STRING\nMaximum length: 8\nValue: UPS_IDEN"), "{id}");
    let sensitivity = setting("input.sensitivity");
    assert!(sensitivity.contains("Option: \"H\" SELECTED\nOption: \"M\""), "{sensitivity}");
    let delay = setting("ups.delay.shutdown");
    assert!(delay.contains("Type: ENUM NUMBER\nOption: \"20\" SELECTED\nOption: \"180\""), "{delay}");

    let set = |what: &str| scene.upsrw(&[&["-w", "-s", what], &CREDENTIALS[..]].concat());
    let done = set("ups.id=RACK 7");
    assert!(done.contains("SUCCESS"), "{done}");
    assert!(scene.control("truth").contains("ups.id: RACK 7"));
    let done = set("ups.delay.shutdown=180");
    assert!(done.contains("SUCCESS"), "{done}");
    assert!(scene.control("truth").contains("ups.delay.shutdown: 180"));
    for (what, error) in [
        ("ups.delay.shutdown=21", "INVALID-VALUE"),
        ("ups.id=MUCH TOO LONG", "TOO-LONG"),
        ("ups.model=Mine", "READONLY"),
        ("no.such=1", "VAR-NOT-SUPPORTED"),
    ] {
        let refused = set(what);
        assert!(refused.contains(error), "{what}: {refused}");
    }
}

/// A running `upslog`.
struct Upslog(Child);

impl Upslog {
    fn start(scene: &Scene, file: &Path, format: &str) -> Upslog {
        let mut upslog = Command::new("upslog");
        upslog.args(["-F", "-i", NEVER_SECONDS, "-f", format, "-l"]).arg(file);
        upslog.arg("-s").arg(format!("main@localhost:{}", scene.port()));
        // Else it becomes nobody, who can't make a second file.
        if rustix::process::geteuid().is_root() {
            upslog.args(["-u", "root"]);
        }
        let (input, output) = (Stdio::null(), Stdio::null());
        Upslog(upslog.stdin(input).stdout(output).stderr(Stdio::null()).spawn().unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Upslog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
