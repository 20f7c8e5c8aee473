//! What was wrong, as `application/problem+json`.

use opennmc_plugin::{Error, Response};
use serde_json::{Value, json};

/// A refusal, on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// What was wrong and where.
    pub detail: String,
    /// How an order ended.
    pub outcome: Option<String>,
    /// More headers.
    pub headers: Vec<(String, String)>,
}

/// What the daemon's administration has refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Of the control protocol.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Problem {
    /// One with a sentence.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Problem { status, detail: detail.into(), outcome: None, headers: Vec::new() }
    }

    /// The request is wrong.
    pub fn bad(detail: impl Into<String>) -> Self {
        Problem::new(400, detail)
    }

    /// There is no such thing.
    pub fn none(detail: impl Into<String>) -> Self {
        Problem::new(404, detail)
    }

    /// As it is sent.
    pub fn response(&self) -> Response {
        let mut body = json!({
            "type": "about:blank", "title": title(self.status), "status": self.status, "detail": self.detail,
        });
        if let (Some(outcome), Some(fields)) = (&self.outcome, body.as_object_mut()) {
            fields.insert("outcome".to_owned(), Value::String(outcome.clone()));
        }
        let mut response = Response::text(self.status, "application/problem+json", body.to_string());
        response.headers.extend(self.headers.iter().cloned());
        response
    }
}

impl Refusal {
    /// Reads `CODE: sentence`.
    pub fn read(text: &str) -> Self {
        let (code, message) = text.split_once(": ").unwrap_or(("failed", text));
        Refusal { code: code.to_owned(), message: message.to_owned() }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.code.as_str() {
            "denied" => 403,
            "bad-request" => 400,
            "not-found" => 404,
            "refused" => 409,
            _ => 503,
        };
        Problem::new(status, refusal.message)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied(text) => Problem::new(403, text),
            // The number that stands for the user has ended, with the session or the token.
            Error::NotFound => Problem::new(401, "the log-in has ended"),
            Error::Invalid(text) => Problem::bad(text),
            Error::Busy => Problem::new(503, "the daemon is busy; try again"),
            Error::Limit(text) | Error::Unavailable(text) => Problem::new(503, text),
        }
    }
}

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
