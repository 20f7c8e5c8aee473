//! Functions by the names of what happens, what they see, and what becomes of their errors.

use opennmc_host::plugin::{PluginSettings, ScriptSettings, State};
use opennmc_host::state::Kind;

use crate::host::{Host, field};
use crate::{event, logged, script, snapshot, start};

#[test]
fn a_hook_sees_the_ups_and_the_event_with_numbers_as_numbers_and_nothing_for_what_is_missing() {
    let host = start(&[(
        "night",
        r#"
        const FACTOR = 2;
        let seen = 0;
        fn helper(x) { x * FACTOR }
        fn on_battery(ups, event) {
            seen += 1;
            log(`${ups.name} ${ups["battery.charge"] + 1} ${ups["ups.serial"].len()} ${ups["no.such"] == ()}`);
            log(`${ups.has("OB")} ${ups.has("OL")} ${event.kind} ${event.seconds + 1} ${event.nothing == ()} ${helper(seen)}`);
            log(`${ups["battery.charge"]} ${global_ups()}`);
        }
        fn global_ups() { ups["main"]["battery.charge"] }
        fn on_event(event) { log(`other ${event.kind} ${config.x == ()}`); }
        "#,
    )]);
    snapshot(
        &host,
        &[
            ("battery.charge", "42", Kind::Number),
            ("ups.serial", "123", Kind::Text(0)),
            ("ups.status", "OB DISCHRG", Kind::Text(0)),
        ],
    );
    host.publish(event("ups.on-battery", &[("seconds", "75")]));
    host.publish(event("ups.on-battery", &[("seconds", "75")]));
    host.publish(event("ups.alarm", &[]));
    let lines = logged(&host, "night", "other ups.alarm");
    assert_eq!(
        lines,
        [
            "main 43 3 true",
            "true false ups.on-battery 76 true 2",
            "42 42",
            "main 43 3 true",
            "true false ups.on-battery 76 true 4",
            "42 42",
            "other ups.alarm true"
        ]
    );
}

#[test]
fn an_error_is_told_with_its_place_and_the_script_goes_on() {
    let host = start(&[(
        "night",
        "fn on_battery(ups, event) {\n    let x = 1 + ups.nonsense;\n}\nfn on_alarm(ups) { log(\"alive\"); }",
    )]);
    host.publish(event("ups.on-battery", &[]));
    let failed = host.event("script.night", "script.failed", 1);
    assert!(field(&failed, "reason").starts_with("night.rhai:2:"), "{failed:?}");
    host.publish(event("ups.alarm", &[]));
    logged(&host, "night", "alive");
    let status = host.status("script.night");
    assert!(matches!(status.state, State::Running { .. }) && status.restarts == 0);
    assert_eq!(status.trouble.unwrap().text, field(&failed, "reason"));
}

#[test]
fn what_would_only_fail_in_the_night_keeps_a_script_from_starting() {
    for (text, place, word) in [
        ("\nfn on_batery(ups) {}", "bad.rhai:2:1", "did you mean `on_battery`"),
        ("fn on_line(a, b, c) {}", "bad.rhai:1:1", "too many parameters"),
        ("fn on_line(ups) {\n  notfy(upps);\n}", "bad.rhai:2:9", "upps"),
        ("fn on_line(ups) {\n  let = 5;\n}", "bad.rhai:2:", ""),
        ("throw \"no\"", "bad.rhai:1:", "no"),
        ("fn on_start() { ups[\"x\"][\"y\"] }", "bad.rhai:1:", "no UPS `x`"),
        ("eval(\"1\")", "bad.rhai:1:", "eval"),
        ("import \"x\" as y;", "bad.rhai:1:", "import"),
    ] {
        let host = start(&[("bad", text)]);
        let failed = host.event("script.bad", "script.failed", 1);
        let reason = field(&failed, "reason");
        assert!(reason.starts_with(place) && reason.contains(word), "{text}: {reason}");
    }
}

#[test]
fn a_script_does_not_hear_what_happens_to_itself() {
    let host = start(&[("x", "fn on_event(event) { log(`${event.kind} ${event.plugin ?? \"\"}`); }")]);
    for plugin in ["script.x", "script.y"] {
        host.publish(event("script.failed", &[("plugin", plugin)]));
    }
    host.publish(event("ups.alarm", &[]));
    assert_eq!(logged(&host, "x", "ups.alarm"), ["script.failed script.y", "ups.alarm "]);
}

#[test]
fn timers_run_closures_and_can_be_cancelled() {
    let host = start(&[(
        "timers",
        r#"
        let count = 0;
        let timer = ();
        fn on_start() {
            let name = "captured";
            after("10ms", || log(`after ${name}`));
            let gone = after("10ms", || log("never"));
            cancel(gone);
            timer = every("10ms", || tick());
            at("03:00", || log("night"));
            cron("0 3 * * mon", || log("monday"));
        }
        fn tick() { log("tick"); }
        "#,
    )]);
    let lines = logged(&host, "timers", "tick");
    assert!(!lines.contains(&"never".to_owned()), "{lines:?}");
    logged(&host, "timers", "after captured");
}

#[test]
fn whatever_is_logged_is_in_the_log_numbers_too() {
    let host =
        start(&[("night", "fn on_start() { log(2.5); log(7); log(true); log([1, 2.5]); log(\"end\"); }")]);
    let lines = logged(&host, "night", "end");
    assert_eq!(lines, ["2.5", "7", "true", "[1,2.5]", "end"]);
}

#[test]
fn a_secret_is_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "geheim\n").unwrap();
    let mut settings = script(
        &folder,
        "s",
        r#"fn on_start() {
            let s = secret("token");
            let t = "Bearer " + s + "!";
            print(t); log(`${t}`); log("x" + t.to_string());
            try { store("k", t); } catch (e) { log(e); }
            try { log(t); } catch (e) { log(e); }
            try { notify(info, t); } catch (e) { log(e); }
            try { http_get("https://" + s + ".example/"); } catch (e) { log(e); }
            try { log(secret("other")); } catch (e) { log(e); }
            log("end");
        }"#,
    );
    settings.script = settings
        .script
        .map(|script| ScriptSettings { secrets: [("token".to_owned(), key)].into(), ..script });
    let host = Host::start_in(folder, vec![settings]);
    let lines = logged(&host, "s", "end");
    assert!(lines.iter().all(|line| !line.contains("geheim")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("not allowed")), "{lines:#?}");
}

#[test]
fn what_is_not_allowed_says_so_and_settings_are_read_as_config() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings: PluginSettings = script(
        &folder,
        "x",
        r#"fn on_start() {
            log(`level ${config.level + 1} ${config.name}`);
            try { run("main", "load.off"); } catch (e) { log(e); }
            try { publish("x", "y"); } catch (e) { log(e); }
            log("end");
        }"#,
    );
    settings.config.insert("level".to_owned(), 41.into());
    settings.config.insert("name".to_owned(), "n".into());
    let host = Host::start_in(folder, vec![settings]);
    let lines = logged(&host, "x", "end");
    assert_eq!(lines[0], "level 42 n");
    assert!(lines[1].contains("not allowed") && lines[2].contains("not allowed"), "{lines:#?}");
}
