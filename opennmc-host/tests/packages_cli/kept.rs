//! What is installed, in a backup and back again.

use super::{Scene, same};

#[test]
fn a_restore_brings_installed_plugins_and_their_grants_back() {
    let scene = Scene::new();
    scene.installs(&scene.package("a.onmc", "1.2.3", same));
    let before = scene.until("running");
    let grants = || std::fs::read_to_string(scene.place.dir().join("state/grants.toml")).unwrap();
    let granted = grants();
    let backup = scene.place.dir().join("backup.tar.gz").display().to_string();
    scene.says(&["backup", &backup]);

    let more = |manifest: String| manifest.replace("[needs]", "[needs]\nnotify = true");
    scene.installs(&scene.package("b.onmc", "2.0.0", more));
    scene.says(&["plugin", "disable", "actor"]);
    scene.until("stopped");
    scene.says(&["restore", &backup, "--yes"]);
    let after = scene.until("running");
    assert_eq!((&after["version"], &after["sha256"]), (&"1.2.3".into(), &before["sha256"]));
    assert_eq!((grants(), scene.installed()), (granted.clone(), vec!["actor-1.2.3.onmc".to_owned()]));

    scene.says(&["plugin", "remove", "actor", "--yes"]);
    scene.says(&["restore", &backup, "--yes"]);
    scene.until("running");
    assert_eq!((grants(), scene.installed()), (granted, vec!["actor-1.2.3.onmc".to_owned()]));
}

#[test]
fn a_plugin_that_was_disabled_when_the_backup_was_made_is_disabled_again() {
    let scene = Scene::new();
    scene.installs(&scene.package("a.onmc", "1.2.3", same));
    scene.says(&["plugin", "disable", "actor"]);
    let backup = scene.place.dir().join("backup.tar.gz").display().to_string();
    scene.says(&["backup", &backup]);
    scene.says(&["plugin", "enable", "actor"]);
    scene.until("running");
    scene.says(&["restore", &backup, "--yes"]);
    scene.until("stopped");
}
