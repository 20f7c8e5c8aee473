//! Orders to UPSes, in the name of whoever asks.
//!
//! A request waits for the end of its order, as long as the host lets it. One that was repeated, as a phone does on a bad line, is
//! known by its `Idempotency-Key` and orders nothing a second time.

use std::collections::{HashMap, VecDeque};

use opennmc_plugin::{Host, Principal, Response, WebRequest};
use serde::{Deserialize, Serialize};

use crate::endpoint::Endpoint;
use crate::problem::Problem;
use crate::{Handled, input, json, upses};

/// The host lets a request wait for 30 seconds.
const PATIENCE_MS: u64 = 25_000;
/// How long the first answer to a key is given again.
const REMEMBERED_MS: u64 = 10 * 60 * 1_000;
/// Keys that are remembered; the oldest goes.
const MOST_KEYS: usize = 256;
const LONGEST_KEY: usize = 128;

/// The orders under way and those that ended of late.
#[derive(Debug, Default)]
pub(crate) struct Ordering {
    /// By the host's ticket.
    under_way: HashMap<u64, UnderWay>,
    /// Tickets by the timers that end the waiting for them.
    timers: HashMap<u64, u64>,
    /// The oldest first.
    keys: VecDeque<Key>,
}

#[derive(Debug)]
struct UnderWay {
    /// The requests that wait for its end.
    requests: Vec<u64>,
    timer: Option<u64>,
}

#[derive(Debug)]
struct Key {
    /// User, path and the key itself.
    of: String,
    order: Order,
    since_ms: u64,
    ticket: u64,
    /// None while it is under way.
    end: Option<End>,
}

/// How an order ended.
#[derive(Debug, Clone)]
struct End {
    success: bool,
    outcome: String,
    detail: String,
}

