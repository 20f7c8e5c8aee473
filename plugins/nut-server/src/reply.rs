//! Reply lines: quoting, and the length that NUT's clients can read.
//!
//! Invariant: whatever the host or a client supplied, a finished line has at most [`MAX_LINE`] characters of 0x20 to
//! 0x7F and one LF, and its quotes are closed.

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
    pub fn word(mut self, word: &str) -> Self {
        self.out.push(b' ');
        if is_plain(word) {
            self.out.extend_from_slice(word.as_bytes());
        } else {
            self.quote(word, usize::MAX);
        }
        self
    }

    /// A blank and a quoted text, cut where the line is full.
    pub fn text(mut self, text: &str) -> Self {
        self.out.push(b' ');
        // Two quotes must fit too; when they don't, `end` refuses the whole line.
        let room = (self.start + MAX_LINE).saturating_sub(self.out.len() + 2);
        self.quote(text, room);
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

    fn quote(&mut self, text: &str, mut room: usize) {
        self.out.push(b'"');
        for character in text.chars() {
            // Clients keep only these characters; a visible mark says that something else was there.
            let byte = if matches!(character, ' '..='\x7E') { character as u8 } else { b'?' };
            let escaped = matches!(byte, b'"' | b'\\' | b'#');
            let Some(left) = room.checked_sub(1 + usize::from(escaped)) else { break };
            room = left;
            if escaped {
                self.out.push(b'\\');
            }
            self.out.push(byte);
        }
        self.out.push(b'"');
    }
}

/// Whether every client reads this word back as it is, without quotes.
pub fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && word.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'#' | b'='))
}
