//! Native drivers: the example in C at work, and libraries that must not be loaded.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

#[path = "../bench/mod.rs"]
mod bench;
mod megatec;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use bench::Bench;
use megatec::Megatec;
use opennmc_host::door::{Order, OrderRequest, OrderResult, Progress};
use opennmc_host::driver::native::{LoadError, NativeLibrary};
use opennmc_host::state::Availability;
use opennmc_host::users::{Origin, Principal, Role};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// Compiles `source` into `folder`, as the example says.
fn compile(folder: &Path, source: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let library = folder.join("driver.so");
    let output = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2", "-fPIC", "-shared", "-I"])
        .arg(root.join("include"))
        .arg(source)
        .arg("-o")
        .arg(&library)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    set_mode(&library, 0o644);
    library
}

fn megatec(folder: &Path) -> PathBuf {
    let bindings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bindings/c");
    compile(folder, &bindings.join("driver_megatec.c"))
}

/// A driver whose entry is `entry`, behind the functions of a driver that does nothing.
fn odd_driver(folder: &Path, entry: &str) -> PathBuf {
    let source = folder.join("odd.c");
    let functions = r#"
        #include "opennmc_driver.h"
        static const char *name(void) { return "odd"; }
        static void *create(const opennmc_host *host, const char *options) { (void)options; return (void *)host; }
        static void destroy(void *d) { (void)d; }
        static void at(void *d, uint64_t now) { (void)d, (void)now; }
        static void input(void *d, uint64_t now, const uint8_t *b, size_t n) { (void)d, (void)now, (void)b, (void)n; }
        static uint64_t deadline(const void *d) { (void)d; return OPENNMC_NEVER; }
        static uint32_t run(void *d, uint64_t now, uint64_t t, const char *c, const char *a, uint32_t y)
        { (void)d, (void)now, (void)t, (void)c, (void)a, (void)y; return OPENNMC_RESULT_UNSUPPORTED; }
        static uint32_t set(void *d, uint64_t now, uint64_t t, const char *v, const char *x)
        { (void)d, (void)now, (void)t, (void)v, (void)x; return OPENNMC_RESULT_UNSUPPORTED; }
        opennmc_driver it(void);
        opennmc_driver it(void) {
            opennmc_driver driver = { OPENNMC_DRIVER_ABI, sizeof driver, name, create, destroy, at, at, input, at, deadline, run, set };
            return driver;
        }
    "#;
    std::fs::write(&source, format!("{functions}\n{entry}\n")).unwrap();
    compile(folder, &source)
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn hash(path: &Path) -> String {
    let digest = Sha256::digest(std::fs::read(path).unwrap());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn refusal(path: &Path) -> LoadError {
    NativeLibrary::load(path, &hash(path)).unwrap_err()
}

/// A main loop with `[driver.megatec]` and a UPS `main` on `port`.
fn start(bench: &mut Bench, library: &Path, sha256: &str, port: &str) {
    bench.start(&format!(
        "[driver.megatec]\nlibrary = \"{}\"\nsha256 = \"{sha256}\"\n\
         [ups.main]\nport = \"{port}\"\ndriver = \"megatec\"\n",
        library.display()
    ));
}

fn order(bench: &mut Bench, command: &str) -> OrderResult {
    let principal = Principal {
        name: "kim".to_owned(),
        role: Role::Operator,
        scopes: None,
        origin: Origin::Socket { uid: 1000, pid: 7 },
    };
    let order = Order::Run { command: command.to_owned(), argument: None };
    let request = OrderRequest { device: "main".to_owned(), order, principal, danger_confirmed: false };
    let result = Arc::new(Mutex::new(None));
    let sink = Arc::clone(&result);
    bench.host().order(
        request,
        Box::new(move |progress| {
            if let Progress::Ended(_, result) = progress {
                *sink.lock().unwrap() = Some(result);
            }
        }),
    );
    bench.turn_until("the order has ended", |_| result.lock().unwrap().is_some());
    let result = result.lock().unwrap().take();
    result.unwrap()
}

#[test]
fn the_example_driver_shows_a_megatec_ups_and_runs_its_commands() {
    let ups = Megatec::start();
    let mut bench = Bench::new();
    let library = megatec(bench.dir());
    let sha256 = hash(&library);
    start(&mut bench, &library, &sha256, &ups.port());
    bench.turn_until_main_is(Availability::Live);
    bench.turn_until("everything is known", |bench| bench.value("ups.temperature").is_some());
    let expected = [
        ("driver.name", "megatec"),
        ("ups.status", "OL"),
        ("input.voltage", "229.5"),
        ("ups.load", "34"),
        ("battery.voltage", "13.60"),
        ("input.frequency", "50.1"),
    ];
    for (name, value) in expected {
        assert_eq!(bench.value(name).as_deref(), Some(value), "{name}");
    }
    assert!(bench.main().commands.contains("test.battery.start.quick"));

    assert_eq!(order(&mut bench, "test.battery.start.quick"), OrderResult::Executed);
    assert_eq!(order(&mut bench, "test.battery.stop"), OrderResult::Executed);
    assert_eq!(order(&mut bench, "beeper.toggle"), OrderResult::Accepted);
    bench.turn_until("the beeper is off", |bench| {
        bench.value("ups.beeper.status").as_deref() == Some("disabled")
    });
    assert!(matches!(order(&mut bench, "shutdown.return"), OrderResult::Unconfirmed(_)));
    assert!(!ups.heard().iter().any(|line| line.starts_with('S')), "nothing was sent");

    ups.fail_mains();
    bench.turn_until("it is on battery", |bench| {
        bench.value("ups.status").is_some_and(|status| status.contains("OB"))
    });
}

#[test]
fn a_test_that_the_ups_does_not_begin_had_no_effect() {
    let ups = Megatec::deaf_to("T");
    let mut bench = Bench::new();
    let library = megatec(bench.dir());
    let sha256 = hash(&library);
    start(&mut bench, &library, &sha256, &ups.port());
    bench.turn_until("everything is known", |bench| !bench.main().commands.is_empty());
    assert_eq!(order(&mut bench, "test.battery.start.quick"), OrderResult::NoEffect);
}

#[test]
fn a_ups_whose_driver_is_refused_says_why_and_the_others_go_on() {
    let mut bench = Bench::new();
    let library = megatec(bench.dir());
    let wrong = "0".repeat(64);
    bench.start(&format!(
        "[driver.megatec]\nlibrary = \"{}\"\nsha256 = \"{wrong}\"\n\
         [ups.main]\nport = \"tcp://127.0.0.1:9\"\ndriver = \"megatec\"\n\
         [ups.other]\nport = \"sim:smart-ups-1500\"\n",
        library.display()
    ));
    bench.turn_until_main_is(Availability::Disconnected);
    bench.turn_until("the other is live", |bench| {
        bench.snapshot().device("other").unwrap().availability == Availability::Live
    });
    let lines = bench.operator_lines();
    let said = lines.iter().find(|line| line.contains("SHA-256")).unwrap_or_else(|| panic!("{lines:#?}"));
    assert!(said.contains(&hash(&library)) && said.contains(&wrong), "{said}");
}

#[test]
fn a_library_that_others_may_write_is_refused() {
    let folder = folder();
    let library = megatec(folder.path());
    for mode in [0o664, 0o646] {
        set_mode(&library, mode);
        let error = refusal(&library);
        assert!(matches!(&error, LoadError::Exposed { path, .. } if *path == library), "{error}");
    }
    set_mode(&library, 0o644);
    NativeLibrary::load(&library, &hash(&library)).unwrap();
    set_mode(folder.path(), 0o777);
    let error = refusal(&library);
    assert!(matches!(&error, LoadError::Exposed { path, .. } if path == folder.path()), "{error}");
}

#[test]
fn another_file_than_the_trusted_one_is_refused() {
    let folder = folder();
    let library = megatec(folder.path());
    let trusted = hash(&library);
    let mut bytes = std::fs::read(&library).unwrap();
    bytes.push(0);
    std::fs::write(&library, bytes).unwrap();
    let error = NativeLibrary::load(&library, &trusted).unwrap_err();
    assert!(matches!(&error, LoadError::OtherFile { expected, .. } if *expected == trusted), "{error}");
}

#[test]
fn what_is_no_driver_is_refused_with_what_is_wrong() {
    let expect = |entry: &str, words: &str| {
        let folder = folder();
        let error = refusal(&odd_driver(folder.path(), entry)).to_string();
        assert!(error.contains(words), "{error}");
    };
    let with = |change: &str| {
        format!(
            "const opennmc_driver *opennmc_driver_entry(void) {{ static opennmc_driver d; d = it(); {change}; return &d; }}"
        )
    };
    expect("", "has no function `opennmc_driver_entry`");
    expect("const opennmc_driver *opennmc_driver_entry(void) { return NULL; }", "gave NULL");
    expect(&with("d.abi = 2"), "version 2 of the driver interface");
    expect(&with("d.size = 8"), "smaller than in the header");
    expect(&with("d.deadline = NULL"), "its function `deadline` is NULL");
    expect("const char *opennmc_driver_entry_is_not_here = \"\";", "has no function");

    let folder = folder();
    NativeLibrary::load(&odd_driver(folder.path(), &with("")), &hash(&folder.path().join("driver.so")))
        .unwrap();
    let text = folder.path().join("text.so");
    std::fs::write(&text, "no library").unwrap();
    assert!(matches!(refusal(&text), LoadError::Linker { .. }));
    let relative = NativeLibrary::load(Path::new("driver.so"), &"0".repeat(64)).unwrap_err();
    assert!(matches!(relative, LoadError::Relative(_)));
    let missing = NativeLibrary::load(Path::new("/nowhere/driver.so"), &"0".repeat(64)).unwrap_err();
    assert!(matches!(missing, LoadError::Unreadable { .. }));
}
