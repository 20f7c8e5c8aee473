//! What went wrong, as `application/problem+json` (RFC 9457).

use opennmc_plugin::{Error, Response};
use serde::Serialize;

/// Seconds after which it makes sense to ask again.
const LATER: &str = "2";

/// A request that is not answered as it was meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    status: u16,
    detail: String,
    outcome: Option<String>,
    header: Option<(&'static str, String)>,
}

impl Problem {
    pub(crate) fn new(status: u16, detail: impl Into<String>) -> Problem {
        Problem { status, detail: detail.into(), outcome: None, header: None }
    }

    pub(crate) fn bad(detail: impl Into<String>) -> Problem {
        Problem::new(400, detail)
    }

    pub(crate) fn denied(detail: impl Into<String>) -> Problem {
        Problem::new(403, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(404, detail)
    }

    pub(crate) fn log_in() -> Problem {
        let detail = "log in first: with POST /api/v1/session, or with `Authorization: Basic` or `Bearer`";
        Problem { header: Some(("www-authenticate", "Bearer".to_owned())), ..Problem::new(401, detail) }
    }

    pub(crate) fn method(method: &str, allow: &str) -> Problem {
        let detail = format!("`{method}` is not for this path; it takes {allow}");
        Problem { header: Some(("allow", allow.to_owned())), ..Problem::new(405, detail) }
    }

    pub(crate) fn no_such_path(path: &str) -> Problem {
        let detail = match path {
            "/" => "this package was built without its pages; the API is at /api/v1".to_owned(),
            _ => format!("there is nothing at `{path}`; /api/v1/openapi.json lists what there is"),
        };
        Problem::not_found(detail)
    }

    pub(crate) fn busy(detail: impl Into<String>) -> Problem {
        Problem { header: Some(("retry-after", LATER.to_owned())), ..Problem::new(503, detail) }
    }

    /// What a function of the host refused.
    pub(crate) fn of(error: Error) -> Problem {
        match error {
            Error::Denied(text) => Problem::denied(text),
            Error::Invalid(text) => Problem::bad(text),
            // The number that stands for whoever asks has ended, with the session, the token or the request.
            Error::NotFound => Problem::new(401, "the log-in has ended"),
            Error::Busy => Problem::busy("too much is asked at the same time"),
            Error::Limit(text) | Error::Unavailable(text) => Problem::busy(text),
        }
    }

    /// What the daemon's administration refused, as `CODE: sentence`.
    pub(crate) fn of_refusal(refusal: &str) -> Problem {
        let (code, message) = refusal.split_once(": ").unwrap_or(("", refusal));
        match code {
            "denied" => Problem::denied(message),
            "bad-request" => Problem::bad(message),
            "not-found" => Problem::not_found(message),
            "refused" => Problem::new(409, message),
            _ => Problem::busy(message),
        }
    }

    /// How an order ended that did not succeed.
    pub(crate) fn of_order(outcome: &str, detail: &str) -> Problem {
        let status = match outcome {
            "denied" => 403,
            "refused" | "unconfirmed" => 409,
            "invalid" | "unsupported" => 422,
            "stale" => 503,
            "timed-out" => 504,
            // Accepted, and nothing came of it.
            _ => 502,
        };
        Problem { outcome: Some(outcome.to_owned()), ..Problem::new(status, detail) }
    }

    pub(crate) fn response(self) -> Response {
        #[derive(Serialize)]
        struct Document<'a> {
            #[serde(rename = "type")]
            kind: &'static str,
            title: &'static str,
            status: u16,
            detail: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            outcome: Option<&'a str>,
        }
        let document = Document {
            kind: "about:blank",
            title: title(self.status),
            status: self.status,
            detail: &self.detail,
            outcome: self.outcome.as_deref(),
        };
        let body = serde_json::to_string(&document).unwrap_or_default();
        let mut response = Response::text(self.status, "application/problem+json", body);
        response.headers.push(("cache-control".to_owned(), "no-store".to_owned()));
        response.headers.extend(self.header.map(|(name, value)| (name.to_owned(), value)));
        response
    }
}

/// As HTTP calls it (RFC 9110).
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Error",
    }
}
