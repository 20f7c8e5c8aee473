//! STARTTLS, with Debian's clients and by hand.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use opennmc_host::users::Role;
use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use super::scene::Scene;

/// A scene with a certificate for `localhost`.
pub(crate) struct Secret {
    pub(crate) scene: Scene,
    roots: RootCertStore,
    files: TempDir,
}

impl Secret {
    /// With these users, and more in the configuration.
    pub(crate) fn with(users: &[(&str, &str, Role, &str)], more: &str) -> Secret {
        let files = tempfile::tempdir().unwrap();
        let made = certificate();
        let (certificate, key) = (files.path().join("c.pem"), files.path().join("k.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let scene =
            Scene::with(users, &format!("{more}[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n"));
        Secret { scene, roots, files }
    }

    /// A file with what a client has to trust.
    pub(crate) fn authority(&self) -> PathBuf {
        self.files.path().join("c.pem")
    }

    /// A file with somebody else's certificate for the same name.
    pub(crate) fn authority_of_somebody_else(&self) -> PathBuf {
        let path = self.files.path().join("other.pem");
        std::fs::write(&path, certificate().cert.pem()).unwrap();
        path
    }
}

fn certificate() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

#[test]
fn upsc_uses_tls_when_there_is_a_certificate_and_does_without_when_there_is_none() {
    let secret = Secret::with(&[], "");
    let remarks = secret.scene.upsc_remarks(&["main", "ups.status"]);
    assert!(remarks.contains("Connecting in SSL"), "{remarks}");
    assert_eq!(secret.scene.upsc(&["main", "ups.status"]), "OL\n");
    let bare = Scene::start();
    assert_eq!(bare.upsc(&["main", "ups.status"]), "OL\n");
    assert!(!bare.upsc_remarks(&["main", "ups.status"]).contains("Connecting in SSL"));
}

#[test]
fn nothing_that_was_sent_in_the_clear_is_answered_in_secret() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let secret = Secret::with(&[], "");
        let mut clear = TcpStream::connect(("127.0.0.1", secret.scene.port())).unwrap();
        // As somebody in between would slip it in.
        clear.write_all(b"STARTTLS\nGET VAR main ups.load\nUSERNAME mallory\n").unwrap();
        let mut line = [0; 12];
        std::io::Read::read_exact(&mut clear, &mut line).unwrap();
        assert_eq!(&line, b"OK STARTTLS\n");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(secret.roots.clone())
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), clear);
        stream.write_all(b"GET VAR main ups.status\nUSERNAME jo\nSTARTTLS\nLOGOUT\n").unwrap();
        let lines: Vec<String> = BufReader::new(&mut stream).lines().map_while(Result::ok).collect();
        assert_eq!(lines, ["VAR main ups.status \"OL\"", "OK", "ERR ALREADY-SSL-MODE", "OK Goodbye"]);
    }
}

#[test]
fn who_is_not_on_the_list_is_not_let_in() {
    let allow = "config = { allow = { nut = [\"192.0.2.0/24\"] } }\n";
    let secret = Secret::with(&[], allow);
    assert_eq!(secret.scene.upsc(&["main"]), "");
    assert!(secret.scene.log().contains("does not allow this address"), "{}", secret.scene.log());
}
