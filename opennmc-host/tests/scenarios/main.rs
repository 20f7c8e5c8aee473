//! Days in the life of a UPS, replayed in simulated time.
//!
//! Each file in `data/` is one day, or an hour of one: what happens (`<`), and under it all that must follow: events (`!`),
//! what clients read in `ups.status` (`=`), and values that were asked for (`:`). What is not written there must not
//! happen. A file that does not match prints the difference. With `OPENNMC_SCENARIOS=rewrite` the files are written anew
//! from what does happen; read the change before you believe it.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod gallery;

use std::path::{Path, PathBuf};

use opennmc_host::rehearsal::{Line, Play, difference, perform};

/// The issue asks for so many.
const AT_LEAST: usize = 25;

#[test]
fn every_scenario_goes_as_it_is_written() {
    let files = files();
    assert!(files.len() >= AT_LEAST, "{} scenarios", files.len());
    let rewrite = std::env::var("OPENNMC_SCENARIOS").is_ok_and(|value| value == "rewrite");
    let only = std::env::var("OPENNMC_SCENARIO").ok();
    let mut failures = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let play = Play::parse(&text).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        let happened = run(&play).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        if rewrite {
            std::fs::write(&file, play.render(&happened)).unwrap();
        } else if let Some(difference) = difference(&play, &happened) {
            failures.push(format!("{name}:\n{difference}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_scenario_that_goes_otherwise_shows_what_is_missing_and_what_is_too_much() {
    let text = "hand-fed\n\n00:00:00 < port open\n00:00:00 < says OL\n00:00:00 ! ups.comm-established\n00:00:00 = OL\n\
                00:01:00 < says OB\n00:01:00 ! ups.on-line\n00:01:00 = OB\n00:02:00 < end\n";
    let play = Play::parse(text).unwrap();
    let difference = difference(&play, &run(&play).unwrap()).unwrap();
    let lines: Vec<&str> = difference.lines().collect();
    assert!(lines.contains(&"- 00:01:00 ! ups.on-line"), "{difference}");
    assert!(lines.contains(&"+ 00:01:00 ! ups.on-battery"), "{difference}");
    assert!(lines.contains(&"  00:01:00 = OB"), "{difference}");
}

#[test]
fn a_scenario_that_is_badly_written_is_refused_with_its_line() {
    for (text, problem) in [
        ("hand-fed\n00:00:00 < dance\n", "line 2"),
        ("hand-fed\n00:00 < says OL\n", "line 2"),
        ("00:00:00 < says OL\n", "hand-fed"),
        ("hand-fed\n00:01:00 < says OL\n00:00:00 < says OB\n", "line 3"),
        ("model no-such-ups\n00:00:00 < end\n", "no-such-ups"),
        ("hand-fed\nrule no-such-rule = 1\n00:00:00 < end\n", "no-such-rule"),
    ] {
        let refused = Play::parse(text).and_then(|play| run(&play).map(drop));
        let message = refused.unwrap_err();
        assert!(message.contains(problem), "{message}");
    }
}

fn run(play: &Play) -> Result<Vec<Line>, String> {
    perform(play, None, |_| true)
}

fn files() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/data");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files
}
