//! Orders to UPSes, and how each ends.
//!
//! They go through the host's door, not through the administration, whose few places an order of ten minutes would fill.
//! Who repeats a command with the same `Idempotency-Key` gets the first answer, or waits for it, and orders nothing.

use std::collections::{BTreeMap, VecDeque};

use opennmc_plugin::{Host, Principal, Response};
use serde_json::{Value, json};

use crate::call::Call;
use crate::lookup::Lookup;
use crate::problem::Problem;
use crate::step::{Order, Step, What};

/// A client is told that an order goes on before the host gives up on the plugin, after 30 s.
const LONGEST_WAIT_MS: u64 = 20_000;
/// How long an answer is kept for who repeats the order.
const KEPT_MS: u64 = 10 * 60 * 1000;
/// Answers that are kept of one user, and of all.
const MOST_KEPT: usize = 256;
const MOST_KEPT_OF_ALL: usize = 2048;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 1024;

/// `POST /api/v1/ups/{ups}/commands/{name}`.
pub fn run(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    let body = call.body_if_any(&["argument", "confirm"])?;
    let argument = body.text_if_any("argument", 0, LONGEST_VALUE)?;
    let confirmed = body.flag_if_any("confirm")?.unwrap_or_default();
    let key = call.header("idempotency-key").map(str::to_owned);
    if key.as_ref().is_some_and(|key| key.is_empty() || key.len() > LONGEST_KEY) {
        return Err(Problem::bad(format!("`Idempotency-Key` has 1 to {LONGEST_KEY} characters")));
    }
    let what = What::Run { command: call.part(1), argument, confirmed };
    Ok(Step::Order(Order { ups: call.part(0), what, key }))
}

/// `PUT /api/v1/ups/{ups}/variables/{name}`.
pub fn set(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    let value = call.body(&["value"])?.text("value", 0, LONGEST_VALUE)?;
    let what = What::Set { variable: call.part(1), value };
    Ok(Step::Order(Order { ups: call.part(0), what, key: None }))
}

/// `PUT /api/v1/ups/{ups}/forced-shutdown`: the daemon does it by itself, at once.
pub fn forced_shutdown(call: &Call, _: &dyn Lookup) -> Result<Step, Problem> {
    call.only(&[])?;
    let body = call.body(&["on", "confirm"])?;
    let (on, confirmed) = (body.flag("on")?, body.flag_if_any("confirm")?.unwrap_or_default());
    if on && !confirmed {
        let detail = "every machine on this UPS would be told to shut down now; say `\"confirm\": true`";
        return Err(Problem { outcome: Some("unconfirmed".to_owned()), ..Problem::new(409, detail) });
    }
    let request = json!({
        "do": "forced-shutdown", "ups": call.part(0), "on": on, "danger_confirmed": confirmed,
    });
    Step::ask(request, |_, told| {
        let (result, message) = (told["result"].as_str(), told["message"].as_str());
        let (result, message) = (result.unwrap_or_default(), message.unwrap_or_default());
        ended(told["order"].clone(), is_success(result), result, message).map(Step::Answer)
    })
}

fn is_success(result: &str) -> bool {
    matches!(result, "verified" | "executed" | "accepted" | "unchanged")
}

/// The answer to an order that has ended.
fn ended(order: Value, success: bool, result: &str, message: &str) -> Result<Response, Problem> {
    if success {
        let message = Some(message).filter(|message| !message.is_empty());
        let body = json!({"order": order, "result": result, "message": message});
        return Ok(Response::text(200, "application/json", body.to_string()));
    }
    let status = match result {
        "denied" => 403,
        "refused" | "unconfirmed" => 409,
        "unsupported" | "invalid" => 422,
        "stale" => 503,
        "timed-out" => 504,
        _ => 502,
    };
    let detail = if message.is_empty() { result } else { message };
    Err(Problem { outcome: Some(result.to_owned()), ..Problem::new(status, detail) })
}

/// What a repeated order is recognised by: user, UPS, command, key.
type Repeated = (String, String, String, String);

/// The orders that clients wait for, and the answers that are kept.
#[derive(Debug, Default)]
pub struct Orders {
    /// By ticket.
    open: BTreeMap<u64, Open>,
    /// Ticket by timer.
    timers: BTreeMap<u64, u64>,
    kept: BTreeMap<Repeated, Kept>,
    /// When each was kept, the oldest first.
    ages: VecDeque<(u64, Repeated)>,
}

#[derive(Debug)]
struct Open {
    /// Requests that wait.
    waiting: Vec<u64>,
    timer: Option<u64>,
    repeated: Option<Repeated>,
}

/// An order that was given under a key.
#[derive(Debug)]
struct Kept {
    what: What,
    ticket: u64,
    /// None while it goes on.
    answer: Option<Response>,
}

