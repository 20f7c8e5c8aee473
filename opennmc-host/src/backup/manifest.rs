//! `manifest.json`, the first member of a backup: what is in it, and whether that is what was put in.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::collect::Collected;
use super::seal;

/// What this version writes, and the only one that it reads.
pub(super) const FORMAT: u32 = 1;

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// The version of the format.
    pub format: u32,
    /// The OpenNMC that made it.
    pub opennmc: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub made_ms: u64,
    /// The machine that made it.
    pub host: String,
    /// The files, in the order of the archive.
    pub members: Vec<Member>,
    /// Proof that this host made it: HMAC-SHA-256 of everything else, in hexadecimal digits.
    pub seal: String,
}

/// One file in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Member {
    /// `config/…`, `state/…`, `scripts/…` or `plugins/…`.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// Its permissions, as in `chmod`.
    pub mode: u32,
    /// In hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    pub(super) fn new(files: &[Collected], key: &[u8]) -> Manifest {
        let made = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let members = files.iter().map(|file| Member {
            name: file.name.clone(),
            size: file.size,
            mode: file.mode,
            sha256: file.sha256.clone(),
        });
        let mut manifest = Manifest {
            format: FORMAT,
            opennmc: env!("CARGO_PKG_VERSION").to_owned(),
            made_ms: u64::try_from(made.as_millis()).unwrap_or(u64::MAX),
            host: host.trim().to_owned(),
            members: members.collect(),
            seal: String::new(),
        };
        manifest.seal = seal::of(&manifest.sealed_text(), key);
        manifest
    }

    /// Whether the holder of `key` made this manifest.
    pub(super) fn is_sealed_with(&self, key: &[u8]) -> bool {
        seal::fits(&self.sealed_text(), key, &self.seal)
    }

    /// Everything but the seal.
    fn sealed_text(&self) -> String {
        let Manifest { format, opennmc, made_ms, host, members, seal: _ } = self;
        let mut text = format!("{format}\n{opennmc:?}\n{made_ms}\n{host:?}\n");
        for Member { name, size, mode, sha256 } in members {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{name:?} {size} {mode} {sha256:?}");
        }
        text
    }
}

/// In hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A reader that hashes what goes through.
pub(super) struct Hashing<R> {
    reader: R,
    hash: Sha256,
}

impl<R: Read> Hashing<R> {
    pub(super) fn new(reader: R) -> Hashing<R> {
        Hashing { reader, hash: Sha256::new() }
    }

    /// Of everything that was read, in hexadecimal digits.
    pub(super) fn sha256(self) -> String {
        hex(&self.hash.finalize())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
