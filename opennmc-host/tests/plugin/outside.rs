//! The world outside of the host, as the tests need it: names, a certificate authority, servers; and the caller in it.

use std::net::IpAddr;
use std::sync::Arc;

use opennmc_host::plugin::{Network, PluginSettings, Tls, TlsFiles, TlsMaterial};
use tempfile::TempDir;

pub(crate) use crate::authority::{
    Authority, Subject, echo_tls, listener, secured, secured_server, self_signed, serve,
};
use crate::guests::guests;
use crate::host::{Client, Host, write_package};

/// A host with the caller on it, and a world that has names of its own and an authority that the host trusts.
pub(crate) struct Outside {
    pub(crate) host: Host,
    pub(crate) authority: Authority,
    pub(crate) tls: Tls,
    _files: TempDir,
}

impl Outside {
    /// The caller may connect to `connect`.
    pub(crate) fn start(connect: &str) -> Outside {
        Outside::start_with(&["caller"], connect)
    }

    /// Several callers with these ids.
    pub(crate) fn start_with(ids: &[&str], connect: &str) -> Outside {
        let packages = tempfile::tempdir().unwrap();
        let needs = format!(
            "listen = {{ main = [\"127.0.0.1:0\"], mail = [\"127.0.0.1:0\"] }}\nlisten-udp = {{ snmp = [\"127.0.0.1:0\"] }}\nconnect = [{connect}, \"http://unused.test\"]"
        );
        ids.iter().for_each(|id| write_package(packages.path(), id, &needs, &guests().caller));
        let files = tempfile::tempdir().unwrap();
        let authority = Authority::new("the host's own");
        let (certificate, key) = authority.issue(Subject::Name("localhost"));
        let write = |name: &str, text: String| {
            let path = files.path().join(name);
            std::fs::write(&path, text).unwrap();
            Some(path)
        };
        let tls_files = TlsFiles {
            ca: write("ca.pem", authority.pem()),
            certificate: write("host.pem", certificate),
            key: write("host.key", key),
        };
        let tls = Tls::default();
        tls.set(TlsMaterial::load(&tls_files).unwrap());
        let network = Network::new(tls.clone()).with_lookup(Arc::new(look_up));
        let settings = |id: &&str| PluginSettings { id: (*id).to_owned(), ..PluginSettings::default() };
        let host = Host::start_reaching(packages, ids.iter().map(settings).collect(), network);
        Outside { host, authority, tls, _files: files }
    }

    /// Somebody whose orders the caller obeys.
    pub(crate) fn orders(&self) -> Client {
        self.host.client("caller")
    }

    /// A client of the caller's mail service.
    pub(crate) fn mail(&self) -> Client {
        Client::connect(self.host.address("caller", "mail"))
    }
}

impl Client {
    /// Has the caller connect, and gives the connection's number.
    pub(crate) fn connect_to(&mut self, security: &str, host: &str, port: u16) -> String {
        let answer = self.ask(&format!("connect {security} {host} {port}"));
        answer.strip_prefix("number ").unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

/// `rebound.test` leads to this machine, and nobody ever learns where `hangs.test` leads.
fn look_up(host: &str) -> std::io::Result<Vec<IpAddr>> {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    match host {
        "localhost" | "rebound.test" => Ok(vec![address("127.0.0.1")]),
        // Nobody listens at the first of them.
        "LOCALHOST" => Ok(vec![address("127.0.0.77"), address("127.0.0.1")]),
        "empty.test" => Ok(Vec::new()),
        "hangs.test" => loop {
            std::thread::park();
        },
        _ => Err(std::io::Error::other("no such name")),
    }
}
