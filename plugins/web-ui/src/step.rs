//! What is to be done next about a request: answer it, ask the daemon, or order something.

use opennmc_plugin::Response;
use serde_json::Value;

use crate::lookup::Lookup;
use crate::problem::{Problem, Refusal};

/// The next step.
pub enum Step {
    /// It is done.
    Answer(Response),
    /// Ask the administration, and go on with what it says.
    Ask(Value, Then),
    /// Order something of a UPS.
    Order(Order),
}

/// Goes on with an answer of the administration.
pub type Then = Box<dyn FnOnce(&dyn Lookup, Result<Value, Refusal>) -> Result<Step, Problem>>;

/// Something to be ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The UPS.
    pub ups: String,
    /// What.
    pub what: What,
    /// Of the header `Idempotency-Key`.
    pub key: Option<String>,
}

/// What is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A command.
    Run {
        /// NUT name.
        command: String,
        /// For commands that take one.
        argument: Option<String>,
        /// A person was told what it does.
        confirmed: bool,
    },
    /// A setting.
    Set {
        /// NUT name.
        variable: String,
        /// As NUT clients write it.
        value: String,
    },
}

impl core::fmt::Debug for Step {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Questions may carry passwords.
        match self {
            Step::Answer(response) => write!(out, "Answer({})", response.status),
            Step::Ask(..) => out.write_str("Ask"),
            Step::Order(order) => write!(out, "{order:?}"),
        }
    }
}

impl Step {
    /// An answer of JSON.
    pub fn json(status: u16, body: &Value) -> Step {
        Step::Answer(Response::text(status, "application/json", body.to_string()))
    }

    /// Done, and nothing to tell.
    pub fn nothing() -> Step {
        Step::Answer(Response { status: 204, headers: Vec::new(), body: Vec::new() })
    }

    /// Asks; refusals are told as they are.
    pub fn ask(
        request: Value,
        then: impl FnOnce(&dyn Lookup, Value) -> Result<Step, Problem> + 'static,
    ) -> Result<Step, Problem> {
        Ok(Step::Ask(request, Box::new(move |lookup, told| then(lookup, told?))))
    }

    /// Asks, and passes on what is told.
    pub fn pass_on(request: Value) -> Result<Step, Problem> {
        Step::ask(request, |_, told| Ok(Step::json(200, &told)))
    }
}
