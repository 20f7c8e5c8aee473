//! Power that fails at any byte: the file and every prefix of its log make a whole history, up to some event.

use std::fs;
use std::path::Path;

use opennmc_host::history::HistoryOptions;

use crate::scene::{Scene, assert_whole, event, file_in};

#[test]
fn every_prefix_of_the_log_opens_as_a_prefix_of_the_events() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let mut scene = Scene::open(&path, HistoryOptions::default());
    // One by one: each is a transaction. The folder after each is what a power cut leaves.
    for id in 1..=30 {
        scene.history.sample("main", 1_795_363_200_000 + id * 1000, [("input.voltage", id as f64)]);
        scene.history.event(event(id));
        scene.wait_until_committed(id);
    }
    let database = fs::read(&path).unwrap();
    let log = fs::read(folder.path().join("history.db-wal")).unwrap();
    assert!(log.len() > 100_000, "all of it is in the log");
    let mut lengths = Vec::new();
    // Not a divisor of pages or frames: cuts are at headers, in the middle of pages and everywhere.
    for cut in (0..=log.len()).step_by(1499).chain([log.len()]) {
        let copy = tempfile::tempdir().unwrap();
        let torn = file_in(&copy);
        fs::write(&torn, &database).unwrap();
        fs::write(copy.path().join("history.db-wal"), &log[..cut]).unwrap();
        lengths.push(events_after_reopening(&torn, cut));
    }
    assert_eq!(lengths.first(), Some(&0));
    assert_eq!(lengths.last(), Some(&30));
    assert!(lengths.windows(2).all(|pair| pair[0] <= pair[1]), "{lengths:?}");
}

#[test]
fn a_log_that_ends_in_garbage_opens_as_what_is_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let mut scene = Scene::open(&path, HistoryOptions::default());
    for id in 1..=10 {
        scene.history.event(event(id));
        scene.wait_until_committed(id);
    }
    let database = fs::read(&path).unwrap();
    let log = fs::read(folder.path().join("history.db-wal")).unwrap();
    for from in (32..log.len()).step_by(7919) {
        let copy = tempfile::tempdir().unwrap();
        let torn = file_in(&copy);
        fs::write(&torn, &database).unwrap();
        let mut garbage = log.clone();
        garbage[from..].fill(0xa5);
        fs::write(copy.path().join("history.db-wal"), garbage).unwrap();
        events_after_reopening(&torn, from);
    }
}

/// Opens what is left, as the daemon would; how many events there are.
fn events_after_reopening(path: &Path, cut: usize) -> u64 {
    let mut scene = Scene::open(path, HistoryOptions::default());
    let ids = scene.all_ids();
    let count = ids.len() as u64;
    assert_eq!(ids, (1..=count).collect::<Vec<u64>>(), "cut at {cut}");
    let next = scene.history.next_event_id();
    assert!(next > count);
    scene.history.event(event(next));
    scene.wait_until_committed(next);
    scene.close();
    assert_whole(path);
    count
}
