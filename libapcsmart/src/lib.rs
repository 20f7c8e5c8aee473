//! The APC smart serial protocol.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod alert;
pub mod capability;
#[cfg(feature = "capi")]
pub mod capi;
mod diagnosis;
mod frame;
pub mod grammar;
mod operation;
pub mod protocol;
mod quality;
#[cfg(feature = "serial")]
pub mod serial;
pub mod session;
#[cfg(feature = "simulator")]
pub mod simulator;
mod status;
pub mod table;
mod time;
mod value;

pub use alert::Alert;
pub use diagnosis::Diagnosis;
pub use operation::{Outcome, Refusal, Ticket};
pub use quality::LinkQuality;
pub use session::{Event, LinkState, Output, Session, SessionConfig, VariableInfo};
pub use status::{Fault, Status};
pub use table::Danger;
pub use time::Time;
pub use value::{Decimal, Value};
