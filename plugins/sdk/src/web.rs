//! Requests and answers of web pages: the generated shapes, with a principal that can't be made up.

use crate::bindings::http_handler::exports::opennmc::plugin::http_handler::Request;
use crate::{Principal, Response};

/// A request for one of the plugin's pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebRequest {
    /// For [`crate::HttpAnswers::respond`].
    pub id: u64,
    /// Such as `GET`.
    pub method: String,
    /// Below the plugin's mount; begins with `/`.
    pub path: String,
    /// Without the `?`; empty when there is none.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// What the client sent.
    pub body: Vec<u8>,
    /// Who asks, when they have logged in. Ends with the request.
    pub principal: Option<Principal>,
    /// The user's name; empty when nobody has logged in.
    pub user: String,
    /// Address of the client.
    pub peer: String,
}

impl WebRequest {
    /// A request as somebody makes it who has not logged in; for tests.
    pub fn new(method: &str, path: &str) -> Self {
        WebRequest {
            id: 1,
            method: method.to_owned(),
            path: path.to_owned(),
            query: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
            principal: None,
            user: String::new(),
            peer: "192.0.2.1:50000".to_owned(),
        }
    }

    pub(crate) fn from_host(request: Request) -> Self {
        let Request { id, method, path, query, headers, body, principal, user, peer } = request;
        let principal = principal.map(Principal::from_host);
        WebRequest { id, method, path, query, headers, body, principal, user, peer }
    }
}

impl Response {
    /// An answer of text.
    pub fn text(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Response { status, headers, body: body.into() }
    }
}
