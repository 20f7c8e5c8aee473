//! Keys and signatures: minisign's own, so that its tool can make and check them as well.
//!
//! A signature is over the text of one line `SHA256  NAME` for every other member of the package, sorted by name: what
//! `sha256sum` prints.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use minisign::{KeyPair, SecretKey, SecretKeyBox};
use sha2::{Digest as _, Sha256};

use super::{read, wrong};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::plugin::{Digest, Manifest};

/// The signature's name in a package.
pub(super) const MEMBER: &str = "plugin.sig";

#[derive(Debug, Args)]
pub(in crate::cli) struct KeygenArguments {
    /// Where the secret key goes; the public one goes beside it, with `.pub` at its end
    key: PathBuf,

    /// Don't protect the secret key with a password
    #[arg(long)]
    no_password: bool,
}

pub(super) fn keygen(arguments: &KeygenArguments, output: Output) -> Result<Exit, Failure> {
    let public_path = beside(&arguments.key);
    let password = if arguments.no_password { None } else { Some(new_password()?) };
    let (public, secret) =
        make_pair(password).map_err(|error| wrong(format!("can't make a key pair: {error}")))?;
    create(&arguments.key, 0o600, &secret)?;
    let boxed = public.to_box().map_err(|error| wrong(format!("can't write the public key: {error}")))?;
    create(&public_path, 0o644, &boxed.into_string())?;
    output.text(&format!(
        "secret key: {}\npublic key: {}\n\nWho trusts it writes into opennmc.toml:\n\n[signer.NAME]\nkey = \"{}\"\n",
        arguments.key.display(),
        public_path.display(),
        public.to_base64()
    ))?;
    Ok(Exit::Done)
}

/// The contents of `plugin.sig` for these members.
pub(super) fn signature(
    key: &Path,
    files: &BTreeMap<String, Vec<u8>>,
    manifest: &Manifest,
) -> Result<String, Failure> {
    let secret = secret_key(key)?;
    let comment = format!("{} {}", manifest.plugin.id, manifest.plugin.version);
    let text = listing(files);
    let signed = minisign::sign(None, &secret, text.as_bytes(), Some(&comment), Some("OpenNMC plugin"));
    Ok(signed.map_err(|error| wrong(format!("can't sign with {}: {error}", key.display())))?.into_string())
}

/// What is signed.
pub(super) fn listing(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut text = String::new();
    for (name, bytes) in files {
        // Writing into a String does not fail.
        let _ = writeln!(text, "{}  {name}", Digest(Sha256::digest(bytes).into()));
    }
    text
}

fn secret_key(path: &Path) -> Result<SecretKey, Failure> {
    let unusable = |error| wrong(format!("{} is no minisign secret key: {error}", path.display()));
    let text = String::from_utf8(read(path)?).map_err(|_| wrong(format!("{} is no key", path.display())))?;
    let boxed = SecretKeyBox::from_string(&text).map_err(unusable)?;
    if let Ok(key) = SecretKeyBox::from_string(&text).and_then(SecretKeyBox::into_unencrypted_secret_key) {
        return Ok(key);
    }
    if !std::io::stdin().is_terminal() {
        return Err(wrong(format!("{} has a password, and nobody is there to type it", path.display())));
    }
    let password = ask(&format!("Password of {}: ", path.display()))?;
    boxed.into_secret_key(Some(password)).map_err(unusable)
}

fn make_pair(password: Option<String>) -> minisign::Result<(minisign::PublicKey, String)> {
    let pair = match &password {
        Some(_) => KeyPair::generate_encrypted_keypair(password)?,
        None => KeyPair::generate_unencrypted_keypair()?,
    };
    Ok((pair.pk, pair.sk.to_box(None)?.into_string()))
}

fn new_password() -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(wrong("nobody is there to type a password; --no-password makes a key without one"));
    }
    let password = ask("Password for the new key: ")?;
    if ask("Again: ")? != password {
        return Err(wrong("the passwords differ; nothing was written"));
    }
    Ok(password)
}

fn ask(prompt: &str) -> Result<String, Failure> {
    rpassword::prompt_password(prompt).map_err(|error| Failure::system("can't read the password", error))
}

/// A key that is there is never written over.
fn create(path: &Path, mode: u32, text: &str) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Failure::system(format!("can't make {}", path.display()), error))
}

fn beside(key: &Path) -> PathBuf {
    let mut name = key.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// A key pair for tests; the secret one is in the folder.
#[cfg(test)]
pub(super) fn pair_in(folder: &Path) -> (minisign_verify::PublicKey, PathBuf) {
    let (public, secret) = make_pair(None).unwrap();
    let path = folder.join("test.key");
    create(&path, 0o600, &secret).unwrap();
    (minisign_verify::PublicKey::from_base64(&public.to_base64()).unwrap(), path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let (_, path) = pair_in(folder.path());
        let before = std::fs::read(&path).unwrap();
        assert!(create(&path, 0o600, "another").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn what_is_signed_is_what_sha256sum_prints() {
        let files = BTreeMap::from([("b".to_owned(), b"".to_vec()), ("a".to_owned(), b"abc".to_vec())]);
        assert_eq!(
            listing(&files),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n\
             e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b\n"
        );
    }
}
