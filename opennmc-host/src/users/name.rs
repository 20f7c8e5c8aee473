//! What a user may be called.
//!
//! NUT's tools write the name bare on a line of the protocol, `upsmon.conf` has it between blanks, the audit and the log
//! show it: so no blanks, quotes, signs that a shell or a lexer knows, and nothing beyond ASCII.

/// Longer names help nobody and would not fit the columns of any listing.
const LONGEST: usize = 64;

/// Whether `text` may name a user.
pub fn is_name(text: &str) -> bool {
    text.len() <= LONGEST
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-' | '@' | '+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_nut_and_shells_unquoted() {
        for good in ["admin", "upsmon", "ha-nut", "rack.2", "7up", "jo@example.org", "a+b"] {
            assert!(is_name(good), "{good}");
        }
        for bad in
            ["", "-x", ".x", "a b", "a\"", "a=b", "a#b", "a\\", "ä", "a\n", "a'b", "$x", &"x".repeat(65)]
        {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
