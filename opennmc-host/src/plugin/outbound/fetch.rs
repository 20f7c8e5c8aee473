//! One HTTP request of a plugin, on a worker thread, with the redirects that it leads to.
//!
//! Every hop is checked anew: its URL against the grants, its addresses against what the grant reaches. ureq gets those
//! addresses and no other: it follows no redirect, knows no proxy, keeps no connection and looks nothing up.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, Method, StatusCode, Uri};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, TcpConnector, Transport,
    TransportAdapter,
};
use ureq::{Agent, Error};

use super::{Full, Lane, Network, Refusal, Route};
use crate::plugin::thread::connections::tls_words;
use crate::plugin::{Destination, Scheme};

/// Bytes of an answer's body: they go through the guest's memory in one piece.
const ANSWER: u64 = 1 << 20;
const REDIRECTS: usize = 5;
/// As many addresses as ureq takes.
const ADDRESSES: usize = 16;
const AGENT: &str = concat!("opennmc/", env!("CARGO_PKG_VERSION"));

/// What is asked.
#[derive(Debug, Clone)]
pub(in crate::plugin) struct Request {
    pub(in crate::plugin) method: Method,
    pub(in crate::plugin) url: Uri,
    pub(in crate::plugin) headers: HeaderMap,
    pub(in crate::plugin) body: Vec<u8>,
    /// All has to be over by then.
    pub(in crate::plugin) until: Instant,
}

/// What was answered.
#[derive(Debug)]
pub(in crate::plugin) struct Reply {
    pub(in crate::plugin) status: u16,
    pub(in crate::plugin) headers: Vec<(String, String)>,
    pub(in crate::plugin) body: Vec<u8>,
}

/// Breaks a request off from another thread.
#[derive(Default)]
pub(in crate::plugin) struct Cancel {
    cancelled: AtomicBool,
    agent: Mutex<Option<Agent>>,
}

impl Cancel {
    /// Its sockets are closed at once; its thread ends soon.
    pub(in crate::plugin) fn cancel(&self) {
        self.cancelled.store(true, SeqCst);
        if let Some(agent) = self.agent.lock().unwrap_or_else(PoisonError::into_inner).take() {
            agent.shutdown();
        }
    }

    fn begin(&self, agent: &Agent) -> Result<(), String> {
        *self.agent.lock().unwrap_or_else(PoisonError::into_inner) = Some(agent.clone());
        if self.cancelled.load(SeqCst) { Err("broken off".to_owned()) } else { Ok(()) }
    }
}

/// Where a URL leads: the scheme, the host and the port of it, if it is one that can be fetched at all.
pub(in crate::plugin) fn route<'d>(
    granted: impl IntoIterator<Item = &'d Destination>,
    url: &Uri,
) -> Result<Route, Refusal> {
    let malformed = |why: &str| Refusal::Malformed(format!("`{url}` {why}"));
    let (scheme, default) = match url.scheme_str() {
        Some("http") => (Scheme::Http, 80),
        Some("https") => (Scheme::Https, 443),
        _ => return Err(malformed("is neither http:// nor https://")),
    };
    let authority = url.authority().ok_or_else(|| malformed("has no host"))?;
    if authority.as_str().contains('@') {
        return Err(malformed("has a name or a password in it; send them as a header"));
    }
    Route::new(granted, scheme, authority.host(), authority.port_u16().unwrap_or(default))
}

/// Fetches; blocks until the answer is there, or the time is over.
pub(in crate::plugin) fn fetch(
    network: &Network,
    lookups: &Lane,
    granted: &BTreeSet<Destination>,
    mut request: Request,
    cancel: &Cancel,
) -> Result<Reply, String> {
    for _ in 0..=REDIRECTS {
        let route = route(granted, &request.url).map_err(|refusal| match refusal {
            Refusal::Malformed(problem) | Refusal::Denied(problem) => problem,
        })?;
        let addresses = look_up(network, lookups, &route, request.until)?;
        let reply = hop(network, &request, addresses, cancel)?;
        match redirected(&request, &reply)? {
            Some(next) => request = next,
            None => return Ok(reply),
        }
    }
    Err(format!("it was redirected more than {REDIRECTS} times"))
}

