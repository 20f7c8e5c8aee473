//! A disk that is full, read-only, gone, broken or taken: history goes on in memory and comes back.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use opennmc_host::history::{Degradation, EventFilter, HistoryOptions, Notice};

use crate::scene::{Scene, assert_whole, event, file_in, impatient};

/// A file system of its own, as long as this lives.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where the tests may not mount anything.
    fn of_kib(kib: u32) -> Option<SmallDisk> {
        let folder = tempfile::tempdir().expect("a folder");
        let size = format!("size={kib}k,mode=755");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("NOT TESTED: mounting a small file system takes root");
        }
        mounted.then_some(SmallDisk(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, option: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{option}")]).arg(self.path()).status();
        assert!(done.expect("mount runs").success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_is_survived_in_memory_and_nothing_is_lost() {
    let Some(disk) = SmallDisk::of_kib(2048) else { return };
    let path = disk.path().join("history.db");
    let ballast = disk.path().join("ballast");
    let mut scene = Scene::open(&path, impatient());
    scene.history.event(event(1));
    scene.wait_until_committed(1);
    fill(&ballast);
    let mut id = 1;
    let reason = loop {
        // No faster than it is written: else memory is full before the disk.
        if scene.history.waiting() < 100 {
            id += 1;
            scene.history.event(event(id));
        }
        if let Some(reason) = scene.history.degraded() {
            break reason;
        }
    };
    assert_eq!(reason, Degradation::Full);
    assert_eq!(scene.wait_until_degraded(), Degradation::Full);
    for _ in 0..100 {
        id += 1;
        scene.history.event(event(id));
    }
    scene.assert_has_all(1..=id);
    assert!(scene.history.waiting() >= 100);
    fs::remove_file(&ballast).unwrap();
    scene.wait_for(|notice| (*notice == Notice::Recovered).then_some(()));
    scene.wait_until_committed(id);
    scene.assert_has_all(1..=id);
    scene.close();
    assert_whole(&path);
}

#[test]
fn a_disk_that_is_full_from_the_start_is_no_reason_not_to_start() {
    let Some(disk) = SmallDisk::of_kib(512) else { return };
    let ballast = disk.path().join("ballast");
    fill(&ballast);
    let mut scene = Scene::open(&disk.path().join("history.db"), impatient());
    assert_eq!(scene.wait_until_degraded(), Degradation::Full);
    let first = scene.history.next_event_id();
    assert!(first > 1_000_000_000_000, "numbers that no run ever counted up to: {first}");
    scene.history.event(event(first));
    scene.history.remember("key", "value").unwrap();
    fs::remove_file(&ballast).unwrap();
    scene.wait_until_committed(first);
    scene.close();
    let scene = Scene::open(&disk.path().join("history.db"), impatient());
    assert_eq!(scene.history.next_event_id(), first + 1);
    assert_eq!(scene.history.recall("key").as_deref(), Some("value"));
}

#[test]
fn a_file_system_that_turns_read_only_is_written_again_when_it_can_be() {
    let Some(disk) = SmallDisk::of_kib(4096) else { return };
    let path = disk.path().join("history.db");
    let scene = Scene::open(&path, impatient());
    scene.history.remember("key", "value").unwrap();
    scene.history.event(event(1));
    scene.close();
    disk.remount("ro");
    let mut scene = Scene::open(&path, impatient());
    assert_eq!(scene.wait_until_degraded(), Degradation::ReadOnly);
    assert_eq!(scene.history.next_event_id(), 2, "it can be read all the same");
    assert_eq!(scene.history.recall("key").as_deref(), Some("value"));
    scene.history.event(event(2));
    assert_eq!(scene.all_ids(), [1, 2]);
    disk.remount("rw");
    scene.wait_until_committed(2);
    scene.close();
    assert_whole(&path);
}

#[test]
fn a_folder_that_vanishes_is_noticed_before_anything_is_called_committed() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let path = state.join("history.db");
    let mut scene = Scene::open(&path, impatient());
    scene.history.event(event(1));
    scene.wait_until_committed(1);
    fs::remove_dir_all(&state).unwrap();
    scene.history.event(event(2));
    assert_eq!(scene.wait_until_degraded(), Degradation::Gone);
    scene.wait_until_committed(2);
    scene.history.event(event(3));
    scene.wait_until_committed(3);
    assert_eq!(scene.all_ids(), [2, 3], "in a new file, where the old one was");
    scene.close();
    assert_whole(&path);
}

#[test]
fn a_file_that_was_replaced_is_noticed_before_anything_is_called_committed() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let scene = Scene::open(&path, impatient());
    scene.history.event(event(1));
    scene.close();
    let mut scene = Scene::open(&path, impatient());
    // As somebody does who puts an old one back by hand.
    let copy = folder.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    fs::rename(&path, folder.path().join("old.db")).unwrap();
    for companion in ["-wal", "-shm"] {
        let _ = fs::remove_file(folder.path().join(format!("history.db{companion}")));
    }
    fs::rename(&copy, &path).unwrap();
    scene.history.event(event(2));
    scene.wait_until_committed(2);
    assert_eq!(scene.wait_until_degraded(), Degradation::Gone);
    scene.close();
    let scene = Scene::open(&path, impatient());
    assert_eq!(scene.all_ids(), [1, 2]);
}

#[test]
fn a_broken_database_is_moved_aside_and_a_new_one_begun() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let mut scene = Scene::open(&path, impatient());
    scene.history.remember("key", "value").unwrap();
    for id in 1..=2000 {
        scene.history.event(event(id));
    }
    scene.wait_until_committed(2000);
    scene.close();
    let mut file = File::options().write(true).open(&path).unwrap();
    for page in 2..20 {
        file.seek(SeekFrom::Start(page * 4096 + 10)).unwrap();
        file.write_all(&[0x5a; 3000]).unwrap();
    }
    drop(file);
    let mut scene = Scene::open(&path, impatient());
    let aside = scene.wait_for(|notice| match notice {
        Notice::MovedAside { to, .. } => Some(to.clone()),
        _ => None,
    });
    assert!(aside.file_name().unwrap().to_str().unwrap().starts_with("history.db.damaged-20"), "{aside:?}");
    assert!(aside.is_file());
    let next = scene.history.next_event_id();
    assert!(next > 2000, "no number is used twice: {next}");
    scene.history.event(event(next));
    scene.wait_until_committed(next);
    scene.close();
    assert_whole(&path);
}

