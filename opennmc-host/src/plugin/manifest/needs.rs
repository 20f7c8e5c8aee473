//! `[needs]`: which abilities a plugin asks for. Every entry is shown to whoever installs it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::config::DeviceName;
use crate::plugin::ListenAddress;

use super::{ByteSize, Destination, EventPattern};

/// More belongs into a database. All of it is in the host's memory while the plugin runs.
const STORE_CEILING: ByteSize = ByteSize::mib(4);
/// The name that stands for all listeners that the operator names.
pub(in crate::plugin) const ANY_LISTENER: &str = "*";
/// Parts of a mount: a family of addresses, and one of it. More is a mistake.
const MOUNT_PARTS: usize = 4;

/// Which abilities a plugin asks for. `log`, `clock`, `random` and `timers` reach nothing outside the plugin and need no word.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct Needs {
    /// The UPSes.
    pub ups: Option<UpsAccess>,
    /// Which events it hears.
    pub events: BTreeSet<EventPattern>,
    /// Listeners by name, with the addresses they have unless the operator names others. The name `*`, without an
    /// address, stands for as many as the operator names.
    pub listen: BTreeMap<String, Vec<ListenAddress>>,
    /// UDP sockets by name, likewise.
    pub listen_udp: BTreeMap<String, Vec<SocketAddr>>,
    /// Where it connects to, unless the operator names other destinations.
    pub connect: BTreeSet<Destination>,
    /// Let people log in at its listeners.
    pub auth: bool,
    /// Commands and settings of the UPSes.
    pub control: Option<ControlAccess>,
    /// How much it keeps.
    pub store: Option<ByteSize>,
    /// Topics that it publishes.
    pub bus: BTreeSet<String>,
    /// Sends notices to people.
    pub notify: bool,
    /// Delivers notices to people.
    pub notifier: bool,
    /// The events and samples of the past.
    pub history: Option<HistoryAccess>,
    /// The administration of the daemon.
    pub admin: Option<AdminAccess>,
    /// Web pages.
    pub http: Option<HttpNeed>,
}

/// How far a plugin reaches the UPSes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpsAccess {
    /// Variables, names of commands, state.
    Read,
}

/// How far a plugin reaches the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryAccess {
    /// Events and samples; never the audit.
    Read,
}

/// How far a plugin reaches the administration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdminAccess {
    /// In the name of people who have logged in with it, and no further than their role goes.
    AsPrincipal,
}

/// How far a plugin may act on the UPSes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ControlForm", rename_all = "kebab-case")]
pub struct ControlAccess {
    /// In the name of people who have logged in with it, and no further than their role goes.
    pub as_principal: bool,
    /// In its own name: these commands.
    pub commands: BTreeSet<String>,
    /// In its own name: these variables.
    pub variables: BTreeSet<String>,
    /// In its own name: set and clear the forced shutdown.
    pub forced_shutdown: bool,
}

impl ControlAccess {
    /// Whether it may do anything in its own name.
    pub fn acts_alone(&self) -> bool {
        self.forced_shutdown || !self.commands.is_empty() || !self.variables.is_empty()
    }
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "write \"as-principal\", or a table such as { commands = [\"test.battery.start\"], variables = [\"ups.delay.shutdown\"] }"
)]
enum ControlForm {
    Word(ControlWord),
    Table(ControlTable),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ControlWord {
    AsPrincipal,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct ControlTable {
    as_principal: bool,
    commands: BTreeSet<String>,
    variables: BTreeSet<String>,
    forced_shutdown: bool,
}

impl TryFrom<ControlForm> for ControlAccess {
    type Error = String;

    fn try_from(form: ControlForm) -> Result<Self, String> {
        let table = match form {
            ControlForm::Word(ControlWord::AsPrincipal) => {
                ControlTable { as_principal: true, ..ControlTable::default() }
            }
            ControlForm::Table(table) => table,
        };
        let ControlTable { as_principal, commands, variables, forced_shutdown } = table;
        if let Some(name) = commands.iter().chain(&variables).find(|name| !is_nut_name(name)) {
            return Err(format!("\"{name}\" is no name of a command or variable; write each in full"));
        }
        let access = Self { as_principal, commands, variables, forced_shutdown };
        if !access.as_principal && !access.acts_alone() {
            return Err("an empty table asks for nothing; leave it out".to_owned());
        }
        Ok(access)
    }
}

fn is_nut_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b))
}

/// Web pages under a path of the host's web server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpNeed {
    /// Begins with `/`, such as `/thermo` or `/hooks/thermo`; `/` alone is everything that no other plugin has.
    pub mount: String,
    /// Whether pages are served to whoever has not logged in, too. The files under `assets/` always are.
    #[serde(default)]
    pub public: bool,
}

