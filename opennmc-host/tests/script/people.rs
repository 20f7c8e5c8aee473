//! Notices of scripts for one notifier, and mail.

use std::time::Instant;

use opennmc_host::host::Fed;
use opennmc_host::plugin::State;

use crate::guests::guests;
use crate::host::{Client, field};
use crate::in_process::{Daemon, ask_until};
use crate::place::PATIENCE;

const NEEDS: &str = "listen = { main = [\"127.0.0.1:0\"] }\nstore = \"1 KiB\"\nbus = [\"reading\"]\n\
                     events = [\"bus.*\"]\nnotify = true\nhistory = \"read\"\nnotifier = true";

/// Does what the plugin `driver` says on the bus.
const SCRIPT: &str = r#"
    fn on_message(plugin, topic, message) {
        try {
            switch message.say {
                "ntfy" => notify(warning, "only ntfy", #{ to: "ntfy", ups: "main", room: 7 }),
                "all" => notify(warning, "all"),
                "nobody" => notify(warning, "x", #{ to: "nobody" }),
                "mail" => mail("jo@example.org", "A subject", "The text"),
                "mails" => mail(["jo@example.org", "mo@example.org"], "Two", `${1 + 1}`),
                "no-address" => mail("jo@example.org\nbcc: x@example.org", "A subject", "x"),
                "no-subject" => mail("jo@example.org", "", "x"),
            }
            log(`done ${message.say}`);
        } catch (error) {
            log(`refused ${message.say}: ${error}`);
        }
    }
"#;

/// A daemon with this script and these notifiers; the first of them speaks on the bus.
fn start(notifiers: &[&str]) -> (Daemon, Client) {
    let plugins: Vec<(&str, &str, &[u8])> =
        notifiers.iter().map(|id| (*id, NEEDS, guests().keeper.as_slice())).collect();
    let daemon = Daemon::start_prepared(&plugins, |state| {
        std::fs::create_dir(state.join("scripts")).unwrap();
        std::fs::write(state.join("scripts/night.rhai"), SCRIPT).unwrap();
    });
    // It runs when it answers.
    let mut first = daemon.client(notifiers[0]);
    say(&daemon, &mut first, "nothing");
    (daemon, first)
}

/// Has the script do this; gives what it has logged of it.
fn say(daemon: &Daemon, client: &mut Client, what: &str) -> String {
    let logged = || {
        let all = daemon.host.plugins_and_wait(PATIENCE).unwrap();
        let script = all.into_iter().find(|status| status.id == "script.night")?;
        let lines = script.lines.after(0).into_iter().map(|line| line.text);
        Some(lines.filter(|line| line.contains(&format!(" {what}"))).collect::<Vec<_>>())
    };
    let before = logged().map_or(0, |lines| lines.len());
    let began = Instant::now();
    let mut said = false;
    loop {
        let runs = daemon
            .host
            .plugins_and_wait(PATIENCE)
            .unwrap()
            .iter()
            .any(|status| status.id == "script.night" && matches!(status.state, State::Running { .. }));
        if runs && !said {
            assert_eq!(client.ask(&format!("publish reading main say {what}")), "ok");
            said = true;
        }
        if let Some(line) = logged().and_then(|lines| lines.get(before).cloned()) {
            return line;
        }
        assert!(began.elapsed() < PATIENCE, "never done: {what}");
    }
}

#[test]
fn a_notice_for_one_notifier_gets_to_no_other() {
    let (daemon, mut ntfy) = start(&["ntfy", "mail"]);
    let mut mail = daemon.client("mail");
    assert_eq!(say(&daemon, &mut ntfy, "ntfy"), "done ntfy");
    assert_eq!(field(&daemon.event("notice.sent"), "to"), "ntfy");
    say(&daemon, &mut ntfy, "all");
    let told = ask_until(&mut ntfy, "heard", |heard| heard.contains(" all "));
    assert!(told.contains(" only ntfy  main 1 true room=7"), "who is to have it is no field of it: {told}");
    let told = ask_until(&mut mail, "heard", |heard| heard.contains(" all "));
    assert!(!told.contains("only ntfy"), "{told}");
}

#[test]
fn who_is_not_there_is_named_with_those_who_are() {
    let (daemon, mut ntfy) = start(&["ntfy", "third"]);
    ask_until_known(&daemon, &mut ntfy, "there is no notifier `nobody`; there is ntfy, third");
    let refused = say(&daemon, &mut ntfy, "mail");
    assert!(refused.contains("there is no notifier `mail`; there is ntfy, third"), "{refused}");
}

/// Notifiers come one after the other.
fn ask_until_known(daemon: &Daemon, client: &mut Client, words: &str) {
    let began = Instant::now();
    loop {
        let refused = say(daemon, client, "nobody");
        if refused == format!("refused nobody: {words}") {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{refused}");
    }
}

#[test]
fn mail_is_a_notice_for_the_notifier_of_that_name() {
    let (daemon, mut mail) = start(&["mail", "ntfy"]);
    let mut ntfy = daemon.client("ntfy");
    for what in ["mail", "mails"] {
        assert_eq!(say(&daemon, &mut mail, what), format!("done {what}"));
    }
    let wrong = say(&daemon, &mut mail, "no-address");
    assert!(wrong.contains("is no mail address"), "{wrong}");
    let wrong = say(&daemon, &mut mail, "no-subject");
    assert!(wrong.contains("a title is one line"), "{wrong}");
    say(&daemon, &mut mail, "all");
    let told = ask_until(&mut mail, "heard", |heard| heard.contains(" all "));
    assert!(told.contains(" A subject The text  1 true to=jo@example.org"), "{told}");
    assert!(told.contains(" Two 2  1 true to=jo@example.org, mo@example.org"), "{told}");
    let told = ask_until(&mut ntfy, "heard", |heard| heard.contains(" all "));
    assert!(!told.contains("A subject") && !told.contains("Two"), "{told}");
}

#[test]
fn a_notifier_that_fails_meanwhile_gets_it_when_it_is_back_and_nobody_else_does() {
    let (daemon, mut driver) = start(&["driver", "ntfy"]);
    let mut ntfy = daemon.client("ntfy");
    assert_eq!(say(&daemon, &mut driver, "ntfy"), "done ntfy");
    ask_until(&mut ntfy, "heard", |heard| heard.contains("only ntfy") && heard.contains(" 1 true"));
    ntfy.send("trap\n");
    loop {
        match daemon.feed.next(PATIENCE) {
            Ok(Fed::Event(event)) if event.kind == "plugin.failed" => break,
            Ok(_) => {}
            Err(silence) => panic!("it has not failed: {silence:?}"),
        }
    }
    // It is expected back, so that it may be named.
    assert_eq!(say(&daemon, &mut driver, "ntfy"), "done ntfy");
    daemon.event("plugin.recovered");
    let mut ntfy = daemon.client("ntfy");
    let twice = |heard: &str| heard.matches("only ntfy").count() == 2 && heard.contains(" 2 true");
    ask_until(&mut ntfy, "heard", twice);
    let heard = driver.ask("heard");
    assert!(!heard.contains("only ntfy"), "{heard}");
}
