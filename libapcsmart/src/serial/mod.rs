//! The blocking port: for programs that have no event loop and want none.
//!
//! ```no_run
//! use std::time::Duration;
//! use apcsmart::serial::{Port, PortOptions};
//!
//! let mut port = Port::open("/dev/ttyS0", &PortOptions::default())?;
//! port.wait_ready(Duration::from_secs(30))?;
//! println!("{}", port.get("battery.charge").map_or("unknown".into(), |charge| charge.to_string()));
//! # Ok::<(), apcsmart::serial::PortError>(())
//! ```
//!
//! A program with a loop of its own opens the port with [`open`] and drives a [`Session`](crate::Session) itself.
//! What is where: `port` is the one type that most programs need, `device` and `tcp` open what it talks on, `wire` moves
//! bytes, `interrupt` ends a wait from outside, `error` has the words for what went wrong, and `classify` finds out what is there when it is no smart UPS.

mod address;
mod cable;
mod classify;
mod clock;
mod device;
mod error;
mod interrupt;
mod modbus;
mod options;
mod port;
mod reopen;
mod stable;
mod tcp;
mod users;
mod wire;

pub use cable::Cable;
pub use classify::{Finding, classify};
pub use device::{BAUD, open, release};
pub use error::PortError;
pub use interrupt::Interrupter;
pub use options::PortOptions;
pub use port::Port;
pub use stable::{converters, stable_path};

/// The guide's examples are doc tests.
#[cfg(all(doctest, feature = "simulator"))]
#[doc = include_str!("../../../docs/rust-guide.md")]
mod guide {}
