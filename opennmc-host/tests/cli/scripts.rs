//! `opennmc script`: begun, checked, rehearsed, without a daemon.

use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use super::place::{opennmc, text};
use super::schema::assert_valid;

const ALERT: &str = r#"
    fn on_battery(ups, event) { notify(warning, `${ups.name}: ${ups["battery.charge"]} %`); }
    fn on_line(ups, event) { log(`it took ${event.lasted_s} s`); }
"#;

fn write(folder: &TempDir, name: &str, content: &str) -> String {
    let file = folder.path().join(name);
    std::fs::write(&file, content).unwrap();
    file.display().to_string()
}

fn run(arguments: &[&str]) -> Output {
    opennmc().args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&text(&output.stdout)).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn a_template_is_written_once_and_has_no_errors() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let made = run(&["--json", "script", "new", "night", "--template", "webhook", "--dir", dir]);
    assert!(made.status.success(), "{made:?}");
    assert_valid("script-new", &json(&made));
    let file = json(&made)["file"].as_str().unwrap().to_owned();
    let again = run(&["script", "new", "night", "--dir", dir]);
    assert!(!again.status.success(), "what is there is not written over");
    let checked = run(&["--json", "script", "check", &file]);
    assert!(checked.status.success(), "{checked:?}");
    assert_valid("script-check", &json(&checked));
}

#[test]
fn what_would_be_done_at_an_event_that_happened_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let script =
        write(&folder, "x.rhai", r#"fn on_line(ups, event) { log(`${event.lasted_s} s, ${event.cause}`); }"#);
    // As `opennmc --json events` prints them, a line each, and as an array.
    let event = r#"{"id":7,"kind":"ups.on-line","severity":"info","ups":"main","at":"2026-11-22T00:00:00Z","fields":{"lasted-s":"4711","cause":"self-test"}}"#;
    for (name, content) in
        [("lines.json", format!("{event}\n{event}\n")), ("array.json", format!("[{event}]"))]
    {
        let events = write(&folder, name, &content);
        let checked = run(&["--json", "script", "check", &script, "--events", &events]);
        assert!(checked.status.success(), "{checked:?}");
        assert_valid("script-check", &json(&checked));
        assert!(text(&checked.stdout).contains("4711 s, self-test"), "{name}: {checked:?}");
    }
    let events = write(&folder, "broken.json", "{\"kind\": 5}\n");
    let refused = run(&["script", "check", &script, "--events", &events]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("broken.json"), "{refused:?}");
}

#[test]
fn an_error_is_told_with_its_line_and_the_exit_code_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let script = write(&folder, "x.rhai", "fn on_battery(ups) {\n    notify(urgent, ups.name);\n}\n");
    let checked = run(&["script", "check", &script]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(text(&checked.stdout).contains("x.rhai:2:12: Undefined variable: urgent"), "{checked:?}");
}

#[test]
fn a_rehearsal_shows_what_happens_and_what_the_script_does() {
    let folder = tempfile::tempdir().unwrap();
    let script = write(&folder, "x.rhai", ALERT);
    let arguments =
        ["script", "run", &script, "--simulate", "--for", "20m", "--do", "5m line off", "--do", "9m line on"];
    let played = run(&[&["--json"], &arguments[..]].concat());
    assert!(played.status.success(), "{played:?}");
    let lines: Vec<Value> =
        text(&played.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.iter().for_each(|line| assert_valid("script-run", line));
    let of = |kind: &str| -> Vec<String> {
        let wanted = lines.iter().filter(|line| line["kind"] == kind);
        wanted.map(|line| line["text"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of("happens"), ["port open", "sim line off", "sim line on", "end"]);
    assert_eq!(of("script"), ["notify warning -: main: 100.0 %", "log info: it took 240 s"]);
    // The same for people.
    let shown = text(&run(&arguments).stdout);
    assert!(shown.starts_with("begins ") && shown.contains("\n00:05:00     ! ups.on-battery\n"), "{shown}");
}

#[test]
fn a_rehearsal_of_a_script_with_an_error_says_so_and_one_that_can_not_begin_does_too() {
    let folder = tempfile::tempdir().unwrap();
    let late = write(&folder, "late.rhai", "fn on_line(ups) { run(ups, \"load.off\"); }");
    let played = run(&["script", "run", &late, "--simulate"]);
    assert_eq!(played.status.code(), Some(1));
    assert!(text(&played.stdout).contains("> log error: late.rhai:1:19: not allowed"), "{played:?}");
    let broken = write(&folder, "broken.rhai", "fn on_line( {");
    let refused = run(&["script", "run", &broken, "--simulate"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("broken.rhai:1:"), "{refused:?}");
    for (wrong, word) in [
        (vec!["--simulate", "--model", "toaster"], "toaster"),
        (vec!["--simulate", "--do", "soon line off"], "5m line off"),
        (vec!["--play", "/no/such/day"], "/no/such/day"),
        (vec![], "--simulate"),
    ] {
        let refused = run(&[&["script", "run", &late][..], &wrong].concat());
        assert!(!refused.status.success() && text(&refused.stderr).contains(word), "{refused:?}");
    }
}

#[test]
fn every_hook_is_listed() {
    let listed = run(&["--json", "script", "hooks"]);
    assert_valid("script-hooks", &json(&listed));
    let count = json(&listed).as_array().unwrap().len();
    assert!(count > 30, "{count}");
}

#[test]
fn what_editors_are_told_is_the_file_that_is_given_to_them() {
    let file = include_str!("../../../plugins/scripts/opennmc.d.rhai");
    assert_eq!(text(&run(&["script", "definitions"]).stdout), file);
    let told = run(&["--json", "script", "definitions"]);
    assert_valid("script-definitions", &json(&told));
    assert_eq!(json(&told)["definitions"], file);
}

#[test]
fn a_rehearsal_that_is_broken_off_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let script = write(&folder, "x.rhai", ALERT);
    let mut played = opennmc();
    played.args(["script", "run", &script, "--simulate", "--for", "1000d"]).env("TMPDIR", folder.path());
    let mut child = played.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line)
        .unwrap();
    let made = || std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(made(), 2, "the script, and what it keeps");
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(made(), 1);
}
