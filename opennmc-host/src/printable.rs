//! Text from outside, made fit for a terminal and a log.
//!
//! A UPS, a plugin's package and the network write what they like. Nothing of it may steer a terminal, forge a line, or
//! show another order or other letters than there are.

use std::fmt::{self, Write};

/// Whether `letter` has to be shown by its number.
///
/// Besides control characters: line ends that only Unicode knows, marks that turn the direction of what follows, and letters
/// without any width. The joiners U+200C and U+200D stay: words of some languages are wrong without them.
fn misleads(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{061c}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Writes one letter, or its number.
pub(crate) fn write_letter(out: &mut impl Write, letter: char) -> fmt::Result {
    if misleads(letter) { write!(out, "{}", letter.escape_default()) } else { out.write_char(letter) }
}

/// `text` as one line.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        // Writing to a String does not fail.
        let _ = write_letter(&mut out, letter);
    }
    out
}

/// `text` with the line ends that it has; they are meant.
pub(crate) fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<String>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_can_not_steer_a_terminal() {
        assert_eq!(printable("Rack \u{1b}[2J\r\nA\u{9b}m é"), "Rack \\u{1b}[2J\\r\\nA\\u{9b}m é");
        assert_eq!(printable_lines("a\r\nb\u{1b}"), "a\\r\nb\\u{1b}");
    }

    #[test]
    fn text_from_outside_can_not_turn_its_direction_or_hide_letters() {
        assert_eq!(
            printable("load.off\u{202e}tset\u{2028}x\u{200b}"),
            "load.off\\u{202e}tset\\u{2028}x\\u{200b}"
        );
        for plain in ["می\u{200c}خواهم", "Ελλάδα 日本 é", "⚡ 230 V"] {
            assert_eq!(printable(plain), plain);
        }
    }
}
