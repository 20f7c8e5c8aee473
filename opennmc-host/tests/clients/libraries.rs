//! NUT's client libraries in other languages: a program with each does all that the library can, and tells what it saw.
//!
//! The programs and what pins the libraries are in `libraries/`. `cargo xtask setup` fetches the libraries.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use opennmc_host::users::Role;
use serde::Deserialize;

use crate::scene::{Scene, run_to_its_end, until};
use crate::secrecy::Secret;
use crate::{same_value, variables};

/// The variable that names a file of trusted certificates to PyNUT's program.
const AUTHORITY: &str = "NUT_CA";
/// Variables that a UPS of this kind has told when it has told its choices.
const FEWEST: usize = 30;
const ADMIN: (&str, &str, Role, &str) = ("admin", "a-sunny-place", Role::Administrator, "");

/// What a program tells. A library that can't do a thing says nothing of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    version: Option<String>,
    protocol: Option<String>,
    help: Option<String>,
    upses: BTreeMap<String, String>,
    description: Option<String>,
    variables: BTreeMap<String, String>,
    status: Option<String>,
    /// With their descriptions.
    commands: BTreeMap<String, Option<String>>,
    settable: Option<BTreeMap<String, String>>,
    types: Option<BTreeMap<String, serde_json::Value>>,
    clients: Option<Vec<String>>,
    logins: Option<u32>,
    available: Option<bool>,
    /// Whether it asked for ids of what it orders, and got them.
    tracked: Option<bool>,
    login: Option<String>,
    /// The list of UPSes, a connection for each.
    again: Option<Vec<BTreeMap<String, String>>>,
    /// The error for a UPS that does not exist.
    unknown: String,
    /// The error without a user.
    anonymous: Option<String>,
    /// The error with a wrong password.
    denied: String,
    /// The error for a command with a value that it does not take.
    value: Option<String>,
    set: Option<String>,
    /// The error for a variable that can't be set.
    misset: Option<String>,
    run: String,
    primary: Option<String>,
    fsd: Option<String>,
}

#[test]
fn pynut_of_debian_does_its_whole_job() {
    let scene = scene();
    let told = tell(&scene, &mut pynut("/usr/bin/python3".into(), "PyNUT"));
    told.help.as_ref().expect("the help");
    assert_eq!(told.set.as_deref(), Some("OK"));
    shut_down(&scene, &told);
    whole_job(&scene, &told);
}

#[test]
fn pynutclient_of_pypi_does_its_whole_job_and_logs_in() {
    let scene = scene();
    let told = tell(&scene, &mut pynut(pypi(), "PyNUTClient.PyNUT"));
    assert_eq!((told.available, told.login.as_deref()), (Some(true), Some("OK")));
    assert_eq!(told.clients.as_deref(), Some(&["127.0.0.1".to_owned()][..]));
    assert_eq!(told.set.as_deref(), Some("OK"));
    shut_down(&scene, &told);
    whole_job(&scene, &told);
}

#[test]
fn pynutclient_does_the_same_over_tls_and_refuses_a_server_that_it_does_not_trust() {
    let secret = Secret::with(&[ADMIN], "");
    secret.scene.wait_for_choices();
    let told = tell(&secret.scene, pynut(pypi(), "PyNUTClient.PyNUT").env(AUTHORITY, secret.authority()));
    assert_eq!((told.login.as_deref(), told.set.as_deref()), (Some("OK"), Some("OK")));
    shut_down(&secret.scene, &told);
    whole_job(&secret.scene, &told);
    let mut distrustful = pynut(pypi(), "PyNUTClient.PyNUT");
    distrustful.env(AUTHORITY, secret.authority_of_somebody_else());
    let refused = run(&secret.scene, &mut distrustful);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("CERTIFICATE_VERIFY_FAILED"), "{said}");
}

