//! NUT's configuration files, cut into statements of words as NUT's own programs cut them.
//!
//! Blanks separate words; `=` is a word of its own; `"…"` is one word, over several lines if need be, in which a bare `#`
//! is an error that costs the statement; a backslash takes the next letter as it is, and the end of a line away; `#`
//! outside quotes begins a comment. Control characters vanish. NUT drops letters beyond ASCII as well: here they stay,
//! and [`ascii`] drops them where the result must be what NUT's programs see.
//!
//! The invariant: every line of the text is either empty or a comment, or within exactly one statement.

use std::iter::Peekable;
use std::str::Chars;

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Its first line, from 1.
    pub(super) line: usize,
    /// How many lines it takes.
    pub(super) lines: usize,
    pub(super) words: Vec<String>,
    /// Why NUT's programs skip it, if they do.
    pub(super) fault: Option<&'static str>,
}

impl Statement {
    /// The word at `index`, or nothing.
    pub(super) fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", String::as_str)
    }

    /// The name in `[NAME]`.
    pub(super) fn section(&self) -> Option<&str> {
        self.words.first()?.strip_prefix('[')?.strip_suffix(']')
    }
}

/// All statements of a file.
pub(super) fn statements(text: &str) -> Vec<Statement> {
    let mut lexer = Lexer { letters: text.chars().peekable(), line: 1 };
    let mut statements: Vec<Statement> = std::iter::from_fn(|| lexer.statement()).collect();
    if let Some(last) = statements.last_mut() {
        // A quote that is never closed runs past the last end of line.
        last.lines = last.lines.min(text.lines().count() + 1 - last.line);
    }
    statements
}

/// `word` as NUT's programs see it.
pub(super) fn ascii(word: &str) -> String {
    word.chars().filter(char::is_ascii).collect()
}

struct Lexer<'t> {
    letters: Peekable<Chars<'t>>,
    /// The line of the next letter.
    line: usize,
}

impl Lexer<'_> {
    fn statement(&mut self) -> Option<Statement> {
        while self.letters.peek()?.is_ascii_whitespace() || self.letters.peek() == Some(&'#') {
            if self.next() == Some('#') {
                self.skip_line();
            }
        }
        let mut statement = Statement { line: self.line, lines: 1, words: Vec::new(), fault: None };
        while let Some(&letter) = self.letters.peek() {
            match letter {
                '\n' => break,
                '#' => {
                    self.skip_line();
                    break;
                }
                '=' => {
                    self.next();
                    statement.words.push("=".to_owned());
                }
                '"' => {
                    self.next();
                    match self.quoted() {
                        Some(word) => statement.words.push(word),
                        None => {
                            statement.fault = Some(
                                "there is a `#` within quotes, which NUT takes for an error: write `\\#`",
                            );
                            self.skip_line();
                            break;
                        }
                    }
                }
                blank if blank.is_ascii_whitespace() => {
                    self.next();
                }
                _ => statement.words.extend(self.bare()),
            }
        }
        // The letter that ended the statement is the next one, on its last line.
        statement.lines = self.line - statement.line + 1;
        Some(statement)
    }

    /// A word without quotes: to the next blank, `=`, `#` or end of line. None when there was only a joined line.
    fn bare(&mut self) -> Option<String> {
        let mut word = String::new();
        while let Some(&letter) = self.letters.peek() {
            match letter {
                '=' | '#' => break,
                blank if blank.is_ascii_whitespace() => break,
                '\\' => {
                    self.next();
                    self.escaped(&mut word);
                }
                _ => {
                    self.next();
                    keep(&mut word, letter);
                }
            }
        }
        (!word.is_empty()).then_some(word)
    }

    /// The rest of a quoted word; none when there is a bare `#` in it.
    fn quoted(&mut self) -> Option<String> {
        let mut word = String::new();
        while let Some(letter) = self.next() {
            match letter {
                '"' => break,
                '#' => return None,
                '\\' => self.escaped(&mut word),
                letter => keep(&mut word, letter),
            }
        }
        Some(word)
    }

    fn escaped(&mut self, word: &mut String) {
        if let Some(letter) = self.next() {
            keep(word, letter);
        }
    }

    fn skip_line(&mut self) {
        while self.letters.peek().is_some_and(|letter| *letter != '\n') {
            self.next();
        }
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.letters.next()?;
        self.line += usize::from(letter == '\n');
        Some(letter)
    }
}

/// Control characters never count.
fn keep(word: &mut String, letter: char) {
    if !letter.is_control() {
        word.push(letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        statements(text).into_iter().map(|statement| statement.words).collect()
    }

    /// What NUT 2.8.0's `upsd` made of the same text.
    #[test]
    fn words_are_cut_as_nut_cuts_them() {
        for (text, expected) in [
            ("driver=apcsmart", &["driver", "=", "apcsmart"][..]),
            ("desc = \"one \\\"two\\\" \\# three\"", &["desc", "=", "one \"two\" # three"]),
            ("desc = pre\"mid dle\"", &["desc", "=", "pre\"mid", "dle\""]),
            ("desc = \"first\nsecond\"", &["desc", "=", "firstsecond"]),
            ("desc = one\\ two\\\nthree", &["desc", "=", "one twothree"]),
            ("desc = a=\"b c\"", &["desc", "=", "a", "=", "b c"]),
            ("desc = \"x\"y", &["desc", "=", "x", "y"]),
            ("desc = ab#cd", &["desc", "=", "ab"]),
            ("desc = \"\" # empty", &["desc", "=", ""]),
            ("\tLISTEN\t::1 \r\n", &["LISTEN", "::1"]),
        ] {
            assert_eq!(words(text), [expected], "{text}");
        }
    }

    #[test]
    fn a_hash_in_quotes_costs_its_statement_only() {
        let found = statements("a = \"x # y\"\nb = 2\n");
        assert!(found[0].fault.is_some());
        assert_eq!((found[1].line, found[1].words.join(" ")), (2, "b = 2".to_owned()));
    }

    #[test]
    fn each_line_is_empty_or_a_comment_or_in_one_statement() {
        for text in [
            "",
            "\n\n",
            "# a\n  # b\nx = 1 # c\n\ny \\\n z\n\"open\n\n\n",
            "[a]\r\nb = \"c\nd\" e\n#",
            "a = \"#\n\\\n\\\nb\\",
        ] {
            let mut covered = vec![0; text.lines().count() + 1];
            for statement in statements(text) {
                (statement.line..statement.line + statement.lines).for_each(|line| covered[line] += 1);
            }
            for (index, line) in text.lines().enumerate() {
                let idle = line.trim().is_empty() || line.trim().starts_with('#');
                assert!(covered[index + 1] <= 1, "{text:?} line {}", index + 1);
                assert!(idle || covered[index + 1] == 1, "{text:?} line {}", index + 1);
            }
            assert_eq!(covered[0], 0);
        }
    }

    #[test]
    fn letters_beyond_ascii_are_dropped_where_nut_must_agree() {
        assert_eq!(words("desc = \"Büro\"")[0][2], "Büro");
        assert_eq!(ascii("größe"), "gre");
    }
}