impl Needs {
    /// The first need that makes no sense, as key and problem.
    pub(in crate::plugin) fn check(&self) -> Result<(), (&'static str, String)> {
        let comes_in = !self.listen.is_empty() || self.http.is_some();
        if self.auth && !comes_in {
            return Err((
                "auth",
                "lets people log in, but neither `listen` nor `http` asks for a place where they come in"
                    .to_owned(),
            ));
        }
        let knows_people = self.auth || self.http.is_some();
        if self.control.as_ref().is_some_and(|control| control.as_principal) && !knows_people {
            let problem = "acts for people who have logged in; ask for `auth = true` as well".to_owned();
            return Err(("control", problem));
        }
        if self.admin.is_some() && !knows_people {
            let problem =
                "acts for people who have logged in; ask for `auth = true` or `http` as well".to_owned();
            return Err(("admin", problem));
        }
        if let Some(asked) = self.store.filter(|asked| *asked > STORE_CEILING || asked.0 == 0) {
            return Err(("store", format!("asks for {asked}; it must be from 1 B to {STORE_CEILING}")));
        }
        let is_topic = |topic: &&String| {
            topic.len() <= 64
                && topic.split('.').all(|part| {
                    !part.is_empty()
                        && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                })
        };
        if let Some(topic) = self.bus.iter().find(|topic| !is_topic(topic)) {
            let problem = format!(
                "has the topic \"{topic}\"; topics are lower-case letters, digits and `-`, in parts divided by `.`"
            );
            return Err(("bus", problem));
        }
        self.check_listeners()?;
        match &self.http {
            Some(http) if !is_mount(&http.mount) => {
                let problem = format!(
                    "has the mount \"{}\"; write `/`, or parts of lower-case letters, digits and hyphens, each after a `/`",
                    http.mount
                );
                Err(("http", problem))
            }
            _ => Ok(()),
        }
    }
}

impl Needs {
    /// Whether the operator may listen with this name. Those that the operator makes up are written like names of UPSes.
    pub fn may_listen(&self, name: &str) -> bool {
        self.listen.contains_key(name)
            || (self.listen.contains_key(ANY_LISTENER) && DeviceName::try_from(name.to_owned()).is_ok())
    }

    fn check_listeners(&self) -> Result<(), (&'static str, String)> {
        let names = self.listen.keys().filter(|name| *name != ANY_LISTENER).map(|name| ("listen", name));
        let mut names = names.chain(self.listen_udp.keys().map(|name| ("listen-udp", name)));
        if let Some((key, name)) = names.find(|(_, name)| !super::is_id(name)) {
            let problem = format!("has \"{name}\"; a name is lower-case letters, digits and hyphens");
            return Err((key, problem));
        }
        if self.listen.get(ANY_LISTENER).is_some_and(|addresses| !addresses.is_empty()) {
            let problem = format!("has addresses for \"{ANY_LISTENER}\"; only the operator gives them");
            return Err(("listen", problem));
        }
        match self.listen.values().flatten().find(|address| address.tcp().is_none()) {
            Some(path) => Err(("listen", format!("has \"{path}\"; only the operator names files"))),
            None => Ok(()),
        }
    }
}

fn is_mount(mount: &str) -> bool {
    mount.strip_prefix('/').is_some_and(|rest| {
        rest.is_empty() || rest.split('/').count() <= MOUNT_PARTS && rest.split('/').all(super::is_id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Needs, String> {
        let needs: Needs = toml::from_str(text).map_err(|error| error.to_string())?;
        needs.check().map_err(|(key, problem)| format!("{key} {problem}"))?;
        Ok(needs)
    }

    #[test]
    fn everything_that_can_be_asked_for_is_understood_and_reads_back() {
        let text = r#"
            ups = "read"
            events = ["ups.*", "bus.thermo.reading"]
            listen = { nut = ["127.0.0.1:3493"] }
            listen-udp = { snmp = ["[::1]:1161"] }
            connect = ["tcp://smtp.example.org:587", "https://*.push.example"]
            auth = true
            control = { commands = ["test.battery.start"], variables = ["ups.delay.shutdown"], as-principal = true }
            store = "64 KiB"
            bus = ["reading"]
            notify = true
            notifier = true
            history = "read"
            admin = "as-principal"
            http = { mount = "/thermo" }
        "#;
        let needs = parse(text).unwrap();
        let control = needs.control.clone().unwrap();
        assert!(control.as_principal && control.acts_alone() && !control.forced_shutdown);
        assert_eq!(parse(&toml::to_string(&needs).unwrap()), Ok(needs));
    }

    #[test]
    fn the_short_form_of_control_acts_for_people_only() {
        let needs = parse("auth = true\nlisten = { x = [] }\ncontrol = \"as-principal\"").unwrap();
        let control = needs.control.unwrap();
        assert!(control.as_principal && !control.acts_alone());
    }

    #[test]
    fn whoever_acts_for_people_must_let_them_in() {
        assert!(parse("control = \"as-principal\"").unwrap_err().contains("auth = true"));
        assert!(parse("admin = \"as-principal\"").unwrap_err().starts_with("admin "));
        assert!(parse("auth = true").unwrap_err().contains("come in"));
        assert!(parse("http = { mount = \"/x\" }\nadmin = \"as-principal\"").is_ok());
        assert!(parse("control = { commands = [\"beeper.mute\"] }").is_ok());
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        for (text, word) in [
            ("control = {}", "leave it out"),
            ("control = \"all\"", "as-principal"),
            ("control = { commands = [\"*\"] }", "in full"),
            ("control = { comands = [\"x\"] }", "table such as"),
            ("store = \"1 GiB\"", "4 MiB"),
            ("bus = [\"A b\"]", "topic"),
            ("http = { mount = \"x\" }", "mount"),
            ("http = { mount = \"/../x\" }", "mount"),
            ("http = { mount = \"/a/\" }", "mount"),
            ("http = { mount = \"/a//b\" }", "mount"),
            ("http = { mount = \"/a/b/c/d/e\" }", "mount"),
            ("listen = { \"a/b\" = [] }", "a/b"),
            ("listen = { x = [\"unix:/run/x\"] }", "only the operator"),
            ("listen = { \"*\" = [\"127.0.0.1:1\"] }", "only the operator"),
            ("connect = [\"ntfy.sh\"]", "no scheme"),
            ("events = [\"ups*\"]", "no kind"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
