//! A certificate that is renewed while the daemon runs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

use rustix::process::Signal;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConnection, StreamOwned};
use serde_json::Value;

use super::Scene;
use super::authority::{Authority, Subject, secured};
use super::guests::{guests, manifest};
use super::place::PATIENCE;
use super::schema::assert_valid;

const NEEDS: &str = "listen = { main = [\"127.0.0.1:0\"], mail = [\"127.0.0.1:0\"] }\n\
    listen-udp = { snmp = [\"127.0.0.1:0\"] }\n\
    connect = [\"tcp://unused.test:1\", \"udp://unused.test:1\", \"http://unused.test\"]";

/// A client of the plugin's mail service, behind STARTTLS.
struct Mail(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Mail {
    fn connect(plugin: &Value, authority: &Authority) -> Mail {
        let mut stream = TcpStream::connect(plugin["listening"]["mail"][0].as_str().unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"STARTTLS\n").unwrap();
        let mut answer = [0; 3];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"OK\n");
        let mut mail = Mail(secured(stream, authority.client()));
        assert_eq!(mail.line(), "welcome");
        mail
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn echoes(&mut self, text: &str) {
        self.0.get_mut().write_all(format!("{text}\n").as_bytes()).unwrap();
        assert_eq!(self.line(), text);
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.0.get_ref().conn.peer_certificates().unwrap()[0].clone()
    }
}

fn write(folder: &Path, (certificate, key): &(String, String)) {
    std::fs::write(folder.join("host.pem"), certificate).unwrap();
    std::fs::write(folder.join("host.key"), key).unwrap();
}

fn hang_up(scene: &Scene, until: &str) {
    let count = scene.place.log().matches(until).count();
    scene.daemon.as_ref().unwrap().signal(Signal::HUP);
    let began = Instant::now();
    while scene.place.log().matches(until).count() == count {
        assert!(began.elapsed() < PATIENCE, "{}", scene.place.log());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn new_clients_see_a_renewed_certificate_and_those_that_are_there_stay() {
    let files = tempfile::tempdir().unwrap();
    let authority = Authority::new("the host's own");
    let (first, second) =
        (authority.issue(Subject::Name("localhost")), authority.issue(Subject::Name("localhost")));
    write(files.path(), &first);
    let file = |name: &str| files.path().join(name).display().to_string();
    let tls = format!("[tls]\ncertificate = \"{}\"\nkey = \"{}\"\n", file("host.pem"), file("host.key"));
    let scene = Scene::with(&tls);
    let manifest = manifest("caller", NEEDS);
    let members: [(&str, &[u8]); 2] =
        [("plugin.toml", manifest.as_bytes()), ("plugin.wasm", &guests().caller)];
    scene.installs(&scene.file("c.onmc", &members));
    let plugin = scene.until_of("caller", "running");
    let mut early = Mail::connect(&plugin, &authority);
    early.echoes("before");

    // Half of a renewal changes nothing.
    std::fs::write(files.path().join("host.pem"), &second.0).unwrap();
    hang_up(&scene, "was not loaded anew for SIGHUP");
    let mut between = Mail::connect(&plugin, &authority);
    assert_eq!(between.certificate(), early.certificate());

    write(files.path(), &second);
    hang_up(&scene, "was loaded anew for SIGHUP");
    let mut late = Mail::connect(&plugin, &authority);
    assert_ne!(late.certificate(), early.certificate());
    for mail in [&mut early, &mut between, &mut late] {
        mail.echoes("after");
    }
    let now = scene.until_of("caller", "running");
    assert_eq!((&now["listening"], &now["restarts"]), (&plugin["listening"], &0.into()));
}

/// A browser's connection to the pages, kept between requests.
struct Browser(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Browser {
    fn connect(address: &str, authority: &Authority) -> Browser {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut browser = Browser(secured(stream, authority.client()));
        assert_eq!(browser.get("/x/one"), "GET /one [] by  with 0 bytes");
        browser
    }

    fn get(&mut self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            let lower = line.to_ascii_lowercase();
            length =
                lower.strip_prefix("content-length: ").map_or(length, |rest| rest.trim().parse().unwrap());
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.0.get_ref().conn.peer_certificates().unwrap()[0].clone()
    }
}

#[test]
fn web_pages_have_a_renewed_certificate_on_new_connections_and_old_ones_stay() {
    let files = tempfile::tempdir().unwrap();
    let authority = Authority::new("the host's own");
    let [first, second] = [(), ()].map(|()| authority.issue(Subject::Name("localhost")));
    write(files.path(), &first);
    let file = |name: &str| files.path().join(name).display().to_string();
    let scene = Scene::with(&format!(
        "[http]\nlisten = [\"127.0.0.1:0\"]\ncertificate = \"{}\"\nkey = \"{}\"\n",
        file("host.pem"),
        file("host.key")
    ));
    let manifest = manifest("page", "http = { mount = \"/x\", public = true }");
    let members: [(&str, &[u8]); 2] = [("plugin.toml", manifest.as_bytes()), ("plugin.wasm", &guests().page)];
    scene.installs(&scene.file("p.onmc", &members));
    scene.until_of("page", "running");
    let info = scene.says(&["plugin", "info", "page"]);
    assert!(info.lines().any(|line| line.trim() == "web pages      /x for everybody"), "{info}");
    let info: Value = serde_json::from_str(&scene.says(&["--json", "plugin", "info", "page"])).unwrap();
    assert_valid("plugin", &info);
    assert_eq!(info["pages"], serde_json::json!({ "mount": "/x", "public": true }));
    let log = scene.place.log();
    let address = log.split("http: listening on ").nth(1).unwrap().split(' ').next().unwrap();
    let mut early = Browser::connect(address, &authority);

    // Half of a renewal changes nothing.
    std::fs::write(files.path().join("host.pem"), &second.0).unwrap();
    hang_up(&scene, "was not loaded anew for SIGHUP");
    let mut between = Browser::connect(address, &authority);
    assert_eq!(between.certificate(), early.certificate());

    write(files.path(), &second);
    hang_up(&scene, "was loaded anew for SIGHUP");
    let mut late = Browser::connect(address, &authority);
    assert_ne!(late.certificate(), early.certificate());
    for browser in [&mut early, &mut between, &mut late] {
        assert_eq!(browser.get("/x/two"), "GET /two [] by  with 0 bytes");
    }
}
