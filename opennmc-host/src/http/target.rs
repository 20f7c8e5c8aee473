//! What a request asks for, from the line that a stranger wrote.
//!
//! A path that different programs could understand differently is refused: `..`, an encoded slash, a backslash, an empty
//! segment, a control character. What gets through means the same to everybody.

/// A path that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path is malformed: {0}")]
pub(super) struct BadPath(&'static str);

/// Methods that can be asked for.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Whether anything is done for this method.
pub(super) fn is_method(method: &str) -> bool {
    METHODS.contains(&method)
}

/// Whether this method changes nothing, as everybody has agreed.
pub(super) fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// The decoded path.
pub(super) fn path(raw: &str) -> Result<String, BadPath> {
    if !raw.starts_with('/') {
        return Err(BadPath("it does not begin with `/`"));
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => match (bytes.next().and_then(digit), bytes.next().and_then(digit)) {
                (Some(high), Some(low)) => match high << 4 | low {
                    b'/' | b'\\' => return Err(BadPath("it has an encoded slash")),
                    byte => byte,
                },
                _ => return Err(BadPath("a `%` is not followed by two digits")),
            },
            b'\\' => return Err(BadPath("it has a backslash")),
            byte => byte,
        });
    }
    let decoded = String::from_utf8(decoded).map_err(|_| BadPath("it is not UTF-8"))?;
    if decoded.chars().any(char::is_control) {
        return Err(BadPath("it has a control character"));
    }
    let segments = &decoded[1..];
    let mut segments = segments.strip_suffix('/').unwrap_or(segments).split('/');
    if decoded != "/" && segments.clone().any(str::is_empty) {
        return Err(BadPath("it has an empty segment"));
    }
    if segments.any(|segment| matches!(segment, "." | "..")) {
        return Err(BadPath("it has `.` or `..`"));
    }
    Ok(decoded)
}

/// The names and values of a query, decoded as forms write it. What is malformed stands as it was sent.
pub(crate) fn query(raw: &str) -> impl Iterator<Item = (String, String)> {
    raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (lenient(name), lenient(value))
    })
}

fn lenient(raw: &str) -> String {
    let raw = raw.as_bytes();
    let mut decoded = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        let pair = raw.get(at + 1..at + 3).and_then(|pair| Some((digit(pair[0])?, digit(pair[1])?)));
        let (byte, taken) = match (byte, pair) {
            (b'+', _) => (b' ', 1),
            (b'%', Some((high, low))) => (high << 4 | low, 3),
            (byte, _) => (*byte, 1),
        };
        decoded.push(byte);
        at += taken;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// A path for a `Location`, from one that was decoded.
pub(super) fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Whether a listener may be called by this name. `host` is the header, with or without a port.
///
/// A page from anywhere can have its own name point to 127.0.0.1 and then read what is served there as if it were its own.
/// So a loopback listener answers only to names that cannot be made to point elsewhere, and to its own.
pub(super) fn is_called(host: &str, own: &[String], loopback: bool) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            return is_port(port) && address.parse::<std::net::Ipv6Addr>().is_ok();
        }
        None => match host.split_once(':') {
            Some((name, port)) if is_port(&host[name.len()..]) && !port.contains(':') => name,
            Some(_) => return false,
            None => host,
        },
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) {
        return false;
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    !loopback
        || name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::Ipv4Addr>().is_ok()
        || own.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Nothing, or a colon and a number.
fn is_port(text: &str) -> bool {
    text.is_empty()
        || text.strip_prefix(':').is_some_and(|port| port.is_empty() || port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_forms_write_it_and_what_is_malformed_stands() {
        let read =
            |raw| -> Vec<String> { query(raw).map(|(name, value)| format!("{name}={value}")).collect() };
        assert_eq!(read("a=1&b=x+y%20z&&c&d=%C3%A4&e=%zz%4"), ["a=1", "b=x y z", "c=", "d=ä", "e=%zz%4"]);
        assert_eq!(read(""), [""; 0]);
        assert_eq!(read("a%3D=b=c&f=%FF"), ["a==b=c", "f=\u{fffd}"]);
    }

    #[test]
    fn a_path_that_means_the_same_to_everybody_is_decoded() {
        for (raw, decoded) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/", "/a/"),
            ("/a%20b", "/a b"),
            ("/%C3%A4", "/ä"),
            ("/a..b/...", "/a..b/..."),
            ("/100%25", "/100%"),
        ] {
            assert_eq!(path(raw).as_deref(), Ok(decoded), "{raw}");
        }
    }

    #[test]
    fn a_path_that_could_mean_something_else_is_refused() {
        for raw in [
            "",
            "*",
            "a",
            "/..",
            "/a/../b",
            "/%2e%2e/x",
            "/.%2E",
            "/.",
            "/a/./b",
            "//",
            "//host/x",
            "/a//b",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a%0a",
            "/%",
            "/%4",
            "/%zz",
            "/%ff",
            "/a/..",
        ] {
            assert!(path(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn an_encoded_path_decodes_to_itself() {
        for decoded in ["/", "/a b/ä%", "/x?y#z"] {
            assert_eq!(path(&encoded(decoded)).as_deref(), Ok(decoded));
        }
    }

    #[test]
    fn a_loopback_listener_answers_only_to_names_that_no_stranger_can_take() {
        let own = ["Ups.Example.Org".to_owned()];
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1",
            "127.0.0.1:8080",
            "[::1]",
            "[::1]:8080",
            "192.0.2.1:80",
            "ups.example.org:8080",
            "localhost.",
        ] {
            assert!(is_called(host, &own, true), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "evil.example:8080",
            "127.0.0.1.evil.example",
            "[evil]",
            "localhost:x",
            "localhost:80:80",
            "local host",
            "[::1]x",
            "a@localhost",
        ] {
            assert!(!is_called(host, &own, true), "{host}");
        }
        assert!(is_called("any.example:443", &own, false) && !is_called("any example", &own, false));
    }
}
