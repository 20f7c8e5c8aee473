//! Write plugins for OpenNMC.
//!
//! A plugin is a type that implements [`Plugin`] and whichever of [`TcpService`], [`ConnectionHandler`], [`UdpService`],
//! [`HttpReplies`], [`WebService`], [`EventListener`], [`TimerHandler`], [`AuthHandler`], [`ControlHandler`], [`Notifier`],
//! [`HistoryHandler`] and [`AdminHandler`] it offers; [`export!`] turns it into a component. Everything it may ask for comes through the
//! [`Host`] that each call hands in, so the same code runs natively against [`SimulatedHost`] in plain `cargo test`.
//!
//! ```
//! use opennmc_plugin::{EventListener, Event, Host, Plugin};
//!
//! struct Herald;
//!
//! #[derive(serde::Deserialize)]
//! struct Config {
//!     greeting: String,
//! }
//!
//! impl Plugin for Herald {
//!     type Config = Config;
//!
//!     fn start(host: &impl Host, config: Config) -> Result<Self, String> {
//!         host.info(&config.greeting);
//!         Ok(Herald)
//!     }
//! }
//!
//! impl EventListener for Herald {
//!     fn on_event(&mut self, host: &impl Host, event: Event) {
//!         host.info(&event.kind);
//!     }
//! }
//!
//! opennmc_plugin::export!(Herald: lifecycle, events);
//! ```
//!
//! A host function that is never called does not appear among the component's imports, so the binary itself says what
//! the plugin wants. A plugin's `build.rs` must give the guest a small stack; see the SDK's README.

#[doc(hidden)]
pub mod bindings;
mod config;
#[doc(hidden)]
pub mod export;
mod happening;
mod host;
#[cfg(target_arch = "wasm32")]
mod imports;
mod plugin;
mod principal;
#[cfg(not(target_arch = "wasm32"))]
pub mod real;
#[cfg(not(target_arch = "wasm32"))]
mod simulated;
mod web;

pub use bindings::history_events::exports::opennmc::plugin::history_events::Sample;
pub use bindings::http_events::exports::opennmc::plugin::http_events::Reply;
pub use bindings::imports::opennmc::plugin::clock::LocalTime;
pub use bindings::imports::opennmc::plugin::history::{EventQuery, SampleQuery};
pub use bindings::imports::opennmc::plugin::http_client::Request as FetchRequest;
pub use bindings::imports::opennmc::plugin::log::Level;
pub use bindings::imports::opennmc::plugin::tcp_connect::Security;
pub use bindings::imports::opennmc::plugin::types::{Error, Event, Notice, Response, Severity};
pub use bindings::imports::opennmc::plugin::ups::{Availability, Device, Kind, Variable};
pub use bindings::tcp_events::exports::opennmc::plugin::tcp_events::{Inbound, Outbound};
pub use bindings::udp_events::exports::opennmc::plugin::udp_events::Datagram;
pub use config::{ConfigError, parse_config};
pub use happening::{Happening, KNOWN_KINDS, Power};
pub use host::{
    Admin, Auth, Bus, Clock, Delivery, History, Host, HttpAnswers, HttpClient, Log, Notify, Random, Store,
    Tcp, TcpConnect, Timers, TlsServer, Udp, Ups, UpsControl,
};
#[cfg(target_arch = "wasm32")]
pub use imports::Imports;
pub use plugin::{
    AdminHandler, AuthHandler, ConnectionHandler, ControlHandler, EventListener, HistoryHandler, HttpReplies,
    Notifier, Plugin, TcpService, TimerHandler, UdpService, WebService,
};
pub use principal::Principal;
#[cfg(not(target_arch = "wasm32"))]
pub use simulated::{Announced, Delivered, LogLine, Ordered, SentDatagram, SimulatedHost, SimulatedUps};
pub use web::WebRequest;
