//! Machines with `upsmon`: TLS that they insist on, what they leave for the end, and `upssched` behind them.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use opennmc_host::users::Role;

use crate::scene::{Scene, Upsmon, run_to_its_end, until, upsmon_program};
use crate::secrecy::Secret;

const PRIMARY: (&str, &str, Role, &str) = ("primary", "a-rainy-place", Role::Operator, "read login fsd");
const SECONDARY: (&str, &str, Role, &str) = ("secondary", "a-windy-place", Role::Operator, "read login");
/// Where Debian has `upssched`.
const UPSSCHED: &str = "/sbin/upssched";

/// Longer than a test may take: who waits for this timer to be called off and not run out waits for nothing.
const NEVER_SECONDS: u32 = 600;

#[test]
fn upssched_starts_timers_on_battery_calls_one_off_on_line_and_one_runs_out() {
    let scene = scene();
    let machine = with_upssched(&scene);
    let happened = || std::fs::read_to_string(machine.folder().join("happened")).unwrap_or_default();
    until("the log-in", || scene.upsc(&["-c", "main"]), |clients| clients.contains("127.0.0.1"));
    scene.control("line off");
    until("the timer that runs out", happened, |what| what.contains("short"));
    scene.control("line on");
    // What had run out can't be called off, and upssched says so in the way that it was told to.
    until("the return of mains", happened, |what| what.contains("back") && what.contains("short-was-over"));
    // Its process ends when no timer is left, so that the long one was called off, too.
    let pipe = machine.folder().join("upssched.pipe");
    until("the end of upssched", || pipe.exists().to_string(), |exists| exists == "false");
    // Whether anything came twice is upssched's affair: it forks while it works through its lines.
    let what = happened();
    assert_eq!(what.lines().collect::<BTreeSet<_>>(), BTreeSet::from(["back", "short", "short-was-over"]));
}

#[test]
fn a_primary_leaves_its_flag_for_the_end_of_the_shutdown() {
    let scene = scene();
    let primary = scene.upsmon("one", PRIMARY.0, PRIMARY.1, "primary");
    let secondary = scene.upsmon("two", SECONDARY.0, SECONDARY.1, "secondary");
    until("both log-ins", || scene.upsc(&["-c", "main"]), |clients| clients.lines().count() == 2);
    assert!(!flag_is_set(&primary), "nothing has happened yet");
    scene.control("line off");
    scene.control("low-battery");
    for machine in [&secondary, &primary] {
        until("SHUTDOWNCMD", || machine.has_shut_down(), |yes| yes == "yes");
    }
    // Written before SHUTDOWNCMD runs: the scripts of a real shutdown ask for it next.
    assert!(flag_is_set(&primary), "{}", primary.log());
}

#[test]
fn upsmon_that_insists_on_tls_and_a_known_certificate_does_its_whole_job() {
    let secret = Secret::with(&[PRIMARY], "");
    let scene = &secret.scene;
    until("data", || scene.upsc(&["main", "ups.status"]), |status| status == "OL\n");
    let machine = insisting(scene, "trusting", Some(&secret.authority()));
    until("the log-in", || scene.upsc(&["-c", "main"]), |clients| clients.contains("127.0.0.1"));
    assert!(machine.log().contains("in SSL"), "{}", machine.log());
    scene.control("line off");
    scene.control("low-battery");
    until("SHUTDOWNCMD", || machine.has_shut_down(), |yes| yes == "yes");
    assert!(flag_is_set(&machine));
}

#[test]
fn upsmon_that_insists_does_not_log_in_at_a_server_without_tls_or_with_an_unknown_certificate() {
    let secret = Secret::with(&[PRIMARY], "");
    let strange = insisting(&secret.scene, "strange", Some(&secret.authority_of_somebody_else()));
    let bare = scene();
    let without = insisting(&bare, "without", None);
    until("its complaint", || strange.log(), |log| log.contains("is unavailable"));
    until("its complaint", || without.log(), |log| log.contains("is unavailable"));
    for scene in [&secret.scene, &bare] {
        assert!(!scene.upsc(&["-c", "main"]).contains("127.0.0.1"));
        assert!(!scene.log().contains("failed log-in"), "no password was sent: {}", scene.log());
    }
}

fn scene() -> Scene {
    let scene = Scene::with_users(&[PRIMARY, SECONDARY]);
    until("data", || scene.upsc(&["main", "ups.status"]), |status| status == "OL\n");
    scene
}

/// What `upsmon -K` says, as shutdown scripts ask it.
fn flag_is_set(machine: &Upsmon) -> bool {
    let mut upsmon = Command::new(upsmon_program());
    run_to_its_end(upsmon.arg("-K").env("NUT_CONFPATH", machine.folder())).status.success()
}

fn with_upssched(scene: &Scene) -> Upsmon {
    assert!(Path::new(UPSSCHED).exists(), "{UPSSCHED} is missing: `cargo xtask setup` installs it");
    let folder = scene.folder("with-timers");
    let shown = folder.display();
    let script = folder.join("script");
    std::fs::write(&script, format!("#!/bin/sh\necho \"$1\" >> {shown}/happened\n")).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!(
        "CMDSCRIPT {shown}/script\nPIPEFN {shown}/upssched.pipe\nLOCKFN {shown}/upssched.lock\n\
         AT ONBATT * START-TIMER long {NEVER_SECONDS}\n\
         AT ONBATT * START-TIMER short 1\n\
         AT ONLINE * CANCEL-TIMER long long-was-over\n\
         AT ONLINE * CANCEL-TIMER short short-was-over\n\
         AT ONLINE * EXECUTE back\n"
    );
    std::fs::write(folder.join("upssched.conf"), config).unwrap();
    let more = format!("NOTIFYCMD {UPSSCHED}\nNOTIFYFLAG ONBATT EXEC\nNOTIFYFLAG ONLINE EXEC\n");
    scene.upsmon_with(folder, PRIMARY.0, PRIMARY.1, "primary", &more)
}

/// A machine that takes nothing but TLS, and only from a server whose certificate is `authority`'s.
fn insisting(scene: &Scene, name: &str, authority: Option<&Path>) -> Upsmon {
    let folder = scene.folder(name);
    let certificates = certificate_store(&folder, authority);
    let more = format!("CERTPATH {}\nCERTVERIFY 1\nFORCESSL 1\n", certificates.display());
    scene.upsmon_with(folder, PRIMARY.0, PRIMARY.1, "primary", &more)
}

/// Debian's NUT is built with NSS, which keeps certificates in a database.
fn certificate_store(folder: &Path, authority: Option<&Path>) -> PathBuf {
    let store = folder.join("certificates");
    std::fs::create_dir(&store).unwrap();
    let certutil = |arguments: &[&str]| {
        let mut certutil = Command::new("certutil");
        let ended = run_to_its_end(certutil.args(arguments).arg("-d").arg(&store));
        assert!(ended.status.success(), "{certutil:?}: {}", String::from_utf8_lossy(&ended.stderr));
    };
    certutil(&["-N", "--empty-password"]);
    if let Some(authority) = authority {
        certutil(&["-A", "-n", "server", "-t", "CP,,", "-i", authority.to_str().unwrap()]);
    }
    // Upsmon is somebody else, see there.
    for entry in std::fs::read_dir(&store).unwrap() {
        std::fs::set_permissions(entry.unwrap().path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o755)).unwrap();
    store
}
