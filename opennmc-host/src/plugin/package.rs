//! A plugin package: an uncompressed tar, read whole into memory.
//!
//! A package may come from anywhere, so every count and size is bounded before bytes are kept, and only plain files
//! with plain names are taken. Nothing is ever written to disk here: a name in a package never becomes a path.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tar::EntryType;

use super::signature::{Members, Signer, SignerName};
use super::{Manifest, PluginError};

/// A package is a program of tens of KiB and a few web pages.
const PACKAGE_BYTES: u64 = 32 << 20;
/// Python or JavaScript components are this large; ours are a hundredth.
const WASM_BYTES: u64 = 24 << 20;
const MANIFEST_BYTES: u64 = 64 << 10;
const ASSET_BYTES: u64 = 4 << 20;
/// Machine code is several times as large as what it is made from.
const PRECOMPILED_BYTES: u64 = 24 << 20;
const SIGNATURE_BYTES: u64 = 4 << 10;
const ENTRIES: usize = 1_024;
/// What a tar header holds without extensions, and plenty.
const NAME_BYTES: usize = 100;

/// A package in memory.
#[derive(Debug, Clone)]
pub struct Package {
    /// Where it was read from; for messages.
    pub path: PathBuf,
    /// Its parsed `plugin.toml`.
    pub manifest: Manifest,
    /// `plugin.wasm`, a component.
    pub wasm: Vec<u8>,
    /// The SHA-256 of `plugin.wasm`: what a grant is tied to.
    pub digest: Digest,
    /// The files under `assets/`, by the path below it.
    pub assets: BTreeMap<String, Vec<u8>>,
    /// Compiled forms by target. Empty unless a signer who may precompile has signed the package: nothing else checks them.
    pub precompiled: BTreeMap<String, Vec<u8>>,
    /// Whose signature it has; none until [`Package::check_signature`] has found a configured signer.
    pub signer: Option<SignerName>,
    /// What is signed.
    pub members: Members,
    signature: Option<String>,
    unproven: BTreeMap<String, Vec<u8>>,
}

impl Package {
    /// Reads and checks a package.
    pub fn open(path: &Path) -> Result<Self, PluginError> {
        let unreadable = |source| PluginError::Read { path: path.to_owned(), source };
        // Opening a FIFO would wait for a writer for ever, and so would reading a device.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
        if !file.metadata().map_err(unreadable)?.is_file() {
            let problem = "is not a regular file".to_owned();
            return Err(PluginError::Package { path: path.to_owned(), problem });
        }
        Self::read(path, file)
    }

    /// As [`Package::open`], from any reader; `path` is for messages.
    pub fn read(path: &Path, reader: impl Read) -> Result<Self, PluginError> {
        let wrong = |problem: String| PluginError::Package { path: path.to_owned(), problem };
        let mut files = read_files(reader).map_err(wrong)?;
        let signature = files.remove("plugin.sig").map(String::from_utf8).transpose();
        let signature = signature.map_err(|_| wrong("plugin.sig is no text".to_owned()))?;
        let digest =
            |(name, bytes): (&String, &Vec<u8>)| (name.clone(), Digest(Sha256::digest(bytes).into()));
        let members = Members(files.iter().map(digest).collect());
        let absent = |name: &str| wrong(format!("has no {name}; pack it with `cargo xtask build`"));
        let manifest = files.remove("plugin.toml").ok_or_else(|| absent("plugin.toml"))?;
        let wasm = files.remove("plugin.wasm").ok_or_else(|| absent("plugin.wasm"))?;
        let manifest =
            String::from_utf8(manifest).map_err(|_| wrong("plugin.toml is not UTF-8 text".to_owned()))?;
        let mut assets = BTreeMap::new();
        let mut unproven = BTreeMap::new();
        for (name, bytes) in files {
            if let Some(name) = name.strip_prefix("assets/") {
                assets.insert(name.to_owned(), bytes);
            } else if let Some(target) =
                name.strip_prefix("precompiled/").and_then(|name| name.strip_suffix(".cwasm"))
                && !target.contains('/')
            {
                unproven.insert(target.to_owned(), bytes);
            } else if !["README.md", "LICENSE"].contains(&name.as_str()) {
                let problem = format!(
                    "has `{name}`, which has no place in a package; files of the plugin's own belong under assets/"
                );
                return Err(wrong(problem));
            }
        }
        Ok(Self {
            assets,
            precompiled: BTreeMap::new(),
            signer: None,
            members,
            signature,
            unproven,
            path: path.to_owned(),
            manifest: Manifest::parse(path, &manifest)?,
            digest: Digest(Sha256::digest(&wasm).into()),
            wasm,
        })
    }

