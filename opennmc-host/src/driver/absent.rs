//! The driver of a UPS whose own can't be loaded: it says nothing and hears nothing.

use ::apcsmart::Time;

use super::{Driver, DriverOutput};
use crate::door::{NotBegun, OrderResult};

/// Stands where a driver would be.
#[derive(Debug, Clone, Copy, Default)]
pub struct Absent;

impl Driver for Absent {
    fn name(&self) -> &'static str {
        "none"
    }

    fn handle_open(&mut self, _: Time) {}

    fn handle_close(&mut self, _: Time) {}

    fn handle_input(&mut self, _: Time, _: &[u8]) {}

    fn handle_timeout(&mut self, _: Time) {}

    fn poll_output(&mut self) -> DriverOutput {
        DriverOutput::Timeout(Time::NEVER)
    }

    fn run(&mut self, _: Time, _: &str, _: Option<&str>, _: bool) -> Result<u64, NotBegun> {
        Err(OrderResult::Stale.into())
    }

    fn set(&mut self, _: Time, _: &str, _: &str) -> Result<u64, NotBegun> {
        Err(OrderResult::Stale.into())
    }

    fn last_heard(&self) -> Option<Time> {
        None
    }
}
