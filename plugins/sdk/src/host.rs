//! What a plugin may ask of the host, one trait per WIT interface.
//!
//! Plugins take `&impl Host`, never `&dyn Host`: a trait object would reference every function of every interface, and
//! the component would then ask the operator for abilities that it does not use.

use crate::{Device, Error, Level, Variable};

/// All that a plugin can ask for. Asking for something that was not granted keeps the component from being loaded.
pub trait Host: Log + Clock + Ups + Timers + Tcp + Auth + UpsControl {}

impl<T: Log + Clock + Ups + Timers + Tcp + Auth + UpsControl> Host for T {}

/// Lines in the host's log, marked with the plugin's name and limited in their rate.
pub trait Log {
    /// Writes one line.
    fn log(&self, level: Level, message: &str);

    /// Something does not work.
    fn error(&self, message: &str) {
        self.log(Level::Error, message);
    }

    /// Something may not work as the operator expects.
    fn warn(&self, message: &str) {
        self.log(Level::Warn, message);
    }

    /// For the record.
    fn info(&self, message: &str) {
        self.log(Level::Info, message);
    }

    /// For people who look for a fault.
    fn debug(&self, message: &str) {
        self.log(Level::Debug, message);
    }
}

/// Time, in milliseconds.
pub trait Clock {
    /// Since 1970-01-01 UTC, as the system clock has it.
    fn wall_ms(&self) -> u64;
    /// Since the host started; never goes back.
    fn uptime_ms(&self) -> u64;
}

/// The state of every UPS, which does not change during one call into the plugin.
pub trait Ups {
    /// Goes up whenever any device changes. Cheap: ask before reading anything else.
    fn generation(&self) -> u64;
    /// In the order of the configuration.
    fn devices(&self) -> Vec<Device>;
    /// Sorted by name. None when there is no such device.
    fn variables(&self, device: &str) -> Option<Vec<Variable>>;
    /// NUT command names this UPS takes, sorted. None when there is no such device.
    fn commands(&self, device: &str) -> Option<Vec<String>>;
    /// The permitted values of a choice variable, in the UPS's own order.
    fn choices(&self, device: &str, variable: &str) -> Vec<String>;
    /// The permitted bounds of a range variable, inclusive.
    fn ranges(&self, device: &str, variable: &str) -> Vec<(i64, i64)>;
    /// One English sentence on a variable's meaning.
    fn describe_variable(&self, name: &str) -> Option<String>;
    /// One English sentence on what a command does.
    fn describe_command(&self, name: &str) -> Option<String>;
}

/// One-shot and repeating timers, for plugins that implement [`crate::TimerHandler`].
pub trait Timers {
    /// Calls back once, `ms` milliseconds from now.
    fn after(&self, ms: u64) -> Result<u64, Error>;
    /// Calls back every `ms` milliseconds.
    fn every(&self, ms: u64) -> Result<u64, Error>;
    /// Forgets a timer; an unknown one is no error.
    fn cancel(&self, timer: u64);
}

/// The plugin's own connections, for plugins that implement [`crate::TcpService`].
pub trait Tcp {
    /// Queues bytes at once, ahead of what the current `on_data` returns.
    ///
    /// Refused with [`Error::Limit`] when the peer reads too slowly; nothing of `bytes` is queued then.
    fn send(&self, connection: u64, bytes: &[u8]) -> Result<(), Error>;
    /// Closes after what is queued was sent.
    fn close(&self, connection: u64);
}

/// Who is at the other end of a connection, for plugins that implement [`crate::AuthHandler`].
///
/// A check gives a ticket; its outcome arrives in [`crate::AuthHandler::on_checked`].
pub trait Auth {
    /// Checks a user's password.
    fn check_password(&self, connection: u64, name: &str, password: &str) -> Result<u64, Error>;
    /// Checks an API token.
    fn check_token(&self, connection: u64, token: &str) -> Result<u64, Error>;
    /// Whether the principal may do this now: `read`, `login`, `fsd`, `command:NAME`, `set:NAME`, `backup`, `audit`, `admin`.
    fn may(&self, principal: u64, right: &str) -> Result<bool, Error>;
    /// Forgets the principal before its connection ends.
    fn release(&self, principal: u64);
}

/// Commands and settings in the name of a principal, for plugins that implement [`crate::ControlHandler`].
///
/// An order gives a ticket; how it ended arrives in [`crate::ControlHandler::on_ended`].
pub trait UpsControl {
    /// Runs a command by its NUT name. `danger_confirmed`: the person knows that this may interrupt the load and wants it.
    fn run(
        &self,
        principal: u64,
        device: &str,
        command: &str,
        argument: Option<&str>,
        danger_confirmed: bool,
    ) -> Result<u64, Error>;
    /// Sets a variable by its NUT name.
    fn set(&self, principal: u64, device: &str, variable: &str, value: &str) -> Result<u64, Error>;
    /// Sets or clears the forced shutdown.
    fn forced_shutdown(&self, principal: u64, device: &str, on: bool) -> Result<u64, Error>;
}
