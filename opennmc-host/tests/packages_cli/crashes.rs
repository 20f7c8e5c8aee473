//! The power fails while packages are installed, replaced and removed: at every change that the daemon makes to its files.

use std::process::Stdio;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::{Scene, same};

/// How often it is looked whether an order has ended without so many changes.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
/// No order makes more changes; one that does is not understood by this test.
const MOST_CHANGES: usize = 40;

impl Scene {
    /// Gives an order, and kills the daemon at the `change`th change that it makes to packages and grants. `false`: it made
    /// fewer, and was killed after the order.
    fn killed_at(&mut self, change: usize, order: &[&str]) -> bool {
        let changes = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
        let state = self.place.dir().join("state");
        let kinds = WatchFlags::CREATE
            | WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE;
        std::fs::create_dir_all(state.join("plugins")).unwrap();
        let grants = inotify::add_watch(&changes, &state, kinds).unwrap();
        inotify::add_watch(&changes, state.join("plugins"), kinds).unwrap();
        let mut client = self.place.client(order);
        let mut client = client.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut buffer = [const { std::mem::MaybeUninit::uninit() }; 4 << 10];
        let (mut seen, mut is_over) = (0, false);
        while seen < change {
            let mut polled = [PollFd::new(&changes, PollFlags::IN)];
            if poll(&mut polled, Some(&LOOK)).unwrap() == 0 {
                if is_over {
                    break;
                }
                // Once more, for what it has done at its end.
                is_over = client.try_wait().unwrap().is_some();
                continue;
            }
            let mut reader = inotify::Reader::new(&changes, &mut buffer);
            while seen < change {
                let Ok(event) = reader.next() else { break };
                let name = event.file_name().map(|name| name.to_string_lossy().into_owned());
                // The history is beside the grants, and is written all the time.
                let counts = event.wd() != grants || name.is_some_and(|name| name.contains("grants.toml"));
                seen += usize::from(counts);
            }
        }
        self.kill();
        client.wait().unwrap();
        seen == change
    }

    /// What is there after the start that follows; nothing half done is left.
    fn after_the_start(&mut self) -> Option<String> {
        self.start();
        let there = self.plugin().map(|_| self.until("running")["version"].as_str().unwrap().to_owned());
        let half: Vec<String> = self.installed().into_iter().filter(|name| name.starts_with('.')).collect();
        assert_eq!(half, Vec::<String>::new());
        there
    }
}

/// Kills at one change after the other until there is none left; tells how often the old state was there afterwards and how often the new.
fn kill_at_every_change(what: &str, mut attempt: impl FnMut(usize) -> Option<bool>) {
    let (mut old, mut new) = (0, 0);
    for change in 1..=MOST_CHANGES {
        match attempt(change) {
            Some(false) => old += 1,
            Some(true) => new += 1,
            None => {
                println!("{what}: {} kills, {old} times the old state, {new} times the new one", change - 1);
                assert!(old > 0 && new > 0, "{what}: {old} {new}");
                return;
            }
        }
    }
    panic!("{what}: more than {MOST_CHANGES} changes");
}

#[test]
fn a_daemon_that_is_killed_while_it_installs_has_the_plugin_or_has_it_not() {
    let mut scene = Scene::new();
    let package = scene.package("a.onmc", "1.0.0", same);
    let install = ["plugin", "install", "--yes", package.to_str().unwrap()];
    kill_at_every_change("install", |change| {
        let hit = scene.killed_at(change, &install);
        let there = scene.after_the_start();
        assert!(there.as_deref().is_none_or(|version| version == "1.0.0"), "{there:?}");
        assert!(hit || there.is_some(), "what was done is kept");
        if !scene.installed().is_empty() {
            scene.says(&["plugin", "remove", "actor", "--yes"]);
        }
        assert_eq!((scene.plugin(), scene.installed()), (None, Vec::new()));
        hit.then_some(there.is_some())
    });
}

#[test]
fn a_daemon_that_is_killed_while_it_upgrades_has_the_old_version_or_the_new_one() {
    let mut scene = Scene::new();
    let packages =
        ["1.0.0", "1.1.0"].map(|version| (version, scene.package(&format!("{version}.onmc"), version, same)));
    scene.installs(&packages[0].1);
    let mut now = 0;
    kill_at_every_change("upgrade", |change| {
        let (next, file) = &packages[1 - now];
        let hit = scene.killed_at(change, &["plugin", "install", "--yes", file.to_str().unwrap()]);
        let there = scene.after_the_start().expect("one of them is there");
        assert!(packages.iter().any(|(version, _)| *version == there), "{there}");
        assert_eq!(scene.installed(), [format!("actor-{there}.onmc")]);
        let is_new = there == *next;
        assert!(hit || is_new, "what was done is kept");
        now = if is_new { 1 - now } else { now };
        hit.then_some(is_new)
    });
}

#[test]
fn a_daemon_that_is_killed_while_it_removes_has_the_plugin_or_has_it_not() {
    let mut scene = Scene::new();
    let package = scene.package("a.onmc", "1.0.0", same);
    kill_at_every_change("removal", |change| {
        if scene.plugin().is_none() {
            scene.installs(&package);
        }
        let hit = scene.killed_at(change, &["plugin", "remove", "--yes", "actor"]);
        let there = scene.after_the_start();
        assert!(hit || there.is_none(), "what was done is kept");
        hit.then_some(there.is_none())
    });
}

#[test]
fn a_daemon_that_is_killed_at_any_moment_of_an_upgrade_has_one_of_the_versions() {
    /// So many kills, each a little later in the course of an installation.
    const KILLS: u64 = 8;
    let mut scene = Scene::new();
    let packages = [scene.package("a.onmc", "1.0.0", same), scene.package("b.onmc", "1.1.0", same)];
    scene.installs(&packages[0]);
    for round in 0..KILLS {
        let package = &packages[((round + 1) % 2) as usize];
        let mut words = scene.place.client(&["plugin", "install", "--yes", package.to_str().unwrap()]);
        let mut install = words.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Not waited for to be sure of anything: the moment of the kill is meant to differ.
        std::thread::sleep(Duration::from_millis(8 * round));
        scene.kill();
        install.wait().unwrap();
        let there = scene.after_the_start().expect("one of them is there");
        assert!(["1.0.0", "1.1.0"].contains(&there.as_str()), "{there}");
        assert_eq!(scene.installed().len(), 1, "{:?}", scene.installed());
    }
}
