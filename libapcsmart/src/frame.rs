//! From bytes to answers and alerts.
//!
//! An answer ends with CR LF, an alert is a single byte that may come at any time, and many bytes can be either. What
//! decides is the question that is open: inside an answer a byte is an alert only when the answer's shape has no place
//! for it. Nothing is judged here beyond that; the session checks the shape.

use alloc::vec::Vec;

use crate::alert::Alert;
use crate::grammar::{Grammar, LONGEST_REPLY};

/// What a byte completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A line, without CR LF; never empty.
    Line(Vec<u8>),
    /// An alert.
    Alert(Alert),
    /// A line grew beyond any answer and was dropped.
    Overlong,
}

/// Collects bytes.
#[derive(Debug, Default)]
pub(crate) struct Framer {
    line: Vec<u8>,
}

impl Framer {
    /// Takes one byte. `open` is the shape of the answer that is waited for.
    pub(crate) fn push(&mut self, byte: u8, open: Option<Grammar>) -> Option<Frame> {
        match byte {
            b'\n' => return self.end_line(open),
            // NUL: serial numbers are padded with it.
            b'\r' | 0 => return None,
            _ => {}
        }
        if let Some(alert) = Alert::from_byte(byte) {
            let begins = self.line.is_empty();
            let is_data = match open {
                Some(grammar) if begins => grammar.begins_with_alert_byte(byte),
                Some(grammar) => grammar.admits(byte),
                None => !begins,
            };
            if !is_data {
                return Some(Frame::Alert(alert));
            }
            if begins && open == Some(Grammar::Accepted { star: true }) {
                return Some(Frame::Line(Vec::from([byte])));
            }
        }
        if self.line.len() == LONGEST_REPLY {
            self.line.clear();
            return Some(Frame::Overlong);
        }
        self.line.push(byte);
        None
    }

    /// Whether a line has begun and not ended.
    pub(crate) fn is_open(&self) -> bool {
        !self.line.is_empty()
    }

    /// Drops what has begun.
    pub(crate) fn clear(&mut self) {
        self.line.clear();
    }

    fn end_line(&mut self, open: Option<Grammar>) -> Option<Frame> {
        // An eight-byte text may begin with any byte. One too many in front was an alert; it is put back as a line of its
        // own length, and the alert is lost: status is polled within a second anyway.
        if open == Some(Grammar::Text8) && self.line.len() == 9 && Alert::from_byte(self.line[0]).is_some() {
            self.line.remove(0);
        }
        (!self.line.is_empty()).then(|| Frame::Line(core::mem::take(&mut self.line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn frames(bytes: &[u8], open: Option<Grammar>) -> Vec<String> {
        let mut framer = Framer::default();
        let found = bytes.iter().filter_map(|byte| framer.push(*byte, open));
        found
            .map(|frame| match frame {
                Frame::Line(line) => String::from_utf8_lossy(&line).into_owned(),
                Frame::Alert(alert) => alloc::format!("<{alert}>"),
                Frame::Overlong => "<overlong>".into(),
            })
            .collect()
    }

    #[test]
    fn an_alert_inside_an_answer_is_told_from_its_data() {
        assert_eq!(frames(b"08\r\n", Some(Grammar::Hex2)), ["08"]);
        assert_eq!(frames(b"!08\r\n", Some(Grammar::Hex2)), ["<line fail>", "08"]);
        assert_eq!(frames(b"0!8\r\n", Some(Grammar::Hex2)), ["<line fail>", "08"]);
        assert_eq!(
            frames(b"23$1.8\r%\n+", Some(Grammar::Decimal(1, 1)))[..2],
            ["<line returned>", "<low battery>"]
        );
        assert_eq!(frames(b"!\n$", None), ["<line fail>", "<line returned>"]);
    }

    #[test]
    fn bytes_that_are_alerts_elsewhere_are_data_where_the_answer_has_them() {
        assert_eq!(frames(b"3.!$%+?=#|.Q*\r\n", Some(Grammar::CommandSet)), ["3.!$%+?=#|.Q*"]);
        assert_eq!(frames(b"#s441HMLL\r\n", Some(Grammar::Capabilities)), ["#s441HMLL"]);
        assert_eq!(frames(b"!3.!$.Q\r\n", Some(Grammar::CommandSet)), ["<line fail>", "3.!$.Q"]);
        assert_eq!(frames(b"RACK#1+2\r\n", Some(Grammar::Text8)), ["RACK#1+2"]);
        assert_eq!(frames(b"#RACK+2!\r\n", Some(Grammar::Text8)), ["#RACK+2!"]);
        assert_eq!(frames(b"!RACK#1+2\r\n", Some(Grammar::Text8)), ["RACK#1+2"]);
        assert_eq!(frames(b"*", Some(Grammar::Accepted { star: true })), ["*"]);
        assert_eq!(frames(b"*", Some(Grammar::Accepted { star: false })), ["<load goes off>"]);
    }

    #[test]
    fn padding_and_empty_lines_vanish() {
        assert_eq!(frames(b"\r\n\nNS98\0\0\r\n\r\n", Some(Grammar::Text(4, 24))), ["NS98"]);
    }

    #[test]
    fn a_line_without_end_does_not_grow_without_end() {
        let bytes = [b'x'; LONGEST_REPLY + 1];
        assert_eq!(frames(&bytes, None), ["<overlong>"]);
    }
}
