//! What plugins keep: through restarts of the plugin and of the host, within its share, and without a good disk.

use std::sync::Arc;
use std::time::Duration;

use opennmc_host::plugin::{PluginSettings, PluginStore, Services};
use opennmc_host::users::UserBase;
use tempfile::TempDir;

use crate::guests::guests;
use crate::host::{Host, field, write_package};

/// Nothing here takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const KEEPER_NEEDS: &str = "listen = { main = [\"127.0.0.1:0\"] }\nstore = \"1 KiB\"\nbus = [\"reading\"]\n\
                                       events = [\"bus.*\", \"notice.*\"]\nnotify = true\nhistory = \"read\"\nnotifier = true";

struct Scene {
    host: Host,
    store: PluginStore,
    state: TempDir,
}

impl Scene {
    fn start(ids: &[&str]) -> Scene {
        Scene::start_in(tempfile::tempdir().unwrap(), ids)
    }

    fn start_in(state: TempDir, ids: &[&str]) -> Scene {
        let store = PluginStore::open(&state.path().join("store.db"), |_| {}).unwrap();
        let users = UserBase::open(state.path()).unwrap();
        let services = Services { store: Some(store.clone()), ..Services::new(users, Arc::new(|_, _| {})) };
        let packages = tempfile::tempdir().unwrap();
        let settings = ids.iter().map(|id| {
            write_package(packages.path(), id, KEEPER_NEEDS, &guests().keeper);
            PluginSettings { id: (*id).to_owned(), ..PluginSettings::default() }
        });
        let settings = settings.collect();
        Scene { host: Host::start_offering(packages, settings, Some(services)), store, state }
    }

    fn restarted(mut self, ids: &[&str]) -> Scene {
        self.host.stop();
        assert!(self.store.close(PATIENCE));
        Scene::start_in(self.state, ids)
    }
}

#[test]
fn what_a_plugin_keeps_is_its_own_and_survives_the_host() {
    let scene = Scene::start(&["a", "b"]);
    let (mut a, mut b) = (scene.host.client("a"), scene.host.client("b"));
    for line in ["set user.2 two", "set user.1 one", "set other x", "set gone x"] {
        assert_eq!(a.ask(line), "ok");
    }
    assert_eq!(a.ask("delete gone"), "ok");
    assert_eq!(b.ask("set user.1 another"), "ok");
    for round in 0..2 {
        assert_eq!(a.ask("get user.1"), "3 one", "round {round}");
        assert_eq!(a.ask("keys user."), "keys user.1 user.2");
        assert_eq!(a.ask("get gone"), "none");
        assert_eq!(b.ask("get user.1"), "7 another");
        assert_eq!(b.ask("keys "), "keys user.1");
        // After a trap memory is all that is lost.
        a.send("trap\n");
        assert_eq!(a.line(), "");
        scene.host.event("a", "plugin.recovered", round + 1);
        a = scene.host.client("a");
    }
    let scene = scene.restarted(&["a", "b"]);
    let mut a = scene.host.client("a");
    assert_eq!(a.ask("keys "), "keys other stopped user.1 user.2");
    assert_eq!(a.ask("get user.2"), "3 two");
}

#[test]
fn the_share_and_the_length_of_keys_are_limits() {
    let scene = Scene::start(&["a"]);
    let mut a = scene.host.client("a");
    assert_eq!(a.ask("fill key 1021"), "ok");
    let answer = a.ask("set k x");
    assert!(answer.starts_with("limit") && answer.contains("1024"), "{answer}");
    assert!(a.ask("fill key 1022").starts_with("limit"));
    assert!(a.ask("get key").starts_with("1021 "), "a refusal changes nothing");
    assert_eq!(a.ask("fill key 1"), "ok");
    assert_eq!(a.ask("long-key 256"), "ok");
    for count in [0, 257] {
        assert!(a.ask(&format!("long-key {count}")).starts_with("invalid"), "{count}");
    }
}

#[test]
fn an_interface_that_is_not_asked_for_can_not_be_imported_and_an_export_needs_its_need() {
    for (line, word) in [
        ("store = \"1 KiB\"\n", "opennmc:plugin/store"),
        ("bus = [\"reading\"]\n", "opennmc:plugin/bus"),
        ("notify = true\n", "opennmc:plugin/notify"),
        ("history = \"read\"\n", "opennmc:plugin/history"),
        ("notifier = true", "opennmc:plugin/delivery"),
    ] {
        let needs = KEEPER_NEEDS.replace(line, "");
        assert_ne!(needs, KEEPER_NEEDS, "{line}");
        let packages = tempfile::tempdir().unwrap();
        write_package(packages.path(), "a", &needs, &guests().keeper);
        let settings = PluginSettings { id: "a".to_owned(), ..PluginSettings::default() };
        let host = Host::start_in(packages, vec![settings]);
        let event = host.event("a", "plugin.failed", 1);
        let reason = field(&event, "reason");
        assert!(reason.contains(word) && reason.contains("plugin.toml"), "{reason}");
    }
    let packages = tempfile::tempdir().unwrap();
    write_package(packages.path(), "a", "notifier = true", &guests().plain);
    let settings = PluginSettings { id: "a".to_owned(), ..PluginSettings::default() };
    let host = Host::start_in(packages, vec![settings]);
    let event = host.event("a", "plugin.failed", 1);
    assert!(field(&event, "reason").contains("exports no opennmc:plugin/notifier"), "{event:?}");
}

#[test]
fn a_host_without_a_store_says_so() {
    let packages = tempfile::tempdir().unwrap();
    write_package(packages.path(), "a", KEEPER_NEEDS, &guests().keeper);
    let settings = PluginSettings { id: "a".to_owned(), ..PluginSettings::default() };
    let host = Host::start_in(packages, vec![settings]);
    let mut a = host.client("a");
    for line in ["set a b", "publish reading main a b", "notify title body main", "past ups.* 0 0 0"] {
        assert!(a.ask(line).starts_with("unavailable"), "{line}");
    }
    assert_eq!((a.ask("get a"), a.ask("keys ")), ("none".to_owned(), "keys".to_owned()));
}
