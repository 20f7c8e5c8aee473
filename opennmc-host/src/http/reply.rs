//! What is sent: the answers of the front itself, files, and what plugins answer, all with the headers that protect people.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderMap, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE, VARY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::asset::Asset;
use super::cookie;
use super::line::Answered;
use super::pace::Pace;
use super::room::Share;
use super::stream::Taking;

/// What a page may load when its plugin does not say otherwise: its own, and nothing written into it.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// What holds whatever the plugin says.
const LEAST_POLICY: &str = "frame-ancestors 'none'";
/// Headers of one answer of a plugin.
const MOST_HEADERS: usize = 64;
const MOST_HEADER_BYTES: usize = 16 << 10;
/// A plugin's answer; files that are larger belong under `assets/`.
const LARGEST_ANSWER: usize = 4 << 20;
/// What the connection itself says, or the front: not for a plugin to set.
const OURS: [&str; 13] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "referrer-policy",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-content-type-options",
];
/// How files are kept whose names change with them: a year, which is as long as anybody keeps anything.
const LASTING: &str = "public, max-age=31536000, immutable";
/// Handed to the connection at one time, so that it is not copied whole.
const PIECE: usize = 32 << 10;

/// An answer on its way.
pub(super) type Reply = Response<Sending>;

/// A body that is there, its memory, and whoever is told when all of it was handed over.
pub(super) struct Sending {
    left: Left,
    _share: Option<Share>,
    pace: Option<Rc<Pace>>,
}

enum Left {
    Bytes(Bytes),
    /// They come when there is something to say.
    Stream(Taking),
}

impl Sending {
    fn new(bytes: impl Into<Bytes>) -> Sending {
        Sending { left: Left::Bytes(bytes.into()), _share: None, pace: None }
    }

    pub(super) fn with_share(mut self, share: Share) -> Sending {
        self._share = Some(share);
        self
    }

