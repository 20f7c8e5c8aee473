//! Write plugins for OpenNMC.
//!
//! A plugin is a type that implements [`Plugin`] and whichever of [`TcpService`], [`EventListener`], [`TimerHandler`],
//! [`AuthHandler`] and [`ControlHandler`] it offers; [`export!`] turns it into a component. Everything it may ask for comes through the
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
mod host;
#[cfg(target_arch = "wasm32")]
mod imports;
mod plugin;
#[cfg(not(target_arch = "wasm32"))]
mod simulated;

pub use bindings::imports::opennmc::plugin::log::Level;
pub use bindings::imports::opennmc::plugin::types::{Error, Event, Severity};
pub use bindings::imports::opennmc::plugin::ups::{Availability, Device, Kind, Variable};
pub use bindings::tcp_events::exports::opennmc::plugin::tcp_events::{Inbound, Outbound};
pub use config::{ConfigError, parse_config};
pub use host::{Auth, Clock, Host, Log, Tcp, Timers, Ups, UpsControl};
#[cfg(target_arch = "wasm32")]
pub use imports::Imports;
pub use plugin::{AuthHandler, ControlHandler, EventListener, Plugin, TcpService, TimerHandler};
#[cfg(not(target_arch = "wasm32"))]
pub use simulated::{LogLine, Ordered, SimulatedHost, SimulatedUps};
