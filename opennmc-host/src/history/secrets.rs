//! Keeps what people log in with out of the history: a password in an audit would be in every backup and every export.
//!
//! A secret is told by its name, because nothing else is known of it here. Rather one value too many is masked.

/// Stands for a secret.
pub(super) const MASK: &str = "***";

/// Any name with one of these in it names a secret, however it is written.
const TELLING: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "apikey",
    "privatekey",
    "community",
    "authorization",
    "bearer",
    "cookie",
];

/// Whether the value of something with this name must not be shown: `admin.password`, `API-Key`, `snmp_community`.
pub(super) fn is_secret_name(name: &str) -> bool {
    let letters: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    TELLING.iter().any(|telling| letters.contains(telling))
}

/// A field of an event, its value masked when its name tells that it is a secret.
pub(super) fn masked_field((name, value): &(String, String)) -> (&str, String) {
    (name, if is_secret_name(name) { MASK.to_owned() } else { masked_text(value) })
}

/// `text` with what follows a secret's name and `=` or `:` masked, and the name and password in a URL as well.
pub(super) fn masked_text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['=', ':']) {
        let (before, value) = rest.split_at(at + 1);
        shown.push_str(before);
        rest = value;
        if is_secret_name(name_at_end(&before[..at])) {
            let blanks = value.len() - value.trim_start().len();
            let length = value_length(&value[blanks..]);
            if length > 0 {
                shown.push_str(&value[..blanks]);
                shown.push_str(MASK);
                rest = &value[blanks + length..];
            }
        } else if let Some(location) = value.strip_prefix("//") {
            let host = &location[..location.find(['/', ' ', '?', '#', '"']).unwrap_or(location.len())];
            if let Some(end) = host.rfind('@') {
                shown.push_str("//");
                shown.push_str(MASK);
                rest = &location[end..];
            }
        }
    }
    shown.push_str(rest);
    shown
}

/// The last word of `text`, which may be in quotes.
fn name_at_end(text: &str) -> &str {
    let text = text.trim_end().trim_end_matches(['"', '\'']);
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
    text.char_indices()
        .rev()
        .take_while(|(_, letter)| is_name(*letter))
        .last()
        .map_or("", |(start, _)| &text[start..])
}

/// How many bytes of `text` are the value at its start: a quoted one with its quotes, else up to a blank or a separator.
/// `Bearer` and `Basic` of HTTP belong to the value behind them.
fn value_length(text: &str) -> usize {
    if let Some(quote) = text.chars().next().filter(|first| matches!(first, '"' | '\'')) {
        let closing =
            text.char_indices().skip(1).find(|(at, letter)| *letter == quote && !text[..*at].ends_with('\\'));
        return closing.map_or(text.len(), |(at, _)| at + 1);
    }
    let ends = |letter: char| letter.is_whitespace() || matches!(letter, ',' | ';' | '&');
    let end = text.find(ends).unwrap_or(text.len());
    if ["bearer", "basic"].iter().any(|scheme| text[..end].eq_ignore_ascii_case(scheme)) {
        let blanks = text[end..].len() - text[end..].trim_start().len();
        return end + blanks + value_length(&text[end + blanks..]);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_telling_part_is_a_secret_however_it_is_written() {
        for name in ["password", "admin.password", "PASSWD", "API-Key", "snmp_community", "access_token"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["ups.id", "battery.charge.low", "input.transfer.high", "ups.test.interval"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn what_follows_a_secrets_name_is_masked() {
        let cases = [
            ("password=hunter2", "password=***"),
            ("user add bob password: hunter2, role: monitor", "user add bob password: ***, role: monitor"),
            ("password = \"two words\" role = x", "password = *** role = x"),
            (r#"{"token":"a\"bc","a":1}"#, r#"{"token":***,"a":1}"#),
            ("Authorization: Bearer abc.def rest", "Authorization: *** rest"),
            ("get http://bob:hunter2@host/x?token=abc&n=1", "get http://***@host/x?token=***&n=1"),
            ("set ups.id = \"rack: 4\"", "set ups.id = \"rack: 4\""),
            ("password=", "password="),
            ("secret='üß' x", "secret=*** x"),
            ("üsecret=ü", "üsecret=***"),
        ];
        for (text, expected) in cases {
            assert_eq!(masked_text(text), expected);
        }
    }
}
