//! API tokens and the passwords that we choose: from the system's randomness, in letters that people can read.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::record::TokenRecord;
use super::secret::Secret;

/// Lets people and secret scanners see what it is.
const PREFIX: &str = "onmc_";
/// Bytes of randomness: 256 bits.
const TOKEN_BYTES: usize = 32;
/// 32 letters that are not mistaken for each other: five bits each.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 20 letters are 100 bits; in groups of five they can be typed from a screen.
const GROUPS: usize = 4;
const GROUP: usize = 5;
/// A clock that is so far before the making of a token is wrong.
const CLOCK_TOLERANCE_MS: u64 = 86_400_000;

/// A new token, to be shown once.
pub(super) fn make() -> Result<Secret, String> {
    let mut bytes = [0_u8; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| format!("get randomness for a token: {error}"))?;
    let mut text = String::with_capacity(PREFIX.len() + 2 * TOKEN_BYTES);
    text.push_str(PREFIX);
    text.push_str(&hex(&bytes));
    Ok(Secret::from(text))
}

/// What is kept of a token.
pub(super) fn sha256(secret: &Secret) -> String {
    hex(&Sha256::digest(secret.reveal().as_bytes()))
}

/// A password to be read from a screen and typed.
pub(super) fn readable_password() -> Result<Secret, String> {
    let mut bytes = [0_u8; GROUPS * GROUP];
    getrandom::fill(&mut bytes).map_err(|error| format!("get randomness for a password: {error}"))?;
    let letters: Vec<String> = bytes
        .chunks(GROUP)
        .map(|group| group.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
        .collect();
    Ok(Secret::from(letters.join("-")))
}

impl TokenRecord {
    /// Whether it is no longer good. A clock that lies before the token was made would make it good for ever, so then a
    /// token that expires is not good either.
    pub(super) fn is_over(&self, now_ms: u64) -> bool {
        self.expires_ms.is_some_and(|expires| {
            now_ms >= expires || now_ms.saturating_add(CLOCK_TOLERANCE_MS) < self.made_ms
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
