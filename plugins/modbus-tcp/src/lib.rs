//! A Modbus-TCP server: the state of every UPS in registers, to be read only.
//!
//! Bytes become frames ([`frame`]), a request is answered from the map of one UPS ([`map`]). The map is described in the
//! README; a register never changes its meaning.

pub mod frame;
pub mod map;
pub mod server;

pub use server::{Config, ModbusServer};

opennmc_plugin::export!(ModbusServer: lifecycle, tcp_events);
