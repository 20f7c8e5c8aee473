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
        "fn on_alarm(ups) { loop { let a = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]; a.sort(); } }",
        "longer than the 250 ms",
    );
}

#[test]
fn who_wants_to_sleep_is_told_what_to_do_instead() {
    contained("sleep", "fn on_alarm(ups) { sleep(3600); }", "must not sleep");
    contained("sleep for less", "fn on_alarm(ups) { sleep(3600.5); }", "must not sleep");
}

#[test]
fn steps_are_counted_where_there_is_time_enough() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = script(&folder, "slow", "fn on_alarm(ups) { loop { } }");
    settings.limits.call_ms = Some(5_000);
    let host = Host::start_in(folder, vec![settings]);
    host.publish(event("ups.alarm", &[]));
    let failed = host.event("script.slow", "script.failed", 1);
    assert!(field(&failed, "reason").contains("5000000 steps"), "{failed:?}");
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
fn functions_may_call_each_other_ten_deep_and_not_twenty() {
    let text = "fn f(n) { if n > 0 { f(n - 1) } } fn on_alarm(ups) { f(10); log(\"ten\"); f(20); }";
    let host = start(&[("deep", text)]);
    host.publish(event("ups.alarm", &[]));
    logged(&host, "deep", "ten");
    assert!(field(&host.event("script.deep", "script.failed", 1), "reason").contains("16 deep"));
}

#[test]
fn values_that_grow_are_ended() {
    for (what, text, words) in [
        ("string", "fn on_alarm(ups) { let s = \"x\"; loop { s += s; } }", "Length of string too large"),
        (
            "array",
            "fn on_alarm(ups) { let a = []; loop { a.push(a.len()); } }",
            "Size of array/BLOB too large",
        ),
        (
            "nested array",
            "fn on_alarm(ups) { let a = [1]; loop { a = [a, a]; } }",
            "Size of array/BLOB too large",
        ),
        (
            "map",
            "fn on_alarm(ups) { let m = #{}; let n = 0; loop { m[`${n}`] = n; n += 1; } }",
            "of memory that a call may take",
        ),
        ("pad", "fn on_alarm(ups) { let a = []; a.pad(1000000000, 1); }", "Size of array/BLOB too large"),
        (
            "string pad",
            "fn on_alarm(ups) { let a = \"\"; a.pad(1000000000, \"x\"); }",
            "Length of string too large",
        ),
        ("blob", "fn on_alarm(ups) { let b = blob(1000000000); }", "blob"),
    ] {
        contained(what, text, words);
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
fn what_is_kept_from_call_to_call_has_a_bound_for_all_of_it_and_the_largest_is_named() {
    // Rhai counts what is in a value, but not what the closures in it hold.
    let hoard = r#"
        let small = [1, 2, 3];
        let hoard = [];
        fn on_start() {
            every("10ms", || {
                for n in 0..20 { let text = ""; text.pad(60000, 'x'); hoard.push(|| text.len); }
            });
        }
    "#;
    let host = start(&[("hoard", hoard), ("good", GOOD)]);
    let failed = host.event("script.hoard", "script.failed", 1);
    let reason = field(&failed, "reason");
    assert!(reason.contains("together") && reason.contains("`hoard`"), "{reason}");
    host.publish(event("ups.alarm", &[("number", "1")]));
    logged(&host, "good", "heard 1");
}

#[test]
fn a_growing_array_of_maps_ends_at_the_limits_of_one_value() {
    let rows = r#"
        let rows = [];
        fn on_start() { every("10ms", || { for n in 0..50 { rows.push(#{ number: n, text: "x" }); } }); }
    "#;
    let host = start(&[("rows", rows)]);
    let failed = host.event("script.rows", "script.failed", 1);
    assert!(field(&failed, "reason").contains("object map too large"), "{failed:?}");
}

#[test]
fn a_call_that_takes_too_much_memory_is_ended() {
    contained(
        "closures that hold much",
        "fn on_alarm(ups) { let a = []; loop { let t = \"\"; t.pad(60000, 'x'); a.push(|| t.len); } }",
        "of memory that a call may take",
    );
    contained(
        "a chain of closures",
        "fn on_alarm(ups) { let f = || 1; loop { let g = f; f = || g; } }",
        "that a call may take",
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
