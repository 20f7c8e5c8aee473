//! The host as a component sees it: every method is one imported function.

use crate::bindings::imports::opennmc::plugin::{auth, clock, log, tcp, timers, ups, ups_control};
use crate::{Auth, Clock, Device, Error, Level, Log, Tcp, Timers, Ups, UpsControl, Variable};

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

impl Auth for Imports {
    fn check_password(&self, connection: u64, name: &str, password: &str) -> Result<u64, Error> {
        auth::check_password(connection, name, password)
    }

    fn check_token(&self, connection: u64, token: &str) -> Result<u64, Error> {
        auth::check_token(connection, token)
    }

    fn may(&self, principal: u64, right: &str) -> Result<bool, Error> {
        auth::may(principal, right)
    }

    fn release(&self, principal: u64) {
        auth::release(principal);
    }
}

impl UpsControl for Imports {
    fn run(
        &self,
        principal: u64,
        device: &str,
        command: &str,
        argument: Option<&str>,
        danger_confirmed: bool,
    ) -> Result<u64, Error> {
        ups_control::run(principal, device, command, argument, danger_confirmed)
    }

    fn set(&self, principal: u64, device: &str, variable: &str, value: &str) -> Result<u64, Error> {
        ups_control::set(principal, device, variable, value)
    }

    fn forced_shutdown(&self, principal: u64, device: &str, on: bool) -> Result<u64, Error> {
        ups_control::forced_shutdown(principal, device, on)
    }
}
