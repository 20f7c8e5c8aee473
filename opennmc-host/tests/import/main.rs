//! NUT's configuration as people really write it, imported: every line is accounted for, no secret shows, and the
//! result is a configuration that runs.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod applied;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use opennmc_host::config::{DEFAULT_STATE_DIR, Settings};
use opennmc_host::import_nut::{Fate, Import, ImportError, read};

const FOLDERS: [&str; 4] = ["sample", "single", "two", "rich"];

/// Of the fixtures: what must never be shown.
const SECRETS: [&str; 15] = [
    "change_me_soon",
    "monitor_me",
    "long and secret",
    "duh",
    "p4ssw0rd",
    "slip-of-the-pen",
    "third",
    "fourth",
    "onlyreads",
    "wrong-password",
    "whatever",
    "remote-password",
    "mistyped-line-password",
    "database password",
    "h-password",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import/data").join(name)
}

fn import(name: &str) -> Import {
    read(&folder(name)).unwrap()
}

fn configuration(name: &str) -> String {
    let text = import(name).configuration(Path::new(DEFAULT_STATE_DIR));
    text.replace(&folder(name).display().to_string(), "DIR")
}

/// The fate of each statement by `FILE:LINE`.
fn fates(import: &Import) -> BTreeMap<String, Fate> {
    let entries = import.report().entries.iter();
    entries.map(|entry| (format!("{}:{}", entry.file, entry.line), entry.fate)).collect()
}

fn note(import: &Import, place: &str) -> String {
    let mut entries = import.report().entries.iter();
    entries.find(|entry| format!("{}:{}", entry.file, entry.line) == place).unwrap().note.clone()
}

#[test]
fn no_line_of_any_file_is_lost() {
    for name in FOLDERS {
        let import = import(name);
        let report = import.report();
        for file in &report.files {
            let Ok(text) = std::fs::read_to_string(folder(name).join(file.name)) else {
                assert_eq!(file.lines, None);
                continue;
            };
            let covering = |line: usize| {
                let of_file = report.entries.iter().filter(|entry| entry.file == file.name);
                of_file.filter(|entry| (entry.line..entry.line + entry.lines).contains(&line)).count()
            };
            let mut idle = 0;
            for (index, line) in text.lines().enumerate() {
                let says_something = !line.trim().is_empty() && !line.trim().starts_with('#');
                let count = covering(index + 1);
                assert!(count <= 1, "{name}/{}:{}: told twice", file.name, index + 1);
                assert!(count == 1 || !says_something, "{name}/{}:{}: {line}", file.name, index + 1);
                idle += usize::from(count == 0);
            }
            assert_eq!((file.lines, file.idle), (Some(text.lines().count()), idle), "{name}/{}", file.name);
        }
        let printed = report.to_string();
        for entry in &report.entries {
            assert!(printed.contains(&format!("  {}:{}: ", entry.file, entry.line)), "{entry:?}");
            assert!(!entry.note.is_empty(), "{entry:?}");
        }
    }
}

#[test]
fn no_password_shows_anywhere() {
    for name in FOLDERS {
        let import = import(name);
        let texts = [
            import.report().to_string(),
            serde_json::to_string(import.report()).unwrap(),
            import.configuration(Path::new(DEFAULT_STATE_DIR)),
        ];
        for secret in SECRETS {
            assert!(texts.iter().all(|text| !text.contains(secret)), "{name}: {secret}");
        }
    }
}

#[test]
fn one_ups_with_a_stray_option_becomes_a_whole_configuration() {
    assert_eq!(
        configuration("single"),
        r#"# Made by `opennmc import-nut DIR` from NUT's configuration.

[ups.ups]
port = "/dev/ttyS0"
description = "Smart-UPS in the SmartSlot"
stale-after = 15

[plugin.nut-server]
listen = { nut = ["127.0.0.1:3493"] }
"#
    );
    let import = import("single");
    let lost: Vec<String> = import
        .report()
        .with_fate(Fate::NotCarried)
        .map(|entry| format!("{}:{}: {}", entry.file, entry.line, entry.text))
        .collect();
    assert_eq!(lost, ["ups.conf:5: vendorid = 0x051d", "nut.conf:2: VERBOSE = 3"]);
    let users: Vec<String> = import
        .report()
        .users
        .iter()
        .map(|user| format!("{} {} {}", user.name, user.role, user.scopes.join(" ")))
        .collect();
    assert_eq!(users, ["admin operator read set command", "monuser operator read login fsd"]);
}

