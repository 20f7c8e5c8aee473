//! Plugins that mean harm: each is contained, and the one beside it notices nothing.
//!
//! `cargo xtask bench sandbox` measures the same guest in the whole daemon, with figures.

use std::fmt::Write as _;

use opennmc_host::plugin::{PluginSettings, PluginStatus, State};
use tempfile::TempDir;

use crate::guests::{ALL_NEEDS, guests, manifest, pack};
use crate::host::{Host, field, write_package};

const HOSTILE_MANIFEST: &str = include_str!("../guests/hostile/plugin.toml");
/// Enough for each way of doing harm to have begun in earnest: a call every ten milliseconds.
const CALLS: u64 = 8;

/// The hostile guest, doing harm in this way, beside a plugin that serves a client all the while.
fn beside_a_good_one(mode: &str) -> (Host, PluginStatus) {
    let packages = tempfile::tempdir().unwrap();
    write_package(packages.path(), "good", ALL_NEEDS, &guests().actor);
    let files: [(&str, &[u8]); 2] =
        [("plugin.toml", HOSTILE_MANIFEST.as_bytes()), ("plugin.wasm", &guests().hostile)];
    std::fs::write(packages.path().join("hostile-1.0.0.onmc"), pack(&files)).unwrap();
    let mut hostile = PluginSettings { id: "hostile".to_owned(), ..PluginSettings::default() };
    hostile.config.insert("mode".to_owned(), mode.into());
    let good = PluginSettings { id: "good".to_owned(), ..PluginSettings::default() };
    let host = Host::start_in(packages, vec![hostile, good]);
    let mut client = host.client("good");
    let mut answers = 0;
    // The client drives: each answer lets the loop look at its deadlines.
    loop {
        assert_eq!(client.ask("still here"), "still here", "{mode}");
        answers += 1;
        let status = host.status("hostile");
        if answers > 100 && (status.calls >= CALLS || status.epitaph.is_some()) {
            assert_eq!((host.status("good").restarts, host.status("good").strikes), (0, 0), "{mode}");
            return (host, status);
        }
    }
}

fn failure(mode: &str) -> String {
    beside_a_good_one(mode).1.epitaph.unwrap_or_else(|| panic!("{mode} did not fail")).text
}

#[test]
fn a_loop_without_end_is_ended_whether_it_computes_or_calls_the_host() {
    for mode in ["spin", "host-calls"] {
        let reason = failure(mode);
        assert!(reason.contains("longer than the 250 ms"), "{mode}: {reason}");
    }
}

#[test]
fn memory_and_stack_end_where_the_limits_are() {
    assert!(failure("memory-bomb").contains("its limit is 8 MiB"));
    assert!(failure("stack").contains("overflowed its stack"));
    assert!(failure("trap").contains("trapped"));
}

#[test]
fn harm_that_stays_within_the_limits_stays_with_the_plugin() {
    for mode in
        ["busy", "memory-full", "timers", "log-flood", "event-storm", "store-fill", "sockets", "orders"]
    {
        let (_host, status) = beside_a_good_one(mode);
        assert!(matches!(status.state, State::Running { .. }), "{mode}: {status:?}");
        assert!(status.memory <= 8 << 20, "{mode}: {} bytes", status.memory);
        assert!(status.connections <= 64, "{mode}: {} connections", status.connections);
    }
}

/// A component whose `start` does this; `$table` is a table of its own. `around` stands in the component.
fn component(start: &str, around: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $own
                (memory (export "memory") 1)
                (table $table 1 funcref)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
                (func (export "start") (param i32 i32) (result i32) {start} (i32.const 0))
                (func (export "stop")))
            {around}
            (core instance $own (instantiate $own))
            (func $start (param "config" string) (result (result (error string)))
                (canon lift (core func $own "start") (memory $own "memory") (realloc (func $own "realloc"))))
            (func $stop (canon lift (core func $own "stop")))
            (instance $lifecycle (export "start" (func $start)) (export "stop" (func $stop)))
            (export "opennmc:plugin/lifecycle@0.1.0" (instance $lifecycle)))"#
    );
    wat::parse_str(text).unwrap()
}

fn start(wasm: &[u8]) -> Host {
    let packages: TempDir = tempfile::tempdir().unwrap();
    let manifest = manifest("x", "");
    let files: [(&str, &[u8]); 2] = [("plugin.toml", manifest.as_bytes()), ("plugin.wasm", wasm)];
    std::fs::write(packages.path().join("x-1.2.3.onmc"), pack(&files)).unwrap();
    Host::start_in(packages, vec![PluginSettings { id: "x".to_owned(), ..PluginSettings::default() }])
}

#[test]
fn a_component_written_by_hand_starts() {
    let host = start(&component("", ""));
    assert!(matches!(host.status("x").state, State::Running { .. }));
}

#[test]
fn a_table_that_grows_without_end_stops_growing() {
    // Traps unless growing was refused after less than a million elements.
    let grow = "(local $grown i32)
        (block $refused
            (loop $again
                (br_if $refused (i32.eq (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1)))
                (local.set $grown (i32.add (local.get $grown) (i32.const 1)))
                (if (i32.gt_u (local.get $grown) (i32.const 1000)) (then unreachable))
                (br $again)))";
    let host = start(&component(grow, ""));
    assert!(matches!(host.status("x").state, State::Running { .. }), "{:?}", host.status("x").epitaph);
}

#[test]
fn instances_tables_and_memories_without_number_are_refused() {
    let many = |module: &str| {
        let mut around = format!("(core module $one {module})");
        for number in 0..200 {
            write!(around, "(core instance $i{number} (instantiate $one))").unwrap();
        }
        around
    };
    for (what, around) in [
        ("instances", many("")),
        ("tables", many("(table 100 funcref)")),
        ("memories", many("(memory 0)")),
        (
            "large tables",
            "(core module $one (table 1000000 funcref))(core instance (instantiate $one))".to_owned(),
        ),
        ("large memories", "(core module $one (memory 2000))(core instance (instantiate $one))".to_owned()),
    ] {
        let host = start(&component("", &around));
        let failed = host.event("x", "plugin.failed", 1);
        let reason = field(&failed, "reason");
        assert!(reason.starts_with("refused: plugin.wasm: "), "{what}: {reason}");
    }
}
