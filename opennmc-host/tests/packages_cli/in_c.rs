//! The templates in C, built as an author builds them, in the real daemon.

#![cfg(feature = "author")]

use std::net::UdpSocket;
use std::path::{Path, PathBuf};

use super::guests::{guests, manifest};
use super::place::{PATIENCE, opennmc, text};
use super::{Lines, Scene};

const KEEPER_NEEDS: &str = "listen = { main = [\"127.0.0.1:0\"] }\nstore = \"1 KiB\"\nbus = [\"reading\"]\n\
    events = [\"notice.*\"]\nnotify = true\nhistory = \"read\"\nnotifier = true";

/// Makes a plugin of this kind, changes its files as an author would, and builds it.
fn built(folder: &Path, kind: &str, change: impl FnOnce(String) -> String) -> PathBuf {
    let author = |words: &[&str]| {
        let output = opennmc().arg("plugin").args(words).current_dir(folder).output().unwrap();
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{words:?}: {said}");
        // clang's warnings are an author's first impression.
        assert!(!said.contains("warning"), "{said}");
    };
    let name = format!("my-{kind}");
    author(&["new", &name, "--language", "c", "--kind", kind]);
    let manifest = folder.join(&name).join("plugin.toml");
    std::fs::write(&manifest, change(std::fs::read_to_string(&manifest).unwrap())).unwrap();
    author(&["build", &name]);
    folder.join(&name).join(format!("target/opennmc/{name}-0.1.0.onmc"))
}

impl Scene {
    fn fixture(&self, id: &str, needs: &str, wasm: &[u8]) -> Lines {
        let manifest = manifest(id, needs);
        let members = [("plugin.toml", manifest.as_bytes()), ("plugin.wasm", wasm)];
        self.installs(&self.file(&format!("{id}.onmc"), &members));
        Lines::to(&self.until_of(id, "running"), "main")
    }
}

/// Asks until the answer has this in it.
fn until(lines: &mut Lines, question: &str, what: &str) -> String {
    let began = std::time::Instant::now();
    loop {
        let answer = lines.ask(question);
        if answer.contains(what) {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "never {what}: {answer}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_notifier_in_c_sends_a_notice_to_the_syslog_server_and_tells_how_that_ended() {
    let (scene, folder) = (Scene::new(), tempfile::tempdir().unwrap());
    let syslog = UdpSocket::bind("127.0.0.1:0").unwrap();
    syslog.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = syslog.local_addr().unwrap().port().to_string();
    let package = built(folder.path(), "notifier", |manifest| manifest.replace("514", &port));
    scene.installs(&package);
    scene.until_of("my-notifier", "running");
    let mut sender = scene.fixture("keeper", KEEPER_NEEDS, &guests().keeper);
    assert!(sender.ask("notify title body main").starts_with("ticket"));
    let mut bytes = [0; 512];
    let count = syslog.recv(&mut bytes).unwrap();
    assert_eq!(text(&bytes[..count]), "<28>1 - - my-notifier - - - title: body");
    until(&mut sender, "heard", "notice.delivered");

    // What it can't use it says at its start.
    let wrong = |manifest: String| manifest.replace("port = 514", "port = 70000");
    let elsewhere = tempfile::tempdir().unwrap();
    let refused = text(&scene.install(&built(elsewhere.path(), "notifier", wrong)).stderr);
    assert!(refused.contains("`port` a number to 65535"), "{refused}");
}

#[test]
fn a_publisher_in_c_tells_the_others_what_it_has_counted() {
    let (scene, folder) = (Scene::new(), tempfile::tempdir().unwrap());
    let needs = KEEPER_NEEDS.replace("notice.*", "bus.*");
    let mut listener = scene.fixture("keeper", &needs, &guests().keeper);
    scene.installs(&built(folder.path(), "publisher", |manifest| manifest.replace("= 60", "= 1")));
    until(&mut listener, "heard", "event bus.my-publisher.summary Severity::Info  events=");
    scene.place.outage();
    until(&mut listener, "heard", "outages=1");
}

#[test]
fn a_listener_in_c_counts_and_goes_on_counting_after_a_restart() {
    let (scene, folder) = (Scene::new(), tempfile::tempdir().unwrap());
    scene.installs(&built(folder.path(), "listener", |manifest| manifest));
    scene.until_of("my-listener", "running");
    let logged = |what: &str| {
        let began = std::time::Instant::now();
        loop {
            let said = scene.says(&["plugin", "logs", "my-listener"]);
            if said.contains(what) {
                return said;
            }
            assert!(began.elapsed() < PATIENCE, "never {what}: {said}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    scene.place.outage();
    let said = logged("ups.on-battery");
    let count = said.lines().count();
    scene.says(&["plugin", "restart", "my-listener"]);
    scene.says(&["simulate", "line", "on"]);
    let said = logged("ups.on-line");
    assert!(said.lines().count() > count && said.contains(": main ups.on-line"), "{said}");
    let numbers =
        said.lines().filter_map(|line| line.split(" info  ").nth(1)?.split(':').next()?.parse().ok());
    let numbers: Vec<u32> = numbers.collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{said}");
}
