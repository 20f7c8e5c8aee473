//! `probe` and `trace` on a real pseudo terminal with a simulated UPS behind it, and `status` as a terminal shows it.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::asking::Scene;
use super::peer::Peer;
use super::place::{Place, opennmc, text};
use super::schema::assert_valid;

#[test]
fn probe_tells_a_smart_ups_by_its_model() {
    let dir = tempfile::tempdir().unwrap();
    let port = dir.path().join("tty");
    let _peer = Peer::on_pty(&port);
    let output = opennmc().arg("probe").arg(&port).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("a UPS that speaks the smart protocol: "),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn probe_tells_programs_what_it_found_as_the_schema_says() {
    let dir = tempfile::tempdir().unwrap();
    let port = dir.path().join("tty");
    let _peer = Peer::on_pty(&port);
    let output = opennmc().arg("probe").arg(&port).arg("--json").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_valid("probe", &found);
    assert_eq!(found["finding"], "smart");
}

#[test]
fn the_simulator_and_the_plugins_are_told_to_programs_as_the_schemas_say() {
    let scene = Scene::unread("[ups.main]\nport = \"sim:smart-ups-1500\"\n");
    let simulated = scene.json(&["simulate", "charge", "42"]);
    assert_valid("simulate", &simulated);
    assert_eq!(simulated["ups"], "main");
    assert_valid("plugins", &scene.json(&["plugin", "list"]));
}

/// A new password is asked for twice, on the terminal, and is not shown there.
#[test]
fn a_new_user_is_asked_for_a_password_twice_and_it_is_not_shown() {
    const PASSWORD: &str = "grate-Lamp-7-olive-onward";
    for (again, code, said) in
        [(PASSWORD, 0, "olga is now a user"), ("another-Lamp-7-olive", 7, "The two are not the same")]
    {
        let place = Place::simulated();
        std::fs::create_dir(place.dir().join("state")).unwrap();
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let other = std::fs::OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        // Passwords are read from the terminal that controls the process.
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(env!("CARGO_BIN_EXE_opennmc"));
        command.args(["user", "add", "olga", "--role", "monitor", "--socket"]).arg(place.socket());
        command.arg("--config").arg(place.config()).env("NO_COLOR", "1");
        command.stdin(other.try_clone().unwrap()).stdout(other.try_clone().unwrap()).stderr(other);
        let mut child = command.spawn().unwrap();
        drop(command);
        let mut terminal = std::fs::File::from(master);
        let mut shown = String::new();
        for (prompt, answer) in [("Password for olga: ", PASSWORD), ("The same again: ", again)] {
            while !shown.contains(prompt) {
                let mut piece = [0; 256];
                let count = terminal.read(&mut piece).unwrap();
                shown.push_str(&text(&piece[..count]));
            }
            // The prompt comes first; who types before the echo is off sees it.
            while tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ECHO) {
                std::thread::yield_now();
            }
            writeln!(terminal, "{answer}").unwrap();
        }
        let mut rest = Vec::new();
        // The end of a pseudo terminal is an error.
        let _ = terminal.read_to_end(&mut rest);
        shown.push_str(&text(&rest));
        assert_eq!(child.wait().unwrap().code(), Some(code), "{shown}");
        assert!(shown.contains(said), "{shown}");
        assert!(!shown.contains(PASSWORD) && !shown.contains(again), "{shown}");
    }
}

#[test]
fn probe_of_a_port_that_is_not_there_says_so() {
    let output = opennmc().args(["probe", "/dev/does-not-exist", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(10));
    assert!(text(&output.stderr).contains("/dev/does-not-exist"), "{}", text(&output.stderr));
}

#[test]
fn a_trace_shows_both_directions_and_what_is_made_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let port = dir.path().join("tty");
    let _peer = Peer::on_pty(&port);
    let output =
        opennmc().arg("trace").arg(&port).args(["--once", "--for", "60", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        assert_valid("trace", line);
    }
    let has = |direction: &str, text: &str| {
        lines
            .iter()
            .any(|line| line["direction"] == direction && line["text"].as_str().unwrap().contains(text))
    };
    assert!(has("out", "Y") && has("in", "SM") && has("event", "ups.status = OL"), "{lines:#?}");
    assert!(lines.iter().any(|line| line["meaning"] == "status flags"));
}

/// What a terminal of so many columns is shown.
fn on_terminal(scene: &Scene, words: &[&str], columns: u16, environment: &[(&str, &str)]) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let other = std::fs::OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    tcsetwinsize(&other, Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let mut command: Command = scene.place.client(words);
    command.env_remove("NO_COLOR").env("TERM", "xterm").envs(environment.iter().copied());
    let mut child = command.stdout(Stdio::from(other)).spawn().unwrap();
    drop(command);
    let mut shown = Vec::new();
    // The end of a pseudo terminal is an error.
    let _ = std::fs::File::from(master).read_to_end(&mut shown);
    assert!(child.wait().unwrap().success());
    text(&shown).replace("\r\n", "\n")
}

fn without_colour(shown: &str) -> String {
    let mut plain = String::new();
    let mut rest = shown;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain + rest
}

#[test]
fn on_a_terminal_the_status_has_colour_and_bars_within_its_width() {
    let scene = Scene::new();
    for columns in [40, 60, 80, 200] {
        let shown = on_terminal(&scene, &["status"], columns, &[]);
        assert!(shown.contains("\u{1b}[32m● on line"), "{shown}");
        let plain = without_colour(&shown);
        assert!(plain.contains('█'), "{plain}");
        for line in plain.lines() {
            assert!(line.chars().count() <= usize::from(columns), "{columns}: {line}");
        }
    }
    let plain = on_terminal(&scene, &["status"], 80, &[("NO_COLOR", "1")]);
    assert!(plain.contains('█') && !plain.contains('\u{1b}'), "{plain}");
    assert!(!on_terminal(&scene, &["status"], 80, &[("TERM", "dumb")]).contains('\u{1b}'));
}

#[test]
fn on_a_terminal_a_table_leaves_out_what_has_no_room() {
    let scene =
        Scene::with("[ups.a]\nport = \"sim:smart-ups-1500\"\n[ups.b]\nport = \"sim:smart-ups-rt-1000\"\n");
    for columns in [30, 50, 80, 160] {
        let plain = without_colour(&on_terminal(&scene, &["status"], columns, &[]));
        assert!(plain.contains("on line"), "{plain}");
        for line in plain.lines() {
            assert!(line.chars().count() <= usize::from(columns), "{columns}: {line}");
        }
    }
}

#[test]
fn old_data_is_grey_and_tells_its_age() {
    let scene = Scene::with("[ups.main]\nport = \"sim:smart-ups-1500\"\nstale-after = 5\n");
    scene.says(&["simulate", "unplug", "60"]);
    let began = std::time::Instant::now();
    let plain = loop {
        let output = scene.run(&["status", "--color", "always"]);
        if output.status.code() == Some(9) {
            break text(&output.stdout);
        }
        assert!(began.elapsed() < super::place::PATIENCE);
    };
    assert!(plain.contains("\u{1b}[1;31m▲ no contact"), "{plain}");
    assert!(plain.contains("everything here is as old as that"), "{plain}");
    assert!(!plain.contains("\u{1b}[32m"), "nothing looks good: {plain}");
}
