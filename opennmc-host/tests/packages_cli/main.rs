//! Packages as an operator meets them: the real daemon and the real command line.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

#[path = "../plugin/authority.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod authority;
mod crashes;
mod fetching;
mod figures;
#[path = "../plugin/guests.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod guests;
mod in_c;
mod kept;
mod limits;
#[path = "../cli/place.rs"]
mod place;
mod removing;
mod renewing;
#[path = "../cli/schema.rs"]
mod schema;

use std::io::{BufRead as _, BufReader, Cursor, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use minisign::KeyPair;
use opennmc_host::plugin::Package;
use rustix::process::Signal;
use serde_json::Value;

use self::guests::{ALL_NEEDS, guests, manifest, pack};
use self::place::{Daemon, PATIENCE, Place, opennmc, text};
use self::schema::assert_valid;

/// A daemon and packages for it.
struct Scene {
    place: Place,
    daemon: Option<Daemon>,
}

impl Scene {
    fn with(config: &str) -> Scene {
        let place = Place::with(&format!("[ups.main]\nport = \"sim:smart-ups-1500\"\n{config}"));
        let mut scene = Scene { place, daemon: None };
        scene.start();
        scene
    }

    fn new() -> Scene {
        Scene::with("")
    }

    fn start(&mut self) {
        self.daemon = Some(Daemon::start(&self.place, self.place.run()));
    }

    fn kill(&mut self) {
        let daemon = self.daemon.take().unwrap();
        daemon.signal(Signal::KILL);
        daemon.end();
    }

    /// A package of the actor in a file.
    fn package(&self, name: &str, version: &str, change: impl FnOnce(String) -> String) -> PathBuf {
        let manifest = manifest("actor", ALL_NEEDS).replace("1.2.3", version);
        self.file(name, &[("plugin.toml", change(manifest).as_bytes()), ("plugin.wasm", &guests().actor)])
    }

    fn file(&self, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
        let path = self.place.dir().join(name);
        std::fs::write(&path, pack(files)).unwrap();
        path
    }

    fn run(&self, words: &[&str]) -> Output {
        self.place.client(words).output().unwrap()
    }

    fn says(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn fails(&self, words: &[&str]) -> (i32, String) {
        let output = self.run(words);
        (output.status.code().unwrap(), text(&output.stderr))
    }

    fn install(&self, package: &Path) -> Output {
        self.run(&["plugin", "install", "--yes", package.to_str().unwrap()])
    }

    fn installs(&self, package: &Path) -> String {
        let output = self.install(package);
        assert!(output.status.success(), "{}\n{}", text(&output.stderr), self.place.log());
        text(&output.stdout)
    }

    fn plugin(&self) -> Option<Value> {
        self.plugin_of("actor")
    }

    fn plugin_of(&self, id: &str) -> Option<Value> {
        let all: Value = serde_json::from_str(&self.says(&["--json", "plugin", "list"])).unwrap();
        assert_valid("plugins", &all);
        all.as_array().unwrap().iter().find(|plugin| plugin["id"] == id).cloned()
    }

    /// Waits until the plugin is in this state.
    fn until(&self, state: &str) -> Value {
        self.until_of("actor", state)
    }

    fn until_of(&self, id: &str, state: &str) -> Value {
        let began = Instant::now();
        loop {
            let plugin = self.plugin_of(id);
            if let Some(plugin) = plugin.as_ref().filter(|plugin| plugin["state"] == state) {
                return plugin.clone();
            }
            assert!(began.elapsed() < PATIENCE, "never {state}: {plugin:?}\n{}", self.place.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn installed(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.place.dir().join("state/plugins")) else {
            return Vec::new();
        };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// A client of a plugin that speaks in lines.
struct Lines(BufReader<TcpStream>);

impl Lines {
    /// Of the plugin's listener of this name.
    fn to(plugin: &Value, listener: &str) -> Lines {
        let stream = TcpStream::connect(plugin["listening"][listener][0].as_str().unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Lines(BufReader::new(stream))
    }

    fn ask(&mut self, text: &str) -> String {
        self.0.get_mut().write_all(format!("{text}\n").as_bytes()).unwrap();
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

fn same(manifest: String) -> String {
    manifest
}

#[test]
fn a_package_is_installed_runs_survives_a_restart_and_is_removed() {
    let mut scene = Scene::new();
    let package = scene.package("a.onmc", "1.2.3", same);
    let unasked = scene.run(&["plugin", "install", package.to_str().unwrap()]);
    assert_eq!(unasked.status.code(), Some(7));
    let asked = text(&unasked.stderr);
    assert!(asked.contains("nobody has signed it") && asked.contains("accept connections on"), "{asked}");
    assert_eq!(scene.plugin(), None);
    assert_eq!(scene.installs(&package), "actor 1.2.3 is installed and runs\n");
    let path = package.to_str().unwrap();
    let inspected = opennmc().args(["--json", "plugin", "inspect", path]).output().unwrap();
    for json in [text(&inspected.stdout), scene.says(&["--json", "plugin", "install", "--yes", path])] {
        assert_valid("package", &serde_json::from_str(&json).unwrap());
    }
    let plugin = scene.until("running");
    assert_eq!(plugin["limits"]["memory"], "8 MiB");
    assert_valid(
        "plugin",
        &serde_json::from_str(&scene.says(&["--json", "plugin", "info", "actor"])).unwrap(),
    );
    let info = scene.says(&["plugin", "info", "actor"]);
    assert!(info.contains("of 8 MiB") && info.contains(plugin["sha256"].as_str().unwrap()), "{info}");
    scene.kill();
    scene.start();
    scene.until("running");
    let audit = scene.says(&["audit"]);
    assert!(audit.contains("install the plugin"), "{audit}");
    assert_eq!(scene.fails(&["plugin", "remove", "actor"]).0, 7, "it is asked about");
    scene.says(&["plugin", "remove", "actor", "--yes"]);
    assert_eq!((scene.plugin(), scene.installed()), (None, Vec::new()));
    assert_eq!(scene.fails(&["plugin", "remove", "actor", "--yes"]).0, 6);
}

#[test]
fn a_plugin_that_is_disabled_stays_so_until_it_is_enabled() {
    let mut scene = Scene::new();
    scene.installs(&scene.package("a.onmc", "1.2.3", same));
    scene.says(&["plugin", "disable", "actor"]);
    assert_eq!(scene.until("stopped")["memory"], 0);
    scene.kill();
    scene.start();
    scene.until("stopped");
    assert_eq!(scene.fails(&["plugin", "restart", "actor"]).0, 10);
    scene.says(&["plugin", "enable", "actor"]);
    scene.until("running");
    assert_eq!(scene.says(&["plugin", "restart", "actor"]), "actor 1.2.3 runs\n");
    assert_eq!(scene.fails(&["plugin", "enable", "nobody"]).0, 6);
}

#[test]
fn an_upgrade_tells_what_is_new_and_one_that_does_not_start_leaves_the_old_version() {
    let scene = Scene::new();
    scene.installs(&scene.package("a.onmc", "1.2.3", same));
    let address = scene.until("running")["listening"]["main"][0].clone();
    let more = |manifest: String| manifest.replace("[needs]", "[needs]\nnotify = true");
    let new = scene.package("b.onmc", "1.3.0", more);
    let asked = scene.fails(&["plugin", "install", new.to_str().unwrap()]).1;
    assert!(asked.contains("send notices to people  (new, not used by this version)"), "{asked}");
    assert_eq!(asked.matches("(new").count(), 1, "{asked}");
    assert!(scene.installs(&new).contains("in the place of 1.2.3"));
    assert_eq!(scene.installed(), ["actor-1.3.0.onmc"]);
    assert_eq!(scene.until("running")["listening"]["main"][0], address, "the listener is taken over");
    let bad = scene.package("c.onmc", "1.4.0", |manifest| manifest.replace("\"serve\"", "\"refuse\""));
    let failed = scene.install(&bad);
    assert_eq!(failed.status.code(), Some(10));
    assert!(text(&failed.stderr).contains("1.3.0 stays"), "{}", text(&failed.stderr));
    let plugin = scene.until("running");
    assert_eq!((&plugin["version"], &plugin["listening"]["main"][0]), (&"1.3.0".into(), &address));
    assert_eq!(scene.installed(), ["actor-1.3.0.onmc"]);
}

#[test]
fn bytes_that_were_replaced_after_the_grant_are_not_run_until_they_are_granted() {
    let mut scene = Scene::new();
    scene.installs(&scene.package("a.onmc", "1.2.3", same));
    scene.kill();
    let other = |manifest: String| manifest.replace("number = 1", "number = 2");
    let replaced = scene.package("b.onmc", "1.2.3", other);
    std::fs::copy(replaced, scene.place.dir().join("state/plugins/actor-1.2.3.onmc")).unwrap();
    scene.start();
    let plugin = scene.until("waiting");
    let reason = plugin["last_failure"].as_str().unwrap();
    assert!(reason.contains("opennmc plugin grant actor"), "{reason}");
    assert_eq!(scene.fails(&["plugin", "grant", "actor"]).0, 7);
    scene.says(&["plugin", "grant", "actor", "--yes"]);
    scene.until("running");
}

#[test]
fn a_manifest_that_asks_for_less_than_the_binary_imports_is_refused_with_the_name() {
    let scene = Scene::new();
    let less = scene.package("a.onmc", "1.2.3", |manifest| manifest.replace("ups = \"read\"\n", ""));
    let output = scene.install(&less);
    assert_eq!(output.status.code(), Some(7));
    assert!(text(&output.stderr).contains("opennmc:plugin/ups@"), "{}", text(&output.stderr));
    assert_eq!((scene.plugin(), scene.installed()), (None, Vec::new()));
    let inspected = opennmc().args(["plugin", "inspect"]).arg(&less).output().unwrap();
    assert_eq!(inspected.status.code(), Some(7));
}

/// The start of what steers a terminal, and a mark that turns the direction of text.
const STEERING: [char; 2] = ['\u{1b}', '\u{202e}'];

#[test]
fn nothing_that_a_package_says_steers_the_terminal() {
    let scene = Scene::new();
    let packages = [
        ("raw", "\u{1b}]0;owned\u{7}x\n[plugin]"),
        ("id", "[plugin]\nid = \"x\\u001b[2J\\u202e\" #"),
        ("api", "[plugin]\napi = \"\\u001b[2J\\u202e\"\n#"),
        ("key", "\"\\u001b[2J\\u202e\" = 1\n[plugin]"),
        ("summary", "[plugin]\nsummary = \"fine\\u202e\"\n#"),
    ];
    for (name, instead) in packages {
        let package = scene.package(&format!("{name}.onmc"), "1.2.3", |manifest| {
            let rest: Vec<&str> =
                manifest.lines().filter(|line| !line.starts_with(&format!("{name} ="))).collect();
            rest.join("\n").replacen("[plugin]", instead.trim_end_matches('#'), 1)
        });
        let path = package.to_str().unwrap();
        let output = [
            scene.run(&["plugin", "install", path]),
            opennmc().args(["plugin", "inspect", path]).output().unwrap(),
        ];
        for output in output {
            let said = text(&output.stdout) + text(&output.stderr).as_str();
            assert!(said.contains("\\u{1b}") || said.contains("\\u{202e}"), "{name}: it is shown: {said}");
            assert!(!said.contains(STEERING), "{name}: {said:?}");
        }
    }
}

#[test]
fn inspect_needs_no_daemon_and_tells_what_is_in_the_file() {
    let scene = Scene::new();
    let package = scene.package("a.onmc", "1.2.3", same);
    drop(scene.daemon);
    let said = text(&opennmc().args(["plugin", "inspect"]).arg(&package).output().unwrap().stdout);
    assert!(said.contains("opennmc:plugin/ups@") && said.contains("opennmc:plugin/lifecycle@"), "{said}");
    let output = scene.place.client(&["plugin", "install", "--yes", package.to_str().unwrap()]).output();
    assert_eq!(output.unwrap().status.code(), Some(4));
}

/// The package with a signature of this key.
fn signed(path: &Path, key: &KeyPair) {
    let mut files = unpacked(path);
    let text = Package::open(path).unwrap().members.text();
    let signature = minisign::sign(Some(&key.pk), &key.sk, Cursor::new(text), None, None).unwrap();
    files.push(("plugin.sig".to_owned(), signature.to_string().into_bytes()));
    repack(path, &files);
}

fn unpacked(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(std::fs::File::open(path).unwrap());
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        std::io::copy(&mut entry, &mut bytes).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), bytes)
    });
    entries.collect()
}

fn repack(path: &Path, files: &[(String, Vec<u8>)]) {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (&**name, &**bytes)).collect();
    std::fs::write(path, pack(&files)).unwrap();
}

#[test]
fn signatures_count_when_they_are_of_a_signer_and_a_forged_one_is_refused() {
    let key = KeyPair::generate_unencrypted_keypair().unwrap();
    let scene = Scene::with(&format!(
        "[plugins]\nrequire-signature = true\nupdate-signed = true\n[signer.anna]\nkey = \"{}\"\n",
        key.pk.to_base64()
    ));
    let package = scene.package("a.onmc", "1.2.3", same);
    assert!(text(&scene.install(&package).stderr).contains("is not signed"));
    let stranger = scene.package("s.onmc", "1.2.3", same);
    signed(&stranger, &KeyPair::generate_unencrypted_keypair().unwrap());
    assert!(text(&scene.install(&stranger).stderr).contains("signed by nobody who is configured"));
    signed(&package, &key);
    scene.installs(&package);
    assert_eq!(scene.until("running")["signer"], "anna");
    let forged = scene.package("f.onmc", "1.2.4", same);
    signed(&forged, &key);
    let mut files = unpacked(&forged);
    files[0].1.push(b'\n');
    repack(&forged, &files);
    let refused = text(&scene.install(&forged).stderr);
    assert!(refused.contains("claims to be by `anna`"), "{refused}");
    let update = scene.package("u.onmc", "1.2.5", same);
    signed(&update, &key);
    scene.says(&["plugin", "install", update.to_str().unwrap()]);
    assert_eq!(scene.until("running")["version"], "1.2.5", "nobody was asked");
    // Its signature is as good as ever; what it was replaced for may be a hole.
    let (code, asked) = scene.fails(&["plugin", "install", package.to_str().unwrap()]);
    assert_eq!(code, 7, "an older version is asked about: {asked}");
    assert!(asked.contains("replaces  actor 1.2.5, which is newer"), "{asked}");
    let other = scene.package("o.onmc", "1.2.5", |manifest| manifest + "# other bytes\n");
    signed(&other, &key);
    assert_eq!(
        scene.fails(&["plugin", "install", other.to_str().unwrap()]).0,
        7,
        "the same version again, too"
    );
    assert_eq!(scene.until("running")["version"], "1.2.5");
}

#[test]
fn compiled_forms_are_only_there_when_a_signer_may_precompile() {
    use opennmc_host::plugin::{Signer, SignerKey};
    let scene = tempfile::tempdir().unwrap();
    let path = scene.path().join("a.onmc");
    let files = [
        ("plugin.toml", manifest("actor", "")),
        ("plugin.wasm", "no".to_owned()),
        ("precompiled/pulley32.cwasm", "code".to_owned()),
        ("README.md", "read".to_owned()),
    ];
    repack(&path, &files.map(|(name, text)| (name.to_owned(), text.into_bytes())));
    let key = KeyPair::generate_unencrypted_keypair().unwrap();
    signed(&path, &key);
    let signer =
        |precompile| [Signer::new("anna", SignerKey::try_from(key.pk.to_base64()).unwrap(), precompile)];
    let mut package = Package::open(&path).unwrap();
    assert!(package.precompiled.is_empty());
    package.check_signature(&signer(false), true).unwrap();
    assert!(package.precompiled.is_empty() && package.signer.is_some());
    package.check_signature(&signer(true), true).unwrap();
    assert_eq!(package.precompiled["pulley32"], b"code");
}

#[test]
fn whoever_looks_at_a_package_is_told_of_compiled_forms_and_whether_they_are_used() {
    let key = KeyPair::generate_unencrypted_keypair().unwrap();
    let trusting = |precompile| {
        let key = key.pk.to_base64();
        Place::with(&format!(
            "[ups.main]\nport = \"sim:smart-ups-1500\"\n[signer.anna]\nkey = \"{key}\"\nprecompile = {precompile}\n"
        ))
    };
    for (precompile, note) in [(true, "native code that nothing checks"), (false, "not used")] {
        let place = trusting(precompile);
        let package = place.dir().join("a.onmc");
        let manifest = manifest("actor", ALL_NEEDS);
        let members: [(&str, &[u8]); 3] = [
            ("plugin.toml", manifest.as_bytes()),
            ("plugin.wasm", &guests().actor),
            ("precompiled/pulley64.cwasm", b"code"),
        ];
        std::fs::write(&package, pack(&members)).unwrap();
        signed(&package, &key);
        let inspect = |json: &[&str]| {
            let mut command = opennmc();
            command.args(json).args(["plugin", "inspect", "--config"]).arg(place.config()).arg(&package);
            text(&command.output().unwrap().stdout)
        };
        let said = inspect(&[]);
        assert!(said.contains(&format!("compiled  for pulley64 ({note}")), "{said}");
        let json: Value = serde_json::from_str(&inspect(&["--json"])).unwrap();
        assert_valid("package", &json);
        assert_eq!(
            (&json["precompiled"][0], &json["precompiled_used"]),
            (&"pulley64".into(), &precompile.into())
        );
    }
}

#[test]
fn what_a_plugin_has_logged_of_late_is_shown() {
    let scene = Scene::new();
    let bad = scene.package("a.onmc", "1.2.3", |manifest| manifest.replace("\"serve\"", "\"refuse\""));
    assert_eq!(scene.install(&bad).status.code(), Some(10));
    let said = scene.says(&["plugin", "logs", "actor"]);
    assert!(said.contains("error failed:") && said.contains("no reason"), "{said}");
    let lines = scene.says(&["--json", "plugin", "logs", "actor"]);
    for line in lines.lines() {
        assert_valid("plugin-log", &serde_json::from_str(line).unwrap());
    }
    let check = text(
        &opennmc().args(["--json", "check", "--config"]).arg(scene.place.config()).output().unwrap().stdout,
    );
    assert_valid("check", &serde_json::from_str(&check).unwrap());
}
