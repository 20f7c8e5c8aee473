//! How NUT's programs write words on a line, to clients and to drivers alike: read by [`lexer`], written by [`quote`].
//!
//! Invariant: a word has only the characters 0x20 to 0x7F, whatever came in or goes out. Nothing here knows what words mean.

pub mod lexer;
pub mod quote;
