//! What plugins say to each other and to people, through the daemon's own main loop.

use opennmc_host::history::EventFilter;
use opennmc_host::state::Severity;

use crate::daemon::{Daemon, ask_until};
use crate::guests::guests;
use crate::host::field;
use crate::keeping::KEEPER_NEEDS;

fn two() -> Daemon {
    Daemon::start(&[("a", KEEPER_NEEDS, &guests().keeper), ("b", KEEPER_NEEDS, &guests().keeper)])
}

fn kinds_in_history(daemon: &Daemon) -> Vec<String> {
    let history = daemon.host.history.as_ref().unwrap();
    history.reader().events(&EventFilter::default()).map(|event| event.unwrap().kind).collect()
}

#[test]
fn a_plugin_is_heard_by_the_others_under_its_own_name_and_not_by_itself() {
    let daemon = two();
    let (mut a, mut b) = (daemon.client("a"), daemon.client("b"));
    assert_eq!(a.ask("publish reading main temperature 21"), "ok");
    let heard = ask_until(&mut b, "heard", |heard| heard.contains("bus."));
    assert_eq!(heard, "event bus.a.reading Severity::Warning main temperature=21");
    let event = daemon.event("bus.a.reading");
    assert_eq!((event.severity, event.device.as_str()), (Severity::Warning, "main"));
    assert!(event.id > 0 && event.at_ms > 0);
    assert_eq!(a.ask("heard"), "");
}

#[test]
fn only_granted_topics_get_out_and_only_in_a_decent_size() {
    let daemon = two();
    let mut a = daemon.client("a");
    for topic in ["other", "reading.x", ""] {
        let answer = a.ask(&format!("publish {topic} main a b"));
        assert!(answer.starts_with("denied") && answer.contains("`reading`"), "{topic}: {answer}");
    }
    assert!(a.ask(&format!("publish reading {} a b", "d".repeat(65))).starts_with("invalid"));
    assert!(a.ask("publish reading main A b").starts_with("invalid"));
    assert!(a.ask(&format!("publish reading main a {}", "v".repeat(5_000))).starts_with("invalid"));
    assert!(a.ask("fields 33").starts_with("invalid"));
    assert_eq!(a.ask("fields 32"), "ok");
}

#[test]
fn a_storm_ends_at_the_limit_and_leaves_the_history_alone() {
    let daemon = two();
    let mut a = daemon.client("a");
    let mut sent = 0;
    // Some find no place, until the main loop has seen those before; 120 a minute is the limit.
    for _ in 0..10_000 {
        let answer = a.ask("storm reading 1000");
        sent += answer.strip_prefix("sent ").unwrap().parse::<u32>().unwrap();
        if sent >= 120 {
            break;
        }
    }
    assert_eq!(sent, 120);
    let answer = a.ask("publish reading main a b");
    assert!(answer.starts_with("limit"), "{answer}");
    assert!(a.ask("notify title body main").starts_with("limit"), "notices count as well");
    // The other one is heard all the same.
    assert_eq!(daemon.client("b").ask("publish reading main a b"), "ok");
    daemon.event("bus.b.reading");
    let kinds = kinds_in_history(&daemon);
    assert!(!kinds.contains(&"bus.a.reading".to_owned()), "those were for whoever listens: {kinds:?}");
    assert!(kinds.contains(&"bus.b.reading".to_owned()), "a warning is kept: {kinds:?}");
}

#[test]
fn a_notice_gets_to_every_notifier_and_its_sender_hears_how_it_ended() {
    let daemon = two();
    let (mut a, mut b) = (daemon.client("a"), daemon.client("b"));
    let answer = a.ask("notify title body main");
    let ticket = answer.strip_prefix("ticket ").unwrap_or_else(|| panic!("{answer}")).to_owned();
    let sent = daemon.event("notice.sent");
    assert_eq!(
        (field(&sent, "notice"), field(&sent, "plugin"), field(&sent, "title")),
        (&*ticket, "a", "title")
    );
    let delivery = |heard: &str| {
        let start = heard.find("deliver ").unwrap() + "deliver ".len();
        let rest = &heard[start..];
        assert!(rest.contains("title body main 1 true"), "{heard}");
        rest.split(' ').next().unwrap().to_owned()
    };
    let of_a = delivery(&ask_until(&mut a, "heard", |heard| heard.contains("deliver ")));
    let of_b = delivery(&ask_until(&mut b, "heard", |heard| heard.contains("deliver ")));
    assert_eq!(a.ask(&format!("delivered {of_b}")), "not-found", "that one is another's");
    assert_eq!(a.ask(&format!("delivered {of_a}")), "ok");
    assert_eq!(a.ask(&format!("delivered {of_a}")), "not-found", "it was said already");
    assert_eq!(b.ask(&format!("failed {of_b} full never")), "ok");
    let delivered = daemon.event("notice.delivered");
    assert_eq!((field(&delivered, "notice"), field(&delivered, "notifier")), (&*ticket, "a"));
    let failed = daemon.event("notice.failed");
    assert_eq!((field(&failed, "notifier"), field(&failed, "reason")), ("b", "full"));
    ask_until(&mut a, "heard", |heard| heard.contains("event notice.failed Severity::Warning main"));
}

