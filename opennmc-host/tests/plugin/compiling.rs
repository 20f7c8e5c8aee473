//! How a component becomes code: in a child process, from the cache, or not at all.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use minisign::KeyPair;
use opennmc_host::plugin::{Digest, PluginSettings, Signer, State, Target, Trust};
use sha2::{Digest as _, Sha256};
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

/// What the compiler makes of a component.
fn compile(wasm: &[u8], state: &Path) -> Vec<u8> {
    let mut child = Command::new(compiler(state).unwrap())
        .args(["compile", "--target", compiling(state.to_owned()).target.name()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let wasm = wasm.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&wasm).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Starts `x` without a compiler from a package with the compiled form `form`, of which somebody has signed as if it were
/// `signed`. Gives the reason of its failure, if it has failed.
fn start_precompiled(form: &[u8], signed: &[u8], precompile: bool) -> Option<String> {
    let manifest = manifest("x", "");
    let name = format!("precompiled/{}.cwasm", compiling(PathBuf::new()).target);
    let mut files: Vec<(&str, &[u8])> =
        vec![("plugin.toml", manifest.as_bytes()), ("plugin.wasm", &guests().plain), (&name, signed)];
    files.sort_by_key(|(name, _)| *name);
    let line = |(name, bytes): &(&str, &[u8])| format!("{}  {name}\n", Digest(Sha256::digest(bytes).into()));
    let text: String = files.iter().map(line).collect();
    let key = KeyPair::generate_unencrypted_keypair().unwrap();
    let signature =
        minisign::sign(Some(&key.pk), &key.sk, Cursor::new(text), None, None).unwrap().into_string();
    for (_, bytes) in files.iter_mut().filter(|(member, _)| *member == name) {
        *bytes = form;
    }
    files.push(("plugin.sig", signature.as_bytes()));
    start_signed(&pack(&files), &key.pk.to_base64(), precompile)
}

/// Starts `x` without a compiler from this package, which the owner of the key has signed. Gives the reason of its failure,
/// if it has failed.
fn start_signed(package: &[u8], key: &str, precompile: bool) -> Option<String> {
    let (state, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("x-1.2.3.onmc"), package).unwrap();
    let mut trust = Trust::default();
    trust.signers = vec![Signer::new("us", key.to_owned().try_into().unwrap(), precompile)];
    let settings = vec![PluginSettings { id: "x".to_owned(), ..PluginSettings::default() }];
    let own = compiling(state.path().to_owned());
    let target = own.target;
    let host = Host::begin_trusting(folder, settings, own.with(None, target), trust);
    host.until("the first start has ended", |seen| seen.settled);
    let status = host.status("x");
    match status.state {
        State::Running { .. } => None,
        _ => Some(status.epitaph.unwrap().text),
    }
}

/// `opennmc plugin` of a build for authors, in `folder`.
fn author(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(compiler(folder).unwrap());
    command.arg("plugin").args(words).current_dir(folder).output().unwrap()
}

/// What an author without a daemon does: a key, and a package with the form for the machine of this build. Gives the package
/// and the public key.
fn packed_by_an_author() -> (Vec<u8>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("plugin.toml"), manifest("x", "")).unwrap();
    fs::write(path.join("component.wasm"), &guests().plain).unwrap();
    let target = compiling(path.to_owned()).target;
    let pack = ["pack", ".", "--module", "component.wasm", "--into", ".", "--precompiled", target.name()];
    let unsigned = author(path, &pack);
    let complaint = String::from_utf8(unsigned.stderr).unwrap();
    assert!(unsigned.status.code() == Some(2) && complaint.contains("--sign"), "{complaint}");
    assert!(!path.join("x-1.2.3.onmc").exists());
    for words in
        [&["keygen", "--no-password", "release.key"][..], &[&pack[..], &["--sign", "release.key"]].concat()]
    {
        let done = author(path, words);
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let public = fs::read_to_string(path.join("release.key.pub")).unwrap();
    (fs::read(path.join("x-1.2.3.onmc")).unwrap(), public.lines().last().unwrap().to_owned())
}

#[test]
fn what_an_author_packs_for_this_machine_runs_where_there_is_no_compiler() {
    let (package, key) = packed_by_an_author();
    assert_eq!(start_signed(&package, &key, true), None);
    let reason = start_signed(&package, &key, false).unwrap();
    assert!(reason.contains("has no compiler") && reason.contains("precompile = true"), "{reason}");
}

#[test]
fn a_byte_changed_in_a_form_that_an_author_has_packed_makes_the_package_a_forgery() {
    let (mut package, key) = packed_by_an_author();
    let form = {
        let mut archive = tar::Archive::new(package.as_slice());
        let mut entries = archive.entries().unwrap().map(Result::unwrap);
        let form = entries.find(|entry| entry.path_bytes().ends_with(b".cwasm")).unwrap();
        form.raw_file_position() as usize + form.size() as usize / 2
    };
    package[form] ^= 1;
    let reason = start_signed(&package, &key, true).unwrap();
    assert!(reason.contains("plugin.sig"), "{reason}");
}

#[test]
fn a_form_that_a_signer_who_may_has_compiled_runs_without_a_compiler() {
    let state = tempfile::tempdir().unwrap();
    let form = compile(&guests().plain, state.path());
    assert_eq!(start_precompiled(&form, &form, true), None);
}

#[test]
fn a_form_of_a_signer_who_may_not_compile_is_not_run() {
    let state = tempfile::tempdir().unwrap();
    let form = compile(&guests().plain, state.path());
    let reason = start_precompiled(&form, &form, false).unwrap();
    assert!(reason.contains("has no compiler") && reason.contains("precompile = true"), "{reason}");
}

#[test]
fn a_form_that_is_not_what_was_signed_is_a_forgery() {
    let state = tempfile::tempdir().unwrap();
    let form = compile(&guests().plain, state.path());
    let mut other = form.clone();
    let middle = other.len() / 2;
    other[middle] ^= 1;
    let reason = start_precompiled(&other, &form, true).unwrap();
    assert!(reason.contains("plugin.sig"), "{reason}");
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
