//! What a plugin may do, in words for whoever installs it: one place that turns each need into a sentence.

use serde::{Deserialize, Serialize};

use super::manifest::ANY_LISTENER;
use super::{Limits, Needs};

/// How much a person should think about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Concern {
    /// It only learns something.
    Low,
    /// It talks to others, or to people.
    Some,
    /// It can change something that power or administration depends on.
    High,
}

/// One thing that a plugin may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// The key in `[needs]`.
    pub need: String,
    /// How much it matters.
    pub concern: Concern,
    /// Goes on from "This plugin may …".
    pub text: String,
}

/// Everything that these needs permit, the gravest first.
pub fn sentences(needs: &Needs) -> Vec<Sentence> {
    let Needs {
        ups,
        events,
        listen,
        listen_udp,
        connect,
        auth,
        control,
        store,
        bus,
        notify,
        notifier,
        history,
        admin,
        http,
    } = needs;
    let mut all = Vec::new();
    let mut say = |need: &str, concern: Concern, text: String| {
        all.push(Sentence { need: need.to_owned(), concern, text });
    };
    let and = |items: Vec<String>| items.join(", ");
    if let Some(control) = control {
        if control.forced_shutdown {
            say("control", Concern::High, "shut down every machine on your UPSes, by itself".to_owned());
        }
        if !control.commands.is_empty() {
            let commands = and(control.commands.iter().cloned().collect());
            say("control", Concern::High, format!("run these commands on your UPSes by itself: {commands}"));
        }
        if !control.variables.is_empty() {
            let variables = and(control.variables.iter().cloned().collect());
            say(
                "control",
                Concern::High,
                format!("change these settings of your UPSes by itself: {variables}"),
            );
        }
        if control.as_principal {
            let text = "run commands on and change settings of your UPSes, for people who have logged in, within their role";
            say("control", Concern::High, text.to_owned());
        }
    }
    if admin.is_some() {
        let text = "administer OpenNMC (users, plugins, configuration), for people who have logged in, within their role";
        say("admin", Concern::High, text.to_owned());
    }
    if *auth {
        let text = "ask people for their names and passwords, and learn who they are";
        say("auth", Concern::High, text.to_owned());
    }
    for (name, addresses) in listen {
        if name == ANY_LISTENER {
            let text = "accept connections where you say, under names that you give";
            say("listen", Concern::Some, text.to_owned());
            continue;
        }
        let addresses = and(addresses.iter().map(ToString::to_string).collect());
        say("listen", Concern::Some, format!("accept connections on {addresses} (`{name}`)"));
    }
    for (name, addresses) in listen_udp {
        let addresses = and(addresses.iter().map(ToString::to_string).collect());
        say("listen-udp", Concern::Some, format!("receive and answer datagrams on {addresses} (`{name}`)"));
    }
    if !connect.is_empty() {
        let destinations = and(connect.iter().map(ToString::to_string).collect());
        say("connect", Concern::Some, format!("send data to {destinations}"));
    }
    if let Some(http) = http {
        let to_whom = if http.public { "everybody" } else { "people who have logged in" };
        say("http", Concern::Some, format!("show web pages under {} to {to_whom}", http.mount));
    }
    if *notifier {
        say("notifier", Concern::Some, "deliver notices to people, and read them".to_owned());
    }
    if *notify {
        say("notify", Concern::Some, "send notices to people".to_owned());
    }
    if !bus.is_empty() {
        let topics = and(bus.iter().cloned().collect());
        say("bus", Concern::Some, format!("tell other plugins about {topics}"));
    }
    if ups.is_some() {
        say("ups", Concern::Low, "read everything that your UPSes tell".to_owned());
    }
    if !events.is_empty() {
        let kinds = and(events.iter().map(ToString::to_string).collect());
        say("events", Concern::Low, format!("hear of events: {kinds}"));
    }
    if history.is_some() {
        say("history", Concern::Low, "read past events and measurements".to_owned());
    }
    if let Some(store) = store {
        say("store", Concern::Low, format!("keep up to {store} of its own data"));
    }
    all.sort_by_key(|sentence| std::cmp::Reverse(sentence.concern));
    all
}

/// The limits in one line.
pub(super) fn limits(limits: &Limits) -> String {
    format!(
        "{} of memory, {} ms a call, {} connections, {} timers",
        limits.memory, limits.call_ms, limits.connections, limits.timers
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_need_has_a_sentence() {
        let needs: Needs = toml::from_str(
            r#"ups = "read"
            events = ["ups.*"]
            listen = { nut = ["127.0.0.1:3493"] }
            listen-udp = { snmp = ["127.0.0.1:1161"] }
            connect = ["https://ntfy.sh"]
            auth = true
            control = { as-principal = true, commands = ["load.off"], variables = ["ups.delay.shutdown"], forced-shutdown = true }
            store = "64 KiB"
            bus = ["reading"]
            notify = true
            notifier = true
            history = "read"
            admin = "as-principal"
            http = { mount = "/x" }"#,
        )
        .unwrap();
        let said = sentences(&needs);
        let table = toml::Table::try_from(&needs).unwrap();
        for need in table.keys() {
            assert!(said.iter().any(|sentence| sentence.need == *need), "{need}");
        }
        assert!(said.iter().any(|sentence| sentence.text.contains("accept connections on 127.0.0.1:3493")));
        assert_eq!(said[0].concern, Concern::High);
        assert_eq!(sentences(&Needs::default()), []);
    }
}