/// What is ordered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Run { ups: String, command: String, argument: Option<String>, confirm: bool },
    Set { ups: String, variable: String, value: String },
    ForcedShutdown { ups: String, on: bool },
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, expecting = "an object")]
struct RunBody {
    argument: Option<String>,
    confirm: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct SetBody {
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct ForcedShutdownBody {
    on: bool,
    #[serde(default)]
    confirm: bool,
}

/// What a request orders; none when it orders nothing.
pub(crate) fn order(
    endpoint: Endpoint,
    [ups, name]: [&str; 2],
    request: &WebRequest,
) -> Result<Option<Order>, Problem> {
    let ups = ups.to_owned();
    Ok(Some(match endpoint {
        Endpoint::RunCommand => {
            let RunBody { argument, confirm } = input::body_if_any(request)?;
            Order::Run { ups, command: name.to_owned(), argument, confirm }
        }
        Endpoint::SetVariable => {
            let SetBody { value } = input::body(request)?;
            Order::Set { ups, variable: name.to_owned(), value }
        }
        Endpoint::ForcedShutdown => {
            let ForcedShutdownBody { on, confirm } = input::body(request)?;
            if on && !confirm {
                let detail =
                    "every machine that watches this UPS will shut down; send `\"confirm\": true` to say so";
                return Err(Problem::of_order("unconfirmed", detail));
            }
            Order::ForcedShutdown { ups, on }
        }
        _ => return Ok(None),
    }))
}

impl Ordering {
    /// Gives the order, unless it was given before.
    pub(crate) fn give(
        &mut self,
        host: &impl Host,
        request: &WebRequest,
        principal: Principal,
        order: Order,
    ) -> Handled {
        let key = key(request)?.map(|key| format!("{} {} {key}", request.user, request.path));
        self.forget(host.uptime_ms());
        if let Some(known) = key.as_ref().and_then(|key| self.keys.iter().find(|known| known.of == *key)) {
            if known.order != order {
                return Err(Problem::new(409, "this Idempotency-Key was used for another order"));
            }
            if let Some(end) = &known.end {
                return Ok(Some(end.clone().response()));
            }
            if let Some(under_way) = self.under_way.get_mut(&known.ticket) {
                under_way.requests.push(request.id);
            }
            return Ok(None);
        }
        upses::device(host, order.ups())?;
        let ticket = match &order {
            Order::Run { ups, command, argument, confirm } => {
                host.run(principal, ups, command, argument.as_deref(), *confirm)
            }
            Order::Set { ups, variable, value } => host.set(principal, ups, variable, value),
            Order::ForcedShutdown { ups, on } => host.forced_shutdown(principal, ups, *on),
        };
        let ticket = ticket.map_err(Problem::of)?;
        // Without one the host ends the request, a little later and in words of its own.
        let timer = host.after(PATIENCE_MS).ok();
        self.timers.extend(timer.map(|timer| (timer, ticket)));
        self.under_way.insert(ticket, UnderWay { requests: vec![request.id], timer });
        if let Some(of) = key {
            if self.keys.len() >= MOST_KEYS {
                self.keys.pop_front();
            }
            self.keys.push_back(Key { of, order, since_ms: host.uptime_ms(), ticket, end: None });
        }
        Ok(None)
    }

    /// An order has ended.
    pub(crate) fn ended(
        &mut self,
        host: &impl Host,
        ticket: u64,
        success: bool,
        outcome: &str,
        detail: &str,
    ) {
        let end = End { success, outcome: outcome.to_owned(), detail: detail.to_owned() };
        if let Some(key) = self.keys.iter_mut().find(|key| key.ticket == ticket) {
            key.end = Some(end.clone());
        }
        let Some(UnderWay { requests, timer }) = self.under_way.remove(&ticket) else { return };
        if let Some(timer) = timer {
            self.timers.remove(&timer);
            host.cancel(timer);
        }
        respond(host, &requests, &end.response());
    }

    /// The host ends a request soon: it is told that the order goes on.
    pub(crate) fn waited_long_enough(&mut self, host: &impl Host, timer: u64) {
        let Some(ticket) = self.timers.remove(&timer) else { return };
        let Some(under_way) = self.under_way.get_mut(&ticket) else { return };
        under_way.timer = None;
        let requests = std::mem::take(&mut under_way.requests);
        let message = "it is under way; the audit tells how it ends, and the same Idempotency-Key asks again";
        respond(host, &requests, &told(202, "begun", Some(message)));
    }

    fn forget(&mut self, now_ms: u64) {
        let is_old = |key: &Key| key.end.is_some() && now_ms.saturating_sub(key.since_ms) > REMEMBERED_MS;
        self.keys.retain(|key| !is_old(key));
    }
}

fn key(request: &WebRequest) -> Result<Option<&str>, Problem> {
    let key = request.headers.iter().find(|(name, _)| name == "idempotency-key").map(|(_, key)| key.as_str());
    match key {
        Some(key) if key.is_empty() || key.len() > LONGEST_KEY => {
            Err(Problem::bad(format!("an Idempotency-Key has 1 to {LONGEST_KEY} characters")))
        }
        key => Ok(key),
    }
}

fn respond(host: &impl Host, requests: &[u64], response: &Response) {
    for request in requests {
        // Its client may have gone away.
        let _ = host.respond(*request, response);
    }
}

impl Order {
    fn ups(&self) -> &str {
        match self {
            Order::Run { ups, .. } | Order::Set { ups, .. } | Order::ForcedShutdown { ups, .. } => ups,
        }
    }
}

impl End {
    fn response(self) -> Response {
        match self.success {
            true => told(200, &self.outcome, Some(self.detail.as_str()).filter(|text| !text.is_empty())),
            false => Problem::of_order(&self.outcome, &self.detail).response(),
        }
    }
}

fn told(status: u16, result: &str, message: Option<&str>) -> Response {
    #[derive(Serialize)]
    struct Document<'a> {
        result: &'a str,
        message: Option<&'a str>,
    }
    json(status, serde_json::to_string(&Document { result, message }).unwrap_or_default())
}
