//! What speaks with a UPS: one trait, so that the links, the state engine and the door know no protocol.
//!
//! A driver is sans-I/O like the protocol session it wraps: it is given bytes and the time, and gives bytes, what it
//! learned and one deadline. It opens nothing and waits for nothing: it runs on the main loop. [`ApcSmart`] is built in;
//! [`native`] are shared libraries that an administrator chose to trust.

mod absent;
mod apcsmart;
pub mod native;

use std::time::Duration;

use ::apcsmart::{LinkQuality, SessionConfig, Time};

use self::native::{NativeDriver, NativeLibrary};
use crate::config::DriverChoice;
use crate::door::{NotBegun, OrderResult};
use crate::state::Input;

pub use self::absent::Absent;
pub use self::apcsmart::ApcSmart;

/// The driver of one UPS, as configured. `spacing` is the silence between an answer and the next question, when the
/// protocol's own pace is too fast for the unit.
///
/// # Errors
/// A native driver can't be loaded, or refused its options; the text says why and what to do.
pub fn make(choice: &DriverChoice, spacing: Option<Duration>) -> Result<Box<dyn Driver>, String> {
    match choice {
        DriverChoice::ApcSmart => {
            let mut config = SessionConfig::default();
            config.spacing = spacing.unwrap_or(config.spacing);
            Ok(Box::new(ApcSmart::new(config)))
        }
        DriverChoice::Native(library, options) => {
            let loaded = NativeLibrary::load(&library.path, &library.sha256);
            let library = loaded.map_err(|error| error.to_string())?;
            Ok(Box::new(NativeDriver::new(&library, options)?))
        }
    }
}

/// Something that speaks one UPS protocol.
///
/// After every call that takes `&mut self`, drain [`Driver::poll_output`] until it gives [`DriverOutput::Timeout`].
pub trait Driver {
    /// NUT's `driver.name`.
    fn name(&self) -> &'static str;
    /// The port has just been opened.
    fn handle_open(&mut self, now: Time);
    /// The port is gone. Orders under way end.
    fn handle_close(&mut self, now: Time);
    /// These bytes came in.
    fn handle_input(&mut self, now: Time, bytes: &[u8]);
    /// The deadline was reached; earlier or later does no harm.
    fn handle_timeout(&mut self, now: Time);
    /// What is to be done, one thing at a time.
    fn poll_output(&mut self) -> DriverOutput;
    /// Begins a command. Its end comes as [`DriverOutput::Done`] with the ticket.
    ///
    /// # Errors
    /// Another order has the line, or it ended before anything was sent.
    fn run(
        &mut self,
        now: Time,
        command: &str,
        argument: Option<&str>,
        danger_confirmed: bool,
    ) -> Result<u64, NotBegun>;
    /// Begins to set a variable, as [`Driver::run`] a command.
    fn set(&mut self, now: Time, variable: &str, value: &str) -> Result<u64, NotBegun>;
    /// When the UPS last gave a valid answer.
    fn last_heard(&self) -> Option<Time>;
    /// Figures of the line, when the driver keeps any.
    fn quality(&self) -> Option<&LinkQuality> {
        None
    }
}

/// What a driver wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriverOutput {
    /// Send all of these bytes at once.
    Transmit(Vec<u8>),
    /// Something was learned.
    Learned(Input),
    /// An order has ended.
    Done {
        /// What began it.
        ticket: u64,
        /// How.
        result: OrderResult,
    },
    /// Nothing more to do until this time, or the next input. [`Time::NEVER`]: nothing is due.
    Timeout(Time),
}
