//! The `http-client` interface: HTTP requests to the hosts that were granted.
//!
//! What a guest asks is checked here, on its own thread; the request is made by `outbound::fetch` on a worker. What is under
//! way is broken off when the instance ends.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use calloop::channel::Sender;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use wasmtime::component::{HasSelf, Linker};

use super::tcp_connect::{denied, no_place};
use crate::plugin::bindings::wit::{http_client, types::Error};
use crate::plugin::instance::InstanceState;
use crate::plugin::outbound::{Cancel, Full, Lanes, Network, Request, fetch, may_set, route_of, takes_body};
use crate::plugin::services::Outcome;
use crate::plugin::thread::budget::Budget;
use crate::plugin::{Destination, Mark};

/// Bytes of a body: it is the host's memory while it is sent.
const BODY: usize = 1 << 20;
/// Bytes of all headers; servers take no more.
const HEADERS: usize = 16 << 10;
const URL: usize = 8 << 10;
const TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(120);

pub(super) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    http_client::add_to_linker::<_, HasSelf<InstanceState>>(linker, |state| state)
}

/// The requests of one instance.
pub(in crate::plugin) struct State {
    granted: Arc<BTreeSet<Destination>>,
    network: Network,
    lanes: Lanes,
    budget: Budget,
    outcomes: Sender<Outcome>,
    most: usize,
    last: u64,
    under_way: HashMap<u64, Arc<Cancel>>,
    pub(in crate::plugin) mark: Mark,
}

impl State {
    pub(in crate::plugin) fn new(
        plugin: &str,
        granted: &BTreeSet<Destination>,
        network: Network,
        budget: Budget,
        outcomes: Sender<Outcome>,
        most: u32,
    ) -> Self {
        let lanes = network.lanes(plugin);
        let granted = Arc::new(granted.clone());
        let most = most as usize;
        let (under_way, mark) = (HashMap::new(), Mark::default());
        Self { granted, network, lanes, budget, outcomes, most, last: 0, under_way, mark }
    }

    /// A request has ended; whether the guest waits for it.
    pub(in crate::plugin) fn ended(&mut self, ticket: u64) -> bool {
        self.under_way.remove(&ticket).is_some()
    }

    fn begin(&mut self, request: Request) -> Result<u64, Error> {
        if self.under_way.len() >= self.most {
            self.mark.hit();
            return Err(Error::Limit(format!("{} requests are under way, which is the most", self.most)));
        }
        #[cfg(feature = "author")]
        if let Some(web) = self.network.web() {
            self.last += 1;
            let (ticket, outcomes) = (self.last, self.outcomes.clone());
            self.under_way.insert(ticket, Arc::default());
            let answer = move |result| drop(outcomes.send(Outcome::Fetched { ticket, result }));
            web(request, Box::new(answer));
            return Ok(ticket);
        }
        let place = self.budget.take().ok_or_else(no_place)?;
        let ticket = self.last + 1;
        let cancel = Arc::<Cancel>::default();
        let (network, lookups, outcomes) =
            (self.network.clone(), self.lanes.lookups.clone(), self.outcomes.clone());
        let (granted, cancelled) = (Arc::clone(&self.granted), Arc::clone(&cancel));
        let work = move || {
            let result = fetch(&network, &lookups, &granted, request, &cancelled);
            drop(place);
            // The plugin may have ended; then nobody waits.
            let _ = outcomes.send(Outcome::Fetched { ticket, result });
        };
        // An earlier instance's requests may still be ending.
        self.lanes.fetches.run(self.most, self.most, work).map_err(|Full(reason)| Error::Limit(reason))?;
        self.last = ticket;
        self.under_way.insert(ticket, cancel);
        self.mark.see(self.under_way.len() as u64);
        Ok(ticket)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.under_way.values().for_each(|request| request.cancel());
    }
}

impl http_client::Host for InstanceState {
    fn fetch(&mut self, request: http_client::Request) -> Result<u64, Error> {
        let request = checked(request)?;
        // Again on every hop; here for the guest to hear at once.
        route_of(self.http.granted.iter(), &request.url).map_err(denied)?;
        self.http.begin(request)
    }
}

fn checked(request: http_client::Request) -> Result<Request, Error> {
    let invalid = |problem: String| Err(Error::Invalid(problem));
    const METHODS: [Method; 6] =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let Some(method) = METHODS.into_iter().find(|method| method.as_str() == request.method) else {
        return invalid(format!("`{}` is no method", request.method.escape_default()));
    };
    let url = (request.url.len() <= URL).then(|| request.url.parse::<Uri>().ok()).flatten();
    let Some(url) = url else {
        return invalid("the URL is malformed or too long".to_owned());
    };
    if request.body.len() > BODY {
        return invalid(format!("the body has {} bytes; the most is {BODY}", request.body.len()));
    }
    if !request.body.is_empty() && !takes_body(&method) {
        return invalid(format!("{method} has no body"));
    }
    let timeout = match request.timeout_ms {
        0 => TIMEOUT,
        ms => Duration::from_millis(ms.into()).min(LONGEST),
    };
    let size: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > HEADERS {
        return invalid(format!("the headers have {size} bytes; the most is {HEADERS}"));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        // Neither takes control characters, so no header becomes two.
        let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
            return invalid(format!("`{}` is no header, or its value is none", name.escape_default()));
        };
        if !may_set(&name) {
            return invalid(format!("the header `{name}` is the host's to set"));
        }
        headers.append(name, value);
    }
    Ok(Request { method, url, headers, body: request.body, until: Instant::now() + timeout })
}
