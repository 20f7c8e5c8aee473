//! What a plugin offers, one trait per export interface.
//!
//! The host calls a plugin from one thread, one call at a time, and drops it after any call that traps or takes too
//! long: no method may wait for anything.

use serde::de::DeserializeOwned;

use crate::{Error, Event, Host, Inbound, Outbound, parse_config};

/// Every plugin. The value is the whole state of the plugin and ends with its instance.
pub trait Plugin: Sized + 'static {
    /// The shape of the plugin's configuration. The host fills in the defaults of `plugin.toml` first.
    type Config: DeserializeOwned;

    /// Reads the configuration's JSON. Override it with a larger JSON crate when the configuration has tables whose keys
    /// are not known beforehand.
    fn read_config(json: &str) -> Result<Self::Config, String> {
        parse_config(json).map_err(|error| error.to_string())
    }

    /// Makes the plugin ready. An error is logged and the start counts as failed.
    fn start(host: &impl Host, config: Self::Config) -> Result<Self, String>;

    /// The host is about to drop the instance.
    fn stop(self, host: &impl Host) {
        let _ = host;
    }
}

/// A plugin that serves TCP connections. The host owns the sockets; the plugin sees numbers and bytes.
pub trait TcpService: Plugin {
    /// A peer connected to the granted listener `listener`. An error closes the connection and is logged.
    fn on_accept(
        &mut self,
        host: &impl Host,
        listener: &str,
        connection: u64,
        peer: &str,
    ) -> Result<(), String>;

    /// Everything that arrived in one turn of the plugin's loop, one entry per connection, and the answers.
    fn on_data(&mut self, host: &impl Host, batch: Vec<Inbound>) -> Vec<Outbound>;

    /// The connection is gone; its number is not used again.
    fn on_closed(&mut self, host: &impl Host, connection: u64, reason: &str);
}

/// A plugin that hears what happens.
pub trait EventListener: Plugin {
    /// Something happened.
    fn on_event(&mut self, host: &impl Host, event: Event);
}

/// A plugin that uses timers.
pub trait TimerHandler: Plugin {
    /// The timer with this number is due.
    fn on_timer(&mut self, host: &impl Host, timer: u64);
}

/// A plugin that lets people log in: see [`crate::Auth`].
pub trait AuthHandler: Plugin {
    /// How the check with this ticket ended: the number of the principal, or why there is none. Not called when the
    /// connection has ended.
    fn on_checked(&mut self, host: &impl Host, ticket: u64, outcome: Result<u64, Error>);
}

/// A plugin that orders something of a UPS: see [`crate::UpsControl`].
pub trait ControlHandler: Plugin {
    /// How the order with this ticket ended: `outcome` in a word of an open set, `detail` in a sentence.
    fn on_ended(&mut self, host: &impl Host, ticket: u64, success: bool, outcome: &str, detail: &str);
}
