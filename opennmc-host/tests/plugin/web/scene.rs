//! A host with users, a server and plugins that have web pages, and clients of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use opennmc_host::http::{Front, FrontSettings, Mounts, Secrecy};
use opennmc_host::plugin::{PluginSettings, Services};
use opennmc_host::users::{NewUser, PasswordRules, Principal, Role, Secret, UserBase};
use tempfile::TempDir;

use crate::guests::{guests, manifest, pack};
use crate::host::Host;

/// Nothing in these tests takes a tenth of it, even on a machine that is busy otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Of a plugin whose pages are for everybody.
pub(crate) const PUBLIC: &str = "http = { mount = \"/x\", public = true }";
/// Of one whose pages are for people who have logged in.
pub(crate) const PRIVATE: &str = "http = { mount = \"/x\" }";
/// Basic, of `jo` with the right password.
pub(crate) const JO: &str = "authorization: Basic am86YS1zdW5ueS1wbGFjZQ==\r\n";

pub(crate) struct Scene {
    // First: its connections end before what they ask.
    pub(crate) front: Front,
    pub(crate) host: Host,
    pub(crate) users: Arc<UserBase>,
    _state: TempDir,
}

/// What a client got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// All values of a header, one after the other.
    pub(crate) fn header(&self, name: &str) -> String {
        let values: Vec<&str> =
            self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect();
        values.join(" | ")
    }
}

impl Scene {
    /// The plugin `page` with these needs.
    pub(crate) fn start(needs: &str) -> Scene {
        Scene::start_with(&[("page", needs)], |_| {})
    }

    /// Plugins by id and needs; `set` changes how the server is set.
    pub(crate) fn start_with(plugins: &[(&str, &str)], set: impl FnOnce(&mut FrontSettings)) -> Scene {
        let packages = tempfile::tempdir().unwrap();
        for (id, needs) in plugins {
            write(packages.path(), id, needs, b"<h1>Start</h1>");
        }
        let settings = plugins
            .iter()
            .map(|(id, _)| PluginSettings { id: (*id).to_owned(), ..PluginSettings::default() })
            .collect();
        Scene::start_in(packages, settings, set)
    }

    /// What the test has put into the folder.
    pub(crate) fn start_in(
        packages: TempDir,
        settings: Vec<PluginSettings>,
        set: impl FnOnce(&mut FrontSettings),
    ) -> Scene {
        let state = tempfile::tempdir().unwrap();
        let users = UserBase::open(state.path()).unwrap();
        for (name, role) in [("jo", Role::Operator), ("guest", Role::Monitor)] {
            let password = Some(Secret::from("a-sunny-place"));
            let new = NewUser { name: name.to_owned(), role, scopes: None, password };
            users.add(new, PasswordRules::Strict, &Principal::host()).unwrap();
        }
        let mounts = Mounts::default();
        let mut wanted =
            FrontSettings::new(["127.0.0.1:0".parse().unwrap()].into(), Vec::new(), Secrecy::Nowhere);
        set(&mut wanted);
        let front = Front::start(mounts.clone(), Arc::clone(&users), None, wanted).unwrap();
        let mut services = Services::new(Arc::clone(&users), Arc::new(|_, _| {}));
        services.mounts = Some(mounts);
        let host = Host::start_offering(packages, settings, Some(services));
        Scene { front, host, users, _state: state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.front.addresses()[0]
    }

    pub(crate) fn connect(&self) -> Browser {
        Browser::connect(self.address())
    }

    /// One request on a connection of its own; `more` are header lines.
    pub(crate) fn ask(&self, method: &str, path: &str, more: &str, body: &str) -> Got {
        self.connect().ask(method, path, more, body)
    }

    pub(crate) fn get(&self, path: &str) -> Got {
        self.ask("GET", path, "", "")
    }
}

/// A package with the guest `page` and some files.
pub(crate) fn write(folder: &Path, id: &str, needs: &str, index: &[u8]) {
    let files: [(&str, &[u8]); 8] = [
        ("plugin.toml", &manifest(id, needs).into_bytes()),
        ("plugin.wasm", &guests().page),
        ("assets/index.html", index),
        ("assets/app.js", b"let app"),
        ("assets/app.js.br", b"br app"),
        ("assets/app.js.gz", b"gz app"),
        ("assets/assets/index-AbC123xy.js", b"let lasting"),
        ("assets/help/index.html", b"<h1>Help</h1>"),
    ];
    std::fs::write(folder.join(format!("{id}-1.2.3.onmc")), pack(&files)).unwrap();
}

/// A connection that is kept.
pub(crate) struct Browser {
    pub(crate) stream: TcpStream,
    /// Read, and of the next answer.
    read: Vec<u8>,
}

impl Browser {
    pub(crate) fn connect(address: SocketAddr) -> Browser {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Browser { stream, read: Vec::new() }
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn ask(&mut self, method: &str, path: &str, more: &str, body: &str) -> Got {
        let length =
            if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        self.send(&format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{more}{length}\r\n{body}"));
        self.answer(method == "HEAD")
    }

    /// The next answer. A `bodiless` one tells the length of what it does not bring.
    pub(crate) fn answer(&mut self, bodiless: bool) -> Got {
        self.try_answer(bodiless).expect("an answer")
    }

    /// The next answer; none when the connection ends before it.
    pub(crate) fn try_answer(&mut self, bodiless: bool) -> Option<Got> {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            self.more()?;
        };
        let head = String::from_utf8(self.read.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut got = Got { status, headers, body: Vec::new() };
        let length = if bodiless || matches!(status, 204 | 304) {
            0
        } else {
            got.header("content-length").parse().unwrap()
        };
        while self.read.len() < length {
            self.more()?;
        }
        got.body = self.read.drain(..length).collect();
        Some(got)
    }

    /// Whether the server has ended the connection, without another byte.
    pub(crate) fn is_ended(&mut self) -> bool {
        self.read.is_empty() && self.more().is_none()
    }

    fn more(&mut self) -> Option<()> {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => None,
            Ok(count) => {
                self.read.extend_from_slice(&buffer[..count]);
                Some(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("{error}"),
        }
    }
}
