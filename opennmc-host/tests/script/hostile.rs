//! Scripts that want too much: contained, while another one goes on.

use std::time::Instant;

use opennmc_host::plugin::State;

use crate::host::field;
use crate::{event, logged, start};

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
fn who_wants_to_sleep_is_told_what_to_do_instead() {
    contained("sleep", "fn on_alarm(ups) { sleep(3600); }", "must not sleep");
    contained("sleep for less", "fn on_alarm(ups) { sleep(3600.5); }", "must not sleep");
}

#[test]
fn deep_recursion_is_ended() {
    contained("recursion", "fn f(x) { f(x + 1) } fn on_alarm(ups) { f(1) }", "deep");
    contained(
        "mutual",
        "fn f(x) { g([x].map(|y| y + 1)[0]) } fn g(x) { f(x) } fn on_alarm(ups) { f(1) }",
        "deep",
    );
}

#[test]
fn values_that_grow_are_ended() {
    for (what, text) in [
        ("string", "fn on_alarm(ups) { let s = \"x\"; loop { s += s; } }"),
        ("array", "fn on_alarm(ups) { let a = []; loop { a.push(a.len()); } }"),
        ("nested array", "fn on_alarm(ups) { let a = [1]; loop { a = [a, a]; } }"),
        ("map", "fn on_alarm(ups) { let m = #{}; let n = 0; loop { m[`${n}`] = n; n += 1; } }"),
        ("pad", "fn on_alarm(ups) { let a = []; a.pad(1000000000, 1); }"),
        ("string pad", "fn on_alarm(ups) { let a = \"\"; a.pad(1000000000, \"x\"); }"),
        ("blob", "fn on_alarm(ups) { let b = blob(1000000000); }"),
    ] {
        contained(what, text, "");
    }
}

#[test]
fn closures_that_grow_and_timers_by_the_thousand_are_ended() {
    contained("timers", "fn on_alarm(ups) { for n in 0..1000 { every(\"1h\", || log(\"x\")); } }", "64");
    contained(
        "closures",
        "fn on_alarm(ups) { let f = || 1; loop { let g = f; f = || g.call() + 1; f.call(); } }",
        "",
    );
}

#[test]
fn a_huge_literal_is_refused_before_it_runs() {
    let text = format!("let x = \"{}\";", "x".repeat(100_000));
    let host = start(&[("huge", &text), ("good", GOOD)]);
    let failed = host.event("script.huge", "script.failed", 1);
    assert!(field(&failed, "reason").contains("longer than"), "{failed:?}");
    let text = format!("let x = {}1{};", "(".repeat(5_000), ")".repeat(5_000));
    let host = start(&[("huge", &text), ("good", GOOD)]);
    let failed = host.event("script.huge", "script.failed", 1);
    assert!(field(&failed, "reason").contains("huge.rhai:1:"), "{failed:?}");
}
