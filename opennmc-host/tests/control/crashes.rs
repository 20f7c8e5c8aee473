//! A daemon that is killed at the worst moment: what it was told is done is there, and nothing is half done.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::Raw;
use super::place::{Daemon, PATIENCE, Place, text};

/// Takes long enough to write for a kill in the middle.
const BLOB: usize = 8 << 20;

/// What the daemon has done when it is killed.
#[derive(Debug, Clone, Copy)]
enum Point {
    /// So many files wait beside their places.
    Staged(usize),
    /// The restore has just become certain.
    Certain,
    /// The journal is gone again: the new start has put everything in its place.
    Done,
}

impl Point {
    fn is_reached(self, place: &Place, was_certain: &mut bool) -> bool {
        let journal = place.dir().join(".opennmc-restore.journal").exists();
        *was_certain |= journal;
        match self {
            Point::Staged(count) => staged(place.dir(), 0) >= count,
            Point::Certain => *was_certain,
            Point::Done => *was_certain && !journal,
        }
    }
}

fn staged(folder: &Path, depth: usize) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth < 3 => staged(&entry.path(), depth + 1),
            _ => usize::from(entry.file_name().to_string_lossy().starts_with(".opennmc-restore-")),
        })
        .sum()
}

fn set(place: &Place, letter: char) {
    let config = fs::read_to_string(place.config()).unwrap();
    let line = config.lines().find(|line| line.starts_with("description")).unwrap();
    fs::write(place.config(), config.replace(line, &format!("description = \"{letter}\""))).unwrap();
    fs::create_dir_all(place.dir().join("state/kept")).unwrap();
    // Not to be compressed away.
    let mut seed = u64::from(letter) | 1;
    let blob: Vec<u8> = (0..BLOB)
        .map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed.to_be_bytes()[0]
        })
        .collect();
    fs::write(place.dir().join("state/kept/blob"), [&[letter as u8], blob.as_slice()].concat()).unwrap();
    fs::write(place.dir().join(format!("state/kept/only-{letter}")), "").unwrap();
    let other = if letter == 'A' { 'B' } else { 'A' };
    let _ = fs::remove_file(place.dir().join(format!("state/kept/only-{other}")));
}

/// The one letter that everything has.
fn letter(place: &Place) -> char {
    let config = fs::read_to_string(place.config()).unwrap();
    let blob = fs::read(place.dir().join("state/kept/blob")).unwrap();
    let letter = char::from(blob[0]);
    assert_eq!(blob.len(), BLOB + 1);
    assert!(config.contains(&format!("description = \"{letter}\"")), "{letter} in\n{config}");
    let other = if letter == 'A' { 'B' } else { 'A' };
    assert!(place.dir().join(format!("state/kept/only-{letter}")).exists(), "{letter}");
    assert!(!place.dir().join(format!("state/kept/only-{other}")).exists(), "{letter}");
    let users = text(&place.client(&["user", "list"]).output().unwrap().stdout);
    assert_eq!(users.contains("user-of-b"), letter == 'B', "{letter}: {users}");
    letter
}

#[test]
fn a_daemon_killed_in_the_middle_of_a_restore_comes_back_with_all_of_the_old_or_all_of_the_new() {
    let place = Place::with("[ups.main]\nport = \"sim:smart-ups-1500\"\ndescription = \"A\"\n");
    set(&place, 'A');
    let file = place.dir().join("backup.tar.gz").display().to_string();
    let daemon = Daemon::start(&place, place.run());
    let output = place.client(&["backup", &file]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end(), Some(0));

    let points =
        [Point::Staged(1), Point::Staged(2), Point::Staged(4), Point::Certain, Point::Certain, Point::Done];
    let (mut old, mut new) = (0, 0);
    for point in points {
        set(&place, 'B');
        let daemon = Daemon::start(&place, place.run());
        // From the second time on it may be there already.
        let add = ["user", "add", "user-of-b", "--role", "monitor", "--no-password"];
        place.client(&add).output().unwrap();
        assert_eq!(letter(&place), 'B');
        let mut restoring = place
            .client(&["restore", &file, "--yes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        let mut was_certain = false;
        while !point.is_reached(&place, &mut was_certain) {
            assert!(began.elapsed() < PATIENCE, "{point:?} never came: {}", place.log());
            if matches!(point, Point::Staged(_)) && was_certain {
                break;
            }
        }
        daemon.signal(Signal::KILL);
        assert_eq!(daemon.end(), None);
        // It waits for a daemon that comes back: that is the next one.
        let daemon = Daemon::start(&place, place.run());
        let status = restoring.wait().unwrap();
        match letter(&place) {
            'A' => new += 1,
            _ => {
                assert!(!status.success(), "{point:?}: it was called done");
                old += 1;
            }
        }
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.end(), Some(0), "{point:?}");
    }
    println!("killed at {} points: {old} times the old, {new} times the new", points.len());
    assert!(old >= 1 && new >= 3, "{old} times the old, {new} times the new");
}

#[test]
fn users_that_were_added_outlive_a_kill_while_more_are_added() {
    const KILLS: usize = 12;
    let place = Place::simulated();
    let mut added: Vec<String> = Vec::new();
    let mut number = 0;
    for kill in 0..KILLS {
        let daemon = Daemon::start(&place, place.run());
        let mut raw = Raw::greeted(&place.socket());
        let more = 3 + kill;
        // Many at once, so that it is always busy with one.
        let requests: String = (number..number + 200)
            .map(|id| {
                format!(
                    "{{\"v\":1,\"id\":{id},\"do\":\"user\",\"user\":{{\"what\":\"add\",\"name\":\"u{id}\",\"role\":\"monitor\"}}}}\n"
                )
            })
            .collect();
        raw.say(requests);
        for _ in 0..more {
            acknowledged(&raw.line().unwrap(), &mut added);
        }
        let until = Instant::now() + Duration::from_micros(700 * kill as u64);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        daemon.signal(Signal::KILL);
        assert_eq!(daemon.end(), None);
        while let Some(line) = raw.line() {
            acknowledged(&line, &mut added);
        }
        number += 200;
        let output = place.client(&["user", "list", "--json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "kill {kill}: {}", text(&output.stderr));
        let users = text(&output.stdout);
        for name in &added {
            assert!(users.contains(&format!("\"{name}\"")), "kill {kill}: {name} was added and is lost");
        }
    }
    println!("{KILLS} kills: {} users were acknowledged, 0 lost", added.len());
}

fn acknowledged(line: &Value, added: &mut Vec<String>) {
    assert!(line["error"].is_null(), "{line}");
    added.push(format!("u{}", line["id"]));
}