    /// Finds out who has signed it. Refuses a forged signature, and a package that nobody known has signed when one is
    /// required.
    pub fn check_signature(&mut self, signers: &[Signer], required: bool) -> Result<(), PluginError> {
        let wrong = |problem: String| PluginError::Package { path: self.path.clone(), problem };
        let signer = self.members.signed_by(self.signature.as_deref(), signers).map_err(wrong)?;
        if signer.is_none() && required {
            let problem = match self.signature {
                Some(_) => "is signed by nobody who is configured as a `[signer.NAME]`",
                None => "is not signed",
            };
            return Err(wrong(format!("{problem}, and `[plugins] require-signature` is set")));
        }
        if signer.is_some_and(|signer| signer.precompile) {
            self.precompiled = std::mem::take(&mut self.unproven);
        }
        self.signer = signer.map(|signer| signer.name.clone());
        Ok(())
    }

    /// Whether there is a signature, whoever's it is.
    pub fn has_signature(&self) -> bool {
        self.signature.is_some()
    }

    /// The targets that it has compiled forms for, whether those may be used or not.
    pub fn forms(&self) -> Vec<String> {
        self.precompiled.keys().chain(self.unproven.keys()).cloned().collect()
    }

    /// The SHA-256 over all members but the signature: another byte anywhere makes it another.
    pub fn contents(&self) -> Digest {
        Digest(Sha256::digest(self.members.text()).into())
    }
}

/// Every file of the tar by name, or what is wrong with it.
fn read_files(reader: impl Read) -> Result<BTreeMap<String, Vec<u8>>, String> {
    // One byte more than permitted can be read, so that a package of exactly the limit is told from a larger one.
    let mut counted = Counted { inner: reader.take(PACKAGE_BYTES + 1), read: 0 };
    let mut archive = tar::Archive::new(&mut counted);
    let mut files = BTreeMap::new();
    // Raw: extension records (long names, sparse maps, overridden sizes) show up as entries and are refused.
    let entries = archive.entries().map_err(|error| format!("is no tar: {error}"))?.raw(true);
    for (index, entry) in entries.enumerate() {
        if index >= ENTRIES {
            return Err(format!("has more than {ENTRIES} entries"));
        }
        let entry = entry.map_err(|error| format!("is no tar: {error}"))?;
        let (name, bytes) = read_file(entry)?;
        if files.insert(name.clone(), bytes).is_some() {
            return Err(format!("has `{name}` twice"));
        }
    }
    if counted.read > PACKAGE_BYTES {
        return Err(format!("is larger than {} MiB", PACKAGE_BYTES >> 20));
    }
    Ok(files)
}

fn read_file<R: Read>(mut entry: tar::Entry<'_, R>) -> Result<(String, Vec<u8>), String> {
    let name = plain_name(&entry.path_bytes())?;
    if entry.header().entry_type() != EntryType::Regular {
        return Err(format!("has `{name}`, which is not a regular file; pack plain files only"));
    }
    let most = match name.as_str() {
        "plugin.toml" => MANIFEST_BYTES,
        "plugin.wasm" => WASM_BYTES,
        "plugin.sig" => SIGNATURE_BYTES,
        name if name.starts_with("precompiled/") => PRECOMPILED_BYTES,
        _ => ASSET_BYTES,
    };
    let size = entry.header().size().map_err(|error| format!("`{name}`: {error}"))?;
    if size > most {
        return Err(format!("`{name}` has {size} bytes; the most is {most}"));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(|error| format!("`{name}`: {error}"))?;
    if bytes.len() as u64 != size {
        return Err(format!("ends in the middle of `{name}`; copy it again"));
    }
    Ok((name, bytes))
}

/// The name when it is a relative path of plain parts.
fn plain_name(name: &[u8]) -> Result<String, String> {
    let shown = String::from_utf8_lossy(name).escape_debug().to_string();
    let is_plain = |part: &[u8]| {
        !part.is_empty()
            && !part.starts_with(b".")
            && part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-+@".contains(byte))
    };
    if name.len() > NAME_BYTES || !name.split(|&byte| byte == b'/').all(is_plain) {
        return Err(format!(
            "has a file named `{shown}`; use relative paths of at most {NAME_BYTES} letters, digits, `.`, `_`, `-`"
        ));
    }
    Ok(shown)
}

/// A SHA-256, written with 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no SHA-256; it has 64 hexadecimal digits");
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut digest = [0; 32];
        for (byte, digits) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = str::from_utf8(digits).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
        }
        Ok(Self(digest))
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Counts what passes.
struct Counted<R> {
    inner: R,
    read: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read += count as u64;
        Ok(count)
    }
}
