//! The NUT server: NUT's network protocol 1.3 for every UPS that the host knows.
//!
//! Bytes come in per connection ([`server`]), become words ([`lexer`]), then typed requests ([`request`]), and are
//! answered ([`get`], [`list`], [`connection`]) from a copy of the host's snapshot that holds its reply lines ready
//! ([`mirror`]). What needs rights ([`acting`]) is asked of the host in the name of the user who logged in; while the host
//! looks, only this one client waits ([`desk`]).

pub mod acting;
pub mod admission;
pub mod config;
pub mod connection;
pub mod desk;
pub mod get;
pub mod list;
pub mod logins;
pub mod mirror;
pub mod refusal;
pub mod reply;
pub mod request;
pub mod server;
pub mod subscribers;
pub mod tracking;

pub use config::Config;
pub use nut_words::lexer;
pub use server::NutServer;

opennmc_plugin::export!(
    NutServer: lifecycle,
    events,
    tcp_events,
    connection_events,
    timer_events,
    auth_events,
    control_events
);
