//! Plugins that administer the daemon for people who have logged in: as the control socket does it, and no further.

use opennmc_host::plugin::PluginSettings;
use opennmc_host::users::{NewUser, PasswordRules, Principal, Role, Secret, UserBase};
use serde_json::Value;

use crate::daemon::Daemon;
use crate::guests::guests;
use crate::host::{Client, Host, write_package};

const LISTENS: &str = "listen = { main = [\"127.0.0.1:0\"] }\nauth = true";
const NEEDS: &str = "listen = { main = [\"127.0.0.1:0\"] }\nauth = true\nadmin = \"as-principal\"";

fn daemon() -> Daemon {
    Daemon::start_prepared(&[("steward", NEEDS, &guests().steward)], |state| {
        let users = UserBase::open(state).unwrap();
        for (name, role) in [("ada", Role::Administrator), ("guest", Role::Monitor)] {
            let password = Some(Secret::from("a-sunny-place"));
            let new = NewUser { name: name.to_owned(), role, scopes: None, password };
            users.add(new, PasswordRules::Strict, &Principal::host()).unwrap();
        }
    })
}

/// Logs in; the number stands for the principal.
fn logged_in(daemon: &Daemon, name: &str) -> (Client, String) {
    let mut client = daemon.client("steward");
    let answer = client.ask(&format!("login {name} a-sunny-place"));
    let principal = answer.strip_prefix("principal ").unwrap_or_else(|| panic!("{answer}")).to_owned();
    (client, principal)
}

fn answered(answer: &str) -> Value {
    let json = answer.strip_prefix("answer ").unwrap_or_else(|| panic!("{answer}"));
    serde_json::from_str(json).unwrap()
}

#[test]
fn what_the_control_socket_answers_a_plugin_is_answered_too() {
    let daemon = daemon();
    let (mut ada, principal) = logged_in(&daemon, "ada");
    let status = answered(&ada.ask(&format!("ask {principal} {{\"do\":\"status\"}}")));
    assert_eq!(status["upses"][0]["name"], "main");
    let plugins = answered(&ada.ask(&format!("ask {principal} {{\"do\":\"plugins\"}}")));
    assert_eq!(plugins[0]["id"], "steward");
    // What comes in parts on the socket is one list here.
    daemon.event("plugin.started");
    let ask = format!("ask {principal} {{\"do\":\"events\",\"kind\":\"plugin.\",\"last\":9}}");
    let events = loop {
        // The history is written by another thread.
        let events = answered(&ada.ask(&ask));
        if !events.as_array().unwrap().is_empty() {
            break events;
        }
    };
    assert_eq!(events[0]["kind"], "plugin.started");
}

#[test]
fn a_person_gets_no_further_than_their_role_and_the_audit_tells_who_it_was() {
    let daemon = daemon();
    let (mut guest, principal) = logged_in(&daemon, "guest");
    let refused = guest.ask(&format!("ask {principal} {{\"do\":\"user\",\"user\":{{\"what\":\"list\"}}}}"));
    assert_eq!(refused, "refused denied: guest is a monitor here and may not do this");
    assert!(guest.ask(&format!("ask {principal} {{\"do\":\"status\"}}")).starts_with("answer "));

    let (mut ada, principal) = logged_in(&daemon, "ada");
    let add = "{\"do\":\"user\",\"user\":{\"what\":\"add\",\"name\":\"bo\",\"role\":\"operator\",\"password\":\"a-cloudy-place\"}}";
    assert_eq!(answered(&ada.ask(&format!("ask {principal} {add}")))["name"], "bo");
    let (_bo, _) = {
        let mut client = daemon.client("steward");
        let answer = client.ask("login bo a-cloudy-place");
        assert!(answer.starts_with("principal "), "{answer}");
        (client, answer)
    };
    let audit = loop {
        let audit = answered(&ada.ask(&format!("ask {principal} {{\"do\":\"audit\",\"user\":\"ada\"}}")));
        if !audit.as_array().unwrap().is_empty() {
            break audit;
        }
    };
    let line = audit.to_string();
    assert!(line.contains("steward 127.0.0.1") && line.contains("bo"), "{line}");
    assert!(!line.contains("cloudy"), "{line}");
}

#[test]
fn nobody_is_administered_for_who_has_not_logged_in() {
    let daemon = daemon();
    let mut client = daemon.client("steward");
    let own = client.ask("ask 0 {\"do\":\"status\"}");
    assert!(own.starts_with("denied") && own.contains("logged in"), "{own}");
    assert_eq!(client.ask("ask 7 {\"do\":\"status\"}"), "not-found");
    let (ada, principal) = logged_in(&daemon, "ada");
    drop(ada);
    while client.ask(&format!("ask {principal} {{\"do\":\"status\"}}")) != "not-found" {}
}

#[test]
fn what_has_no_end_or_takes_a_file_or_orders_a_ups_is_refused_in_words() {
    let daemon = daemon();
    let (mut ada, principal) = logged_in(&daemon, "ada");
    for (request, word) in [
        ("{\"do\":\"events\",\"follow\":true}", "follow"),
        ("{\"do\":\"plugin\",\"plugin\":{\"what\":\"logs\",\"id\":\"steward\",\"follow\":true}}", "follow"),
        ("{\"do\":\"back-up\",\"file\":\"x\"}", "opennmc backup"),
        ("{\"do\":\"restore\",\"file\":\"x\"}", "opennmc restore"),
        ("{\"do\":\"plugin\",\"plugin\":{\"what\":\"look-at\",\"file\":\"x\"}}", "opennmc plugin install"),
        ("{\"do\":\"run\",\"ups\":\"main\",\"command\":\"load.off\"}", "control"),
        ("{\"do\":\"set\",\"ups\":\"main\",\"variable\":\"ups.id\",\"value\":\"x\"}", "control"),
        ("{\"do\":\"forced-shutdown\",\"ups\":\"main\",\"on\":true}", "control"),
        ("{\"do\":\"everything\"}", "everything"),
        ("{\"v\":1,\"id\":1,\"do\":\"status\"}", "unknown field"),
        ("status", "not JSON"),
    ] {
        let answer = ada.ask(&format!("ask {principal} {request}"));
        assert!(answer.starts_with("refused ") && answer.contains(word), "{request}: {answer}");
    }
}

#[test]
fn only_so_many_requests_wait_at_one_time_and_all_that_do_are_answered() {
    let daemon = daemon();
    let (mut ada, principal) = logged_in(&daemon, "ada");
    ada.send(&format!("many {principal} 6 {{\"do\":\"status\"}}\n"));
    let answers: Vec<String> = (0..6).map(|_| ada.line()).collect();
    let count = |start: &str| answers.iter().filter(|answer| answer.starts_with(start)).count();
    assert_eq!((count("limit"), count("answer ")), (2, 4), "{answers:?}");
    assert!(ada.ask(&format!("ask {principal} {{\"do\":\"status\"}}")).starts_with("answer "));
}

#[test]
fn without_its_grant_there_is_no_administration() {
    let packages = tempfile::tempdir().unwrap();
    write_package(packages.path(), "steward", LISTENS, &guests().steward);
    let settings = PluginSettings { id: "steward".to_owned(), ..PluginSettings::default() };
    let host = Host::start_in(packages, vec![settings]);
    let epitaph = host.status("steward").epitaph.unwrap().text;
    assert!(epitaph.contains("opennmc:plugin/admin@") && epitaph.contains("not granted"), "{epitaph}");
    assert!(epitaph.contains("admin = \"as-principal\""), "{epitaph}");
}
