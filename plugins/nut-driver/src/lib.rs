//! NUT's driver socket: an existing `upsd` reads a UPS of this host as if one of NUT's drivers served it.
//!
//! A listener is named like the UPS that it serves. What changed is told to whoever is connected ([`driver`]), from a copy of
//! what they were told before ([`feed`]); requests ([`request`]) are answered in between.

pub mod driver;
pub mod feed;
pub mod request;

pub use driver::{Config, NutDriver};

opennmc_plugin::export!(NutDriver: lifecycle, events, tcp_events, connection_events, timer_events, control_events);
