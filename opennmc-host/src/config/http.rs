//! `[http]`: where this host shows web pages.
//!
//! Only the paths of the certificate are read here; what is in the files is looked at by `opennmc check` and by the server.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::PluginSection;
use super::plugins::Address;
use super::section::{Reader, Section};
use crate::plugin::ListenAddress;

/// Where it listens when the section does not say: this machine only.
const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 8080));

/// Where web pages are, and under which names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpSettings {
    /// Addresses; none without the section.
    pub listen: BTreeSet<SocketAddr>,
    /// What this host is called, besides its addresses and `localhost`.
    pub names: Vec<String>,
    /// This host's certificate and the chain above it, in PEM; with it everything is TLS.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// Everything goes in the clear: somebody else in front speaks TLS.
    pub plain: bool,
}

impl HttpSettings {
    /// Whether the host makes a certificate itself: others reach it, and nobody has said what else is to be done.
    pub fn is_self_made(&self) -> bool {
        !self.plain
            && self.certificate.is_none()
            && self.listen.iter().any(|address| !address.ip().is_loopback())
    }
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    file: &mut Section<'_>,
    plugins: &[PluginSection],
) -> HttpSettings {
    let Some(mut section) = file.section(reader, "http") else { return HttpSettings::default() };
    let listen: Option<Vec<Address>> = section.optional(reader, "listen");
    let listen: BTreeSet<SocketAddr> =
        listen.map_or_else(|| [DEFAULT_LISTEN].into(), |list| list.into_iter().map(|it| it.0).collect());
    for plugin in plugins.iter().filter(|plugin| plugin.enabled) {
        let taken = plugin.listen.values().flatten().filter_map(ListenAddress::tcp);
        for address in taken.filter(|address| address.port() != 0 && listen.contains(address)) {
            let message = format!("{address} is already taken by `plugin.{}`", plugin.id);
            reader.problem(section.value_span("listen"), section.path_of("listen"), message);
        }
    }
    let names: Vec<String> = section.optional(reader, "names").unwrap_or_default();
    for name in names.iter().filter(|name| !is_host_name(name)) {
        let message = format!("`{name}` is no name of a host; write it without a scheme and a port");
        reader.problem(section.value_span("names"), section.path_of("names"), message);
    }
    let mut path = |key: &'static str| {
        let path: PathBuf = section.optional(reader, key)?;
        if !path.is_absolute() {
            let message = format!("`{}` is not an absolute path", path.display());
            reader.problem(section.value_span(key), section.path_of(key), message);
        }
        Some(path)
    };
    let (certificate, key) = (path("certificate"), path("key"));
    for (here, missing) in [("certificate", "key"), ("key", "certificate")] {
        if section.contains(here) && !section.contains(missing) {
            let message = format!("`{here}` needs `{missing}` beside it");
            reader.problem(section.value_span(here), section.path_of(here), message);
        }
    }
    let tls: Option<String> = section.optional(reader, "tls");
    let plain = tls.is_some();
    if tls.as_ref().is_some_and(|tls| tls != "off") {
        let message =
            "`tls` can only be `\"off\"`; without it, addresses that others reach speak TLS".to_owned();
        reader.problem(section.value_span("tls"), section.path_of("tls"), message);
    } else if plain && certificate.is_some() {
        let message = "with `tls = \"off\"` no `certificate` is used; leave one of them out".to_owned();
        reader.problem(section.value_span("tls"), section.path_of("tls"), message);
    }
    section.finish(reader);
    HttpSettings { listen, names, certificate, key, plain }
}

fn is_host_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Settings;
    use super::*;

    fn read(text: &str) -> Result<HttpSettings, String> {
        let text = format!("[ups.main]\nport = \"sim:smart-ups-1500\"\n{text}");
        Settings::parse(Path::new("opennmc.toml"), &text)
            .map(|settings| settings.http)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn without_the_section_nothing_is_served_and_with_it_only_to_this_machine() {
        assert_eq!(read("").unwrap(), HttpSettings::default());
        assert_eq!(read("[http]").unwrap().listen, [DEFAULT_LISTEN].into());
        let http = read(
            "[http]\nlisten = [\"0.0.0.0:443\"]\ncertificate = \"/a\"\nkey = \"/b\"\nnames = [\"ups.example.org\"]",
        )
        .unwrap();
        assert_eq!(http.certificate.as_deref(), Some(Path::new("/a")));
        assert_eq!((http.names.len(), http.listen.len()), (1, 1));
    }

    #[test]
    fn others_reach_it_with_tls_unless_that_is_off() {
        for (text, made) in [
            ("[http]", false),
            ("[http]\nlisten = [\"[::1]:80\"]", false),
            ("[http]\nlisten = [\"127.0.0.1:80\", \"0.0.0.0:443\"]", true),
            ("[http]\nlisten = [\"0.0.0.0:443\"]\ntls = \"off\"", false),
            ("[http]\nlisten = [\"0.0.0.0:443\"]\ncertificate = \"/a\"\nkey = \"/b\"", false),
        ] {
            assert_eq!(read(text).unwrap().is_self_made(), made, "{text}");
        }
    }

    #[test]
    fn what_can_not_be_meant_is_said_with_its_key() {
        for (text, word) in [
            ("[http]\nlisten = [\"8080\"]", "http.listen"),
            ("[http]\nlisten = \"127.0.0.1:80\"", "http.listen"),
            ("[http]\ncertificate = \"/a\"", "needs `key`"),
            ("[http]\nkey = \"b\"\ncertificate = \"/a\"", "absolute"),
            ("[http]\nnames = [\"https://x.example\"]", "http.names"),
            ("[http]\nlistens = []", "listen"),
            ("[http]\ntls = \"on\"", "http.tls"),
            ("[http]\ntls = \"off\"\ncertificate = \"/a\"\nkey = \"/b\"", "leave one of them out"),
            (
                "[http]\nlisten = [\"127.0.0.1:99\"]\n[plugin.x]\nlisten = { a = [\"127.0.0.1:99\"] }",
                "plugin.x",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
