//! Any bytes, any open question: what the splitter makes of them.
//!
//! The splitter is private to the library; its files are taken in as they are.

#![no_main]
#![allow(dead_code)]

extern crate alloc;

#[path = "../../libapcsmart/src/alert.rs"]
mod alert;
#[path = "../../libapcsmart/src/table/code.rs"]
mod code;
#[path = "../../libapcsmart/src/frame.rs"]
mod frame;
#[path = "../../libapcsmart/src/grammar.rs"]
mod grammar;
#[path = "../../libapcsmart/src/protocol.rs"]
mod protocol;
mod table {
    pub use crate::code::{Code, CodeSet};
}

use frame::{Frame, Framer};
use grammar::{Grammar, LONGEST_REPLY};
use libfuzzer_sys::fuzz_target;

const QUESTIONS: [Option<Grammar>; 16] = [
    None,
    Some(Grammar::Decimal(1, 1)),
    Some(Grammar::FourDigits),
    Some(Grammar::Digits(2, 3)),
    Some(Grammar::Minutes),
    Some(Grammar::Hex2),
    Some(Grammar::Word(&["OK", "NO"])),
    Some(Grammar::Text(2, 32)),
    Some(Grammar::Text8),
    Some(Grammar::Packed),
    Some(Grammar::CommandSet),
    Some(Grammar::Capabilities),
    Some(Grammar::TemperaturesOrHours),
    Some(Grammar::SmartMode),
    Some(Grammar::Accepted { star: true }),
    Some(Grammar::Anything),
];

fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else { return };
    let question = QUESTIONS[usize::from(first % 16)];
    let mut framer = Framer::default();
    let mut given = 0;
    for byte in bytes {
        match framer.push(*byte, question) {
            Some(Frame::Line(line)) => {
                assert!(!line.is_empty() && line.len() <= LONGEST_REPLY);
                assert!(!line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
                given += line.len();
                if let Some(grammar) = question {
                    // An answer is at most one of: universal, right, wrong.
                    let _ = (grammar.universal(&line), grammar.accepts(&line));
                }
            }
            Some(Frame::Alert(alert)) => {
                assert_eq!(alert.byte(), *byte);
                given += 1;
            }
            Some(Frame::Overlong) => given += LONGEST_REPLY,
            None => {}
        }
    }
    assert!(given <= bytes.len(), "more came out than went in");
});
