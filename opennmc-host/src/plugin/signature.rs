//! Signatures of packages: who has signed what, and whether that counts here.
//!
//! The member `plugin.sig` is a minisign signature over the text of [`Members::text`]: one line `SHA256  NAME` for every
//! other member, sorted by name. A signature of somebody who is not configured here counts as none; one that names a
//! configured key and does not fit is a forgery, and the package is refused.

use std::collections::BTreeMap;
use std::fmt;

use minisign_verify::{Error, PublicKey, Signature};
use serde::{Deserialize, Serialize};

use super::Digest;

/// The name of a configured signer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SignerName(pub String);

impl fmt::Display for SignerName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// `[signer.NAME]`: whose signatures count.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Signer {
    /// The operator's name for whoever has the key.
    pub name: SignerName,
    /// The minisign public key.
    pub key: SignerKey,
    /// Whether compiled forms that it has signed are used. They are native code: nothing checks them.
    pub precompile: bool,
}

impl Signer {
    /// A signer.
    pub fn new(name: impl Into<String>, key: SignerKey, precompile: bool) -> Self {
        Self { name: SignerName(name.into()), key, precompile }
    }
}

/// A minisign public key as it is written: `RW…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SignerKey(String);

impl TryFrom<String> for SignerKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match PublicKey::from_base64(&text) {
            Ok(_) => Ok(Self(text)),
            Err(_) => {
                Err(format!("`{text}` is no minisign public key; it is the second line of `minisign.pub`"))
            }
        }
    }
}

impl From<SignerKey> for String {
    fn from(key: SignerKey) -> String {
        key.0
    }
}

/// The digests of a package's members but the signature, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members(pub(super) BTreeMap<String, Digest>);

impl Members {
    /// What is signed.
    pub fn text(&self) -> String {
        self.0.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect()
    }

    /// Whose signature it is, of `signers`; none when nobody of them has signed. The error tells of a forgery.
    pub(super) fn signed_by<'s>(
        &self,
        signature: Option<&str>,
        signers: &'s [Signer],
    ) -> Result<Option<&'s Signer>, String> {
        let Some(signature) = signature else { return Ok(None) };
        let signature = Signature::decode(signature)
            .map_err(|error| format!("plugin.sig is no minisign signature: {error}"))?;
        let text = self.text();
        for signer in signers {
            let Ok(key) = PublicKey::from_base64(&signer.key.0) else { continue };
            match key.verify(text.as_bytes(), &signature, false) {
                Ok(()) => return Ok(Some(signer)),
                Err(Error::UnexpectedKeyId) => {}
                Err(error) => {
                    return Err(format!(
                        "plugin.sig claims to be by `{}` and does not fit this package: {error}; get it anew",
                        signer.name
                    ));
                }
            }
        }
        Ok(None)
    }
}
