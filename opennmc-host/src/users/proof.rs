//! Passwords that were right a moment ago, so that the same one need not be hashed again.
//!
//! When a daemon restarts, fifty `upsmon`s log in with the same user at once; on a card Argon2 would make the last of them
//! wait for half a minute, and `upsmon` gives up after five seconds. What is kept is a keyed hash of user, stored hash and
//! password under a key that this process drew and that never leaves its memory: of no use in a copy of the disk, and
//! void as soon as the password changes. A wrong password never gets here: it costs the full time.

use std::collections::HashMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::hash::PasswordHash;
use super::secret::Secret;

/// One for each user that logged in.
pub(super) struct Proofs {
    key: [u8; 32],
    tags: HashMap<String, Vec<u8>>,
}

impl Proofs {
    pub(super) fn new() -> Result<Proofs, String> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| format!("get randomness: {error}"))?;
        Ok(Proofs { key, tags: HashMap::new() })
    }

    /// Whether this is the password that was right for this user and hash.
    pub(super) fn holds(&self, name: &str, hash: &PasswordHash, password: &Secret) -> bool {
        // Compares in constant time.
        self.tags.get(name).is_some_and(|tag| {
            self.mac(name, hash, password).is_some_and(|mac| mac.verify_slice(tag).is_ok())
        })
    }

    /// This password was right.
    pub(super) fn remember(&mut self, name: &str, hash: &PasswordHash, password: &Secret) {
        if let Some(mac) = self.mac(name, hash, password) {
            self.tags.insert(name.to_owned(), mac.finalize().into_bytes().to_vec());
        }
    }

    fn mac(&self, name: &str, hash: &PasswordHash, password: &Secret) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        // Neither names nor hashes can hold a zero, so no two of these run into each other.
        for part in [name.as_bytes(), &[0], hash.as_str().as_bytes(), &[0], password.reveal().as_bytes()] {
            mac.update(part);
        }
        Some(mac)
    }
}
