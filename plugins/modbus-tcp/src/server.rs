//! The plugin: connections, and what each has sent of a frame that is not complete.

use std::collections::BTreeMap;

use opennmc_plugin::{Host, Inbound, Outbound, Plugin, TcpService};
use serde::Deserialize;

use crate::frame::{Exception, Front, Request, answer, front};
use crate::map::{REGISTERS, registers};

/// The two functions that read registers.
const READ_HOLDING: u8 = 3;
const READ_INPUT: u8 = 4;
/// The most registers of one request, from the protocol.
const MOST_REGISTERS: u16 = 125;
/// Unit identifiers of clients that address the server itself.
const THE_SERVER: [u8; 2] = [0, 255];

/// What the operator can set.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Clients beyond this are refused.
    pub max_connections: usize,
}

/// The server.
#[derive(Debug)]
pub struct ModbusServer {
    config: Config,
    unfinished: BTreeMap<u64, Vec<u8>>,
}

impl Plugin for ModbusServer {
    type Config = Config;

    fn start(_host: &impl Host, config: Config) -> Result<Self, String> {
        Ok(ModbusServer { config, unfinished: BTreeMap::new() })
    }
}

impl TcpService for ModbusServer {
    fn on_accept(&mut self, _: &impl Host, _: &str, connection: u64, _: &str) -> Result<(), String> {
        if self.unfinished.len() >= self.config.max_connections {
            return Err(format!("all {} connections are in use", self.config.max_connections));
        }
        self.unfinished.insert(connection, Vec::new());
        Ok(())
    }

    fn on_data(&mut self, host: &impl Host, batch: Vec<Inbound>) -> Vec<Outbound> {
        batch.into_iter().map(|Inbound { connection, bytes }| self.serve(host, connection, &bytes)).collect()
    }

    fn on_closed(&mut self, _: &impl Host, connection: u64, _: &str) {
        self.unfinished.remove(&connection);
    }
}

impl ModbusServer {
    fn serve(&mut self, host: &impl Host, connection: u64, bytes: &[u8]) -> Outbound {
        let held = self.unfinished.entry(connection).or_default();
        held.extend_from_slice(bytes);
        let (mut at, mut out) = (0, Vec::new());
        let close = loop {
            match front(held.get(at..).unwrap_or_default()) {
                Front::Unfinished => break false,
                Front::Nonsense => break true,
                Front::Request(request, used) => {
                    let read = read(host, &request);
                    answer(&request, read.as_deref().map_err(|exception| *exception), &mut out);
                    at += used;
                }
            }
        };
        // What is left is shorter than one frame.
        held.drain(..at);
        Outbound { connection, bytes: out, close }
    }
}

fn read(host: &impl Host, request: &Request<'_>) -> Result<Vec<u16>, Exception> {
    if ![READ_HOLDING, READ_INPUT].contains(&request.function) {
        return Err(Exception::IllegalFunction);
    }
    let &[first_high, first_low, count_high, count_low] = request.data else {
        return Err(Exception::IllegalValue);
    };
    let first = u16::from_be_bytes([first_high, first_low]);
    let count = u16::from_be_bytes([count_high, count_low]);
    if !(1..=MOST_REGISTERS).contains(&count) {
        return Err(Exception::IllegalValue);
    }
    let first = usize::from(first);
    let wanted = first..first + usize::from(count);
    if wanted.end > REGISTERS {
        return Err(Exception::IllegalAddress);
    }
    let number = if THE_SERVER.contains(&request.unit) { 1 } else { request.unit };
    let device = host.devices().into_iter().nth(usize::from(number) - 1).ok_or(Exception::NoSuchUnit)?;
    let variables = host.variables(&device.name).unwrap_or_default();
    Ok(registers(&device, &variables).get(wanted).unwrap_or_default().to_vec())
}
