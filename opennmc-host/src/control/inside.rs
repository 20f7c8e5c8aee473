//! Requests from inside of the daemon, in the name of somebody who has logged in with a plugin.
//!
//! They are carried out by the very code that serves the control socket, with the same rights and the same audit. Each has
//! a thread of its own, and there are only so many: some wait for the main loop, a disk or a UPS. What goes on for ever,
//! or takes an opened file, can't be asked for here.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use serde::Deserialize as _;
use serde_json::Value;

use super::answer::{Host, answer};
use super::protocol::{Code, EventQuery, PluginRequest, Problem, Request};
use super::replies::{HungUp, Replies};
use crate::plugin::{AdminRequest, Administration};

/// Requests under way, of all plugins together.
const MOST_UNDER_WAY: usize = 16;
/// As for the control socket's connections.
const STACK: usize = 1024 * 1024;

/// What plugins reach the daemon's administration through.
pub fn administration(host: Host) -> Administration {
    let under_way = Arc::<AtomicUsize>::default();
    Arc::new(move |request, reply| {
        let Some(place) = Place::take(&under_way) else { return false };
        let host = host.clone();
        let carry_out = move || {
            reply(carry_out(&host, request));
            drop(place);
        };
        let thread = std::thread::Builder::new().name("plugin-admin".to_owned()).stack_size(STACK);
        thread.spawn(carry_out).is_ok()
    })
}

/// The answer as JSON, or the refusal as plugins read it: `CODE: sentence`, with the code of the control protocol.
fn carry_out(host: &Host, asked: AdminRequest) -> Result<String, String> {
    try_to(host, asked).map_err(|Problem { code, message }| format!("{}: {message}", code.name()))
}

fn try_to(host: &Host, asked: AdminRequest) -> Result<String, Problem> {
    let AdminRequest { principal, request, orders, answer_bytes } = asked;
    let bad = |message: String| Problem::new(Code::BadRequest, message);
    let request: Value =
        serde_json::from_str(&request).map_err(|error| bad(format!("the request is not JSON: {error}")))?;
    let request = Request::deserialize(request).map_err(|error| bad(error.to_string()))?;
    if let Some(refusal) = refusal(&request, orders) {
        return Err(Problem::new(Code::Refused, refusal));
    }
    let is_list =
        matches!(request, Request::Events(_) | Request::Plugin { plugin: PluginRequest::Logs { .. } });
    let mut collected = Collected { items: Vec::new(), bytes: 0, most: answer_bytes };
    let too_long = || {
        let message = format!(
            "the answer is longer than {answer_bytes} bytes, which the plugin can take; ask for less"
        );
        Problem::new(Code::Refused, message)
    };
    let value = match answer(host, &principal, request, &mut collected) {
        Ok(Ok(_)) if is_list => Value::Array(collected.items),
        Ok(Ok(value)) => value,
        Ok(Err(problem)) => return Err(problem),
        Err(HungUp) => return Err(too_long()),
    };
    let text = value.to_string();
    if text.len() > answer_bytes { Err(too_long()) } else { Ok(text) }
}

/// Why this can't be asked for here; none: it can.
fn refusal(request: &Request, orders: bool) -> Option<&'static str> {
    match request {
        Request::Events(EventQuery { follow: true, .. })
        | Request::Plugin { plugin: PluginRequest::Logs { follow: true, .. } } => {
            Some("`follow` has no end, and a plugin is answered once; leave it out")
        }
        Request::BackUp { .. } | Request::Restore { .. } => {
            Some("backups are made and restored with `opennmc backup` and `opennmc restore`, not by plugins")
        }
        Request::Plugin { plugin: PluginRequest::LookAt { .. } | PluginRequest::Install { .. } } => {
            Some("packages are installed with `opennmc plugin install`, not by plugins")
        }
        Request::Run { .. } | Request::Set { .. } | Request::ForcedShutdown { .. } if !orders => Some(
            "the plugin is not granted to order anything of a UPS; its plugin.toml must ask for `control = \"as-principal\"`",
        ),
        _ => None,
    }
}

/// Keeps what is said, up to a size.
struct Collected {
    items: Vec<Value>,
    bytes: usize,
    most: usize,
}

impl Replies for Collected {
    fn take(&mut self, item: Value) -> Result<(), HungUp> {
        self.bytes += item.to_string().len() + 1;
        if self.bytes > self.most {
            return Err(HungUp);
        }
        self.items.push(item);
        Ok(())
    }

    fn attached(&mut self) -> Option<OwnedFd> {
        None
    }

    fn start_anew_after(&mut self) {}

    fn is_gone(&self) -> bool {
        false
    }
}

/// One of the requests that may be under way; given back when dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(under_way: &Arc<AtomicUsize>) -> Option<Place> {
        let free = |taken: usize| (taken < MOST_UNDER_WAY).then_some(taken + 1);
        under_way.fetch_update(Relaxed, Relaxed, free).ok()?;
        Some(Place(Arc::clone(under_way)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
