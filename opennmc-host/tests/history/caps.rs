//! The size cap holds, whatever is thrown at it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opennmc_host::history::{Class, HistoryOptions, Notice, Resolution, Sync};
use opennmc_host::state::{Event, Severity};

use crate::scene::{Scene, assert_whole, event, file_in};

/// The smallest that can be configured.
const CAP: u64 = 4 << 20;

fn capped() -> HistoryOptions {
    bounded(CAP)
}

/// Nothing here is about what a power cut leaves, and `fsync` may be slow.
fn bounded(max_bytes: u64) -> HistoryOptions {
    HistoryOptions { max_bytes, sync: Sync::Lazy, ..HistoryOptions::default() }
}

/// What the history takes on disk, its log and all.
fn size_of(path: &Path) -> u64 {
    let folder = path.parent().expect("a folder");
    let files = std::fs::read_dir(folder).expect("is there").filter_map(|file| file.ok()?.metadata().ok());
    files.map(|file| file.len()).sum()
}

fn big_event(id: u64) -> Arc<Event> {
    let fields = vec![("text".to_owned(), format!("{id} {}", "x".repeat(500)))];
    Arc::new(Event { fields, ..(*event(id)).clone() })
}

#[test]
fn an_event_storm_never_grows_the_file_past_its_cap_and_the_newest_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let mut scene = Scene::open(&path, capped());
    // Something else that must survive it.
    for second in 0..3600 {
        scene.history.sample("main", 1_795_305_600_000 + second * 1000, [("input.voltage", second as f64)]);
    }
    let mut largest = 0;
    for id in 1..=20_000 {
        scene.history.event(big_event(id));
        if id % 500 == 0 {
            scene.wait_until_committed(id);
            largest = largest.max(size_of(&path));
        }
    }
    assert!(largest <= CAP, "{largest} bytes");
    assert!(largest > CAP / 2, "the storm was no storm: {largest} bytes");
    scene.wait_for(|notice| matches!(notice, Notice::Trimmed { class: Class::Events, .. }).then_some(()));
    let ids = scene.all_ids();
    assert_eq!(ids.last(), Some(&20_000));
    assert!(ids[0] > 1 && ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "the oldest went, in order");
    let span = 1_795_305_600_000..1_795_305_600_000 + 3_600_000;
    let samples = scene.history.reader().samples("main", "input.voltage", span, Resolution::Seconds).unwrap();
    assert_eq!(samples.points.len(), 3600, "samples had less than their share");
    scene.close();
    assert_whole(&path);
    assert!(size_of(&path) <= CAP);
}

#[test]
fn samples_go_before_events_and_audit() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let mut scene = Scene::open(&path, capped());
    for id in 1..=100 {
        scene.history.event(event(id));
    }
    scene.wait_until_committed(100);
    let names: Vec<String> = (0..40).map(|number| format!("number.{number}")).collect();
    let mut id = 100;
    for quarter in 0..60 {
        for second in 0..900_u64 {
            let at_ms = 1_795_305_600_000 + (quarter * 900 + second) * 1000;
            // Noise: no two alike, so that it takes room.
            let values = names.iter().enumerate().map(|(number, name)| {
                (name, ((second * 7919 + quarter * 104_729 + number as u64 * 31) % 5003) as f64 / 10.0)
            });
            scene.history.sample("main", at_ms, values);
        }
        // An event brings them to disk.
        id += 1;
        scene.history.event(event(id));
        scene.wait_until_committed(id);
        assert!(size_of(&path) <= CAP, "{} bytes after {quarter}", size_of(&path));
    }
    scene.wait_for(|notice| matches!(notice, Notice::Trimmed { class: Class::Seconds, .. }).then_some(()));
    scene.assert_has_all(1..=160);
    scene.close();
    assert_whole(&path);
}

#[test]
fn a_cap_that_was_lowered_makes_the_file_smaller() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let mut scene = Scene::open(&path, bounded(16 << 20));
    for id in 1..=15_000 {
        scene.history.event(big_event(id));
        if id % 500 == 0 {
            scene.wait_until_committed(id);
        }
    }
    scene.close();
    assert!(size_of(&path) > CAP);
    let mut scene = Scene::open(&path, capped());
    scene.history.event(event(20_000));
    scene.wait_until_committed(20_000);
    scene.close();
    assert!(size_of(&path) <= CAP, "{} bytes", size_of(&path));
    assert_whole(&path);
}

#[test]
fn a_storm_that_the_disk_can_t_follow_loses_the_unimportant_first_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    // The disk stands still while a notice is being told.
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let (arrive, arrived) = std::sync::mpsc::channel::<()>();
    let lost = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&lost);
    let history = opennmc_host::history::History::open(&path, capped(), move |notice| match notice {
        Notice::Committed(1) => {
            arrive.send(()).expect("somebody waits");
            gate.recv().expect("a go");
        }
        Notice::Lost { events, .. } => {
            counted.fetch_add(events, Ordering::Relaxed);
        }
        _ => {}
    });
    let history = history.unwrap();
    history.event(event(1));
    arrived.recv().unwrap();
    let important = |id| Arc::new(Event { severity: Severity::Critical, ..(*event(id)).clone() });
    history.event(important(2));
    for id in 3..=50_000 {
        history.event(event(id));
    }
    go.send(()).unwrap();
    assert!(history.close(crate::scene::PATIENCE));
    let lost = lost.load(Ordering::Relaxed);
    assert!(lost > 0);
    let scene = Scene::open(&path, capped());
    let ids = scene.all_ids();
    assert!(ids.contains(&2), "the important one is there");
    assert_eq!(ids.last(), Some(&50_000));
    assert_eq!(scene.history.next_event_id(), 50_001);
}
