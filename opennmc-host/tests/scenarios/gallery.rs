//! Every script of the gallery, played through its recorded day by the real program.
//!
//! `plugins/scripts/days/NAME.txt` has what happens and all that must follow, what the script does (`>`) included. With
//! `OPENNMC_SCENARIOS=rewrite` the days are written anew from what does happen; read the change before you believe it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use opennmc_host::config::Settings;
use opennmc_host::rehearsal::{Line, Play, What, difference};

/// The issue names twelve; one of them is two scripts.
const AT_LEAST: usize = 13;

#[test]
fn every_script_does_on_its_day_what_is_written_and_nothing_else() {
    let rewrite = std::env::var("OPENNMC_SCENARIOS").is_ok_and(|value| value == "rewrite");
    let scripts = scripts();
    assert!(scripts.len() >= AT_LEAST, "{} scripts", scripts.len());
    let mut failures = Vec::new();
    for script in scripts {
        let day = day_of(&script);
        let text = std::fs::read_to_string(&day).unwrap_or_else(|error| panic!("{}: {error}", day.display()));
        let play = Play::parse(&text).unwrap_or_else(|problem| panic!("{}: {problem}", day.display()));
        let happened = rehearse(&script, &day);
        if rewrite {
            std::fs::write(&day, play.render(&happened)).unwrap();
        } else if let Some(difference) = difference(&play, &happened) {
            failures.push(format!("{}:\n{difference}", day.display()));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn every_script_has_no_errors_and_is_documented() {
    for script in scripts() {
        let checked = opennmc(&["script", "check", script.to_str().unwrap()]);
        assert!(checked.status.success(), "{}", text(&checked));
        let source = std::fs::read_to_string(&script).unwrap();
        assert!(source.starts_with("// "), "{} does not say what it is for", script.display());
        assert!(source.contains("//   [script."), "{} does not say what it needs", script.display());
    }
}

/// What is not granted fails in the rehearsal; what is granted and not used on the day would be too much.
#[test]
fn no_script_is_granted_more_than_it_uses() {
    for script in scripts() {
        let name = script.file_stem().unwrap().to_string_lossy().into_owned();
        let done: Vec<String> = rehearse(&script, &day_of(&script)).iter().filter_map(act).collect();
        let used = |needle: &str| done.iter().any(|act| act.contains(needle));
        let section = section(&script);
        let allow = section.scripts.into_iter().next().unwrap().allow;
        for command in &allow.ups.commands {
            assert!(used(&format!(": {command}")), "{name} does not use {command}");
        }
        for variable in &allow.ups.variables {
            assert!(used(&format!(": {variable} = ")), "{name} does not set {variable}");
        }
        for destination in &allow.connect {
            let address = destination.to_string();
            let address = address.trim_end_matches(":443").trim_end_matches(":80");
            assert!(used(address), "{name} does not use {destination}");
        }
        for topic in &allow.bus {
            assert!(used(&format!("publish {topic}")), "{name} does not publish {topic}");
        }
        // And without its section it would have failed: the rehearsal does refuse.
        if !allow.connect.is_empty() || !allow.ups.commands.is_empty() {
            let bare = tempfile::tempdir().unwrap();
            let (settings, copy) =
                (bare.path().join("opennmc.toml"), bare.path().join(format!("{name}.rhai")));
            let rest: Vec<String> = section_lines(&script)
                .into_iter()
                .filter(|line| !line.starts_with("allow") && !line.starts_with("secrets"))
                .collect();
            let toml = format!("[ups.main]\nport = \"/dev/ttyS0\"\n{}\n", rest.join("\n"));
            std::fs::write(&settings, toml).unwrap();
            std::fs::copy(&script, &copy).unwrap();
            let day = day_of(&script);
            let arguments =
                ["script", "run", copy.to_str().unwrap(), "--play", day.to_str().unwrap(), "--settings"];
            let refused = opennmc(&[&arguments[..], &[settings.to_str().unwrap()]].concat());
            let said = text(&refused);
            let allowed = ["not allowed", "granted", "there is no secret", "denied"];
            assert!(allowed.iter().any(|word| said.contains(word)), "{name} needs no grant:\n{said}");
        }
    }
}

/// What a script has done, in words.
fn act(line: &Line) -> Option<String> {
    match &line.what {
        What::Follows(text) => text.strip_prefix("> ").map(str::to_owned),
        What::Happens(_) => None,
    }
}

/// The section that the script's own comment names.
fn section(script: &Path) -> Settings {
    let toml = format!("[ups.main]\nport = \"/dev/ttyS0\"\n{}\n", section_lines(script).join("\n"));
    Settings::parse(script, &toml).unwrap_or_else(|error| panic!("{}: {error}", script.display()))
}

fn section_lines(script: &Path) -> Vec<String> {
    let source = std::fs::read_to_string(script).unwrap();
    let comment = source.lines().map_while(|line| line.strip_prefix("//")).map(str::trim);
    let from = comment.skip_while(|line| !line.starts_with("[script."));
    from.take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn rehearse(script: &Path, day: &Path) -> Vec<Line> {
    let played = opennmc(&["script", "run", script.to_str().unwrap(), "--play", day.to_str().unwrap()]);
    let said = text(&played);
    // It prints what a play is written in.
    let lines = said.lines().filter(|line| !line.starts_with("begins "));
    let parsed = Play::parse(&format!("hand-fed\n{}\n", lines.collect::<Vec<_>>().join("\n")));
    parsed.unwrap_or_else(|problem| panic!("{}: {problem}:\n{said}", script.display())).lines
}

fn opennmc(arguments: &[&str]) -> Output {
    // Nothing of it may depend on the zone of the machine.
    Command::new(env!("CARGO_BIN_EXE_opennmc")).args(arguments).env("TZ", "Asia/Tokyo").output().unwrap()
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

fn day_of(script: &Path) -> PathBuf {
    let name = script.file_stem().unwrap().to_string_lossy().into_owned();
    script.parent().unwrap().join("days").join(format!("{name}.txt"))
}

fn scripts() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/scripts");
    let mut files: BTreeSet<PathBuf> = BTreeSet::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let file = entry.unwrap().path();
        if file.to_str().unwrap().ends_with(".rhai") && !file.to_str().unwrap().ends_with(".d.rhai") {
            files.insert(file);
        }
    }
    files.into_iter().collect()
}

/// On the last Sunday of March 02:30 does not exist here, and in October it comes twice.
#[test]
fn timers_keep_the_calendar_through_both_odd_nights() {
    const SCRIPT: &str = r#"
        fn on_start() {
            at("02:30", || log(`at ${time_text(now(), "%d. %H:%M %Z")}`));
            cron("15 3 * * sun", || log(`cron ${time_text(now(), "%d. %H:%M %Z")}`));
            after("25h", || log(`after ${time_text(now(), "%d. %H:%M %Z")}`));
            let rounds = 0;
            let often = every("10h", || log(`every ${time_text(now(), "%d. %H:%M")}`));
            after("45h", || { cancel(often); log("no more"); });
        }
    "#;
    let expected = |begins: &str| match begins {
        "2026-03-28 00:00" => [
            (9_000, "at 28. 02:30 CET"),
            (36_000, "every 28. 10:00"),
            (72_000, "every 28. 20:00"),
            (90_000, "after 29. 01:00 CET"),
            // The moment after the gap.
            (93_600, "at 29. 03:00 CEST"),
            (94_500, "cron 29. 03:15 CEST"),
            (108_000, "every 29. 07:00"),
            (144_000, "every 29. 17:00"),
            (162_000, "no more"),
            (178_200, "at 30. 02:30 CEST"),
        ],
        _ => [
            (9_000, "at 24. 02:30 CEST"),
            (36_000, "every 24. 10:00"),
            (72_000, "every 24. 20:00"),
            (90_000, "after 25. 01:00 CEST"),
            // The first time only.
            (95_400, "at 25. 02:30 CEST"),
            (101_700, "cron 25. 03:15 CET"),
            (108_000, "every 25. 05:00"),
            (144_000, "every 25. 15:00"),
            (162_000, "no more"),
            (185_400, "at 26. 02:30 CET"),
        ],
    };
    let folder = tempfile::tempdir().unwrap();
    let (script, day) = (folder.path().join("clock.rhai"), folder.path().join("day.txt"));
    std::fs::write(&script, SCRIPT).unwrap();
    for begins in ["2026-03-28 00:00", "2026-10-24 00:00"] {
        let zone = "CET-1CEST,M3.5.0,M10.5.0/3";
        let text = format!(
            "hand-fed\nanswers 60\nups stale-after = 240\nbegins {begins}\nzone {zone}\n\n00:00:00 < port open\n52:00:00 < end\n"
        );
        std::fs::write(&day, text).unwrap();
        let happened = rehearse(&script, &day);
        let said: Vec<(u64, String)> = happened
            .iter()
            .filter_map(|line| Some((line.at_ms / 1000, act(line)?.strip_prefix("log info: ")?.to_owned())))
            .collect();
        let said: Vec<(u64, &str)> = said.iter().map(|(at, words)| (*at, words.as_str())).collect();
        assert_eq!(said, expected(begins), "{begins}");
    }
}
