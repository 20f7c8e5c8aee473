//! What is left of a plugin that was removed, and that nothing is left of one that was purged.

use rustix::process::Signal;

use super::guests::{guests, manifest};
use super::{Lines, Scene};

const NEEDS: &str = "listen = { main = [\"127.0.0.1:0\"] }\nstore = \"1 KiB\"\nbus = [\"reading\"]\n\
                     events = [\"notice.*\"]\nnotify = true\nhistory = \"read\"\nnotifier = true";

impl Scene {
    /// Installs the fixture that keeps what its clients say, and connects.
    fn keeper(&self) -> Lines {
        let manifest = manifest("keeper", NEEDS);
        let members: [(&str, &[u8]); 2] =
            [("plugin.toml", manifest.as_bytes()), ("plugin.wasm", &guests().keeper)];
        self.installs(&self.file("k.onmc", &members));
        Lines::to(&self.until_of("keeper", "running"), "main")
    }

    /// Compiled forms on disk.
    fn cached(&self) -> usize {
        std::fs::read_dir(self.place.dir().join("state/cache")).unwrap().count()
    }
}

#[test]
fn a_plugin_that_was_removed_finds_what_it_stored_when_it_is_back_and_one_that_was_purged_does_not() {
    let mut scene = Scene::new();
    assert_eq!(scene.keeper().ask("set token secret"), "ok");
    let removed = scene.says(&["plugin", "remove", "keeper", "--yes"]);
    assert!(
        removed.contains("what it has stored stays, until `opennmc plugin remove --purge keeper`"),
        "{removed}"
    );
    assert_eq!(scene.cached(), 1);

    let mut again = scene.keeper();
    // The fixture sets `stopped` as the last thing that it does.
    assert_eq!(
        (again.ask("get token"), again.ask("keys ")),
        ("6 secret".to_owned(), "keys stopped token".to_owned())
    );
    again.ask("set another x");
    let (code, asked) = scene.fails(&["plugin", "remove", "--purge", "keeper"]);
    assert!(code == 7 && asked.contains("deleted for good"), "{asked}");
    let purged = scene.says(&["plugin", "remove", "--purge", "keeper", "--yes"]);
    assert_eq!(purged, "keeper is removed, and what it had stored is deleted: 3 keys\n");
    assert_eq!((scene.plugin_of("keeper"), scene.installed(), scene.cached()), (None, Vec::new(), 0));
    // It was on disk before it was said.
    scene.kill();
    scene.start();
    let mut anew = scene.keeper();
    assert_eq!((anew.ask("get token"), anew.ask("keys ")), ("none".to_owned(), "keys".to_owned()));
    let audit = scene.says(&["audit"]);
    assert!(audit.contains("remove the plugin keeper and what it has stored"), "{audit}");
}

#[test]
fn what_a_plugin_that_was_removed_before_has_stored_can_be_purged_later() {
    let mut scene = Scene::new();
    assert_eq!(scene.keeper().ask("set token secret"), "ok");
    scene.says(&["plugin", "remove", "keeper", "--yes"]);
    // Another daemon has never heard of it.
    let daemon = scene.daemon.take().unwrap();
    daemon.signal(Signal::TERM);
    daemon.end();
    scene.start();
    let purged = scene.says(&["plugin", "remove", "--purge", "keeper", "--yes"]);
    assert_eq!(purged, "keeper was not installed; what it had stored is deleted: 2 keys\n");
    let (code, said) = scene.fails(&["plugin", "remove", "--purge", "keeper", "--yes"]);
    assert!(code == 6 && said.contains("none has stored anything"), "{said}");
    let mut anew = scene.keeper();
    assert_eq!((anew.ask("get token"), anew.ask("keys ")), ("none".to_owned(), "keys".to_owned()));
}

#[test]
fn a_plugin_that_the_configuration_would_go_on_running_is_not_purged() {
    let scene = Scene::with("[plugin.keeper]\nlimits = { memory = \"4 MiB\" }\n");
    assert_eq!(scene.keeper().ask("set token secret"), "ok");
    let (code, refused) = scene.fails(&["plugin", "remove", "--purge", "keeper", "--yes"]);
    assert!(code == 7 && refused.contains("`[plugin.keeper]`"), "{refused}");
    let plugin = scene.until_of("keeper", "running");
    assert_eq!(Lines::to(&plugin, "main").ask("get token"), "6 secret");
}
