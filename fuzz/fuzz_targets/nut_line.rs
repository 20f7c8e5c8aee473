//! Any bytes from a NUT client, in any pieces: the lexer of the NUT server and the driver socket.
//!
//! The lexer stands alone, so its file is taken in as it is and the plugin's host is not needed.

#![no_main]
#![allow(dead_code)]

#[path = "../../plugins/nut-words/src/lexer.rs"]
mod lexer;

use lexer::{Lexer, MAX_LINE, MAX_WORD, MAX_WORDS, Progress};
use libfuzzer_sys::fuzz_target;

/// Every line's words, with the bytes fed in pieces of at most `piece`.
fn lines(bytes: &[u8], piece: usize) -> Vec<Vec<String>> {
    let mut lexer = Lexer::default();
    let mut lines = Vec::new();
    for chunk in bytes.chunks(piece) {
        let mut rest = chunk;
        while !rest.is_empty() {
            let (taken, progress) = lexer.feed(rest);
            assert!(taken > 0 && taken <= rest.len());
            rest = &rest[taken..];
            match progress {
                Progress::Unfinished => {}
                Progress::Line => {
                    let words = lexer.words();
                    assert!(words.len() <= MAX_WORDS);
                    let words: Vec<String> =
                        (0..words.len()).map(|place| words.at(place).to_owned()).collect();
                    assert!(words.iter().all(|word| word.len() <= MAX_WORD));
                    lines.push(words);
                    lexer.clear();
                }
                Progress::Malformed => {
                    lines.push(vec!["malformed".into()]);
                    lexer.clear();
                }
                Progress::TooLong => return lines,
            }
            assert!(lexer.held() <= MAX_LINE);
        }
    }
    lines
}

fuzz_target!(|data: &[u8]| {
    let Some((piece, bytes)) = data.split_first() else { return };
    let piece = usize::from(*piece % 32) + 1;
    assert_eq!(lines(bytes, piece), lines(bytes, usize::MAX), "how bytes are cut must not matter");
});
