//! The host as a component sees it: every method is one imported function.

use crate::bindings::imports::opennmc::plugin::{clock, log, tcp, timers, ups};
use crate::{Clock, Device, Error, Level, Log, Tcp, Timers, Ups, Variable};

/// The functions that the host linked into this component.
#[derive(Debug, Clone, Copy, Default)]
pub struct Imports;

impl Log for Imports {
    fn log(&self, level: Level, message: &str) {
        log::write(level, message);
    }
}

impl Clock for Imports {
    fn wall_ms(&self) -> u64 {
        clock::wall_ms()
    }

    fn uptime_ms(&self) -> u64 {
        clock::uptime_ms()
    }
}

impl Ups for Imports {
    fn generation(&self) -> u64 {
        ups::generation()
    }

    fn devices(&self) -> Vec<Device> {
        ups::devices()
    }

    fn variables(&self, device: &str) -> Option<Vec<Variable>> {
        ups::variables(device)
    }

    fn commands(&self, device: &str) -> Option<Vec<String>> {
        ups::commands(device)
    }

    fn choices(&self, device: &str, variable: &str) -> Vec<String> {
        ups::choices(device, variable)
    }

    fn ranges(&self, device: &str, variable: &str) -> Vec<(i64, i64)> {
        ups::ranges(device, variable)
    }

    fn describe_variable(&self, name: &str) -> Option<String> {
        ups::describe_variable(name)
    }

    fn describe_command(&self, name: &str) -> Option<String> {
        ups::describe_command(name)
    }
}

impl Timers for Imports {
    fn after(&self, ms: u64) -> Result<u64, Error> {
        timers::after(ms)
    }

    fn every(&self, ms: u64) -> Result<u64, Error> {
        timers::every(ms)
    }

    fn cancel(&self, timer: u64) {
        timers::cancel(timer);
    }
}

impl Tcp for Imports {
    fn send(&self, connection: u64, bytes: &[u8]) -> Result<(), Error> {
        tcp::send(connection, bytes)
    }

    fn close(&self, connection: u64) {
        tcp::close(connection);
    }
}