    /// Says when it was handed over.
    pub(super) fn at_pace(&mut self, pace: &Rc<Pace>) {
        match &self.left {
            Left::Bytes(bytes) => pace.sending(bytes.len()),
            Left::Stream(_) => pace.streaming(),
        }
        self.pace = Some(Rc::clone(pace));
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(pace) = &self.pace {
            if matches!(self.left, Left::Stream(_)) {
                pace.sending(0);
            }
            pace.handed_over();
        }
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Sending { left, pace, .. } = &mut *self;
        match left {
            Left::Bytes(left) if left.is_empty() => Poll::Ready(None),
            Left::Bytes(left) => {
                let length = left.len().min(PIECE);
                Poll::Ready(Some(Ok(Frame::data(left.split_to(length)))))
            }
            Left::Stream(taking) => {
                if let Some(pace) = pace {
                    pace.streaming();
                }
                taking.poll_next(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.left, Left::Bytes(left) if left.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.left {
            Left::Bytes(left) => SizeHint::with_exact(left.len() as u64),
            Left::Stream(_) => SizeHint::default(),
        }
    }
}

/// A sentence for people, under a status.
pub(super) fn said(status: StatusCode, sentence: &str) -> Reply {
    let mut reply = protected(status, Sending::new(format!("{sentence}\n")));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// The client should try again in so many seconds.
pub(super) fn later(status: StatusCode, seconds: u64, sentence: &str) -> Reply {
    let mut reply = said(status, sentence);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    reply
}

/// Somebody has to log in.
pub(super) fn who_are_you(sentence: &str) -> Reply {
    let mut reply = said(StatusCode::UNAUTHORIZED, sentence);
    for way in ["Basic realm=\"OpenNMC\", charset=\"UTF-8\"", "Bearer realm=\"OpenNMC\""] {
        reply.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(way));
    }
    reply
}

/// What is known, as JSON.
pub(super) fn json(value: &impl Serialize) -> Reply {
    match serde_json::to_string(value) {
        Ok(text) => as_json(StatusCode::OK, "application/json", text),
        Err(error) => {
            tracing::error!("http: an answer can't be written as JSON: {error}");
            said(StatusCode::INTERNAL_SERVER_ERROR, "the answer can't be written")
        }
    }
}

/// What is sent as it comes.
pub(super) fn stream(taking: Taking) -> Reply {
    let body = Sending { left: Left::Stream(taking), _share: None, pace: None };
    let mut reply = protected(StatusCode::OK, body);
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that collects what it forwards would keep everything back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    reply
}

/// All is well, and there is nothing to say.
pub(super) fn nothing() -> Reply {
    let mut reply = protected(StatusCode::NO_CONTENT, Sending::new(Bytes::new()));
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// A refusal in words, for programs (RFC 9457). No browser asks for a password by itself because of it: the page does.
pub(super) fn as_problem(refusal: Reply) -> Reply {
    let (parts, body) = refusal.into_parts();
    let title = parts.status.canonical_reason().unwrap_or("Refused");
    let detail = match &body.left {
        Left::Bytes(bytes) => String::from_utf8_lossy(bytes),
        Left::Stream(_) => "".into(),
    };
    let problem = serde_json::json!({
        "type": "about:blank", "title": title, "status": parts.status.as_u16(), "detail": detail.trim_end(),
    });
    let mut reply = as_json(parts.status, "application/problem+json", problem.to_string());
    for (name, value) in &parts.headers {
        if [ALLOW, CONNECTION, RETRY_AFTER].contains(name)
            || (*name == WWW_AUTHENTICATE && value.as_bytes().starts_with(b"Bearer"))
        {
            reply.headers_mut().append(name, value.clone());
        }
    }
    reply
}

fn as_json(status: StatusCode, kind: &'static str, text: String) -> Reply {
    let mut reply = protected(status, Sending::new(text));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// It is there only for other methods.
pub(super) fn only(methods: &'static str) -> Reply {
    let mut reply = said(StatusCode::METHOD_NOT_ALLOWED, "nothing is done here for this method");
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    reply
}

/// It is elsewhere on this host.
pub(super) fn moved(path: &str) -> Reply {
    let mut reply = said(StatusCode::PERMANENT_REDIRECT, "this is a folder");
    if let Ok(path) = HeaderValue::try_from(path) {
        reply.headers_mut().insert(LOCATION, path);
    }
    reply
}

/// A file, or that the client has it.
pub(super) fn file(asset: &Asset, accepted: Option<&str>, if_none_match: Option<&str>) -> Reply {
    let form = asset.form(accepted);
    let known = if_none_match.is_some_and(|tags| form.is_known(tags));
    let mut reply = match known {
        true => protected(StatusCode::NOT_MODIFIED, Sending::new(Bytes::new())),
        false => {
            let mut reply = protected(StatusCode::OK, Sending::new(form.bytes.clone()));
            let headers = reply.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
            if let Some(encoding) = form.encoding {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
            }
            reply
        }
    };
    let headers = reply.headers_mut();
    // What can change is kept, and asked for again each time: a new version of the plugin shows at once.
    let kept = if asset.is_lasting { LASTING } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    if asset.varies() {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    if let Ok(etag) = HeaderValue::try_from(&form.etag) {
        headers.insert(ETAG, etag);
    }
    reply
}

/// What a plugin answers. It was checked by [`check`].
pub(super) fn of_plugin(answered: Answered, share: Share) -> Reply {
    let Answered { status, headers, body } = answered;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut reply = protected(status, Sending::new(body).with_share(share));
    let ours = reply.headers_mut();
    let mut own: HeaderMap = HeaderMap::new();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value))
            && !OURS.contains(&name.as_str())
            && !(name == SET_COOKIE && value.to_str().is_ok_and(cookie::is_ours))
        {
            own.append(name, value);
        }
    }
    if own.contains_key(CONTENT_SECURITY_POLICY) {
        // Every policy that is sent holds: the plugin's own, and this.
        ours.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(LEAST_POLICY));
    }
    own.remove(X_FRAME_OPTIONS);
    if !own.contains_key(CACHE_CONTROL) {
        ours.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let mut last = None;
    for (name, value) in own {
        // The name comes with the first of its values only.
        last = name.or(last);
        if let Some(name) = &last {
            ours.append(name.clone(), value);
        }
    }
    reply
}

/// Why a plugin's answer can't be sent; none: it can.
pub(crate) fn check(status: u16, headers: &[(String, String)], body: &[u8]) -> Option<String> {
    if !(200..=599).contains(&status) {
        return Some(format!("{status} is no status of an answer: 200 to 599"));
    }
    if headers.len() > MOST_HEADERS {
        return Some(format!("{} headers are more than {MOST_HEADERS}", headers.len()));
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > MOST_HEADER_BYTES {
        return Some(format!("{bytes} bytes of headers are more than {MOST_HEADER_BYTES}"));
    }
    if body.len() > LARGEST_ANSWER {
        return Some(format!("{} bytes are more than {LARGEST_ANSWER}", body.len()));
    }
    let is_wrong = |(name, value): &&(String, String)| {
        HeaderName::try_from(name.as_str()).is_err() || HeaderValue::try_from(value.as_str()).is_err()
    };
    headers
        .iter()
        .find(is_wrong)
        .map(|(name, _)| format!("the header `{}` is malformed", name.escape_debug()))
}

fn protected(status: StatusCode, body: Sending) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    reply
}

#[cfg(test)]
mod tests {
    use super::super::room::Room;
    use super::*;

    fn answered(headers: &[(&str, &str)]) -> Reply {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        of_plugin(Answered { status: 200, headers, body: b"x".to_vec() }, Room::of(9).share())
    }

    fn values(reply: &Reply, name: &str) -> Vec<String> {
        reply.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_plugin_takes_away_none_of_the_headers_that_protect_people() {
        let reply = answered(&[
            ("X-Content-Type-Options", "sniff"),
            ("referrer-policy", "unsafe-url"),
            ("x-frame-options", "ALLOWALL"),
            ("content-length", "7"),
            ("transfer-encoding", "chunked"),
            ("content-security-policy", "default-src *; frame-ancestors *"),
        ]);
        assert_eq!(values(&reply, "x-content-type-options"), ["nosniff"]);
        assert_eq!(values(&reply, "referrer-policy"), ["no-referrer"]);
        assert_eq!(values(&reply, "x-frame-options"), ["DENY"]);
        assert!(
            values(&reply, "content-length").is_empty() && values(&reply, "transfer-encoding").is_empty()
        );
        let policies = values(&reply, "content-security-policy");
        assert_eq!(policies, ["frame-ancestors 'none'", "default-src *; frame-ancestors *"]);
        assert_eq!(values(&answered(&[]), "content-security-policy"), [POLICY]);
    }

    #[test]
    fn what_a_plugin_sends_twice_is_sent_twice() {
        let reply = answered(&[("set-cookie", "a=1"), ("x-a", "1"), ("set-cookie", "b=2")]);
        assert_eq!(values(&reply, "set-cookie"), ["a=1", "b=2"]);
        let reply = answered(&[("set-cookie", "opennmc-session=x"), ("set-cookie", "a=1")]);
        assert_eq!(values(&reply, "set-cookie"), ["a=1"], "nobody is logged in by a plugin");
        assert_eq!(values(&reply, "cache-control"), ["no-store"]);
    }

    #[test]
    fn an_answer_that_is_none_is_refused_with_the_reason() {
        let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert_eq!(check(200, &header("x-a", "b"), b""), None);
        for (status, headers, word) in [
            (101, Vec::new(), "status"),
            (600, Vec::new(), "status"),
            (200, header("x a", "b"), "malformed"),
            (200, header("x-a", "b\r\nset-cookie: c"), "malformed"),
            (200, header("x-a", &"b".repeat(MOST_HEADER_BYTES)), "headers"),
            (200, vec![(String::from("x"), String::new()); MOST_HEADERS + 1], "headers"),
        ] {
            assert!(check(status, &headers, b"").is_some_and(|why| why.contains(word)), "{word}");
        }
        assert!(check(200, &[], &vec![0; LARGEST_ANSWER + 1]).is_some());
    }

    #[test]
    fn the_memory_of_an_answer_is_given_back_when_it_was_sent() {
        let room = Room::of(9);
        let mut share = room.share();
        assert!(share.grow(9));
        let reply = of_plugin(Answered { status: 200, headers: Vec::new(), body: vec![0; 9] }, share);
        assert!(!room.share().grow(1));
        drop(reply);
        assert!(room.share().grow(9));
    }
}