/// Of the lane for names, so that a resolver that hangs does not outlast the request.
fn look_up(
    network: &Network,
    lookups: &Lane,
    route: &Route,
    until: Instant,
) -> Result<Vec<SocketAddr>, String> {
    use crate::plugin::capability::{LOOKUPS, LOOKUPS_WAITING};
    // Nobody has to be asked, and another thread would only take time.
    if let Some(address) = super::numeric(&route.host) {
        return route.reachable(&[address]);
    }
    let (answer, answered) = sync_channel(1);
    let (network, host) = (network.clone(), route.host.clone());
    let work = move || {
        // Whoever asked may have given up.
        let _ = answer.try_send(network.look_up(&host));
    };
    lookups.run(LOOKUPS, LOOKUPS_WAITING, work).map_err(|Full(reason)| reason)?;
    let addresses = answered
        .recv_timeout(until.saturating_duration_since(Instant::now()))
        .map_err(|_| format!("`{}` was not looked up in time", route.host))??;
    route.reachable(&addresses)
}

fn hop(
    network: &Network,
    request: &Request,
    addresses: Vec<SocketAddr>,
    cancel: &Cancel,
) -> Result<Reply, String> {
    let left = request.until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err("no answer in time".to_owned());
    }
    let client = match request.url.scheme_str() {
        Some("https") => Some(network.tls().client()?),
        _ => None,
    };
    let agent = agent(left, addresses, client);
    cancel.begin(&agent)?;
    let answer = send(&agent, request);
    let mut answer = answer.map_err(|error| words(&error, &request.url))?;
    let headers = answer.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let (status, headers) = (answer.status().as_u16(), headers.collect());
    let body = answer.body_mut().with_config().limit(ANSWER).read_to_vec();
    let body = body.map_err(|error| words(&error, &request.url))?;
    Ok(Reply { status, headers, body })
}

fn agent(left: Duration, addresses: Vec<SocketAddr>, client: Option<Arc<ClientConfig>>) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .max_idle_connections(0)
        .user_agent(AGENT)
        .timeout_global(Some(left))
        .build();
    let connector = ().chain(TcpConnector::default()).chain(Secure(client));
    Agent::with_parts(config, connector, Checked(addresses))
}

fn send(agent: &Agent, request: &Request) -> Result<http::Response<ureq::Body>, Error> {
    let mut builder = http::Request::builder().method(request.method.clone()).uri(request.url.clone());
    if let Some(headers) = builder.headers_mut() {
        headers.clone_from(&request.headers);
    }
    if takes_body(&request.method) {
        agent.run(builder.body(request.body.as_slice())?)
    } else {
        agent.run(builder.body(())?)
    }
}

/// Whether a request with this method has a body.
pub(in crate::plugin) fn takes_body(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(method)
}

/// The request that a redirect asks for; none when the answer is none.
fn redirected(request: &Request, reply: &Reply) -> Result<Option<Request>, String> {
    let status = StatusCode::from_u16(reply.status).unwrap_or_default();
    if ![301, 302, 303, 307, 308].contains(&reply.status) {
        return Ok(None);
    }
    let location = reply.headers.iter().find(|(name, _)| name == LOCATION.as_str());
    let Some((_, location)) = location else { return Ok(None) };
    let url = joined(&request.url, location).ok_or_else(|| format!("it was redirected to `{location}`"))?;
    if request.url.scheme_str() == Some("https") && url.scheme_str() != Some("https") {
        return Err(format!("it was redirected to {url}, which is not secret"));
    }
    let mut next = Request { url, ..request.clone() };
    let becomes_get = status == StatusCode::SEE_OTHER && request.method != Method::HEAD
        || matches!(reply.status, 301 | 302) && request.method == Method::POST;
    if becomes_get {
        next.method = Method::GET;
        next.body.clear();
        next.headers.remove(CONTENT_TYPE);
    }
    let place = |url: &Uri| (url.scheme().cloned(), url.authority().cloned());
    if place(&next.url) != place(&request.url) {
        [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].iter().for_each(|name| drop(next.headers.remove(name)));
    }
    Ok(Some(next))
}

/// `location` as it is meant at `base` (RFC 3986, 5.2, without dots).
fn joined(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next()?;
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    let absolute = if location.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{}{location}", base.path())
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    absolute.parse().ok()
}

fn words(error: &Error, url: &Uri) -> String {
    match error {
        Error::Timeout(_) => "no answer in time".to_owned(),
        Error::BodyExceedsLimit(limit) => format!("the answer of {url} is longer than {limit} bytes"),
        Error::Rustls(error) => tls_words(error),
        Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => tls_words(tls),
            None => format!("can't fetch {url}: {error}"),
        },
        error => format!("can't fetch {url}: {error}"),
    }
}

