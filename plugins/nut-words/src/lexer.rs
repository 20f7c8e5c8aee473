//! Bytes into words, by the rules that NUT calls parseconf, one state machine fed as the bytes arrive.
//!
//! Invariant: a word holds only the characters 0x20 to 0x7F, whatever a client sent; everything else is dropped
//! silently, as NUT does. Nothing here knows what the words mean.

/// Words beyond this are dropped, as NUT does.
pub const MAX_WORDS: usize = 32;

/// Characters of a word beyond this are dropped, as NUT does.
pub const MAX_WORD: usize = 512;

/// Bytes of one request, LF included. The longest sensible request is a `SET VAR` with three words of [`MAX_WORD`].
pub const MAX_LINE: usize = 8 * 1024;

/// Takes bytes until a line is complete. A new one stands at the start of a line.
#[derive(Debug, Clone, Default)]
pub struct Lexer {
    /// All words of the line, one after the other.
    text: String,
    /// Where each word ends in `text`.
    ends: Vec<usize>,
    /// Where the word being read starts in `text`.
    start: usize,
    /// What follows the first word, as it was written.
    rest: String,
    /// Bytes of this line so far.
    taken: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Between,
    Word,
    WordEscape,
    Quoted,
    QuotedEscape,
    Comment,
    /// After a mistake: the rest of the line is skipped.
    Malformed,
}

/// What feeding bytes led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All bytes were taken and the line has not ended.
    Unfinished,
    /// A line ended; its words are there until [`Lexer::clear`].
    Line,
    /// A line ended that breaks the quoting rules: a bare `#` or an end of line inside quotes.
    Malformed,
    /// The line is longer than [`MAX_LINE`]; the rest of it was not taken.
    TooLong,
}

impl Lexer {
    /// Takes bytes up to the end of the first line. Returns how many were taken.
    pub fn feed(&mut self, bytes: &[u8]) -> (usize, Progress) {
        for (index, byte) in bytes.iter().enumerate() {
            self.taken += 1;
            if let Some(progress) = self.push(*byte) {
                return (index + 1, progress);
            }
            if self.taken == MAX_LINE {
                return (index + 1, Progress::TooLong);
            }
        }
        (bytes.len(), Progress::Unfinished)
    }

    /// The words of the line.
    pub fn words(&self) -> Words<'_> {
        Words { text: &self.text, ends: &self.ends, rest: &self.rest }
    }

    /// Back to the start of a line, keeping the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.rest.clear();
        self.start = 0;
        self.taken = 0;
        self.state = State::Between;
    }

    /// Whether some bytes of an unfinished line were taken.
    pub fn is_within_line(&self) -> bool {
        self.taken > 0
    }

    /// Bytes of memory that this lexer holds beyond its own size.
    pub fn held(&self) -> usize {
        self.text.capacity() + self.rest.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    fn push(&mut self, byte: u8) -> Option<Progress> {
        if !self.ends.is_empty() && matches!(byte, 0x20..=0x7F) && self.rest.len() < MAX_WORD {
            self.rest.push(char::from(byte));
        }
        match (self.state, byte) {
            (State::WordEscape, _) => self.collect(byte, State::Word),
            (State::QuotedEscape, _) => self.collect(byte, State::Quoted),
            (State::Malformed | State::Quoted, b'\n') => return Some(Progress::Malformed),
            (State::Malformed, _) => {}
            (State::Quoted, b'#') => self.state = State::Malformed,
            (State::Quoted, b'\\') => self.state = State::QuotedEscape,
            (State::Quoted, b'"') => self.end_word(State::Between),
            (State::Quoted, _) => self.collect(byte, State::Quoted),
            (State::Word, b'\n') => {
                self.end_word(State::Between);
                return Some(Progress::Line);
            }
            (State::Between | State::Comment, b'\n') => return Some(Progress::Line),
            (State::Comment, _) => {}
            (State::Word, b'#') => self.end_word(State::Comment),
            (State::Between, b'#') => self.state = State::Comment,
            (State::Word, _) if is_blank(byte) => self.end_word(State::Between),
            (State::Between, _) if is_blank(byte) => {}
            (State::Word | State::Between, b'=') => {
                if self.state == State::Word {
                    self.end_word(State::Between);
                }
                self.collect(byte, State::Word);
                self.end_word(State::Between);
            }
            (State::Between, b'"') => self.state = State::Quoted,
            (State::Word | State::Between, b'\\') => self.state = State::WordEscape,
            (State::Word | State::Between, _) => self.collect(byte, State::Word),
        }
        None
    }

    fn collect(&mut self, byte: u8, next: State) {
        let room = self.ends.len() < MAX_WORDS && self.text.len() - self.start < MAX_WORD;
        if room && matches!(byte, 0x20..=0x7F) {
            self.text.push(char::from(byte));
        }
        self.state = next;
    }

    fn end_word(&mut self, next: State) {
        if self.ends.len() < MAX_WORDS {
            self.ends.push(self.text.len());
            self.start = self.text.len();
        }
        self.state = next;
    }
}

/// The words of one line. Copies share the text.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    text: &'a str,
    ends: &'a [usize],
    rest: &'a str,
}

impl<'a> Words<'a> {
    /// How many words.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the line was blank.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// What follows the first word, as it was written, without blanks around it; at most [`MAX_WORD`] characters.
    pub fn rest(&self) -> &'a str {
        self.rest.trim_matches(' ')
    }

    /// The word at this position, counted from 0.
    pub fn get(&self, index: usize) -> Option<&'a str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.text.get(start..end)
    }

    /// The word at this position; empty where there is none.
    pub fn at(&self, index: usize) -> &'a str {
        self.get(index).unwrap_or_default()
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0B | 0x0C | b'\r')
}
