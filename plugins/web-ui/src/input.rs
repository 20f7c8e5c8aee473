//! What comes with a request: its query and its body. Whatever is not understood is refused, and the refusal says what.

use opennmc_plugin::WebRequest;
use serde::de::DeserializeOwned;

use crate::problem::Problem;
use crate::time;

/// The parameters of a request.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=1&b=2`; only `known` names may be there, each once.
    pub(crate) fn parse(text: &str, known: &[&str]) -> Result<Query, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = |part| {
                decoded(part).ok_or_else(|| {
                    Problem::bad(
                        "the query is not UTF-8 with `%XX` for what has a meaning of its own".to_owned(),
                    )
                })
            };
            let (name, value) = (decoded(name)?, decoded(value)?);
            if !known.contains(&name.as_str()) {
                let there = match known {
                    [] => "it takes none".to_owned(),
                    _ => format!("it takes {}", known.join(", ")),
                };
                return Err(Problem::bad(format!("`{name}` is no parameter of this path: {there}")));
            }
            if pairs.iter().any(|(before, _)| *before == name) {
                return Err(Problem::bad(format!("`{name}` is given twice")));
            }
            pairs.push((name, value));
        }
        Ok(Query(pairs))
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse::<u64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => {
                let problem =
                    format!("`{name}` is `{text}`, which is no whole number from {least} to {most}");
                Err(Problem::bad(problem))
            }
        }
    }

    /// A moment, in milliseconds since 1970 UTC.
    fn time(&self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let problem = || {
            let example = "`2026-03-01T12:00:00Z` or milliseconds since 1970 UTC";
            Problem::bad(format!("`{name}` is `{text}`, which is no time; write {example}"))
        };
        time::read(text).map(Some).ok_or_else(problem)
    }

    /// `from` and `to`, in milliseconds since 1970 UTC.
    pub(crate) fn span(&self) -> Result<(Option<u64>, Option<u64>), Problem> {
        let (from, to) = (self.time("from")?, self.time("to")?);
        match (from, to) {
            (Some(from), Some(to)) if from >= to => Err(Problem::bad("`from` is not before `to`")),
            span => Ok(span),
        }
    }
}

/// `%XX` and `+` as forms write them.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The body as JSON of this shape.
pub(crate) fn body<T: DeserializeOwned>(request: &WebRequest) -> Result<T, Problem> {
    let of =
        |name: &str| request.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let kind = of("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let problem = format!("the body is `{kind}`; this path takes `content-type: application/json`");
        return Err(Problem::new(415, problem));
    }
    let first = request.body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|byte| *byte == b'[') {
        // serde takes a list for an object with its fields in order.
        return Err(Problem::bad("the body is not the JSON that this path takes: an object, and not a list"));
    }
    serde_json::from_slice(&request.body)
        .map_err(|error| Problem::bad(format!("the body is not the JSON that this path takes: {error}")))
}

/// The body if there is one.
pub(crate) fn body_if_any<T: DeserializeOwned + Default>(request: &WebRequest) -> Result<T, Problem> {
    if request.body.is_empty() { Ok(T::default()) } else { body(request) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_and_nothing_in_it_is_ignored() {
        let query = Query::parse("ups=m%C3%A4in&kind=a+b&", &["ups", "kind"]).unwrap();
        assert_eq!((query.text("ups"), query.text("kind")), (Some("mäin"), Some("a b")));
        for bad in ["other=1", "ups=1&ups=2", "ups=%zz", "ups=%ff", "ups=%4"] {
            assert!(Query::parse(bad, &["ups"]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_number_has_bounds() {
        let query = Query::parse("limit=1000", &["limit"]).unwrap();
        assert_eq!(query.number("limit", 1, 1000), Ok(Some(1000)));
        assert!(query.number("limit", 1, 999).is_err());
        assert!(Query::parse("limit=-1", &["limit"]).unwrap().number("limit", 1, 9).is_err());
    }
}
