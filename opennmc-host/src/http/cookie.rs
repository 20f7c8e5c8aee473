//! The one cookie that the host sets, and what others see of cookies.
//!
//! Plugins neither see it nor set it: with it they could be the user for longer than a request.

use hyper::header::{COOKIE, HeaderMap};

/// Its name in the clear, and behind a prefix under TLS.
const NAME: &str = "opennmc-session";
/// Browsers take a cookie of this name only from this very host, under TLS, for all of its paths.
const SECURE_NAME: &str = "__Host-opennmc-session";
/// Values that are looked at: another program on this host may have set cookies of the same name.
const MOST: usize = 4;

/// The identifiers that a client brings.
pub(super) fn brought(headers: &HeaderMap, secure: bool) -> impl Iterator<Item = &str> {
    let wanted = name(secure);
    pairs(headers).filter(move |(name, _)| *name == wanted).map(|(_, value)| value).take(MOST)
}

/// `Set-Cookie` of a new session.
pub(super) fn given(identifier: &str, secure: bool) -> String {
    format!("{}={identifier}; HttpOnly; SameSite=Strict; Path=/{}", name(secure), ending(secure))
}

/// `Set-Cookie` that takes it away.
pub(super) fn taken(secure: bool) -> String {
    format!("{}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0{}", name(secure), ending(secure))
}

/// A header `Cookie` without ours; none when nothing is left.
pub(super) fn others(header: &str) -> Option<String> {
    let left: Vec<&str> =
        header.split(';').map(str::trim).filter(|pair| !pair.is_empty() && !is_ours(pair)).collect();
    (!left.is_empty()).then(|| left.join("; "))
}

/// Whether a `Cookie` pair or a `Set-Cookie` is about our cookie. Browsers differ in what they make of blanks, capitals and a
/// missing name, so anything that could be it is.
pub(super) fn is_ours(cookie: &str) -> bool {
    let cookie = cookie.trim_start_matches(|letter: char| letter == '=' || letter.is_whitespace());
    let name = cookie.split(['=', ';']).next().unwrap_or_default().trim();
    name.eq_ignore_ascii_case(NAME) || name.eq_ignore_ascii_case(SECURE_NAME)
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

fn name(secure: bool) -> &'static str {
    if secure { SECURE_NAME } else { NAME }
}

fn ending(secure: bool) -> &'static str {
    if secure { "; Secure" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_cookie_of_this_kind_of_connection_counts() {
        let mut headers = HeaderMap::new();
        let text = "a=b; opennmc-session=one; __Host-opennmc-session=two;opennmc-session=three";
        headers.append(COOKIE, text.parse().unwrap());
        headers.append(COOKIE, "opennmc-session=four; xopennmc-session=five".parse().unwrap());
        assert_eq!(brought(&headers, false).collect::<Vec<_>>(), ["one", "three", "four"]);
        assert_eq!(brought(&headers, true).collect::<Vec<_>>(), ["two"]);
    }

    #[test]
    fn the_cookie_is_for_no_script_and_no_other_site() {
        assert_eq!(given("x", false), "opennmc-session=x; HttpOnly; SameSite=Strict; Path=/");
        assert_eq!(given("x", true), "__Host-opennmc-session=x; HttpOnly; SameSite=Strict; Path=/; Secure");
        assert!(taken(false).contains("Max-Age=0") && taken(true).ends_with("Secure"));
    }

    #[test]
    fn plugins_see_the_cookies_of_others_and_not_ours() {
        assert_eq!(others("a=b; opennmc-session=x; c=d").as_deref(), Some("a=b; c=d"));
        assert_eq!(others("__Host-opennmc-session=x;"), None);
        for ours in [
            "opennmc-session=x",
            " opennmc-session =x; Path=/",
            "=opennmc-session=x",
            "__HOST-opennmc-session=x",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        assert!(!is_ours("session=opennmc-session") && !is_ours("opennmc-session2=x"));
    }
}