#[test]
fn two_upses_and_lines_of_another_file_are_told_apart() {
    let text = configuration("two");
    assert!(
        text.contains("[ups.ups1]\nport = \"/dev/ttyS0\"\ndescription = \"Upper UPS, rack A\"\n"),
        "{text}"
    );
    assert!(
        text.contains("[ups.ups2]\nport = \"/dev/ttyS1\"\ndescription = \"Lower UPS, rack B\"\n"),
        "{text}"
    );
    let import = import("two");
    let lost: Vec<String> = import
        .report()
        .with_fate(Fate::NotCarried)
        .map(|entry| format!("{}:{}: {}", entry.file, entry.line, entry.text))
        .collect();
    assert_eq!(
        lost,
        [
            "upsmon.conf:5: AT ONBATT *EXECUTE /opt/scripts/on_battery.sh",
            "upsmon.conf:6: AT ONLINE *EXECUTE /opt/scripts/online.sh",
            "nut.conf:2: VERBOSE = 3",
        ]
    );
    assert!(note(&import, "upsmon.conf:5").contains("upssched.conf"));
    assert!(note(&import, "upsmon.conf:1").contains("logs in here as `monuser`"));
}

#[test]
fn a_configuration_in_which_nothing_is_set_up_gives_one_without_a_ups() {
    let text = configuration("sample");
    assert!(text.contains("\nallow-no-ups = true\n"), "{text}");
    let import = import("sample");
    assert_eq!(import.report().with_fate(Fate::NotCarried).count(), 0);
    assert_eq!(import.report().entries.len(), 13);
    assert!(import.report().next.iter().any(|step| step.contains("[ups.NAME]")));
}

#[test]
fn what_is_written_is_a_valid_configuration() {
    for name in FOLDERS {
        Settings::parse(Path::new(name), &import(name).configuration(Path::new("/srv/state"))).unwrap();
    }
}

#[test]
fn all_that_can_be_carried_over_is() {
    assert_eq!(
        configuration("rich"),
        r#"# Made by `opennmc import-nut DIR` from NUT's configuration.

[ups."rack.a"]
port = "/dev/ttyS0"
description = 'Büro "A" # 1'
cable = "940-0095b"
stale-after = 25

[ups."rack.a".rules]
ignore-low-battery = true
low-battery-charge = 30

[ups."rack.a".override]
"battery.charge.low" = "30"
"battery.runtime.low" = "-1"
"ups.realpower.nominal" = "865"

[ups.old]
port = "/dev/ttyS1"
description = "Cellar"
stale-after = 25

[plugin.nut-server]
listen = { nut = ["[::1]:3494", "0.0.0.0:3493"] }
config = { max-connections = 200 }
"#
    );
}

