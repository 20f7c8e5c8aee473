//! The daemon itself: how it does, its configuration, and the simulator.

use serde_json::{Value, json};

use crate::call::Call;
use crate::lookup::Lookup;
use crate::problem::{Problem, Refusal};
use crate::step::Step;

/// As openapi.json says; longer than anything that the simulator understands.
const LONGEST_LINE: usize = 1024;

/// `GET /api/v1/health`.
pub fn health(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    Step::pass_on(json!({"do": "health"}))
}

/// `POST /api/v1/reload`.
pub fn reload(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    let then = |_: &dyn Lookup, told: Result<Value, Refusal>| told.map_err(in_the_way).map(done);
    Ok(Step::Ask(json!({"do": "reload"}), Box::new(then)))
}

/// `POST /api/v1/simulate/{ups}`.
pub fn simulate(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    let line = call.body(&["line"])?.text("line", 1, LONGEST_LINE)?;
    let ups = call.part(0);
    let then = move |lookup: &dyn Lookup, told: Result<Value, Refusal>| match told {
        Ok(answer) => Ok(done(json!({"ups": ups, "answer": answer}))),
        Err(refusal) if refusal.code == "failed" && !lookup.has_ups(&ups) => {
            Err(Problem::none("there is no such UPS"))
        }
        Err(refusal) => Err(in_the_way(refusal)),
    };
    Ok(Step::Ask(json!({"do": "simulate", "ups": call.part(0), "line": line}), Box::new(then)))
}

fn done(told: Value) -> Step {
    Step::json(200, &told)
}

/// What fails here would fail again: the file is wrong, or the UPS is a real one.
fn in_the_way(refusal: Refusal) -> Problem {
    let failed = refusal.code == "failed";
    let mut problem = Problem::from(refusal);
    if failed {
        problem.status = 409;
    }
    problem
}
