//! From a request to its answer: the checks in their order, then a file, or the plugin.
//!
//! No step looks at what an earlier one has to refuse. Nothing of a request reaches a plugin before its path is clean, its
//! sender is known as far as the mount demands, and its body is complete.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, ORIGIN,
};
use hyper::http::request::Parts;
use hyper::{Request, StatusCode, Version};
use rustix::net::sockopt;

use super::asset::Found;
use super::cookie;
use super::front::Shared;
use super::line::{Asked, Line};
use super::login;
use super::mounts::Mount;
use super::own;
use super::pace::Pace;
use super::reply::{self, Reply, later, said};
use super::room::Share;
use super::slot::slot;
use super::target;

/// A page's form, a certificate, a small file.
const LARGEST_BODY: usize = 1 << 20;
/// Headers that concern one connection only, or that the front has dealt with.
const KEPT_BACK: [&str; 11] = [
    "authorization",
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Refusals below it are for programs to read.
const FOR_PROGRAMS: &str = "/api/";

/// Bytes of a stream that the kernel holds until they are taken. It doubles this for its own needs.
const HELD_OF_A_STREAM: usize = 32 << 10;
/// Milliseconds after which a reader that acknowledges nothing is gone.
const SILENT: u32 = 45_000;

/// Where a connection came in.
pub(super) struct Here {
    pub(super) shared: Rc<Shared>,
    pub(super) pace: Rc<Pace>,
    pub(super) peer: SocketAddr,
    /// The number of the connection.
    pub(super) connection: u64,
    pub(super) socket: Rc<TcpStream>,
    /// Whether only this machine reaches the listener.
    pub(super) loopback: bool,
    /// Whether it speaks TLS.
    pub(super) secure: bool,
}

impl Here {
    /// From now on the connection is the stream's: it does not take the place of others, and what the kernel holds for it
    /// is little.
    pub(super) fn streams(&self) {
        self.shared.streams(self.connection, true);
        let held = sockopt::set_socket_send_buffer_size(&self.socket, HELD_OF_A_STREAM);
        if let Err(error) = held.and_then(|()| sockopt::set_tcp_user_timeout(&self.socket, SILENT)) {
            tracing::debug!(peer = %self.peer, "http: the stream's socket can't be set: {error}");
        }
    }
}

/// The answer to a request.
pub(super) async fn answer(here: Rc<Here>, request: Request<Incoming>) -> Result<Reply, Infallible> {
    here.pace.begun();
    let (parts, body) = request.into_parts();
    let mut reply = match respond(&here, &parts, body).await {
        Ok(reply) => reply,
        Err(refusal) if parts.uri.path().starts_with(FOR_PROGRAMS) => reply::as_problem(refusal),
        Err(refusal) => refusal,
    };
    tracing::debug!(
        peer = %here.peer, method = %parts.method, path = parts.uri.path(), status = reply.status().as_u16(), "http"
    );
    reply.body_mut().at_pace(&here.pace);
    Ok(reply)
}

/// The error is an answer, too.
async fn respond(here: &Here, parts: &Parts, body: Incoming) -> Result<Reply, Reply> {
    here.shared.take_request(here.peer.ip().to_canonical()).map_err(|wait| {
        let sentence = "this address asks for more than anybody needs; come back later";
        later(StatusCode::TOO_MANY_REQUESTS, wait.as_secs() + 1, sentence)
    })?;
    if let Some(refusal) = miscalled(here, parts) {
        return Err(refusal);
    }
    let method = parts.method.as_str();
    if !target::is_method(method) {
        return Err(reply::only("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    }
    let path =
        target::path(parts.uri.path()).map_err(|error| said(StatusCode::BAD_REQUEST, &error.to_string()))?;
    if own::is_own(&path) {
        return own::respond(here, &path, parts, body).await;
    }
    let (mounted, below) = here
        .shared
        .mounts
        .find(&path)
        .ok_or_else(|| said(StatusCode::NOT_FOUND, "there is nothing at this address"))?;
    let moved = || {
        let query = parts.uri.query().map_or(String::new(), |query| format!("?{query}"));
        reply::moved(&format!("{}/{query}", target::encoded(&path)))
    };
    let Some(below) = below else { return Err(moved()) };
    match mounted.mount.assets.find(below) {
        Found::File(_) if !matches!(method, "GET" | "HEAD") => return Err(reply::only("GET, HEAD")),
        Found::File(asset) => {
            let known = parts.headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
            let lists = parts.headers.get_all(ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
            let accepted = lists.collect::<Vec<_>>().join(",");
            return Ok(reply::file(asset, Some(&*accepted), known));
        }
        Found::Folder if target::is_safe(method) => return Err(moved()),
        Found::Folder | Found::Nothing => {}
    }
    if !target::is_safe(method) && is_from_elsewhere(here, parts) {
        let sentence = "this request comes from the page of another host, which may not change anything here";
        return Err(said(StatusCode::FORBIDDEN, sentence));
    }
    let Mount { plugin, public, largest_body, .. } = &*mounted.mount;
    let principal = login::who(here, parts, plugin).await?.map(|who| who.principal);
    if principal.is_none() && !public {
        return Err(reply::who_are_you("log in first"));
    }
    let line = &mounted.line;
    if !line.is_served() {
        return Err(not_running());
    }
    let busy = || later(StatusCode::SERVICE_UNAVAILABLE, 1, "the plugin has too many requests at present");
    let _place = line.place().ok_or_else(busy)?;
    let mut share = here.shared.bodies.share();
    let body = collect(here, body, LARGEST_BODY.min(*largest_body), &mut share).await?;
    let asked = |answer| Asked {
        method: method.to_owned(),
        path: below.to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: shown(&parts.headers),
        body,
        principal,
        peer: here.peer,
        answer,
    };
    // In this order: the plugin is told that nobody waits when nobody does.
    let mut told = Leaving(Some(Arc::clone(line)));
    let (giver, taker) = slot();
    if !line.ask(asked(giver)) {
        return Err(not_running());
    }
    let answered = here.pace.within(here.pace.patience().answer, taker).await;
    let Some(answered) = answered else {
        return Err(said(StatusCode::GATEWAY_TIMEOUT, "the plugin has not answered in time"));
    };
    told.0 = None;
    let answered = answered
        .ok_or_else(|| later(StatusCode::SERVICE_UNAVAILABLE, 1, "the plugin ended before it answered"))?;
    let mut share = here.shared.answers.share();
    if !share.grow(answered.body.len()) {
        return Err(later(
            StatusCode::SERVICE_UNAVAILABLE,
            1,
            "too many answers are on their way at present",
        ));
    }
    Ok(reply::of_plugin(answered, share))
}

fn not_running() -> Reply {
    later(StatusCode::SERVICE_UNAVAILABLE, 5, "the plugin does not run at present")
}

/// Refuses whoever calls this host by a name that is not its own.
fn miscalled(here: &Here, parts: &Parts) -> Option<Reply> {
    let bad = |sentence: &str| Some(said(StatusCode::BAD_REQUEST, sentence));
    let mut hosts = parts.headers.get_all(HOST).iter();
    let header = hosts.next();
    if hosts.next().is_some() {
        return bad("there is more than one header `Host`");
    }
    let host = match (parts.uri.authority(), header.map(HeaderValue::to_str)) {
        (Some(authority), _) => authority.as_str(),
        (None, Some(Ok(host))) => host,
        (None, Some(Err(_))) => return bad("the header `Host` is malformed"),
        // No browser is so old.
        (None, None) if parts.version == Version::HTTP_10 => return None,
        (None, None) => return bad("the header `Host` is missing"),
    };
    let own = here.shared.names.borrow();
    if !target::is_called(host, &own, false) {
        return bad("the header `Host` is malformed");
    }
    if !target::is_called(host, &own, here.loopback) {
        let sentence =
            "this host is not called so here; `[http] names` in its configuration says what it is called";
        return Some(said(StatusCode::MISDIRECTED_REQUEST, sentence));
    }
    None
}

/// Whether a browser says that the page of another host has made this request. The credentials that the browser keeps for
/// this host would go with it.
pub(super) fn is_from_elsewhere(here: &Here, parts: &Parts) -> bool {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = header("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = parts.headers.get(ORIGIN) else { return false };
    let scheme = if here.secure { "https://" } else { "http://" };
    let host = origin.to_str().ok().and_then(|origin| origin.strip_prefix(scheme));
    host.is_none() || host != header(HOST.as_str())
}

/// The whole body.
pub(super) async fn collect(
    here: &Here,
    mut body: Incoming,
    most: usize,
    share: &mut Share,
) -> Result<Vec<u8>, Reply> {
    let too_large =
        || closing(said(StatusCode::PAYLOAD_TOO_LARGE, &format!("a body has at most {most} bytes here")));
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > most {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let all = async {
        while let Some(frame) = body.frame().await {
            let frame = frame
                .map_err(|_| closing(said(StatusCode::BAD_REQUEST, "the body is malformed or cut off")))?;
            let Some(data) = frame.data_ref() else { continue };
            if bytes.len() + data.len() > most {
                return Err(too_large());
            }
            if !share.grow(data.len()) {
                let sentence = "too many requests are arriving at present";
                return Err(closing(later(StatusCode::SERVICE_UNAVAILABLE, 1, sentence)));
            }
            bytes.extend_from_slice(data);
        }
        Ok(())
    };
    match here.pace.within(here.pace.patience().body, all).await {
        Some(Ok(())) => Ok(bytes),
        Some(Err(reply)) => Err(reply),
        None => Err(closing(said(StatusCode::REQUEST_TIMEOUT, "the body has not arrived in time"))),
    }
}

/// What is left of the request is not read.
fn closing(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// What a plugin sees of the headers: no credentials, and nothing that concerns one connection.
fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let is_shown = |name: &HeaderName| {
        ![AUTHORIZATION, COOKIE].contains(name)
            && name != login::CSRF
            && !KEPT_BACK.contains(&name.as_str())
            && !named.iter().any(|named| named == name.as_str())
    };
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| cookie::others(&text(value)));
    let plain = headers.iter().filter(|(name, _)| is_shown(name));
    plain
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .chain(cookies.map(|value| (COOKIE.as_str().to_owned(), value)))
        .collect()
}

/// Tells the plugin, when it is dropped, that its client may have gone.
struct Leaving(Option<Arc<Line>>);

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(line) = &self.0 {
            line.nudge();
        }
    }
}
