//! NUT's clients that log in: `upsmon`, `upscmd`, `upsrw`.

use opennmc_host::users::Role;

use crate::scene::{Scene, until};

const ADMIN: (&str, &str, Role, &str) = ("admin", "a sunny=place #1", Role::Administrator, "");
const UPSMON: (&str, &str, Role, &str) = ("upsmon", "a-rainy-place", Role::Operator, "read login fsd");
const GUEST: (&str, &str, Role, &str) = ("guest", "a-windy-place", Role::Monitor, "");

fn credentials<'a>((name, password, ..): (&'a str, &'a str, Role, &'a str)) -> [&'a str; 4] {
    ["-u", name, "-p", password]
}

fn scene() -> Scene {
    let scene = Scene::with_users(&[ADMIN, UPSMON, GUEST]);
    until("data", || scene.upsc(&["main", "ups.status"]), |out| out.trim() == "OL");
    // What the UPS can do comes after what it is.
    until("its commands", || scene.upscmd(&["-l"], &[]), |out| out.contains("test.battery.start"));
    scene
}

#[test]
fn upsmon_logs_in_is_counted_and_shuts_its_machine_down_when_the_battery_is_low() {
    let scene = scene();
    let primary = scene.upsmon("primary", UPSMON.0, UPSMON.1, "primary");
    let clients = || scene.upsc(&["-c", "main"]);
    until("the log-in", clients, |out| out.contains("127.0.0.1"));
    scene.control("line off");
    until("OB", || scene.upsc(&["main", "ups.status"]), |out| out.contains("OB"));
    assert_eq!(primary.has_shut_down(), "no", "{}", primary.log());
    scene.control("low-battery");
    until("the forced shutdown", || scene.upsc(&["main", "ups.status"]), |out| out.contains("FSD"));
    until("SHUTDOWNCMD", || primary.has_shut_down(), |out| out == "yes");
    let log = primary.log();
    assert!(!log.contains("ACCESS-DENIED"), "{log}");
    // The process ended with its work, and with it its log-in.
    until("the log-out", clients, |out| !out.contains("127.0.0.1"));
}

#[test]
fn a_secondary_upsmon_follows_the_primarys_forced_shutdown() {
    let scene = scene();
    let secondary = scene.upsmon("secondary", UPSMON.0, UPSMON.1, "secondary");
    let primary = scene.upsmon("primary", UPSMON.0, UPSMON.1, "primary");
    let count =
        || scene.upsc(&["-c", "main"]).lines().filter(|line| line.contains("127.0.0.1")).count().to_string();
    until("both log-ins", count, |out| out == "2");
    scene.control("line off");
    scene.control("low-battery");
    until("the secondary's SHUTDOWNCMD", || secondary.has_shut_down(), |out| out == "yes");
    until("the primary's SHUTDOWNCMD", || primary.has_shut_down(), |out| out == "yes");
}

#[test]
fn an_upsmon_with_a_wrong_password_is_not_counted_and_the_log_says_so() {
    let scene = scene();
    let _upsmon = scene.upsmon("stranger", UPSMON.0, "a-foggy-place", "primary");
    until("a warning", || scene.log(), |log| log.contains("LOGIN from 127.0.0.1"));
    let log = scene.log();
    assert!(log.contains("failed log-in of `upsmon`") && !log.contains("foggy"), "{log}");
    assert!(!scene.upsc(&["-c", "main"]).contains("127.0.0.1"));
}

#[test]
fn upscmd_runs_a_command_that_the_ups_carries_out() {
    let scene = scene();
    let started = scene.upscmd(&credentials(ADMIN), &["test.battery.start"]);
    assert!(started.contains("OK"), "{started}");
    until(
        "the test",
        || scene.control("truth"),
        |truth| truth.contains("OB") || truth.contains("in progress"),
    );
}

#[test]
fn upscmd_waits_for_the_outcome_when_it_is_asked_to() {
    let scene = scene();
    let options = [&credentials(ADMIN)[..], &["-w"]].concat();
    let ended = scene.upscmd(&options, &["test.panel.start"]);
    assert!(ended.contains("SUCCESS"), "{ended}");
}

#[test]
fn who_may_not_is_told_so_and_nothing_happens() {
    let scene = scene();
    for (name, password) in
        [("upsmon", UPSMON.1), ("guest", GUEST.1), ("admin", "wrong"), ("nobody", "wrong")]
    {
        let refused = scene.upscmd(&["-u", name, "-p", password], &["load.off"]);
        assert!(refused.contains("ACCESS-DENIED") || refused.contains("Access denied"), "{name}: {refused}");
        let refused = scene.upsrw(&["-s", "ups.id=STOLEN", "-u", name, "-p", password]);
        assert!(refused.contains("ACCESS-DENIED") || refused.contains("Access denied"), "{name}: {refused}");
    }
    assert!(!scene.control("truth").contains("STOLEN"));
    let unknown = scene.upscmd(&credentials(ADMIN), &["no.such.command"]);
    assert!(unknown.contains("CMD-NOT-SUPPORTED") || unknown.contains("not supported"), "{unknown}");
}

#[test]
fn upsrw_changes_a_setting_in_the_ups() {
    let scene = scene();
    // The capabilities come last: what can be set is known then.
    let listed = || scene.upsrw(&[]);
    until("what can be set", listed, |out| out.contains("[ups.id]"));
    let set = scene.upsrw(&[&["-s", "ups.id=RACK7"], &credentials(ADMIN)[..]].concat());
    assert!(set.contains("OK"), "{set}");
    until("the setting", || scene.control("truth"), |truth| truth.contains("ups.id: RACK7"));
    until("what is read", || scene.upsc(&["main", "ups.id"]), |out| out.trim() == "RACK7");
    let wrong = scene.upsrw(&[&["-s", "input.sensitivity=Z"], &credentials(ADMIN)[..]].concat());
    assert!(wrong.to_lowercase().contains("invalid"), "{wrong}");
}
