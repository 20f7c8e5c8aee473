//! The NUT server: NUT's network protocol 1.3 for every UPS that the host knows.
//!
//! Bytes come in per connection ([`server`]), become words ([`lexer`]), then typed requests ([`request`]), and are
//! answered ([`get`], [`list`], [`connection`]) from a copy of the host's snapshot that holds its reply lines ready
//! ([`mirror`]). The plugin never changes anything at the UPS: it has no user base yet, so whatever needs rights ends in
//! `ERR ACCESS-DENIED` once the protocol's own checks have passed.

pub mod config;
pub mod connection;
pub mod get;
pub mod lexer;
pub mod list;
pub mod mirror;
pub mod refusal;
pub mod reply;
pub mod request;
pub mod server;

pub use config::Config;
pub use server::NutServer;

opennmc_plugin::export!(NutServer: lifecycle, tcp_events, timer_events);
