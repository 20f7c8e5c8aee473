//! What a plugin offers, one trait per export interface.
//!
//! The host calls a plugin from one thread, one call at a time, and drops it after any call that traps or takes too
//! long: no method may wait for anything.

use serde::de::DeserializeOwned;

use crate::{
    Datagram, Error, Event, Host, Inbound, Notice, Outbound, Principal, Reply, Response, Sample, WebRequest,
    parse_config,
};

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
    /// A peer connected to the granted listener `listener`. An error closes the connection and is logged. A plugin that
    /// only makes connections leaves this out.
    fn on_accept(
        &mut self,
        host: &impl Host,
        listener: &str,
        connection: u64,
        peer: &str,
    ) -> Result<(), String> {
        let _ = (host, connection, peer);
        Err(format!("the plugin does not serve the listener {listener}"))
    }

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
    /// How the check with this ticket ended: the principal, or why there is none. Not called when the
    /// connection has ended.
    fn on_checked(&mut self, host: &impl Host, ticket: u64, outcome: Result<Principal, Error>);
}

/// A plugin that orders something of a UPS: see [`crate::UpsControl`].
pub trait ControlHandler: Plugin {
    /// How the order with this ticket ended: `outcome` in a word of an open set, `detail` in a sentence.
    fn on_ended(&mut self, host: &impl Host, ticket: u64, success: bool, outcome: &str, detail: &str);
}

/// A plugin that makes connections, or secures those that peers made: see [`crate::TcpConnect`], [`crate::TlsServer`].
pub trait ConnectionHandler: Plugin {
    /// A connection that the plugin asked for stands.
    fn on_connected(&mut self, host: &impl Host, connection: u64);

    /// TLS stands on it: what arrives and what is sent from now on is secret.
    fn on_secured(&mut self, host: &impl Host, connection: u64) {
        let _ = (host, connection);
    }
}

/// A plugin that hears datagrams: see [`crate::Udp`].
pub trait UdpService: Plugin {
    /// Everything that arrived in one turn of the plugin's loop.
    fn on_datagrams(&mut self, host: &impl Host, batch: Vec<Datagram>);
}

/// A plugin that makes HTTP requests: see [`crate::HttpClient`].
pub trait HttpReplies: Plugin {
    /// The answer to a fetch, or why there is none. A status of 400 and more is an answer.
    fn on_reply(&mut self, host: &impl Host, ticket: u64, outcome: Result<Reply, String>);
}

/// A plugin that serves web pages under its mount. The host owns TLS, sessions, the files under `assets/` and limits.
pub trait WebService: Plugin {
    /// An answer, or none: then [`crate::HttpAnswers::respond`] has to follow within 30 seconds.
    fn handle(&mut self, host: &impl Host, request: WebRequest) -> Option<Response>;
}

/// A plugin that delivers notices to people: see [`crate::Delivery`].
pub trait Notifier: Plugin {
    /// Deliver this, and say within two minutes how that ended. `attempt` is 1 the first time.
    fn deliver(&mut self, host: &impl Host, id: u64, notice: Notice, at_ms: u64, attempt: u32);
}

/// A plugin that asks for what was: see [`crate::History`].
pub trait HistoryHandler: Plugin {
    /// The events that were asked for, the oldest first.
    fn on_past_events(&mut self, host: &impl Host, ticket: u64, outcome: Result<Vec<Event>, Error>) {
        let _ = (host, ticket, outcome);
    }

    /// The samples that were asked for, the oldest first.
    fn on_past_samples(&mut self, host: &impl Host, ticket: u64, outcome: Result<Vec<Sample>, Error>) {
        let _ = (host, ticket, outcome);
    }
}

/// A plugin that asks the daemon for administration: see [`crate::Admin`].
pub trait AdminHandler: Plugin {
    /// The answer as JSON, or the refusal as `CODE: sentence`, such as `not-found: there is no UPS …`.
    fn on_admin_answer(&mut self, host: &impl Host, ticket: u64, outcome: Result<String, String>);
}
