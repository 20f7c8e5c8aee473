//! What a person orders: commands and settings, each a small procedure with its checks.
//!
//! An [`Operation`] owns the line from its start to its end, except while it takes breath between two steps or watches for
//! an effect. It is told what came
//! and says what to do next; it never sends a byte itself and never repeats one that acts, because an answer that got
//! lost does not mean that the order did. What it reports is what was seen, no more.

mod act;
mod shutdown;
mod switch;
mod write;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

pub(crate) use act::Simple;
pub(crate) use shutdown::{Method, ShutdownReturn};
pub(crate) use switch::WriteSwitch;
pub(crate) use write::{StepField, WriteChoice, WriteText};

use crate::alert::Alert;
use crate::status::Status;
use crate::table::Code;

/// Names an order until its outcome came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u64);

impl Ticket {
    /// The number: unique within a session, never zero.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The UPS accepted it. Its effect can not be seen from here, or not yet.
    Accepted,
    /// The UPS accepted it and its effect was seen.
    Executed,
    /// The setting was written and reads back as ordered.
    Verified,
    /// The setting had this value already; nothing was written.
    Unchanged,
    /// The UPS refused, or its state forbids it; the text says which.
    Refused(&'static str),
    /// This unit does not know the command.
    Unsupported,
    /// The UPS accepted it and no effect was seen in the time it should have taken.
    NoEffect,
    /// No answer came. Whether the UPS did it is not known.
    TimedOut,
    /// The link was lost on the way, the line was too bad to go on, or a more urgent order came. Whether the UPS did it is not
    /// known.
    Interrupted,
}

impl Outcome {
    /// Whether the order was carried out as far as can be known.
    pub fn is_success(&self) -> bool {
        matches!(self, Outcome::Accepted | Outcome::Executed | Outcome::Verified | Outcome::Unchanged)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Accepted => f.write_str("accepted by the UPS"),
            Outcome::Executed => f.write_str("done: its effect was seen"),
            Outcome::Verified => f.write_str("written and read back"),
            Outcome::Unchanged => f.write_str("unchanged: the value was so already"),
            Outcome::Refused(reason) => write!(f, "refused: {reason}"),
            Outcome::Unsupported => f.write_str("not supported by this UPS"),
            Outcome::NoEffect => f.write_str("accepted, but no effect was seen"),
            Outcome::TimedOut => f.write_str("no answer: whether it was done is not known"),
            Outcome::Interrupted => f.write_str("interrupted: whether it was done is not known"),
        }
    }
}

