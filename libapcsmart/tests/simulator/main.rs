//! What a simulated UPS does, byte by byte, on a simulated clock.
//!
//! Everything here is said from the host's side of the line, so that these files can be read as the specification of
//! the wire. No session takes part: the simulator must be right by itself.
#![allow(clippy::unwrap_used)] // the host's end of the line panics for its tests

mod alerts;
mod battery;
mod commands;
mod control;
mod eeprom;
mod faults;
mod models;
mod shutdown;
mod timing;
mod wire;
