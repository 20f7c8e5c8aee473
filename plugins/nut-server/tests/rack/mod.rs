//! A simulated host with one UPS in every condition, and clients of a server on it.

#![allow(dead_code, reason = "each test file uses its own part")]

use nut_server::config::Allow;
use nut_server::{Config, NutServer};
use opennmc_plugin::{
    AuthHandler, Availability, ControlHandler, Inbound, Kind, Ordered, Outbound, Plugin, SimulatedHost,
    SimulatedUps, TcpService, Variable,
};

/// The connection number that tests with one client use.
pub(crate) const CLIENT: u64 = 7;

/// Users: `admin` (password `secret`) may everything, `monitor` (`pass word`) what `upsmon` needs, `guest` (`guest`) nothing.
/// UPSes: `main` live with description, `nodesc` live without, `gone` disconnected, `old` stale, `young` waiting.
pub(crate) fn rack() -> SimulatedHost {
    let host = SimulatedHost::new();
    host.publish(main_ups());
    host.publish(SimulatedUps { variables: vec![status("OL")], ..SimulatedUps::new("nodesc", "") });
    host.publish(in_condition("gone", "Never started", Availability::Disconnected));
    host.publish(in_condition("old", "Was there", Availability::Stale));
    host.publish(SimulatedUps { variables: vec![], ..in_condition("young", "New", Availability::Waiting) });
    host.describe("battery.charge", "Charge of the battery in percent");
    host.describe("load.off", "Switch the load off at once");
    host.add_user("admin", "secret", &["read", "login", "fsd", "command:", "set:"]);
    host.add_user("monitor", "pass word", &["read", "login", "fsd"]);
    host.add_user("guest", "guest", &["read"]);
    host
}

/// The UPS with every kind of variable.
pub(crate) fn main_ups() -> SimulatedUps {
    let mut main = SimulatedUps::new("main", "Rack A");
    main.variables = vec![
        number("battery.charge", "100"),
        number("battery.runtime", "1200"),
        variable("device.mfr", "Dummy Manufacturer", Kind::Text, false, 0),
        variable("input.sensitivity", "H", Kind::Choice, true, 0),
        variable("input.transfer.low", "208", Kind::Choice, true, 0),
        number("input.voltage", "230.4"),
        variable("ups.delay.shutdown", "60", Kind::Range, true, 0),
        variable("ups.id", r#"my "odd" # id \ end"#, Kind::Text, true, 8),
        variable("ups.model", "Smart-UPS 1500", Kind::Text, false, 0),
        status("OL"),
    ];
    main.commands = vec!["load.off".to_owned(), "test.battery.start".to_owned()];
    main.choices.insert("input.sensitivity".to_owned(), ["H", "M", "LOW"].map(str::to_owned).to_vec());
    main.choices.insert("input.transfer.low".to_owned(), ["196", "208"].map(str::to_owned).to_vec());
    main.ranges.insert("ups.delay.shutdown".to_owned(), vec![(0, 180), (600, 600)]);
    main
}

pub(crate) fn in_condition(name: &str, description: &str, availability: Availability) -> SimulatedUps {
    let mut ups = SimulatedUps::new(name, description);
    ups.device.availability = availability;
    ups.variables = vec![status("OL")];
    ups.commands = vec!["load.off".to_owned()];
    ups
}

pub(crate) fn status(tokens: &str) -> Variable {
    variable("ups.status", tokens, Kind::Text, false, 0)
}

pub(crate) fn number(name: &str, value: &str) -> Variable {
    variable(name, value, Kind::Number, false, 0)
}

pub(crate) fn variable(name: &str, value: &str, kind: Kind, settable: bool, max_length: u32) -> Variable {
    Variable { name: name.to_owned(), value: value.to_owned(), settable, kind, max_length }
}

/// The defaults of plugin.toml.
pub(crate) fn config() -> Config {
    Config {
        max_connections: 4096,
        idle_seconds: 300,
        max_connections_per_address: 1024,
        anonymous_read: true,
        allow: Allow::default(),
    }
}

/// A server and its one client.
pub(crate) struct Session {
    pub(crate) host: SimulatedHost,
    pub(crate) server: NutServer,
    pub(crate) closed: bool,
    /// Orders as they came, each with how it ended: by default `executed`.
    pub(crate) ordered: Vec<Ordered>,
    /// How orders end, when not well.
    pub(crate) outcome: &'static str,
}

impl Session {
    pub(crate) fn new(host: SimulatedHost) -> Self {
        let mut server = NutServer::start(&host, config()).expect("the server starts");
        server.on_accept(&host, "nut", CLIENT, "192.0.2.1:40000").expect("the client is accepted");
        Session { host, server, closed: false, ordered: Vec::new(), outcome: "executed" }
    }

    /// Sends bytes as they are and returns all that comes back.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Vec<u8> {
        let batch = vec![Inbound { connection: CLIENT, bytes: bytes.to_vec() }];
        let answers = self.server.on_data(&self.host, batch);
        let mut out = self.host.take_sent(CLIENT);
        for Outbound { connection, bytes, close } in answers {
            assert_eq!(connection, CLIENT);
            out.extend_from_slice(&bytes);
            self.closed |= close;
        }
        self.let_the_host_work();
        out.extend(self.host.take_sent(CLIENT));
        self.closed |= self.host.closed().contains(&CLIENT);
        out
    }

    /// Sends bytes and leaves the host's answers to the test.
    pub(crate) fn send_only(&mut self, connection: u64, bytes: &[u8]) -> Vec<u8> {
        let answers = self.server.on_data(&self.host, vec![Inbound { connection, bytes: bytes.to_vec() }]);
        answers.into_iter().flat_map(|answer| answer.bytes).collect()
    }

    /// The host checks passwords and carries orders out until nothing is left.
    pub(crate) fn let_the_host_work(&mut self) {
        loop {
            if let Some((ticket, outcome)) = self.host.next_check() {
                self.server.on_checked(&self.host, ticket, outcome);
            } else if let Some((ticket, order)) = self.host.next_order() {
                self.ordered.push(order);
                let success = self.outcome == "executed";
                self.server.on_ended(&self.host, ticket, success, self.outcome, "as the test wants it");
            } else {
                return;
            }
        }
    }

    /// Sends one line and returns the answer as text.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        let answer = self.send(format!("{line}\n").as_bytes());
        String::from_utf8(answer).expect("answers are ASCII")
    }
}

/// Asks one line on a fresh connection to the whole rack.
pub(crate) fn ask(line: &str) -> String {
    Session::new(rack()).ask(line)
}

/// Request files and transcripts write the byte 0A as `{0A}`.
pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        bytes.extend_from_slice(before.as_bytes());
        let hex = after.get(..2).filter(|_| after.get(2..3) == Some("}"));
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(b'{');
                rest = after;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