#[test]
fn a_notifier_that_traps_is_given_it_again_when_it_is_back() {
    let daemon = two();
    let (mut a, mut b) = (daemon.client("a"), daemon.client("b"));
    a.ask("notify title body main");
    ask_until(&mut b, "heard", |heard| heard.contains("deliver ") && heard.contains(" 1 true"));
    b.send("trap\n");
    daemon.event("plugin.recovered");
    let mut b = daemon.client("b");
    ask_until(&mut b, "heard", |heard| heard.contains("deliver ") && heard.contains(" 2 true"));
}

#[test]
fn a_notice_that_nobody_could_read_is_refused() {
    let daemon = two();
    let mut a = daemon.client("a");
    for line in ["long-title 0", "long-title 201", "long-body 4097", "two-lines", "notify title body \u{7}"] {
        assert!(a.ask(line).starts_with("invalid"), "{line}");
    }
    assert!(a.ask("long-title 200").starts_with("ticket"));
}

#[test]
fn a_disk_that_takes_nothing_is_told_once_and_the_plugin_goes_on() {
    let daemon = Daemon::start_prepared(&[("a", KEEPER_NEEDS, &guests().keeper)], |state| {
        std::fs::create_dir(state.join("store.db")).unwrap();
    });
    let event = daemon.event("plugin.store-failed");
    assert!(!field(&event, "reason").is_empty());
    let mut a = daemon.client("a");
    assert_eq!((a.ask("set key value"), a.ask("get key")), ("ok".to_owned(), "5 value".to_owned()));
}

#[test]
fn what_was_is_told_by_kind_and_number_and_within_what_a_plugin_can_take() {
    let daemon = two();
    let mut a = daemon.client("a");
    for value in ["1", "2", "3"] {
        assert_eq!(a.ask(&format!("publish reading main n {value}")), "ok");
        daemon.event("bus.a.reading");
    }
    assert_eq!(a.ask("past bus.* 0 0 2"), "ticket 1");
    ask_until(&mut a, "heard", |heard| heard.ends_with("past 1 bus.a.reading bus.a.reading"));
    assert_eq!(a.ask("past plugin.started 0 0 0"), "ticket 2");
    ask_until(&mut a, "heard", |heard| heard.ends_with("past 2 plugin.started plugin.started"));
    assert_eq!(a.ask("past bus.a.reading 0 1000 0"), "ticket 3");
    ask_until(&mut a, "heard", |heard| heard.trim_end().ends_with("past 3"));
    for wrong in ["past b*s 0 0 0", "past * 0 0 0", "past bus.* 2000 1000 0"] {
        assert!(a.ask(wrong).starts_with("invalid"), "{wrong}");
    }
    let mut sampled = false;
    for ticket in 4.. {
        assert_eq!(a.ask("samples main battery.charge"), format!("ticket {ticket}"));
        let answer = ask_until(&mut a, "heard", |heard| heard.contains(&format!("samples {ticket} ")));
        sampled = answer.ends_with(" true") && !answer.ends_with(&format!("samples {ticket} 0 true"));
        if sampled {
            break;
        }
    }
    assert!(sampled);
}

#[test]
fn an_answer_that_the_plugin_could_not_take_is_refused_in_words() {
    let daemon = two();
    let mut a = daemon.client("a");
    let history = daemon.host.history.as_ref().unwrap();
    for id in 0..400 {
        let fields = vec![("text".to_owned(), "x".repeat(4_000))];
        let kind = "bus.b.long".to_owned();
        let (severity, device) = (Severity::Info, String::new());
        let id = 1_000_000 + id;
        history.event(std::sync::Arc::new(opennmc_host::state::Event {
            id,
            kind,
            severity,
            device,
            at_ms: 1_000,
            fields,
        }));
    }
    a.ask("past bus.b.* 0 0 0");
    ask_until(&mut a, "heard", |heard| heard.contains("past 1 limit the answer is longer"));
    a.ask("past bus.b.* 0 0 2");
    ask_until(&mut a, "heard", |heard| heard.ends_with("past 2 bus.b.long bus.b.long"));
}
