//! The commands that ask the daemon: `status`, `get`, `set`, `cmd`, `fsd`, `events`.

use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};
use std::time::Instant;

use rustix::process::Signal;
use serde_json::Value;

use super::place::{Daemon, PATIENCE, Place, text};
use super::schema::assert_valid;

/// A running daemon with a simulated UPS that has been read.
pub(crate) struct Scene {
    pub(crate) place: Place,
    daemon: Option<Daemon>,
}

impl Scene {
    pub(crate) fn new() -> Scene {
        Scene::with("[ups.main]\nport = \"sim:smart-ups-1500\"\ndescription = \"Rack A\"\n")
    }

    pub(crate) fn with(config: &str) -> Scene {
        let scene = Scene::unread(config);
        let began = Instant::now();
        while text(&scene.run(&["status", "--json"]).stdout).matches("\"battery.charge\"").count()
            < config.matches("sim:").count()
        {
            assert!(began.elapsed() < PATIENCE, "{}", scene.place.log());
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        scene
    }

    pub(crate) fn unread(config: &str) -> Scene {
        let place = Place::with(config);
        let daemon = Daemon::start(&place, place.run());
        Scene { place, daemon: Some(daemon) }
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.place.client(words).output().unwrap()
    }

    /// Standard output of a command that succeeds.
    pub(crate) fn says(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{words:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
        let said = text(&self.run(&words).stdout);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{words:?}: {error}: {said}"))
    }

    /// Exit code and standard error of a command that fails.
    pub(crate) fn fails(&self, words: &[&str]) -> (Option<i32>, String) {
        let output = self.run(words);
        assert_ne!(output.status.code(), Some(0), "{words:?}: {}", text(&output.stdout));
        (output.status.code(), text(&output.stderr))
    }

    pub(crate) fn end(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.signal(Signal::TERM);
            assert_eq!(daemon.end(), Some(0));
        }
    }
}

#[test]
fn status_is_plain_text_when_piped() {
    let scene = Scene::new();
    let said = scene.says(&["status"]);
    assert!(said.starts_with("main (SMART-UPS 1500"), "{said}");
    assert!(said.lines().next().unwrap().contains("Rack A): on line"), "{said}");
    for row in ["  battery      100", "  load ", "  input ", "  heard "] {
        assert!(said.contains(row), "{row} in:\n{said}");
    }
    assert!(said.is_ascii() || !said.contains('\u{1b}'), "{said:?}");
    assert!(!said.contains('█'));
    assert_eq!(scene.says(&["status", "main"]).lines().next(), said.lines().next());
    assert_eq!(scene.says(&["status", "MAIN"]).lines().next(), said.lines().next());
}

#[test]
fn several_upses_are_a_table() {
    let scene = Scene::with(
        "[ups.a]\nport = \"sim:smart-ups-1500\"\n[ups.b]\nport = \"sim:smart-ups-rt-1000\"\ndescription = \"Rack B\"\n",
    );
    let said = scene.says(&["status"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert!(lines[0].starts_with("UPS  STATE"), "{said}");
    assert!(lines[1].starts_with("a    on line") && lines[2].starts_with("b    on line"), "{said}");
    assert!(lines[2].ends_with("Rack B"), "{said}");
    let (code, error) = scene.fails(&["cmd", "beeper.enable"]);
    assert_eq!((code, error.as_str()), (Some(2), "opennmc: name the UPS: there are a, b\n"));
}

#[test]
fn a_ups_that_can_not_be_reached_is_told_and_the_exit_code_is_9() {
    let scene = Scene::unread("[ups.main]\nport = \"/dev/does-not-exist\"\n");
    let output = scene.run(&["status"]);
    assert_eq!(output.status.code(), Some(9));
    assert!(text(&output.stdout).starts_with("main: not connected\n"), "{}", text(&output.stdout));
    assert_eq!(scene.json(&["status"])["upses"][0]["availability"], "disconnected");
}

#[test]
fn get_gives_one_value_alone_and_several_with_their_names() {
    let scene = Scene::new();
    assert_eq!(scene.says(&["get", "ups.mfr"]), "APC\n");
    assert_eq!(scene.says(&["get", "main", "ups.mfr"]), "APC\n");
    assert_eq!(scene.says(&["get", "--ups", "main", "UPS.MFR"]), "APC\n");
    let several = scene.says(&["get", "ups.mfr", "device.type"]);
    assert_eq!(several, "device.type: ups\nups.mfr: APC\n");
    let all = scene.says(&["get"]);
    assert!(all.lines().count() > 30 && all.contains("battery.charge: 100"), "{all}");
    let settable = scene.says(&["get", "--settable"]);
    assert!(settable.contains("  (one of ") || settable.contains("  (text"), "{settable}");
    let json = scene.json(&["get", "ups.mfr"]);
    assert_valid("get", &json);
    assert_valid("get", &scene.json(&["get"]));
    assert_valid("status", &scene.json(&["status"]));
    assert_eq!(json["variables"]["ups.mfr"]["value"], "APC");
    assert_eq!(json["ups"], "main");
}

#[test]
fn an_unknown_variable_or_ups_is_told_with_what_there_is() {
    let scene = Scene::new();
    let (code, error) = scene.fails(&["get", "batery.charge"]);
    assert_eq!(code, Some(6));
    assert!(error.contains("did you mean battery.charge?"), "{error}");
    let (code, error) = scene.fails(&["status", "rack"]);
    assert_eq!((code, error.as_str()), (Some(6), "opennmc: there is no UPS `rack`; there is main\n"));
}

#[test]
fn commands_are_listed() {
    let scene = Scene::new();
    let said = scene.says(&["cmd"]);
    assert!(said.lines().any(|line| line == "test.battery.start"), "{said}");
    assert_valid("commands", &scene.json(&["cmd"]));
    assert!(scene.json(&["cmd", "main"])["commands"].as_array().unwrap().len() > 5);
}

#[test]
fn what_interrupts_the_load_is_not_done_unasked() {
    let scene = Scene::new();
    for words in [&["cmd", "load.off"][..], &["fsd", "set"]] {
        let (code, error) = scene.fails(words);
        assert_eq!(code, Some(7), "{error}");
        assert!(error.contains("Nothing was done: give --yes"), "{error}");
    }
    assert_eq!(scene.says(&["get", "ups.status"]), "OL\n");
}

#[test]
fn without_a_daemon_it_says_where_it_looked_and_how_to_start_one() {
    let mut scene = Scene::unread("[ups.main]\nport = \"/dev/does-not-exist\"\n");
    scene.end();
    for words in
        [&["status"][..], &["get"], &["events", "-f"], &["cmd", "x"], &["set", "a", "b"], &["fsd", "clear"]]
    {
        let (code, error) = scene.fails(words);
        assert_eq!(code, Some(4), "{words:?}");
        let told = format!("no daemon listens on {}: start it with", scene.place.socket().display());
        assert!(error.contains(&told), "{error}");
    }
    assert!(!scene.place.socket().exists(), "a daemon that ended leaves no socket");
}

#[test]
fn events_are_followed_as_they_happen_until_the_daemon_ends() {
    let mut scene = Scene::unread("[ups.main]\nport = \"sim:smart-ups-1500\"\n");
    let mut following =
        scene.place.client(&["events", "--follow", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    scene.place.outage();
    let kind =
        |line: String| serde_json::from_str::<Value>(&line).unwrap()["kind"].as_str().unwrap().to_owned();
    assert!(lines.by_ref().map(|line| kind(line.unwrap())).any(|kind| kind == "ups.on-battery"));
    scene.end();
    assert_eq!(lines.count(), 0);
    assert_eq!(following.wait().unwrap().code(), Some(4));
}

#[test]
fn an_order_is_carried_out_and_its_end_is_told() {
    let scene = Scene::new();
    let said = scene.says(&["cmd", "test.battery.start", "--yes"]);
    assert!(said.starts_with("main: test.battery.start: "), "{said}");
    let json = scene.json(&["set", "ups.id", "RACK7"]);
    assert_valid("order", &json);
    assert_eq!(json["result"], "verified", "{json}");
    assert_eq!(scene.says(&["get", "ups.id"]), "RACK7\n");
    assert_eq!(scene.says(&["set", "main", "ups.id", "RACK7"]), "main: ups.id = RACK7: it is so already\n");
    let (code, error) = scene.fails(&["cmd", "dance"]);
    assert_eq!(code, Some(6), "{error}");
    let (code, _) = scene.fails(&["set", "ups.mfr", "X"]);
    assert!(matches!(code, Some(6 | 7)), "{code:?}");
    let output = scene.run(&["fsd", "set", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(scene.says(&["get", "ups.status"]).contains("FSD"));
    scene.says(&["fsd", "clear"]);
    assert!(!scene.says(&["get", "ups.status"]).contains("FSD"));
}

#[test]
fn the_load_goes_off_when_a_person_confirms_it() {
    let scene = Scene::new();
    scene.says(&["cmd", "load.off", "--yes"]);
    let began = Instant::now();
    while !scene.says(&["get", "ups.status"]).contains("OFF") {
        assert!(began.elapsed() < PATIENCE);
    }
}
