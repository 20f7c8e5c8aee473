//! Tells the status of every UPS over TCP: one line for each line that a client sends.

use std::collections::BTreeMap;

use opennmc_plugin::{Host, Inbound, Outbound, Plugin, TcpService};
use serde::Deserialize;

/// What the operator can set: the keys of `[config]` in plugin.toml.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Config {
    longest_line: usize,
}

/// The plugin's whole state.
pub struct Service {
    config: Config,
    /// What each client has sent of a line that is not complete.
    unfinished: BTreeMap<u64, Vec<u8>>,
}

impl Plugin for Service {
    type Config = Config;

    fn start(_host: &impl Host, config: Config) -> Result<Self, String> {
        Ok(Service { config, unfinished: BTreeMap::new() })
    }
}

impl TcpService for Service {
    fn on_accept(&mut self, _: &impl Host, _listener: &str, connection: u64, _peer: &str) -> Result<(), String> {
        self.unfinished.insert(connection, Vec::new());
        Ok(())
    }

    fn on_data(&mut self, host: &impl Host, batch: Vec<Inbound>) -> Vec<Outbound> {
        batch.into_iter().map(|Inbound { connection, bytes }| self.answer(host, connection, &bytes)).collect()
    }

    fn on_closed(&mut self, _: &impl Host, connection: u64, _reason: &str) {
        self.unfinished.remove(&connection);
    }
}

impl Service {
    fn answer(&mut self, host: &impl Host, connection: u64, bytes: &[u8]) -> Outbound {
        let line = self.unfinished.entry(connection).or_default();
        line.extend_from_slice(bytes);
        let mut answer = Vec::new();
        while let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            line.drain(..=end);
            answer.extend_from_slice(status(host).as_bytes());
        }
        // A client must not make us hold as much as it likes.
        Outbound { connection, bytes: answer, close: line.len() > self.config.longest_line }
    }
}

fn status(host: &impl Host) -> String {
    let devices = host.devices().into_iter().map(|device| {
        let variables = host.variables(&device.name).unwrap_or_default();
        let status = variables.into_iter().find(|variable| variable.name == "ups.status");
        format!("{}={}", device.name, status.map_or_else(|| "unknown".to_owned(), |status| status.value))
    });
    devices.collect::<Vec<_>>().join(" ") + "\n"
}

opennmc_plugin::export!(Service: lifecycle, tcp_events);
