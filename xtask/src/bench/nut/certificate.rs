//! One certificate for both servers, in the form that each wants.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::Run;

/// How `upsd` finds its certificate in its store.
pub(crate) const NICKNAME: &str = "bench";

/// The files of the certificate.
pub(crate) struct Certificate {
    /// PEM, for ours.
    pub(crate) certificate: PathBuf,
    /// PEM, for ours.
    pub(crate) key: PathBuf,
    /// A store of NSS, which Debian's `upsd` is linked with.
    pub(crate) store: PathBuf,
}

/// Makes a certificate with a key of RSA 2048, which both can serve.
pub(crate) fn make(folder: &Path) -> Result<Certificate> {
    let made = Certificate {
        certificate: folder.join("cert.pem"),
        key: folder.join("key.pem"),
        store: folder.join("nss"),
    };
    let bundle = folder.join("bench.p12");
    Run::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args([
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
        ])
        .arg(&made.key)
        .arg("-out")
        .arg(&made.certificate)
        .quiet()?;
    Run::new("openssl")
        .args(["pkcs12", "-export", "-name", NICKNAME, "-passout", "pass:", "-inkey"])
        .arg(&made.key)
        .arg("-in")
        .arg(&made.certificate)
        .arg("-out")
        .arg(&bundle)
        .quiet()?;
    fs::create_dir(&made.store).context("could not make a folder for upsd's certificates")?;
    Run::new("certutil").args(["-N", "--empty-password", "-d"]).arg(&made.store).quiet()?;
    Run::new("pk12util").args(["-W", "", "-i"]).arg(&bundle).arg("-d").arg(&made.store).quiet()?;
    Ok(made)
}
