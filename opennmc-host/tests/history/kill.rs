//! The kill campaign: a program writes under load, is killed at a random moment, and nothing that it was told is
//! committed may be missing.
//!
//! The program is this test binary itself, told by its environment to be the victim.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opennmc_host::history::{EventFilter, History, HistoryOptions, HistoryReader, Notice};
use opennmc_host::state::{Event, Severity};

use crate::scene::{PATIENCE, assert_whole, event, file_in};

/// Tells this binary to be the victim, and where to write.
const VICTIM: &str = "OPENNMC_HISTORY_VICTIM";
/// Kills in every run of the tests.
const KILLS: u32 = 25;
/// Kills in `cargo xtask soak`.
const MANY_KILLS: u32 = 200;
const SEED: u64 = 20_261_122;

#[test]
fn nothing_that_was_called_committed_is_lost_by_a_kill() {
    campaign(KILLS);
}

#[test]
#[ignore = "minutes: part of cargo xtask soak"]
fn nothing_that_was_called_committed_is_lost_by_two_hundred_kills() {
    campaign(MANY_KILLS);
}

/// Not a test by itself: what the campaign kills.
#[test]
#[ignore = "run by the campaign"]
fn victim() {
    let Some(path) = std::env::var_os(VICTIM) else { return };
    let output = Arc::new(Mutex::new(std::io::stderr()));
    let acknowledged = Arc::clone(&output);
    // A small cap: trimming, checkpoints and vacuum happen all the time, and are killed as well.
    let options = HistoryOptions { max_bytes: 4 << 20, ..HistoryOptions::default() };
    let history = History::open(Path::new(&path), options, move |notice| {
        if let Notice::Committed(id) = notice {
            // One write: a line is there as a whole, or not at all.
            let line = format!("committed {id}\n");
            let _ = acknowledged.lock().expect("no panic").write_all(line.as_bytes());
        }
    });
    let history = history.expect("a thread");
    let first = history.next_event_id();
    output.lock().expect("no panic").write_all(format!("began {first}\n").as_bytes()).expect("a pipe");
    for id in first.. {
        // Enough to fill the cap in a few seconds, and never more than memory holds.
        while history.waiting() > 200 {
            std::thread::yield_now();
        }
        let fields =
            vec![("number".to_owned(), id.to_string()), ("text".to_owned(), "x".repeat(id as usize % 900))];
        let severity = if id % 50 == 0 { Severity::Warning } else { Severity::Info };
        history.event(Arc::new(Event { fields, severity, ..(*event(id)).clone() }));
        history.sample("main", 1_795_363_200_000 + id * 100, [("input.voltage", (id % 1000) as f64 / 10.0)]);
        if id % 20 == 0 {
            history.remember("ups.main", id.to_string()).expect("short");
        }
    }
}

fn campaign(kills: u32) {
    let started = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let mut random = SEED;
    let mut given: BTreeSet<u64> = BTreeSet::new();
    let (mut acknowledged_in_all, mut trimmed, mut remembered) = (0, 0, 0);
    for kill in 1..=kills {
        let (first, acknowledged) = kill_one(&path, &mut random);
        assert!(
            given.last().is_none_or(|last| first > *last),
            "kill {kill}: number {first} was given before"
        );
        assert_whole(&path);
        let reader = HistoryReader::offline(&path);
        let stored: BTreeSet<u64> =
            reader.events(&EventFilter::default()).map(|event| event.unwrap().id).collect();
        let oldest = *stored.first().expect("the newest event is never trimmed");
        for id in &acknowledged {
            assert!(*id < oldest || stored.contains(id), "kill {kill}: {id} was committed and is lost");
        }
        let newest = acknowledged.last().copied().unwrap_or_default();
        assert!(stored.last() >= Some(&newest));
        // Engine memory never goes back.
        let history = History::open(&path, HistoryOptions::default(), |_| {}).unwrap();
        let now: u64 = history.recall("ups.main").map_or(0, |text| text.parse().unwrap());
        assert!(now >= remembered, "kill {kill}: {now} is older than {remembered}");
        remembered = now;
        let next = history.next_event_id();
        assert!(next > newest && stored.last().is_none_or(|last| next > *last));
        assert!(history.close(PATIENCE), "it did not end");
        trimmed += u32::from(oldest > 1);
        acknowledged_in_all += acknowledged.len();
        given.extend(acknowledged);
        given.insert(next.saturating_sub(1));
    }
    println!(
        "{kills} kills (seed {SEED}): {acknowledged_in_all} events acknowledged, 0 lost, 0 numbers given twice, \
         0 unreadable databases; the cap was reached before {trimmed} of them; {:.0} s",
        started.elapsed().as_secs_f64()
    );
    assert!(acknowledged_in_all > kills as usize * 10, "the load was no load: {acknowledged_in_all}");
}

/// Starts a victim, kills it after a random number of acknowledgements and a random moment more; its first number and
/// what it acknowledged.
fn kill_one(path: &Path, random: &mut u64) -> (u64, Vec<u64>) {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["kill::victim", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(VICTIM, path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stderr.take().unwrap()).lines();
    let after = next_random(random) % 1500;
    let moment = Duration::from_micros(next_random(random) % 3000);
    let (mut first, mut acknowledged) = (0, Vec::new());
    while let Some(Ok(line)) = lines.next() {
        read_line(&line, &mut first, &mut acknowledged);
        if first > 0 && acknowledged.len() as u64 >= after {
            break;
        }
    }
    let until = Instant::now() + moment;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    // What it had said before it died counts as well.
    for line in lines.map_while(Result::ok) {
        read_line(&line, &mut first, &mut acknowledged);
    }
    (first, acknowledged)
}

fn read_line(line: &str, first: &mut u64, acknowledged: &mut Vec<u64>) {
    match line.split_once(' ') {
        Some(("began", id)) => *first = id.parse().unwrap(),
        Some(("committed", id)) => acknowledged.push(id.parse().unwrap()),
        _ => {}
    }
}

/// xorshift64: the same kills each time, as far as the machine's scheduling lets them be.
fn next_random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}