/// Why an order was not even begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No such command exists.
    #[error("there is no command {0:?}")]
    UnknownCommand(String),
    /// The command exists, but not on this unit.
    #[error("this UPS does not have the command {0}")]
    NotOnThisUnit(&'static str),
    /// The command can take power from the load and the caller did not confirm it.
    #[error("{0} can take power from the load: confirm it")]
    NeedsConfirmation(&'static str),
    /// An argument is malformed.
    #[error("{name}: {problem}")]
    InvalidArgument {
        /// The command.
        name: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// This unit has no such variable.
    #[error("this UPS has no variable {0:?}")]
    UnknownVariable(String),
    /// The variable can not be set.
    #[error("{0} can not be set")]
    ReadOnly(&'static str),
    /// The value is not permitted.
    #[error("{name} can not be {value:?}; it takes {permitted}")]
    InvalidValue {
        /// The variable.
        name: &'static str,
        /// What was asked for.
        value: String,
        /// What it takes, for a person.
        permitted: String,
    },
    /// Another order is under way.
    #[error("another order is under way: try again when it ended")]
    Busy,
    /// No UPS answers.
    #[error("the UPS does not answer")]
    NotConnected,
    /// The UPS answers, and what it can do is not known yet: a few seconds after the link came up.
    #[error("what this UPS can do is not known yet: try again in a few seconds")]
    NotDiscovered,
}

/// What an operation hears.
#[derive(Debug)]
pub(crate) enum Input {
    /// The line is its own, and in step.
    Start,
    /// A line came. An empty one stands for bytes that are no line.
    Line(Vec<u8>),
    /// The time to wait is over and nothing came.
    Silence,
    /// While watching: the status as it is now.
    Status(Status),
    /// The line was disturbed and is in step again. What was sent last may have been taken or not, and an argument that was
    /// begun is broken off.
    Disturbed,
    /// The line is its own again after [`Act::Breathe`].
    Resumed,
    /// The time to watch is over.
    WatchOver,
}

/// What an operation wants.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Send these bytes and wait so long for a line. [`Input::Silence`] comes when there is none.
    Send(Vec<u8>, Duration),
    /// Send nothing and listen so long.
    Listen(Duration),
    /// An answer is missing or damaged: find the place in the conversation again, then hear [`Input::Disturbed`]. Until then an
    /// answer that comes late could be taken for the next one, and a step that was sent could be done after the end.
    Resync,
    /// Go on waiting for what is waited for.
    Wait,
    /// Let the status be read before the next step; then hear [`Input::Resumed`].
    Breathe,
    /// Give the line back and hear of every status and alert for so long. An order that watches can only end; what else it
    /// says then is passed over.
    Watch {
        /// How long.
        duration: Duration,
        /// The UPS accepted the order; else nothing is known of it but that it was sent.
        accepted: bool,
    },
    /// It ended.
    Done(Outcome),
}

/// A procedure.
pub(crate) trait Operation: fmt::Debug + Send {
    /// Hears what came, says what to do.
    fn step(&mut self, input: Input) -> Act;

    /// Hears an alert, which on some units is the answer, or the effect. Most procedures go on waiting.
    fn hear(&mut self, _alert: Alert) -> Act {
        Act::Wait
    }

    /// Whether what it sent last writes to the EEPROM, unless the UPS refuses it.
    fn writes(&self) -> bool {
        false
    }

    /// The answer that two reads since the last write agreed on, byte for byte; for settings alone.
    fn read_back(&self) -> Option<&[u8]> {
        None
    }

    /// Whether the unit takes whatever is sent now as part of an argument that it waits for.
    fn in_argument(&self) -> bool {
        false
    }
}

/// Boxed, since only one exists at a time and their sizes differ much.
pub(crate) type BoxedOperation = Box<dyn Operation>;

/// Time for a value that is asked for within a procedure.
const VALUE: Duration = Duration::from_millis(1500);
/// Time for an acceptance. EEPROM writes answer within a second on known units.
const ACCEPTANCE: Duration = Duration::from_millis(1500);
/// What is listened to after the first byte of a longer command: any line means that the unit does not take it, and that
/// what follows would run as commands.
const EARLY_REFUSAL: Duration = Duration::from_millis(200);
/// The same before an argument. A refusal that comes late, or of which a byte got lost, must still be heard: digits and
/// letters that run as commands can switch off or worse.
const ARGUMENT_REFUSAL: Duration = Duration::from_millis(1000);
/// Between the bytes of an argument. Faster, and the unit stops talking.
const BETWEEN_BYTES: Duration = Duration::from_millis(50);

fn ask(code: Code) -> Act {
    Act::Send(code.bytes(), VALUE)
}

fn order(code: Code) -> Act {
    Act::Send(code.bytes(), ACCEPTANCE)
}

/// Whether the unit clearly did not take what it was sent. Anything else that is no acceptance may be a damaged one.
pub(crate) fn is_refusal(line: &[u8]) -> bool {
    line == b"NA" || line == b"NO"
}

/// The outcome of an answer that is not the acceptance.
fn not_accepted(line: &[u8]) -> Outcome {
    match line {
        b"NA" => Outcome::Unsupported,
        b"NO" => Outcome::Refused("the UPS says no"),
        _ => Outcome::TimedOut,
    }
}

fn is_acceptance(line: &[u8]) -> bool {
    line == b"OK" || line == b"*"
}

/// The flags in an answer to `Q`.
fn flags(line: &[u8]) -> Option<Status> {
    let digits = core::str::from_utf8(line).ok().filter(|digits| digits.len() == 2)?;
    u8::from_str_radix(digits, 16).ok().map(|flags| Status { flags, ..Status::default() })
}