impl Orders {
    /// Gives an order. An answer comes now, or later by [`Self::on_ended`] or [`Self::on_timer`].
    pub fn give(
        &mut self,
        host: &impl Host,
        order: Order,
        principal: Principal,
        user: &str,
        request: u64,
    ) -> Result<Option<Response>, Problem> {
        let now = host.uptime_ms();
        self.forget_old(now);
        let Order { ups, what, key } = order;
        let name = what.name().to_ascii_lowercase();
        let repeated = key.map(|key| (user.to_owned(), ups.to_ascii_lowercase(), name, key));
        if let Some(kept) = repeated.as_ref().and_then(|repeated| self.kept.get(repeated)) {
            if kept.what != what {
                return Err(Problem::new(409, "this `Idempotency-Key` was used for another order"));
            }
            let ticket = kept.ticket;
            let answer = kept.answer.clone();
            return match (answer, self.open.get_mut(&ticket)) {
                (None, Some(open)) => {
                    open.waiting.push(request);
                    self.watch(host, ticket);
                    Ok(None)
                }
                (answer, _) => Ok(answer),
            };
        }
        if !host.devices().iter().any(|device| device.name.eq_ignore_ascii_case(&ups)) {
            return Err(Problem::none("there is no such UPS"));
        }
        let ticket = match &what {
            What::Run { command, argument, confirmed } => {
                host.run(principal, &ups, command, argument.as_deref(), *confirmed)
            }
            What::Set { variable, value } => host.set(principal, &ups, variable, value),
        }?;
        if let Some(repeated) = &repeated {
            self.kept.insert(repeated.clone(), Kept { what, ticket, answer: None });
            self.ages.push_back((now, repeated.clone()));
            self.make_room(user);
        }
        self.open.insert(ticket, Open { waiting: vec![request], timer: None, repeated });
        self.watch(host, ticket);
        Ok(None)
    }

    /// An order has ended: who waits for it, and the answer.
    pub fn on_ended(
        &mut self,
        host: &impl Host,
        ticket: u64,
        success: bool,
        outcome: &str,
        detail: &str,
    ) -> (Vec<u64>, Response) {
        let answer =
            ended(Value::Null, success, outcome, detail).unwrap_or_else(|problem| problem.response());
        let Some(open) = self.open.remove(&ticket) else { return (Vec::new(), answer) };
        if let Some(timer) = open.timer {
            self.timers.remove(&timer);
            host.cancel(timer);
        }
        if let Some(kept) = open.repeated.and_then(|repeated| self.kept.get_mut(&repeated)) {
            kept.answer = Some(answer.clone());
        }
        (open.waiting, answer)
    }

    /// An order takes long: who is not to wait for it any more, and what they are told.
    pub fn on_timer(&mut self, timer: u64) -> (Vec<u64>, Response) {
        let detail = "the order goes on; the events and the audit will tell how it ended, and so does the same request \
                      with the same `Idempotency-Key`";
        let answer = Problem { outcome: Some("begun".to_owned()), ..Problem::new(504, detail) }.response();
        let open = self.timers.remove(&timer).and_then(|ticket| self.open.get_mut(&ticket));
        let waiting = open.map(|open| {
            open.timer = None;
            core::mem::take(&mut open.waiting)
        });
        (waiting.unwrap_or_default(), answer)
    }

    /// Sees to it that who waits for the order does not wait for ever. One timer is for all: who comes later waits less.
    fn watch(&mut self, host: &impl Host, ticket: u64) {
        let Some(open) = self.open.get_mut(&ticket).filter(|open| open.timer.is_none()) else { return };
        // Without a timer the host answers in the plugin's place, 10 s later.
        open.timer = host.after(LONGEST_WAIT_MS).ok();
        self.timers.extend(open.timer.map(|timer| (timer, ticket)));
    }

    fn forget_old(&mut self, now: u64) {
        while let Some((_, repeated)) = self.ages.pop_front_if(|(at, _)| now.saturating_sub(*at) > KEPT_MS) {
            self.kept.remove(&repeated);
        }
    }

    /// Drops the user's oldest beyond the limit, then the oldest of all.
    fn make_room(&mut self, user: &str) {
        let of_user = self.ages.iter().filter(|(_, repeated)| repeated.0 == user).count();
        let oldest = if of_user > MOST_KEPT {
            self.ages.iter().position(|(_, repeated)| repeated.0 == user)
        } else {
            (self.ages.len() > MOST_KEPT_OF_ALL).then_some(0)
        };
        if let Some((_, repeated)) = oldest.and_then(|index| self.ages.remove(index)) {
            self.kept.remove(&repeated);
        }
    }
}

impl What {
    fn name(&self) -> &str {
        match self {
            What::Run { command, .. } => command,
            What::Set { variable, .. } => variable,
        }
    }
}
