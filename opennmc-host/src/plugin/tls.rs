//! The certificates of this host: whom it trusts when plugins connect, and who it is when peers do.
//!
//! One provider, ring, given by name everywhere; nothing is installed for the process. Invariant: a new set of files takes
//! the place of the old one as a whole or not at all. The system's certificates are read once, by the first worker thread
//! that needs them, never on a loop.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// `[tls]`: where the certificates are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Authorities that are trusted besides the system's.
    pub ca: Option<PathBuf>,
    /// This host's certificate and the chain above it.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
}

/// What was read from [`TlsFiles`], and fits together.
#[derive(Default)]
pub struct TlsMaterial {
    authorities: Vec<CertificateDer<'static>>,
    server: Option<Arc<ServerConfig>>,
}

/// A file of [`TlsFiles`] that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tls.{key}: {problem}")]
pub struct TlsFlaw {
    /// The key in `[tls]`.
    pub key: &'static str,
    /// What is wrong with its file.
    pub problem: String,
}

/// The certificates that are in use now.
#[derive(Clone, Default)]
pub struct Tls(Arc<ArcSwap<Current>>);

#[derive(Default)]
struct Current {
    material: TlsMaterial,
    client: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl TlsMaterial {
    /// Reads the files. Blocks as disks do.
    pub fn load(files: &TlsFiles) -> Result<Self, Vec<TlsFlaw>> {
        let authorities = match &files.ca {
            Some(path) => authorities(path),
            None => Ok(Vec::new()),
        };
        let server = match (&files.certificate, &files.key) {
            (Some(certificate), Some(key)) => server(certificate, key).map(Some),
            (None, None) => Ok(None),
            (Some(_), None) => Err(flaw("certificate", "has no `key` beside it")),
            (None, Some(_)) => Err(flaw("key", "has no `certificate` beside it")),
        };
        match (authorities, server) {
            (Ok(authorities), Ok(server)) => Ok(Self { authorities, server }),
            (authorities, server) => Err([authorities.err(), server.err()].into_iter().flatten().collect()),
        }
    }
}

/// A certificate and its key for a server of the host's own.
pub fn server_config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsFlaw> {
    server(certificate, key)
}

impl Tls {
    /// Uses these from now on. Connections that stand keep what they were made with.
    pub fn set(&self, material: TlsMaterial) {
        self.0.store(Arc::new(Current { material, client: OnceLock::new() }));
    }

    /// For connections that plugins make. The first call reads the system's certificates: only on worker threads.
    pub(in crate::plugin) fn client(&self) -> Result<Arc<ClientConfig>, String> {
        let current = self.0.load_full();
        current.client.get_or_init(|| client(&current.material.authorities)).clone()
    }

    /// For connections that peers make; none without a certificate.
    pub(in crate::plugin) fn server(&self) -> Option<Arc<ServerConfig>> {
        self.0.load().material.server.clone()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tls").field("certificate", &self.server().is_some()).finish_non_exhaustive()
    }
}

impl fmt::Debug for TlsMaterial {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TlsMaterial").field("certificate", &self.server.is_some()).finish_non_exhaustive()
    }
}

fn client(extra: &[CertificateDer<'static>]) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    // A single certificate of the system's that can't be read is no reason to trust none of them.
    roots.add_parsable_certificates(system.certs);
    roots.add_parsable_certificates(extra.iter().cloned());
    if roots.is_empty() {
        let why = system.errors.first().map_or(String::new(), |error| format!(" ({error})"));
        return Err(format!(
            "this host trusts no certificate authority{why}: install its certificates (ca-certificates) or set `[tls] ca`"
        ));
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The authorities in a PEM file, such as that of `[tls] ca`.
pub fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFlaw> {
    let certificates = certificates("ca", path)?;
    let mut roots = RootCertStore::empty();
    for (index, certificate) in (1..).zip(&certificates) {
        roots.add(certificate.clone()).map_err(|error| {
            flaw("ca", format!("{}: certificate {index} is no authority: {error}", path.display()))
        })?;
    }
    Ok(certificates)
}

fn server(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsFlaw> {
    let chain = certificates("certificate", certificate)?;
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| flaw("key", format!("{}: {}", key.display(), pem_words(&error, "key"))))?;
    server_config_of(chain, private).map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        flaw("key", format!("{key} does not go with {certificate}: {error}"))
    })
}

/// A certificate, the chain above it, and its key for a server of the host's own.
pub(crate) fn server_config_of(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))?;
    Ok(Arc::new(config))
}

fn certificates(name: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFlaw> {
    let wrong = |problem: String| flaw(name, format!("{}: {problem}", path.display()));
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).and_then(|certificates| certificates.collect());
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err(wrong("there is no PEM certificate in it".to_owned()))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(wrong(pem_words(&error, "certificate"))),
    }
}

fn pem_words(error: &rustls::pki_types::pem::Error, what: &str) -> String {
    use rustls::pki_types::pem::Error;
    match error {
        Error::Io(error) => error.to_string(),
        Error::NoItemsFound => format!("there is no PEM {what} in it"),
        error => format!("is no PEM: {error}"),
    }
}

fn flaw(key: &'static str, problem: impl Into<String>) -> TlsFlaw {
    TlsFlaw { key, problem: problem.into() }
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(ring::default_provider())))
}
