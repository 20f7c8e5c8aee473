//! Scripts that want too much: contained, while another one goes on.

use std::time::Instant;

use opennmc_host::plugin::State;

use crate::host::{Host, field};
use crate::{event, logged, script, start};

const GOOD: &str = "fn on_event(event) { log(`heard ${event.number}`); }";

/// The hostile one runs at the first event, and the good one is not kept from hearing all.
fn contained(what: &str, text: &str, words: &str) {
    let host = start(&[("hostile", text), ("good", GOOD)]);
    let began = Instant::now();
    host.publish(event("ups.alarm", &[("number", "1")]));
    let good = {
        logged(&host, "good", "heard 1");
        began.elapsed()
    };
    let failed = host.event("script.hostile", "script.failed", 1);
    let took = began.elapsed();
    let reason = field(&failed, "reason");
    assert!(reason.contains(words), "{what}: {reason}");
    host.publish(event("ups.alarm", &[("number", "2")]));
    logged(&host, "good", "heard 2");
    let status = host.status("script.good");
    assert!(
        matches!(status.state, State::Running { .. }) && status.restarts == 0 && status.missed_events == 0
    );
    println!(
        "{what}: ended after {} ms ({reason}); the other had heard after {} ms",
        took.as_millis(),
        good.as_millis()
    );
}

#[test]
fn an_endless_loop_is_ended() {
    contained("endless loop", "fn on_alarm(ups) { loop { } }", "that a call may take");
    contained(
        "slow loop",
        "fn on_alarm(ups) { let a = []; loop { a = [1, 2, 3]; a.sort(); } }",
        "that a call may take",
    );
}

#[test]
}

#[test]
fn steps_are_counted_where_there_is_time_enough() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = script(&folder, "slow", "fn on_alarm(ups) { loop { } }");
    settings.limits.call_ms = Some(30_000);
    let host = Host::start_in(folder, vec![settings]);
    host.publish(event("ups.alarm", &[]));
    let failed = host.event("script.slow", "script.failed", 1);
    assert!(field(&failed, "reason").contains("5000000 steps"), "{failed:?}");
