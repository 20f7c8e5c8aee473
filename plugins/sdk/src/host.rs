//! What a plugin may ask of the host, one trait per WIT interface.
//!
//! Plugins take `&impl Host`, never `&dyn Host`: a trait object would reference every function of every interface, and
//! the component would then ask the operator for abilities that it does not use.

use crate::{
    Device, Error, EventQuery, FetchRequest, Level, LocalTime, Notice, Principal, Response, SampleQuery,
    Security, Severity, Variable,
};

/// All that a plugin can ask for. Asking for something that was not granted keeps the component from being loaded.
pub trait Host:
    Log
    + Clock
    + Random
    + Ups
    + Timers
    + Tcp
    + TlsServer
    + TcpConnect
    + Udp
    + HttpClient
    + HttpAnswers
    + Store
    + Bus
    + Notify
    + Delivery
    + History
    + Admin
    + Auth
    + UpsControl
{
}

impl<
    T: Log
        + Clock
        + Random
        + Ups
        + Timers
        + Tcp
        + TlsServer
        + TcpConnect
        + Udp
        + HttpClient
        + HttpAnswers
        + Store
        + Bus
        + Notify
        + Delivery
        + History
        + Admin
        + Auth
        + UpsControl,
> Host for T
{
}

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
    /// A moment in milliseconds since 1970-01-01 UTC, as the host's time zone has it.
    fn local_time(&self, at_ms: u64) -> LocalTime;
}

/// Bytes that nobody can guess.
pub trait Random {
    /// At most 1,024 at a time; none at all when the system has none.
    fn random_bytes(&self, count: u32) -> Vec<u8>;
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
    /// Whether the command may take the power from the load or use up the battery, so that it has to be confirmed.
    fn needs_confirmation(&self, name: &str) -> bool;
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
    fn may(&self, principal: Principal, right: &str) -> Result<bool, Error>;
    /// Forgets the principal before its connection ends.
    fn release(&self, principal: Principal);
}

/// Commands and settings in the name of a principal, for plugins that implement [`crate::ControlHandler`].
///
/// An order gives a ticket; how it ended arrives in [`crate::ControlHandler::on_ended`].
pub trait UpsControl {
    /// Runs a command by its NUT name. `danger_confirmed`: the person knows that this may interrupt the load and wants it.
    fn run(
        &self,
        principal: Principal,
        device: &str,
        command: &str,
        argument: Option<&str>,
        danger_confirmed: bool,
    ) -> Result<u64, Error>;
    /// Sets a variable by its NUT name.
    fn set(&self, principal: Principal, device: &str, variable: &str, value: &str) -> Result<u64, Error>;
    /// Sets or clears the forced shutdown.
    fn forced_shutdown(&self, principal: Principal, device: &str, on: bool) -> Result<u64, Error>;
}

/// TLS on connections that peers made in the clear, as STARTTLS asks for.
pub trait TlsServer {
    /// Begins TLS. [`crate::ConnectionHandler::on_secured`] follows, or [`crate::TcpService::on_closed`].
    ///
    /// What the peer sent before, and the plugin has not seen yet, is thrown away.
    fn accept_tls(&self, connection: u64) -> Result<(), Error>;

    /// Whether the host has a certificate, so that TLS can be offered.
    fn offers_tls(&self) -> bool {
        // There is no connection 0, and that there is no certificate is said first.
        !matches!(self.accept_tls(0), Err(Error::Unavailable(_)))
    }
}

/// Connections that the plugin makes, to granted hosts.
pub trait TcpConnect {
    /// Connects; the number is the connection's from now on. [`crate::ConnectionHandler::on_connected`] follows, or
    /// [`crate::TcpService::on_closed`] with the reason.
    fn connect(&self, host: &str, port: u16, security: Security) -> Result<u64, Error>;
    /// Begins TLS on a connection made in the clear, after the peer has agreed to it.
    fn start_tls(&self, connection: u64) -> Result<(), Error>;
}

/// Datagrams, on granted sockets and to granted hosts.
pub trait Udp {
    /// Sends one datagram to a granted host. It may be lost without a word.
    fn send_datagram(&self, host: &str, port: u16, bytes: &[u8]) -> Result<(), Error>;
    /// Answers a datagram: `peer` as [`crate::UdpService::on_datagrams`] gave it, within a minute.
    fn reply_datagram(&self, socket: &str, peer: &str, bytes: &[u8]) -> Result<(), Error>;
}

/// HTTP requests to granted hosts, for plugins that implement [`crate::HttpReplies`].
pub trait HttpClient {
    /// Sends a request; [`crate::HttpReplies::on_reply`] follows.
    fn fetch(&self, request: &FetchRequest) -> Result<u64, Error>;
}

/// Answers to requests that [`crate::WebService::handle`] left open.
pub trait HttpAnswers {
    /// Once for each request. [`Error::NotFound`] when it was answered, or its client went away.
    fn respond(&self, request: u64, response: &Response) -> Result<(), Error>;
}

/// Small values by key that survive restarts.
pub trait Store {
    /// What is kept under this key.
    fn load(&self, key: &str) -> Option<Vec<u8>>;
    /// Keeps a value. [`Error::Limit`] when the plugin's share is full; then nothing is changed.
    fn keep(&self, key: &str, value: &[u8]) -> Result<(), Error>;
    /// Forgets a key; an unknown one is no error.
    fn forget(&self, key: &str);
    /// The keys that begin with `prefix`, sorted.
    fn kept_keys(&self, prefix: &str) -> Vec<String>;
}

/// What plugins tell each other.
pub trait Bus {
    /// Everybody who listens hears an event of the kind `bus.PLUGIN.TOPIC`. The topic must be granted.
    fn announce(
        &self,
        topic: &str,
        severity: Severity,
        device: &str,
        fields: &[(String, String)],
    ) -> Result<(), Error>;
}

/// Telling people.
pub trait Notify {
    /// Gives a notice to every notifier. The ticket names it in the events `notice.delivered` and `notice.failed`.
    fn notify(&self, notice: &Notice) -> Result<u64, Error>;
}

/// How the notices ended that [`crate::Notifier::deliver`] brought: exactly one call for each.
pub trait Delivery {
    /// The peer has it.
    fn delivered(&self, notice: u64) -> Result<(), Error>;
    /// It was not delivered. `again`: trying later makes sense; the host decides when.
    fn not_delivered(&self, notice: u64, reason: &str, again: bool) -> Result<(), Error>;
}

/// What was, for plugins that implement [`crate::HistoryHandler`].
pub trait History {
    /// Asks for past events.
    fn past_events(&self, query: &EventQuery) -> Result<u64, Error>;
    /// Asks for the course of a variable.
    fn past_samples(&self, query: &SampleQuery) -> Result<u64, Error>;
}

/// The daemon's administration, for plugins that implement [`crate::AdminHandler`].
pub trait Admin {
    /// One request of the control socket as JSON, without `v` and `id`, with the principal's rights.
    fn ask_admin(&self, principal: Principal, request: &str) -> Result<u64, Error>;
}
