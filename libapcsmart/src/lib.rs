//! The APC smart serial protocol.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "simulator")]
pub mod simulator;
mod time;

pub use time::Time;
