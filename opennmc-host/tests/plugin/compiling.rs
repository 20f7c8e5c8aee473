//! How a component becomes code: in a child process, from the cache, or not at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use opennmc_host::plugin::{PluginSettings, State, Target};
use tempfile::TempDir;

use crate::guests::{guests, manifest, pack};
use crate::host::{Host, compiling, field};

/// A folder with the package `x`, made of these bytes.
fn packages(wasm: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 2] =
        [("plugin.toml", manifest("x", "").as_bytes().to_vec().leak()), ("plugin.wasm", wasm)];
    fs::write(folder.path().join("x-1.2.3.onmc"), pack(&files)).unwrap();
    folder
}

/// Starts `x`, compiled by `program`, with the state in `state`.
fn start(wasm: &[u8], state: &Path, program: Option<PathBuf>) -> Host {
    let settings = vec![PluginSettings { id: "x".to_owned(), ..PluginSettings::default() }];
    let own = compiling(state.to_owned());
    let target = own.target;
    Host::start_compiling(packages(wasm), settings, None, own.with(program, target))
}

fn compiler(state: &Path) -> Option<PathBuf> {
    compiling(state.to_owned()).program
}

/// Why `x` did not start.
fn refused(wasm: &[u8], state: &Path, program: Option<PathBuf>) -> String {
    let host = start(wasm, state, program);
    field(&host.event("x", "plugin.failed", 1), "reason").to_owned()
}

/// The one file in the cache.
fn cached(state: &Path) -> PathBuf {
    let files: Vec<PathBuf> =
        fs::read_dir(state.join("cache")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[test]
fn what_was_compiled_once_starts_without_a_compiler() {
    let state = tempfile::tempdir().unwrap();
    let plain = &guests().plain;
    drop(start(plain, state.path(), compiler(state.path())));
    let host = start(plain, state.path(), None);
    assert!(matches!(host.status("x").state, State::Running { .. }));
}

#[test]
fn a_compiled_form_that_was_tampered_with_is_never_run() {
    let state = tempfile::tempdir().unwrap();
    let plain = &guests().plain;
    drop(start(plain, state.path(), compiler(state.path())));
    let file = cached(state.path());
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&file, &bytes).unwrap();
    let reason = refused(plain, state.path(), None);
    assert!(reason.contains("this OpenNMC has no compiler"), "{reason}");
    // With a compiler it is made anew, and trusted again.
    drop(start(plain, state.path(), compiler(state.path())));
    assert!(matches!(start(plain, state.path(), None).status("x").state, State::Running { .. }));
}

#[test]
fn a_compiled_form_for_another_machine_is_not_run_and_made_anew() {
    let state = tempfile::tempdir().unwrap();
    let plain = &guests().plain;
    let own = compiling(state.path().to_owned());
    let other = if own.target == Target::Pulley64 { Target::Native } else { Target::Pulley64 };
    let settings = vec![PluginSettings { id: "x".to_owned(), ..PluginSettings::default() }];
    drop(Host::start_compiling(
        packages(plain),
        settings,
        None,
        own.clone().with(own.program.clone(), other),
    ));
    let reason = refused(plain, state.path(), None);
    assert!(reason.contains(own.target.name()), "{reason}");
}

#[test]
fn what_is_no_component_is_refused_in_words() {
    let state = tempfile::tempdir().unwrap();
    let plain = &guests().plain;
    let module = b"\0asm\x01\0\0\0";
    for wasm in [&b"junk"[..], module, &plain[..plain.len() / 2], &[0; 4096]] {
        let reason = refused(wasm, state.path(), compiler(state.path()));
        assert!(reason.contains("plugin.wasm: ") && !reason.contains("panic"), "{reason}");
    }
    // Compiled code in the place of a component is code that nobody vouches for.
    drop(start(plain, state.path(), compiler(state.path())));
    let compiled = fs::read(cached(state.path())).unwrap();
    let reason = refused(&compiled[32..], state.path(), compiler(state.path()));
    assert!(reason.contains("plugin.wasm: "), "{reason}");
}

#[test]
fn a_compiler_that_dies_costs_that_plugin_its_start_and_says_how() {
    let state = tempfile::tempdir().unwrap();
    let script = state.path().join("compiler");
    for (text, word) in [
        ("kill -KILL $$", "signal: 9"),
        ("echo 'opennmc: too large' >&2; exit 10", "too large"),
        ("head -c 100 /dev/zero", "plugin.wasm"),
    ] {
        fs::write(&script, format!("#!/bin/sh\n{text}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&script, mode).unwrap();
        let reason = refused(&guests().plain, state.path(), Some(script.clone()));
        assert!(reason.contains(word), "{text}: {reason}");
    }
    let reason = refused(&guests().plain, state.path(), Some(state.path().join("absent")));
    assert!(reason.contains("can't be started"), "{reason}");
}

#[test]
fn a_plugin_that_is_stopped_while_it_is_compiled_does_not_wait_for_the_compiler() {
    let state = tempfile::tempdir().unwrap();
    let script = state.path().join("compiler");
    let pid = state.path().join("pid");
    fs::write(&script, format!("#!/bin/sh\necho $$ >{}\nexec sleep 600\n", pid.display())).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&script, mode).unwrap();
    let settings = vec![PluginSettings { id: "x".to_owned(), ..PluginSettings::default() }];
    let own = compiling(state.path().to_owned());
    let target = own.target;
    let mut host = Host::begin(packages(&guests().plain), settings, None, own.with(Some(script), target));
    let compiler = until(|| fs::read_to_string(&pid).ok().filter(|pid| pid.ends_with('\n')));
    let process = Path::new("/proc").join(compiler.trim());
    assert!(process.exists());
    host.stop();
    until(|| (!process.exists()).then_some(()));
}

/// Looks until there is an answer.
fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it never came");
        std::thread::yield_now();
    }
}
