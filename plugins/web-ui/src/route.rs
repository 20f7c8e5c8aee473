//! From method and path to the endpoint.

use crate::endpoint::{ENDPOINTS, Endpoint};

/// What is at a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// This, and the names in the path.
    Endpoint(Endpoint, Vec<String>),
    /// Something, but not for this method; for these, as `Allow` lists them.
    OtherMethods(String),
    Nothing,
}

/// Looks a path up, which the host has decoded.
pub(crate) fn find(method: &str, path: &str) -> Found {
    // The host sends the head only.
    let method = if method == "HEAD" { "GET" } else { method };
    let here = || {
        ENDPOINTS.iter().filter_map(|(known, pattern, endpoint)| {
            names(pattern, path).map(|names| (*known, *endpoint, names))
        })
    };
    if let Some((_, endpoint, names)) = here().find(|(known, ..)| *known == method) {
        return Found::Endpoint(endpoint, names);
    }
    let mut allow: Vec<&str> = here().map(|(known, ..)| known).collect();
    if allow.is_empty() {
        return Found::Nothing;
    }
    if allow.contains(&"GET") {
        allow.push("HEAD");
    }
    Found::OtherMethods(allow.join(", "))
}

/// The names in `path`, if it has the shape of `pattern`.
fn names(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut names, mut rest) = (Vec::new(), path.split('/'));
    for expected in pattern.split('/') {
        let part = rest.next()?;
        match expected {
            "{}" if !part.is_empty() => names.push(part.to_owned()),
            _ if part == expected => {}
            _ => return None,
        }
    }
    rest.next().is_none().then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_endpoint_with_its_names() {
        let found = find("PUT", "/api/v1/ups/main/variables/ups.id");
        let names = vec!["main".to_owned(), "ups.id".to_owned()];
        assert_eq!(found, Found::Endpoint(Endpoint::SetVariable, names));
        assert_eq!(find("HEAD", "/status.json"), Found::Endpoint(Endpoint::SimpleStatus, vec![]));
    }

    #[test]
    fn another_method_is_told_which_there_are() {
        assert_eq!(find("DELETE", "/api/v1/users"), Found::OtherMethods("GET, POST, HEAD".to_owned()));
        assert_eq!(find("get", "/api/v1/reload"), Found::OtherMethods("POST".to_owned()));
    }

    #[test]
    fn what_is_nearly_a_path_is_none() {
        for path in
            ["", "/", "/api/v1/", "/api/v1/ups/", "/api/v1/ups/a/b", "/api/v1/ups//variables", "/API/v1"]
        {
            assert_eq!(find("GET", path), Found::Nothing, "{path}");
        }
    }

    #[test]
    fn the_reference_lists_the_same_endpoints() {
        let reference: serde_json::Value = serde_json::from_str(crate::OPENAPI).unwrap();
        let mut listed = Vec::new();
        for (path, methods) in reference["paths"].as_object().unwrap() {
            let path: String = path
                .split('/')
                .map(|part| if part.starts_with('{') { "{}" } else { part })
                .collect::<Vec<_>>()
                .join("/");
            for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
                listed.push((method.to_uppercase(), path.clone()));
            }
        }
        // The host's own.
        listed.retain(|(_, path)| path != "/api/v1/session" && path != "/api/v1/stream");
        listed.sort();
        let mut ours: Vec<_> =
            ENDPOINTS.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
        ours.sort();
        assert_eq!(ours, listed);
    }
}
