//! Real programs around a real `apcsmart-sim`: Debian's NUT and apcupsd.
//!
//! Each value here owns its processes and ends them when it is dropped. Nothing sleeps to wait for something; it is
//! polled for, with a generous deadline.
#![allow(clippy::unwrap_used)] // a missing peer or file fails the test, with a message that says what to do

pub(crate) mod apcupsd;
pub(crate) mod nut;
#[allow(dead_code)] // each test program uses its part
pub(crate) mod process;
#[allow(dead_code)]
pub(crate) mod simulated;