#[test]
fn aionut_does_its_whole_job_with_a_user_and_without() {
    let scene = scene();
    let mut program = Command::new(pypi());
    let told = tell(&scene, program.arg(source("with_aionut.py")));
    let again = told.again.as_deref().unwrap();
    assert_eq!(again, [told.upses.clone(), told.upses.clone()], "a connection for each request");
    assert!(told.anonymous.as_ref().unwrap().contains("ERR USERNAME-REQUIRED"), "{:?}", told.anonymous);
    assert!(told.denied.starts_with("NUTLoginError"), "{}", told.denied);
    assert!(told.value.as_ref().unwrap().contains("ERR INVALID-ARGUMENT"), "{:?}", told.value);
    whole_job(&scene, &told);
}

#[test]
fn node_nut_does_its_whole_job() {
    let scene = scene();
    let modules = fetched("npm/node_modules");
    let mut node = Command::new("node");
    let told = tell(&scene, node.env("NODE_PATH", modules).arg(source("with_node_nut.js")));
    let types = told.types.as_ref().unwrap();
    assert_eq!(types["ups.id"]["kind"], "STRING:8", "{types:?}");
    let choices = types["input.sensitivity"]["choices"].as_array().unwrap();
    assert!(choices.iter().any(|choice| *choice == told.variables["input.sensitivity"]), "{choices:?}");
    assert_eq!((told.set.as_deref(), told.primary.as_deref()), (Some("OK"), Some("OK")));
    shut_down(&scene, &told);
    whole_job(&scene, &told);
}

#[test]
fn rups_does_its_whole_job() {
    let scene = scene();
    let told = tell(&scene, &mut Command::new(fetched("rups/debug/with-rups")));
    let types = told.types.as_ref().unwrap();
    assert_eq!(types["ups.id"]["length"], 8, "{types:?}");
    assert!(types.values().all(|kind| kind["settable"] == true), "{types:?}");
    let choices = types["input.sensitivity"]["choices"].as_array().unwrap();
    assert!(choices.iter().any(|choice| *choice == told.variables["input.sensitivity"]), "{choices:?}");
    assert_eq!((told.logins, told.clients.as_deref()), (Some(0), Some(&[][..])));
    assert_eq!(told.status.as_deref(), Some("OL"));
    whole_job(&scene, &told);
}

#[test]
fn libnutclient_does_its_whole_job_and_follows_what_it_ordered() {
    let scene = scene();
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("with_libnutclient");
    let mut compiler = Command::new("g++");
    compiler.args(["-std=c++17", "-Wall", "-Wextra", "-Werror"]).arg(source("with_libnutclient.cpp"));
    let compiled = run_to_its_end(compiler.args(["-lnutclient", "-o"]).arg(&program));
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let told = tell(&scene, &mut Command::new(program));
    assert_eq!((told.available, told.tracked), (Some(true), Some(true)));
    assert_eq!((told.login.as_deref(), told.logins), (Some("OK"), Some(1)));
    assert_eq!((told.set.as_deref(), told.primary.as_deref()), (Some("OK"), Some("OK")));
    shut_down(&scene, &told);
    whole_job(&scene, &told);
}

#[test]
fn perls_ups_nut_does_its_whole_job() {
    let scene = scene();
    let told = tell(&scene, Command::new("/usr/bin/perl").arg(source("with_ups_nut.pl")));
    let types = told.types.as_ref().unwrap();
    assert_eq!(types["ups.id"]["kind"], "RW STRING:8", "{types:?}");
    assert_eq!(types["input.sensitivity"]["choices"], serde_json::json!(["H", "M", "L"]));
    assert_eq!((told.set.as_deref(), told.primary.as_deref()), (Some("OK"), Some("OK")));
    shut_down(&scene, &told);
    whole_job(&scene, &told);
}

