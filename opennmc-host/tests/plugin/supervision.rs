//! What happens to a plugin that misbehaves, and what does not happen to the others.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use opennmc_host::plugin::{PluginSettings, State};

use crate::guests::guests;
use crate::host::{Client, Host, actor, field, write_package};

/// Starts `bad` beside a plugin that must not notice, makes it misbehave over TCP, and gives the reason of its failure.
fn misbehave(how: &str) -> String {
    let host = Host::start(vec![actor("bad"), actor("good")]);
    let mut good = host.client("good");
    let mut client = host.client("bad");
    client.send(&format!("{how}\n"));
    assert_eq!(good.ask("meanwhile"), "meanwhile");
    let failed = host.event("bad", "plugin.failed", 1);
    assert_eq!(field(&failed, "retry-seconds"), "1");
    assert_eq!(client.line(), "", "its connections are closed");
    host.event("bad", "plugin.recovered", 1);
    assert_eq!(host.client("bad").ask("back"), "back");
    assert_eq!(good.ask("still here"), "still here");
    let status = host.status("bad");
    assert_eq!((status.restarts, status.strikes), (1, 1));
    assert_eq!(host.status("good").restarts, 0);
    let reason = field(&failed, "reason").to_owned();
    assert_eq!(status.epitaph.unwrap().text, reason);
    reason
}

#[test]
fn a_trap_names_the_call_and_the_function() {
    let reason = misbehave("trap");
    assert!(reason.contains("`on-data`") && reason.contains("unreachable"), "{reason}");
    assert!(reason.contains("deliberate_trap"), "{reason}");
}

#[test]
fn a_plugin_that_spins_is_interrupted_at_its_deadline() {
    let reason = misbehave("spin");
    assert!(reason.contains("longer than the 1000 ms"), "{reason}");
}

#[test]
fn a_plugin_that_allocates_without_end_hits_its_own_limit() {
    let reason = misbehave("allocate");
    assert!(reason.contains("its limit is 8 MiB"), "{reason}");
}

#[test]
fn a_plugin_that_recurses_without_end_loses_only_its_own_stack() {
    let reason = misbehave("descend");
    assert!(reason.contains("overflowed its stack"), "{reason}");
    let reason = misbehave("recurse");
    assert!(reason.contains("probably overflowed its stack"), "{reason}");
}

#[test]
fn a_plugin_that_fails_at_every_start_is_retried_ever_later_and_then_quarantined() {
    let host = Host::start(vec![actor("bad").on_start("trap"), actor("good")]);
    for (count, seconds) in (1..).zip(["1", "2", "4", "8"]) {
        let failed = host.event("bad", "plugin.failed", count);
        assert_eq!(field(&failed, "retry-seconds"), seconds);
        assert!(field(&failed, "reason").contains("`start`"), "{failed:?}");
    }
    let event = host.event("bad", "plugin.quarantined", 1);
    assert!(field(&event, "reason").contains("unreachable"), "{event:?}");
    assert_eq!(host.status("bad").state, State::Quarantined);
    assert_eq!(host.client("good").ask("hello"), "hello");
}

#[test]
fn a_start_that_the_plugin_refuses_is_a_failed_start_with_its_reason() {
    let host = Host::start(vec![actor("bad").on_start("refuse")]);
    assert!(field(&host.event("bad", "plugin.failed", 1), "reason").contains("no reason"));
}

#[test]
fn an_import_that_is_not_granted_is_refused_and_named() {
    let needs = "listen = { main = [\"127.0.0.1:0\"] }";
    let host = Host::start(vec![actor("bad").needs(needs), actor("good")]);
    let reason = field(&host.event("bad", "plugin.failed", 1), "reason").to_owned();
    assert!(reason.contains("opennmc:plugin/ups@0.1.0") && reason.contains("ups = \"read\""), "{reason}");
    let host = Host::start(vec![actor("bad").needs("ups = \"read\"")]);
    let reason = field(&host.event("bad", "plugin.failed", 1), "reason").to_owned();
    assert!(reason.contains("opennmc:plugin/tcp@0.1.0"), "{reason}");
}

#[test]
fn a_plugin_without_the_exports_that_its_needs_imply_is_refused() {
    let packages = tempfile::tempdir().unwrap();
    write_package(packages.path(), "plain", "listen = { main = [\"127.0.0.1:0\"] }", &guests().plain);
    let settings = PluginSettings { id: "plain".to_owned(), ..PluginSettings::default() };
    let host = Host::start_in(packages, vec![settings]);
    let reason = field(&host.event("plain", "plugin.failed", 1), "reason").to_owned();
    assert!(reason.contains("tcp-events"), "{reason}");
}

#[test]
fn a_plugin_that_only_has_a_lifecycle_runs() {
    let packages = tempfile::tempdir().unwrap();
    write_package(packages.path(), "plain", "", &guests().plain);
    let settings = PluginSettings { id: "plain".to_owned(), ..PluginSettings::default() };
    let host = Host::start_in(packages, vec![settings]);
    host.event("plain", "plugin.started", 1);
}

#[test]
fn an_address_in_use_is_named_and_taken_when_it_is_free() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = holder.local_addr().unwrap();
    let host = Host::start(vec![actor("late").listen("main", address)]);
    let reason = field(&host.event("late", "plugin.failed", 1), "reason").to_owned();
    assert!(reason.contains(&address.to_string()) && reason.contains("`main`"), "{reason}");
    drop(holder);
    // Retries are brought forward here, so they may all be over before the address is free.
    let seen = host.until("an end", |seen| seen.events.iter().any(|event| event.kind != "plugin.failed"));
    if seen.events.last().unwrap().kind == "plugin.recovered" {
        assert_eq!(Client::connect(address).ask("hello"), "hello");
    }
}

#[test]
fn a_missing_package_fails_its_own_plugin_only() {
    let packages = tempfile::tempdir().unwrap();
    write_package(packages.path(), "plain", "", &guests().plain);
    let settings = |id: &str| PluginSettings { id: id.to_owned(), ..PluginSettings::default() };
    let host = Host::start_in(packages, vec![settings("absent"), settings("plain")]);
    let reason = field(&host.event("absent", "plugin.failed", 1), "reason").to_owned();
    assert!(reason.contains("absent-VERSION.onmc"), "{reason}");
    host.event("plain", "plugin.started", 1);
}

#[test]
fn an_unknown_key_in_the_settings_is_named() {
    let host = Host::start(vec![actor("bad").config("nubmer", 5)]);
    assert!(field(&host.event("bad", "plugin.failed", 1), "reason").contains("`nubmer`"));
}

#[test]
fn stopping_interrupts_a_call_that_does_not_return() {
    let mut host = Host::start(vec![actor("bad"), actor("good")]);
    let mut client = host.client("bad");
    client.send("spin\n");
    assert!(host.stop() < Duration::from_millis(1_500));
}

#[test]
fn an_idle_host_has_no_deadline() {
    let host = Host::start(vec![actor("echo")]);
    assert_eq!(host.client("echo").ask("hello"), "hello");
    host.until("nothing is due", |seen| seen.deadline.is_none());
}
