//! What the steps of an answer may look up in the host.
//!
//! A trait of its own, as an object of the SDK's `Host` would make the component ask for every ability there is.

use opennmc_plugin::Host;

/// Facts of the host that cost nothing.
pub trait Lookup {
    /// Milliseconds since 1970 UTC.
    fn now_ms(&self) -> u64;
    /// Whether there is such a UPS.
    fn has_ups(&self, name: &str) -> bool;
    /// One English sentence on a variable.
    fn variable(&self, name: &str) -> Option<String>;
    /// One English sentence on a command.
    fn command(&self, name: &str) -> Option<String>;
}

/// The host of a call.
#[derive(Debug)]
pub struct Of<'h, H>(pub &'h H);

impl<H: Host> Lookup for Of<'_, H> {
    fn now_ms(&self) -> u64 {
        self.0.wall_ms()
    }

    fn has_ups(&self, name: &str) -> bool {
        self.0.devices().iter().any(|device| device.name.eq_ignore_ascii_case(name))
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.0.describe_variable(name)
    }

    fn command(&self, name: &str) -> Option<String> {
        self.0.describe_command(name)
    }
}
