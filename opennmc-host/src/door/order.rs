//! What can be asked of a UPS, and how it ends.

use std::fmt;

use crate::users::{Principal, Right};

/// Something to be done to a UPS.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// Run an instant command.
    Run {
        /// NUT name, such as `test.battery.start`.
        command: String,
        /// For commands that take one, such as the seconds of `shutdown.return`'s delay.
        argument: Option<String>,
    },
    /// Set a variable.
    Set {
        /// NUT name.
        variable: String,
        /// As NUT clients write it.
        value: String,
    },
    /// Set (true) or clear the forced shutdown: every machine on this UPS is told to shut down now.
    ForcedShutdown(bool),
}

impl Order {
    /// What somebody must be allowed to do for this.
    pub fn right(&self) -> Right {
        match self {
            Order::Run { command, .. } => Right::Command(command.clone()),
            Order::Set { variable, .. } => Right::Set(variable.clone()),
            Order::ForcedShutdown(_) => Right::ForcedShutdown,
        }
    }
}

/// An order and who gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRequest {
    /// The UPS by name.
    pub device: String,
    /// What to do.
    pub order: Order,
    /// Who wants it.
    pub principal: Principal,
    /// The person was told that this interrupts the load, and wants it. NUT's clients have no way to say so; the service
    /// that speaks for them decides.
    pub danger_confirmed: bool,
}

/// Numbers orders; never used twice while the daemon runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderId(pub u64);

/// How an order ended. It says what is known and no more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderResult {
    /// A setting was written and reads back as ordered.
    Verified,
    /// The UPS accepted it and its effect was seen.
    Executed,
    /// The UPS accepted it; its effect can't be seen from here, or not yet.
    Accepted,
    /// The setting had this value already.
    Unchanged,
    /// The UPS, or its state, or another order under way forbids it; the text says which.
    Refused(String),
    /// The principal may not; the text says what it lacks.
    Denied(String),
    /// There is no such UPS, or it has no such command or variable; the text says which.
    Unsupported(String),
    /// The value does not fit; the text says what would.
    Invalid(String),
    /// It interrupts the load and was not confirmed.
    Unconfirmed(String),
    /// The UPS accepted it and no effect was seen in the time it should have taken.
    NoEffect,
    /// No answer came in time, or the line was lost on the way: whether it was done is not known.
    TimedOut,
    /// There is no contact with the UPS; nothing was sent.
    Stale,
}

impl OrderResult {
    /// Whether what was asked for was done, as far as can be known.
    pub fn is_success(&self) -> bool {
        use OrderResult::{Accepted, Executed, Unchanged, Verified};
        matches!(self, Verified | Executed | Accepted | Unchanged)
    }

    /// One word, for programs. Words never change their meaning.
    pub fn name(&self) -> &'static str {
        match self {
            OrderResult::Verified => "verified",
            OrderResult::Executed => "executed",
            OrderResult::Accepted => "accepted",
            OrderResult::Unchanged => "unchanged",
            OrderResult::Refused(_) => "refused",
            OrderResult::Denied(_) => "denied",
            OrderResult::Unsupported(_) => "unsupported",
            OrderResult::Invalid(_) => "invalid",
            OrderResult::Unconfirmed(_) => "unconfirmed",
            OrderResult::NoEffect => "no-effect",
            OrderResult::TimedOut => "timed-out",
            OrderResult::Stale => "stale",
        }
    }
}

impl fmt::Display for OrderResult {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OrderResult::Verified => out.write_str("written and read back"),
            OrderResult::Executed => out.write_str("done: its effect was seen"),
            OrderResult::Accepted => {
                out.write_str("accepted by the UPS; its effect can't be seen from here, or not yet")
            }
            OrderResult::Unchanged => out.write_str("unchanged: it was so already"),
            OrderResult::Refused(text) => write!(out, "refused: {text}"),
            OrderResult::Denied(text) => write!(out, "denied: {text}"),
            OrderResult::Unsupported(text) => write!(out, "not supported: {text}"),
            OrderResult::Invalid(text) => write!(out, "invalid: {text}"),
            OrderResult::Unconfirmed(text) => write!(out, "not confirmed: {text}"),
            OrderResult::NoEffect => out.write_str("accepted by the UPS, but no effect was seen in time"),
            OrderResult::TimedOut => out.write_str("no answer: whether it was done is not known"),
            OrderResult::Stale => out.write_str("there is no contact with the UPS: nothing was sent"),
        }
    }
}

/// What is told about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// It was handed to the UPS under this number; its end will be told.
    Begun(OrderId),
    /// It has ended.
    Ended(OrderId, OrderResult),
}
