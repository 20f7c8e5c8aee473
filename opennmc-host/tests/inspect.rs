//! What `opennmc check` finds beyond the text of the file: packages, listeners, plugin settings, devices.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use opennmc_host::config::{Inspection, Severity, inspect};
use tempfile::TempDir;

const MANIFEST: &str = r#"
[plugin]
id = "nut-server"
version = "0.1.0"
api = "0.1"
summary = "Serves"
[needs]
ups = "read"
listen = { nut = ["127.0.0.1:3493"] }
[config]
max-connections = 4096
times = { idle = 60 }
"#;

/// A folder with packages and an `opennmc.toml`.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        place.package("nut-server-0.1.0.onmc", MANIFEST);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn package(&self, name: &str, manifest: &str) {
        let mut tar = tar::Builder::new(std::fs::File::create(self.path(name)).unwrap());
        for (name, bytes) in [("plugin.toml", manifest.as_bytes()), ("plugin.wasm", b"not looked at")] {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, bytes).unwrap();
        }
        tar.finish().unwrap();
    }

    fn inspect(&self, text: &str) -> Inspection {
        let text = format!("[ups.main]\nport = \"sim:smart-ups-1500\"\n{text}");
        std::fs::write(self.path("opennmc.toml"), text).unwrap();
        inspect(&self.path("opennmc.toml"), &[self.0.path().to_owned()]).unwrap()
    }

    /// The lines that are printed, without the folder.
    fn lines(&self, text: &str) -> Vec<String> {
        let folder = format!("{}/", self.0.path().display());
        self.inspect(text).to_string().replace(&folder, "").lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_plugin_that_fits_its_package_is_fine() {
    let place = Place::new();
    let text = "[plugin.nut-server]\nlisten = { nut = [\"127.0.0.1:1\"] }\nconfig = { max-connections = 5, times = { idle = 1 } }";
    assert_eq!(place.lines(text), ["opennmc.toml: no problems; UPSes: 1, plugins: 1"]);
}

#[test]
fn each_key_that_the_plugin_does_not_have_is_named_at_its_place() {
    let place = Place::new();
    let text = "[plugin.nut-server]\nlisten = { nat = [\"127.0.0.1:1\"] }\n[plugin.nut-server.config]\nmax-conections = 5\n[plugin.nut-server.config.times]\nidle = \"1\"";
    assert_eq!(
        place.lines(text),
        [
            "opennmc.toml:4:12: plugin.nut-server.listen.nat: the plugin has no listener `nat`; did you mean `nut`?",
            "opennmc.toml:6:1: plugin.nut-server.config.max-conections: the plugin has no key `max-conections`; \
             it has `max-connections`, `times`",
            "opennmc.toml:8:1: plugin.nut-server.config.times.idle: `times.idle` must be of type integer, not string",
        ]
    );
    assert!(place.inspect(text).has_errors());
}

#[test]
fn a_package_that_is_not_there_or_not_the_plugins_is_an_error_in_its_line() {
    let place = Place::new();
    place.package("other-1.0.0.onmc", &MANIFEST.replace("\"nut-server\"", "\"other\""));
    let lines = place.lines("[plugin.web-ui]\n");
    assert!(
        lines[0].starts_with("opennmc.toml:3:9: plugin.web-ui: no package web-ui-VERSION.onmc in "),
        "{lines:?}"
    );
    let lines =
        place.lines(&format!("[plugin.web-ui]\npackage = \"{}\"", place.path("other-1.0.0.onmc").display()));
    assert_eq!(
        lines,
        [
            "opennmc.toml:4:1: plugin.web-ui.package: other-1.0.0.onmc: is the plugin \"other\", not \"web-ui\""
        ]
    );
    assert_eq!(
        place.lines("[plugin.web-ui]\nenabled = false"),
        ["opennmc.toml: no problems; UPSes: 1, plugins: 0"]
    );
}

#[test]
fn a_default_address_that_another_plugin_takes_is_noticed() {
    let place = Place::new();
    place.package("other-1.0.0.onmc", &MANIFEST.replace("\"nut-server\"", "\"other\""));
    assert_eq!(
        place.lines("[plugin.nut-server]\n[plugin.other]"),
        ["opennmc.toml:4:9: plugin.other.listen.nut: 127.0.0.1:3493 is already taken by `plugin.nut-server`"]
    );
}

#[test]
fn two_names_of_one_device_are_a_warning() {
    let place = Place::new();
    symlink("/dev/null", place.path("by-id")).unwrap();
    let text = format!(
        "[ups.a]\nport = \"/dev/null\"\n[ups.b]\nport = \"/dev/zero\"\n[ups.c]\nport = \"{}\"",
        place.path("by-id").display()
    );
    let inspection = place.inspect(&text);
    assert!(!inspection.has_errors());
    assert_eq!(
        place.lines(&text),
        [
            "opennmc.toml:8:1: warning: ups.c.port: by-id and /dev/null are the same device, which is already the port of \
             `a`; only one of the two UPSes will be reached",
            "opennmc.toml: no errors; UPSes: 4, plugins: 0",
        ]
    );
}

#[test]
fn a_port_that_is_absent_is_a_warning_and_one_that_is_no_device_an_error() {
    let place = Place::new();
    let inspection = place.inspect("[ups.a]\nport = \"/nowhere/ttyS0\"\n[ups.b]\nport = \"/etc/passwd\"");
    let found: Vec<(usize, Severity)> =
        inspection.problems.iter().map(|problem| (problem.line, problem.severity)).collect();
    assert_eq!(found, [(4, Severity::Warning), (6, Severity::Error)]);
}

#[test]
fn a_configuration_without_a_ups_must_say_that_it_means_it() {
    let place = Place::new();
    let path = place.path("none.toml");
    std::fs::write(&path, "allow-no-ups = true\n").unwrap();
    let inspection = inspect(&path, &[]).unwrap();
    assert!(!inspection.has_errors());
    assert_eq!(inspection.problems[0].key, "allow-no-ups");
    std::fs::write(&path, "allow-no-ups = false\n").unwrap();
    assert!(inspect(&path, &[]).unwrap().has_errors());
}

#[test]
fn the_findings_are_data_for_programs() {
    let place = Place::new();
    let json = serde_json::to_value(place.inspect("[ups.a]\nprot = 1\nport = \"/dev/null\"")).unwrap();
    assert_eq!(json["upses"], serde_json::Value::Null);
    assert_eq!(json["problems"][0]["severity"], "error");
    assert_eq!(json["problems"][0]["line"], 4);
    assert_eq!(json["problems"][0]["key"], "ups.a.prot");
    assert_eq!(Path::new(json["file"].as_str().unwrap()), place.path("opennmc.toml"));
}

#[test]
fn a_certificate_that_can_not_be_used_is_named_with_its_line_and_key() {
    let place = Place::new();
    let issue = |name: &str| rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let (own, other) = (issue("ups.test"), issue("other.test"));
    std::fs::write(place.path("host.pem"), own.cert.pem()).unwrap();
    std::fs::write(place.path("host.key"), own.signing_key.serialize_pem()).unwrap();
    std::fs::write(place.path("other.key"), other.signing_key.serialize_pem()).unwrap();
    let folder = place.0.path().display().to_string();
    let lines = |certificate: &str, key: &str| {
        place.lines(&format!("[tls]\ncertificate = \"{folder}/{certificate}\"\nkey = \"{folder}/{key}\""))
    };
    assert!(lines("host.pem", "host.key")[0].contains("no problems"));
    for (certificate, key, problem) in [
        ("host.pem", "other.key", "opennmc.toml:5:1: tls.key: other.key does not go with host.pem"),
        ("host.pem", "host.pem", "opennmc.toml:5:1: tls.key: host.pem: there is no PEM key in it"),
        ("host.key", "host.key", "opennmc.toml:4:1: tls.certificate: host.key: there is no PEM certificate"),
        ("absent.pem", "host.key", "opennmc.toml:4:1: tls.certificate: absent.pem: No such file"),
    ] {
        let found = lines(certificate, key);
        assert!(found[0].starts_with(problem), "{found:?}");
    }
    assert!(place.lines("[tls]\nkey = \"/x.key\"")[0].contains("`key` needs `certificate` beside it"));
}
