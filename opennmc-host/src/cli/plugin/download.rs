//! Fetching a package over HTTPS, for whoever installs it: bounded, and only with the hash that the file must have.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Seek as _, Write as _, stderr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use super::super::exit::{Exit, Failure};
use super::super::terminal::clean;
use crate::config::Settings;
use crate::plugin::{Digest, TlsFlaw, authorities};

/// No package is larger.
const MOST: u64 = 32 << 20;
/// A server that needs longer for a package of the largest size is slower than an old modem.
const PATIENCE: Duration = Duration::from_secs(600);
/// Shown and written after each.
const PIECE: usize = 64 << 10;

/// The file that `url` names, with `#sha256=HEX` behind it, in a file that has no name any more. Besides the system's
/// authorities those of `config` are trusted, as far as this user may read it.
pub(super) fn download(url: &str, config: &Path) -> Result<File, Failure> {
    let usage = |message: &str| Failure::new(Exit::BadUsage, format!("`{}`: {message}", clean(url)));
    let (address, pinned) = url.split_once("#sha256=").ok_or_else(|| {
        usage("add #sha256=HEX, the SHA-256 of the file, as whoever offers it publishes it")
    })?;
    let pinned: Digest = pinned.parse().map_err(|_| usage("sha256 has 64 digits of 0-9 and a-f"))?;
    let failed = |error: &dyn std::fmt::Display| Failure::system(clean(address), error);
    let mut response = agent(config)?.get(address).call().map_err(|error| failed(&error))?;
    let mut body = response.body_mut().as_reader().take(MOST + 1);
    let mut file = unnamed().map_err(|error| failed(&error))?;
    let (mut hash, mut read, mut piece) = (Sha256::new(), 0_u64, vec![0; PIECE]);
    loop {
        let count = body.read(&mut piece).map_err(|error| failed(&error))?;
        if count == 0 {
            break;
        }
        hash.update(&piece[..count]);
        file.write_all(&piece[..count]).map_err(|error| failed(&error))?;
        read += count as u64;
        progress(read);
    }
    if stderr().is_terminal() {
        let _ = writeln!(stderr());
    }
    if read > MOST {
        return Err(failed(&format!("is larger than {} MiB, which no package is", MOST >> 20)));
    }
    let found = Digest(hash.finalize().into());
    if found != pinned {
        let message = format!("{}: is {found} and not {pinned}; nothing was done", clean(address));
        return Err(Failure::new(Exit::Refused, message));
    }
    file.rewind().map_err(|error| failed(&error))?;
    Ok(file)
}

fn progress(read: u64) {
    if stderr().is_terminal() {
        // Who closes it does not want to see it.
        let _ = write!(stderr(), "\r{} KiB", read >> 10);
    }
}

fn agent(config: &Path) -> Result<ureq::Agent, Failure> {
    // What the system trusts. Certificates that can't be read are left out: then fewer servers are trusted, not more.
    let mut roots = rustls_native_certs::load_native_certs().certs;
    // Not so one that was named: who has named it expects it to count.
    if let Some(ca) = Settings::load(config).ok().and_then(|settings| settings.tls.ca) {
        let flawed = |flaw: TlsFlaw| Failure::new(Exit::BadConfiguration, flaw.to_string());
        roots.extend(authorities(&ca).map_err(flawed)?);
    }
    let roots: Vec<Certificate<'static>> =
        roots.iter().map(|root| Certificate::from_der(root.as_ref()).to_owned()).collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Ok(ureq::Agent::config_builder()
        .https_only(true)
        .timeout_global(Some(PATIENCE))
        .tls_config(tls)
        .build()
        .new_agent())
}

/// In memory, so that nothing is left behind.
fn unnamed() -> rustix::io::Result<File> {
    Ok(rustix::fs::memfd_create("opennmc-package", rustix::fs::MemfdFlags::CLOEXEC)?.into())
}