/// Gives the addresses that were checked, whatever is asked.
#[derive(Debug)]
struct Checked(Vec<SocketAddr>);

impl Resolver for Checked {
    fn resolve(
        &self,
        _uri: &Uri,
        _config: &ureq::config::Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let mut addresses = self.empty();
        self.0.iter().take(ADDRESSES).for_each(|address| addresses.push(*address));
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

/// TLS with the host's certificates, for `https`.
#[derive(Debug)]
struct Secure(Option<Arc<ClientConfig>>);

impl<In: Transport> Connector<In> for Secure {
    type Out = Either<In, SecureTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let transport = chained.ok_or(Error::ConnectionFailed)?;
        let Some(client) = self.0.as_ref().filter(|_| details.needs_tls()) else {
            return Ok(Some(Either::A(transport)));
        };
        let host = details.uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::Tls("the host is no name that a certificate can have"))?;
        let mut tls = ClientConnection::new(Arc::clone(client), name)?;
        let mut socket = TransportAdapter::new(transport.boxed(), Arc::clone(&details.current_time));
        socket.set_timeout(details.timeout);
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        let buffers =
            LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(SecureTransport { buffers, stream: StreamOwned::new(tls, socket) })))
    }
}

struct SecureTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl Transport for SecureTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        use std::io::Write;
        self.stream.sock.set_timeout(timeout);
        self.stream.write_all(&self.buffers.output()[..amount])?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        use std::io::Read;
        self.stream.sock.set_timeout(timeout);
        let count = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl std::fmt::Debug for SecureTransport {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SecureTransport").finish_non_exhaustive()
    }
}

/// Whether a guest may set this header: the rest is the host's, or would let one request become two.
pub(in crate::plugin) fn may_set(name: &http::HeaderName) -> bool {
    use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
    ![CONNECTION, CONTENT_LENGTH, EXPECT, HOST, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE]
        .contains(name)
        || *name == USER_AGENT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str) -> Request {
        let headers = [(AUTHORIZATION, "secret"), (COOKIE, "a=b"), (CONTENT_TYPE, "text/plain")];
        Request {
            method: Method::POST,
            url: url.parse().unwrap(),
            headers: headers.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect(),
            body: b"x".to_vec(),
            until: Instant::now(),
        }
    }

    fn redirect(url: &str, status: u16, location: &str) -> Result<Option<Request>, String> {
        let headers = vec![("location".to_owned(), location.to_owned())];
        redirected(&request(url), &Reply { status, headers, body: Vec::new() })
    }

    #[test]
    fn a_location_is_meant_where_it_was_said() {
        let base = "https://a.test/x/y?z".parse().unwrap();
        for (location, meant) in [
            ("https://b.test/", "https://b.test/"),
            ("//b.test/c", "https://b.test/c"),
            ("/c?d", "https://a.test/c?d"),
            ("c", "https://a.test/x/c"),
            ("?d", "https://a.test/x/y?d"),
            ("/c#part", "https://a.test/c"),
        ] {
            assert_eq!(joined(&base, location).unwrap().to_string(), meant, "{location}");
        }
    }

    #[test]
    fn credentials_do_not_follow_to_another_place() {
        let same = redirect("https://a.test/", 307, "/b").unwrap().unwrap();
        assert!(same.headers.contains_key(AUTHORIZATION) && same.method == Method::POST && same.body == b"x");
        for place in ["https://b.test/", "https://a.test:8443/"] {
            let other = redirect("https://a.test/", 307, place).unwrap().unwrap();
            assert!(!other.headers.contains_key(AUTHORIZATION) && !other.headers.contains_key(COOKIE));
        }
    }

    #[test]
    fn nothing_secret_becomes_clear_and_a_form_that_is_redirected_is_not_sent_twice() {
        assert!(redirect("https://a.test/", 302, "http://a.test/").unwrap_err().contains("not secret"));
        let next = redirect("http://a.test/", 303, "/done").unwrap().unwrap();
        assert!(next.method == Method::GET && next.body.is_empty());
        assert!(!next.headers.contains_key(CONTENT_TYPE));
        assert!(redirect("http://a.test/", 200, "/b").unwrap().is_none());
    }
}
