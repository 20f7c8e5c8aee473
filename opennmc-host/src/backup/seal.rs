//! The host's own mark on its backups, so that it knows them again.
//!
//! The key is a file of its own in the folder for state, made at the first backup, and it is never in a backup: with the
//! file alone nobody can make another that this host takes for its own.

use std::fs;
use std::io;
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::BackupError;
use super::manifest::hex;
use super::stage::hand_over;
use crate::config::{self, Existing};

/// The key's file. Hidden files are in no backup.
pub(super) const FILE: &str = ".backup.key";
/// As many as SHA-256 gives.
const KEY_BYTES: usize = 32;

/// The host's key; made when there is none.
pub(super) fn key(state_dir: &Path) -> Result<Vec<u8>, BackupError> {
    let path = state_dir.join(FILE);
    if let Some(key) = existing_key(state_dir)? {
        return Ok(key);
    }
    let mut key = vec![0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| BackupError::Key(error.to_string()))?;
    match config::write_file(&path, &key, 0o600, Existing::Keep) {
        Ok(()) => {
            // Made by root for a daemon that is another user: it is the folder's.
            let handed = fs::File::open(&path)
                .and_then(|file| hand_over(file, &fs::metadata(state_dir)?))
                .map_err(|source| BackupError::File { action: "hand over", path, source });
            handed.map(|()| key)
        }
        // Another backup was a moment faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            existing_key(state_dir)?.ok_or(BackupError::File { action: "read", path, source: error })
        }
        Err(source) => Err(BackupError::File { action: "write", path, source }),
    }
}

/// The host's key, if it has made a backup before.
pub(super) fn existing_key(state_dir: &Path) -> Result<Option<Vec<u8>>, BackupError> {
    let path = state_dir.join(FILE);
    match fs::read(&path) {
        Ok(key) if key.len() == KEY_BYTES => Ok(Some(key)),
        Ok(_) => {
            let source = io::Error::new(io::ErrorKind::InvalidData, "it is not a key; remove it");
            Err(BackupError::File { action: "use", path, source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(BackupError::File { action: "read", path, source }),
    }
}

pub(super) fn of(text: &str, key: &[u8]) -> String {
    hex(&mac(text, key).finalize().into_bytes())
}

pub(super) fn fits(text: &str, key: &[u8], seal: &str) -> bool {
    let bytes: Option<Vec<u8>> =
        (0..seal.len()).step_by(2).map(|at| u8::from_str_radix(seal.get(at..at + 2)?, 16).ok()).collect();
    // Compares in constant time.
    bytes.is_some_and(|bytes| mac(text, key).verify_slice(&bytes).is_ok())
}

fn mac(text: &str, key: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac
}
