//! A request that was found in the table: its path, query and body, read with care.
//!
//! What is wrong is told with its place. A name that is not known is refused, so that a typing error does not silently
//! mean something else.

use std::collections::BTreeMap;

use opennmc_plugin::WebRequest;
use serde_json::{Map, Value};

use crate::problem::Problem;
use crate::time;

/// The longest text in a query or a path; nothing that exists has a longer name.
const LONGEST_NAME: usize = 256;

/// A request, taken apart.
#[derive(Debug)]
pub struct Call {
    /// What stands in the place of `{}`, in order.
    pub parts: Vec<String>,
    query: BTreeMap<String, String>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    /// Of a request whose path has these variable parts.
    pub fn new(parts: Vec<String>, request: WebRequest) -> Result<Call, Problem> {
        if parts.iter().any(|part| part.len() > LONGEST_NAME) {
            return Err(Problem::none(format!("nothing has a name of more than {LONGEST_NAME} bytes")));
        }
        let query = read_query(&request.query)?;
        Ok(Call { parts, query, headers: request.headers, body: request.body })
    }

    /// The variable part `index` of the path.
    pub fn part(&self, index: usize) -> String {
        self.parts.get(index).cloned().unwrap_or_default()
    }

    /// Refuses parameters that are not among these.
    pub fn only(&self, known: &[&str]) -> Result<(), Problem> {
        match self.query.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) if known.is_empty() => {
                Err(Problem::bad(format!("`{}` in the query: there are no parameters here", shown(name))))
            }
            Some(name) => Err(Problem::bad(format!(
                "`{}` in the query is not known; there is {}",
                shown(name),
                known.join(", ")
            ))),
            None => Ok(()),
        }
    }

    /// A parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A parameter that is a moment, in milliseconds since 1970 UTC.
    pub fn moment(&self, name: &str) -> Result<Option<u64>, Problem> {
        let read = |text: &str| {
            let wrong = "is neither RFC 3339, such as 2026-01-31T12:00:00Z, nor milliseconds since 1970 UTC";
            // SQLite's numbers end there, and so does all that can have happened.
            time::moment(text)
                .filter(|at| i64::try_from(*at).is_ok())
                .ok_or_else(|| Problem::bad(format!("`{name}` in the query {wrong}")))
        };
        self.parameter(name).map(read).transpose()
    }

    /// A parameter that is a whole number.
    pub fn number(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>, Problem> {
        let read = |text: &str| {
            let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|number| plain && (least..=most).contains(number));
            number.ok_or_else(|| {
                Problem::bad(format!("`{name}` in the query is a whole number from {least} to {most}"))
            })
        };
        self.parameter(name).map(read).transpose()
    }

    /// The header of this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body, which must be an object of these fields.
    pub fn body(&self, known: &[&str]) -> Result<Fields, Problem> {
        let told = self.header("content-type").unwrap_or_default();
        let essence = told.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(415, "the body must be `application/json`, and `Content-Type` say so"));
        }
        let value: Value = serde_json::from_slice(&self.body)
            .map_err(|error| Problem::bad(format!("the body is not JSON: {error}")))?;
        let Value::Object(fields) = value else {
            return Err(Problem::bad("the body is not a JSON object"));
        };
        match fields.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Problem::bad(format!(
                "`{}` in the body is not known; there is {}",
                shown(name),
                known.join(", ")
            ))),
            None => Ok(Fields(fields)),
        }
    }

    /// As [`Self::body`]; none is one without fields.
    pub fn body_if_any(&self, known: &[&str]) -> Result<Fields, Problem> {
        if self.body.is_empty() { Ok(Fields(Map::new())) } else { self.body(known) }
    }
}

/// The fields of a body.
#[derive(Debug)]
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A text that may be missing, of so many characters.
    pub fn text_if_any(&self, name: &str, least: usize, most: usize) -> Result<Option<String>, Problem> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if (least..=most).contains(&text.chars().count()) => {
                Ok(Some(text.clone()))
            }
            Some(_) => Err(Problem::bad(format!(
                "`{name}` in the body must be a text of {least} to {most} characters"
            ))),
        }
    }

    /// A text that must be there.
    pub fn text(&self, name: &str, least: usize, most: usize) -> Result<String, Problem> {
        self.text_if_any(name, least, most)?.ok_or_else(|| missing(name))
    }

    /// Yes or no, if it is there.
    pub fn flag_if_any(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(Problem::bad(format!("`{name}` in the body must be true or false"))),
        }
    }

    /// Yes or no.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        self.flag_if_any(name)?.ok_or_else(|| missing(name))
    }

    /// A whole number from 1, if it is there.
    pub fn count_if_any(&self, name: &str) -> Result<Option<u64>, Problem> {
        let read = |value: &Value| {
            value
                .as_u64()
                .filter(|count| *count > 0)
                .ok_or_else(|| Problem::bad(format!("`{name}` in the body must be a whole number from 1")))
        };
        self.0.get(name).map(read).transpose()
    }

    /// One of these words, if it is there.
    pub fn word_if_any(&self, name: &str, words: &[&str]) -> Result<Option<String>, Problem> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(word)) if words.contains(&word.as_str()) => Ok(Some(word.clone())),
            Some(_) => Err(Problem::bad(format!("`{name}` in the body must be one of {}", words.join(", ")))),
        }
    }

    /// Scopes: outer none: not there; null: everything; a list: these.
    pub fn scopes_if_any(&self, name: &str) -> Result<Option<Value>, Problem> {
        let is_scope =
            |scope: &Value| scope.as_str().is_some_and(|scope| (1..=200).contains(&scope.chars().count()));
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(Value::Null)),
            Some(Value::Array(scopes)) if scopes.len() <= 100 && scopes.iter().all(is_scope) => {
                Ok(Some(Value::Array(scopes.clone())))
            }
            Some(_) => Err(Problem::bad(format!(
                "`{name}` in the body must be null or a list of at most 100 scopes"
            ))),
        }
    }
}

/// That a field must be there.
pub fn missing(name: &str) -> Problem {
    Problem::bad(format!("`{name}` is missing in the body"))
}

fn read_query(query: &str) -> Result<BTreeMap<String, String>, Problem> {
    let mut parameters = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name)?, decoded(value)?);
        if value.len() > LONGEST_NAME {
            return Err(Problem::bad(format!("`{}` in the query is too long", shown(&name))));
        }
        if parameters.insert(name.clone(), value).is_some() {
            return Err(Problem::bad(format!("`{}` is in the query twice", shown(&name))));
        }
    }
    Ok(parameters)
}

fn decoded(text: &str) -> Result<String, Problem> {
    let wrong = || Problem::bad("the query is not percent-encoded UTF-8");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (hex(rest.next()), hex(rest.next()));
                let (high, low) = (high.ok_or_else(wrong)?, low.ok_or_else(wrong)?);
                u8::try_from(high * 16 + low).map_err(|_| wrong())?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// A client's own words in a message, cut.
fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}