/// What holds for all of them.
fn whole_job(scene: &Scene, told: &Told) {
    assert!(told.version.as_ref().is_none_or(|version| version.contains("OpenNMC")), "{:?}", told.version);
    assert!(told.protocol.as_ref().is_none_or(|version| version == "1.3"), "{:?}", told.protocol);
    assert_eq!(told.upses, BTreeMap::from([("main".to_owned(), "Rack A".to_owned())]));
    assert!(told.description.as_ref().is_none_or(|text| text == "Rack A"), "{:?}", told.description);
    let listed = scene.upscmd(&["-l"], &[]);
    let commands: BTreeSet<&str> =
        listed.lines().filter_map(|line| line.split_once(" - ")).map(|(name, _)| name).collect();
    assert!(told.commands.keys().map(String::as_str).eq(commands), "{:?}\n{listed}", told.commands);
    for (name, description) in &told.commands {
        assert!(description.as_ref().is_none_or(|text| text.contains(' ')), "{name} is {description:?}");
    }
    if let Some(settable) = &told.settable {
        assert!(
            settable.contains_key("ups.id") && settable.contains_key("input.sensitivity"),
            "{settable:?}"
        );
        assert!(settable.iter().all(|(name, value)| told.variables[name] == *value), "{settable:?}");
    }
    assert!(told.unknown.contains("UNKNOWN-UPS") || told.unknown == "Unknown UPS device", "{}", told.unknown);
    assert!(told.denied.contains("ACCESS-DENIED") || told.denied == "Access denied", "{}", told.denied);
    assert!(told.misset.as_ref().is_none_or(|error| error.contains("READONLY")), "{:?}", told.misset);
    assert_eq!(told.run, "OK");
    let truth = scene.control("truth");
    assert!(truth.contains("OB") || truth.contains("in progress"), "no test was started:\n{truth}");
    let named = truth.contains("ups.id: RACK7");
    assert_eq!(named, told.set.as_deref() == Some("OK"), "what was told and what is:\n{truth}");
}

/// The forced shutdown was accepted, and everybody sees it.
fn shut_down(scene: &Scene, told: &Told) {
    assert_eq!(told.fsd.as_deref(), Some("OK"));
    until("FSD", || scene.upsc(&["main", "ups.status"]), |status| status.contains("FSD"));
}

fn scene() -> Scene {
    let scene = Scene::with_users(&[ADMIN]);
    scene.wait_for_choices();
    scene
}

/// Runs a program to its end. What it saw of the variables that were there before is what the simulator had.
fn tell(scene: &Scene, program: &mut Command) -> Told {
    let (before, truth) = (scene.upsc(&["main"]), scene.control("truth"));
    let before = variables(&before);
    let truth: Vec<_> = variables(&truth).into_iter().filter(|(name, _)| before.contains_key(name)).collect();
    assert!(truth.len() >= FEWEST, "{truth:?}");
    let output = run(scene, program);
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program:?} failed:\n{said}{wrong}\n{}", scene.log());
    let told: Told = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}:\n{said}"));
    for (name, value) in &truth {
        let shown = told.variables.get(*name).unwrap_or_else(|| panic!("{name} is missing:\n{said}"));
        assert!(
            same_value(shown, value) || *name == "input.transfer.reason",
            "{name} is {value}, shown as {shown}"
        );
    }
    told
}

fn run(scene: &Scene, program: &mut Command) -> Output {
    let (user, password, ..) = ADMIN;
    run_to_its_end(program.arg(scene.port().to_string()).args([user, password]))
}

fn pynut(python: PathBuf, module: &str) -> Command {
    let mut command = Command::new(python);
    command.arg(source("with_pynut.py")).arg(module);
    command
}

/// The Python that has the libraries from PyPI.
fn pypi() -> PathBuf {
    fetched("pypi/bin/python")
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/libraries").join(name)
}

/// What `cargo xtask setup` has left under `target/peers`.
fn fetched(path: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_opennmc")).ancestors().nth(2).unwrap();
    let path = target.join("peers").join(path);
    assert!(path.exists(), "{} is missing: `cargo xtask setup` fetches it", path.display());
    path
}