#[test]
fn damage_in_old_rows_is_found_at_the_start_and_numbering_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let mut scene = Scene::open(&path, impatient());
    for id in 1..=2000 {
        scene.history.event(event(id));
    }
    scene.wait_until_committed(2000);
    scene.close();
    let pages = fs::metadata(&path).unwrap().len() / 4096;
    let mut file = File::options().write(true).open(&path).unwrap();
    for page in [pages / 2, pages / 2 + 1] {
        file.seek(SeekFrom::Start(page * 4096)).unwrap();
        file.write_all(&[0x5a; 64]).unwrap();
    }
    drop(file);
    let mut scene = Scene::open(&path, impatient());
    scene.wait_for(|notice| matches!(notice, Notice::MovedAside { .. }).then_some(()));
    assert_eq!(scene.history.next_event_id(), 2001);
    scene.history.event(event(2001));
    scene.wait_until_committed(2001);
    scene.close();
    let scene = Scene::open(&path, impatient());
    assert_eq!(scene.history.next_event_id(), 2002);
}

#[test]
fn a_file_that_is_no_database_is_moved_aside_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    fs::write(&path, "this is not a database, and it is long enough to look like one. ".repeat(100)).unwrap();
    let mut scene = Scene::open(&path, HistoryOptions::default());
    scene.wait_for(|notice| matches!(notice, Notice::MovedAside { .. }).then_some(()));
    let first = scene.history.next_event_id();
    scene.history.event(event(first));
    scene.wait_until_committed(first);
}

#[test]
fn another_program_s_lock_is_waited_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let mut scene = Scene::open(&path, impatient());
    scene.history.event(event(1));
    scene.wait_until_committed(1);
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    scene.history.event(event(2));
    assert_eq!(scene.wait_until_degraded(), Degradation::Locked);
    other.execute_batch("ROLLBACK").unwrap();
    scene.wait_until_committed(2);
}

#[test]
fn another_program_that_reads_on_and_on_can_t_make_the_log_grow() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let mut scene = Scene::open(&path, HistoryOptions { max_bytes: 4 << 20, ..impatient() });
    scene.history.event(event(1));
    scene.wait_until_committed(1);
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM event").unwrap();
    let mut id = 1;
    while scene.history.degraded().is_none() {
        // No faster than it is written: else memory is full before the log.
        if scene.history.waiting() < 100 {
            assert!(id < 20_000, "the log grows and grows");
            id += 1;
            scene.history.event(event(id));
        }
    }
    assert_eq!(scene.wait_until_degraded(), Degradation::HeldByReader);
    let log = fs::metadata(folder.path().join("history.db-wal")).unwrap().len();
    assert!(log <= 512 << 10, "{log} bytes");
    other.execute_batch("ROLLBACK").unwrap();
    scene.wait_until_committed(id);
    assert_eq!(scene.all_ids().len() as u64, id);
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(&folder);
    let scene = Scene::open(&path, impatient());
    scene.history.event(event(1));
    scene.close();
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let mut scene = Scene::open(&path, impatient());
    assert_eq!(scene.wait_until_degraded(), Degradation::Newer { found: 99, known: 1 });
    scene.history.event(event(2));
    let ids: Vec<u64> =
        scene.history.reader().events(&EventFilter::default()).map(|event| event.unwrap().id).collect();
    assert_eq!(ids.last(), Some(&2));
    drop(scene);
    let kept: i64 = rusqlite::Connection::open(&path)
        .unwrap()
        .query_row("SELECT count(*) FROM event", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 1);
}

/// Until nothing more fits.
fn fill(path: &Path) {
    let mut file = File::create(path).expect("can be made");
    while file.write_all(&[0; 4096]).is_ok() {}
    while file.write_all(&[0; 64]).is_ok() {}
}