#[test]
fn every_kind_of_line_has_its_fate() {
    use Fate::{Carried, Client, NotCarried, NotNeeded};
    let import = import("rich");
    let expected: &[(&str, &[Fate])] = &[
        ("ups.conf:2", &[NotNeeded, NotNeeded, NotNeeded, NotCarried]),
        // [rack.a]
        (
            "ups.conf:7",
            &[Carried, Carried, Carried, Carried, Carried, NotNeeded, NotCarried, NotCarried, NotCarried],
        ),
        (
            "ups.conf:16",
            &[Carried, Carried, Carried, NotCarried, Carried, NotCarried, NotNeeded, NotNeeded, NotCarried],
        ),
        // [old]
        ("ups.conf:26", &[Carried, Carried, Carried, NotCarried, NotCarried, Carried, NotNeeded, NotCarried]),
        // [usb], with a value over two lines
        ("ups.conf:35", &[NotCarried, NotCarried, NotCarried, NotCarried]),
        ("ups.conf:41", &[NotCarried, NotCarried, NotCarried, NotCarried]),
        ("ups.conf:46", &[NotCarried; 12]),
        // [rack.a] again
        ("ups.conf:58", &[Carried, NotNeeded]),
        (
            "upsd.conf:1",
            &[
                Carried, NotCarried, NotCarried, NotNeeded, NotNeeded, Carried, Carried, Carried, NotCarried,
                NotCarried,
            ],
        ),
        ("upsd.conf:11", &[Carried, NotCarried, NotCarried, NotCarried, NotNeeded]),
        ("upsd.users:1", &[NotCarried]),
        ("upsd.users:2", &[Carried; 5]),
        ("upsd.users:7", &[Carried, Carried, Carried, Carried, NotCarried]),
        ("upsd.users:12", &[Carried; 3]),
        ("upsd.users:15", &[Carried, Carried, Carried, NotCarried]),
        ("upsd.users:19", &[NotNeeded, NotNeeded]),
        ("upsd.users:21", &[NotCarried; 6]),
        ("upsd.users:27", &[Carried, Carried, NotCarried, NotCarried, NotNeeded]),
        ("upsd.users:32", &[NotCarried; 4]),
        ("upsmon.conf:1", &[Client, Client, Client]),
        ("upsmon.conf:4", &[NotCarried; 5]),
        ("upsmon.conf:9", &[Client, NotCarried, Client, Client, Client, NotCarried, Client, Client]),
        ("upsmon.conf:18", &[NotCarried]),
        ("upssched.conf:1", &[Client, Client, NotCarried]),
        ("nut.conf:1", &[Carried, NotCarried, Client, Client, NotCarried]),
    ];
    let mut entries = import.report().entries.iter();
    for (first, fates) in expected {
        for (index, fate) in fates.iter().enumerate() {
            let entry = entries.next().unwrap();
            if index == 0 {
                assert_eq!(format!("{}:{}", entry.file, entry.line), *first);
            }
            assert_eq!(entry.fate, *fate, "{}:{}: {}: {}", entry.file, entry.line, entry.text, entry.note);
        }
    }
    assert_eq!(entries.next(), None);
    assert_eq!(fates(&import).len(), import.report().entries.len(), "one entry for each place");
}

#[test]
fn what_upsmon_will_not_find_is_said_on_its_line() {
    let import = import("rich");
    for (place, expected) in [
        ("upsmon.conf:2", "logs in here as `primary`"),
        ("upsmon.conf:4", "`secondary` may not do what a primary does"),
        ("upsmon.conf:5", "nothing listens on port 3999"),
        ("upsmon.conf:6", "will not find `usb`"),
        ("upsmon.conf:7", "another password for `primary`"),
        ("upsmon.conf:8", "there is no user `ghost`"),
        ("upsmon.conf:9", "192.0.2.9, another machine"),
    ] {
        assert!(note(&import, place).contains(expected), "{place}: {}", note(&import, place));
    }
}

#[test]
fn nuts_grants_become_the_least_role_and_scopes() {
    let import = import("rich");
    let users: Vec<String> = import
        .report()
        .users
        .iter()
        .map(|user| format!("{} {} {}", user.name, user.role, user.scopes.join(" ")))
        .collect();
    assert_eq!(
        users,
        [
            "admin operator read set fsd command",
            "pfy operator read command:test.panel.start command:test.battery.start command:beeper.mute",
            "primary operator read login fsd",
            "secondary monitor read login",
            "plain monitor read",
        ]
    );
}

#[test]
fn a_folder_without_nuts_files_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(read(empty.path()).unwrap_err(), ImportError::NotNut { .. }));
    std::fs::create_dir(empty.path().join("ups.conf")).unwrap();
    assert!(matches!(read(empty.path()).unwrap_err(), ImportError::Unreadable { .. }));
}
