//! Reply lines: quoting, and the length that NUT's clients can read.
//!
//! Invariant: whatever the host or a client supplied, a finished line has at most [`MAX_LINE`] characters of 0x20 to
//! 0x7F and one LF, and its quotes are closed.

use nut_words::quote;

pub use nut_words::quote::is_plain;

use crate::refusal::Refusal;

/// Characters of a reply line without its LF. NUT 2.8 clients read lines into 512 bytes and misread longer ones.
pub const MAX_LINE: usize = 510;

/// A line under construction at the end of an output buffer.
#[derive(Debug)]
#[must_use = "an unfinished line has no LF"]
pub struct Line<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
}

impl<'o> Line<'o> {
    /// Starts with the protocol's own words.
    pub fn new(out: &'o mut Vec<u8>, keywords: &str) -> Self {
        let start = out.len();
        out.extend_from_slice(keywords.as_bytes());
        Line { out, start }
    }

    /// A blank and a name, as the client or the host spelt it. Quoted if it would otherwise read as something else.
    pub fn word(self, word: &str) -> Self {
        self.out.push(b' ');
        if is_plain(word) {
            self.out.extend_from_slice(word.as_bytes());
        } else {
            quote::push(self.out, word, usize::MAX);
        }
        self
    }

    /// A blank and a quoted text, cut where the line is full.
    pub fn text(self, text: &str) -> Self {
        self.out.push(b' ');
        // Two quotes must fit too; when they don't, `end` refuses the whole line.
        let room = (self.start + MAX_LINE).saturating_sub(self.out.len() + 2);
        quote::push(self.out, text, room);
        self
    }

    /// A blank and a number.
    pub fn number(self, number: u64) -> Self {
        self.out.push(b' ');
        self.out.extend_from_slice(number.to_string().as_bytes());
        self
    }

    /// Ends the line. One that can't be said in [`MAX_LINE`] characters is taken back.
    pub fn end(self) -> Result<(), Refusal> {
        if self.out.len() - self.start > MAX_LINE {
            self.out.truncate(self.start);
            return Err(Refusal::InvalidArgument);
        }
        self.out.push(b'\n');
        Ok(())
    }
}
