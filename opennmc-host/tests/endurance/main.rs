//! A thousand reloads and a thousand crashes of a plugin: what the host has afterwards, it had before.
//!
//! A process of its own with one test: what is counted is the process's memory and descriptors.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "all of this is test code, of which clippy only knows the `#[test]` functions, and half of what is shared is \
              used here"
)]

#[path = "../plugin/guests.rs"]
mod guests;
#[path = "../plugin/host.rs"]
mod host;

use std::fs;

use opennmc_host::plugin::State;

use crate::host::{Host, actor};

/// What the allocator and the threads' stacks need until nothing is new any more.
const WARM_UP: usize = 200;
const ROUNDS: usize = 1_000;
/// Three failures in a row are not yet the five that end in quarantine.
const FORGIVEN_EVERY: usize = 3;
const MOST_GROWTH: u64 = 1 << 20;

#[test]
fn a_thousand_reloads_and_a_thousand_crashes_leave_no_memory_and_no_descriptor_behind() {
    let host = Host::start(vec![actor("x"), actor("y")]);
    repeat("reloads", || {
        host.restart("x").unwrap();
        assert_eq!(host.client("x").ask("hello"), "hello");
        host.forget();
    });
    let mut round = 0;
    repeat("crashes", || {
        host.client("x").send("trap\n");
        host.event("x", "plugin.failed", 1);
        host.event("x", "plugin.recovered", 1);
        round += 1;
        if round % FORGIVEN_EVERY == 0 {
            host.restart("x").unwrap();
        }
        host.forget();
    });
    assert!(matches!(host.status("x").state, State::Running { .. }));
    assert_eq!(host.status("y").restarts, 0);
}

fn repeat(what: &str, mut round: impl FnMut()) {
    (0..WARM_UP).for_each(|_| round());
    let (memory, descriptors) = (resident(), open_descriptors());
    (0..ROUNDS).for_each(|_| round());
    let (memory_after, descriptors_after) = (resident(), open_descriptors());
    println!(
        "{ROUNDS} {what}: {memory} bytes resident before, {memory_after} after; {descriptors} descriptors before, \
         {descriptors_after} after"
    );
    assert!(
        memory_after.saturating_sub(memory) < MOST_GROWTH,
        "{what}: from {memory} to {memory_after} bytes"
    );
    // The last round's connection may still be open, or the last but one's.
    assert!(descriptors_after <= descriptors + 2, "{what}: from {descriptors} to {descriptors_after}");
}

fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}
