//! Packages from the network: only with the hash that the file must have, and only from whom the certificate proves.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write};
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::authority::{Authority, Subject, secured_server, self_signed, serve};
use super::place::text;
use super::{Scene, same};

/// The largest package, and a byte.
const TOO_LARGE: usize = (32 << 20) + 1;

/// An authority, and a daemon whose configuration names it.
struct World {
    authority: Authority,
    scene: Scene,
    files: TempDir,
}

impl World {
    fn new() -> World {
        let authority = Authority::new("a shop of plugins");
        let files = tempfile::tempdir().unwrap();
        let ca = files.path().join("ca.pem");
        std::fs::write(&ca, authority.pem()).unwrap();
        World { authority, scene: Scene::with(&format!("[tls]\nca = \"{}\"\n", ca.display())), files }
    }

    /// Everything that the address leads to is refused or fails, with these words, and changes nothing.
    fn refuses(&self, url: &str, expected: &str) {
        let (code, error) = self.scene.fails(&["plugin", "install", "--yes", url]);
        assert!([7, 10].contains(&code) && error.contains(expected), "{url}: {code} {error}");
        assert_eq!((self.scene.plugin(), self.scene.installed()), (None, Vec::new()), "{url}");
    }
}

/// A server that answers as `answer` says; its port.
fn shop(config: Arc<ServerConfig>, answer: impl Fn(&str, &mut dyn Write) + Send + 'static) -> u16 {
    serve(move |stream| {
        let mut stream = BufReader::new(secured_server(stream, &config));
        let (mut head, mut line) = (String::new(), String::new());
        // A client that refuses the certificate says nothing.
        while stream.read_line(&mut line).is_ok_and(|count| count > 2) {
            head.push_str(&std::mem::take(&mut line));
        }
        if let Some(path) = head.split(' ').nth(1) {
            answer(path, stream.get_mut());
            stream.get_mut().conn.send_close_notify();
            let _ = stream.get_mut().flush();
        }
    })
}

fn whole(body: &[u8], out: &mut dyn Write) {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    // The client may have enough before the end.
    let _ = out.write_all(head.as_bytes()).and_then(|()| out.write_all(body));
}

fn moved(to: &str, out: &mut dyn Write) {
    let head =
        format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let _ = out.write_all(head.as_bytes());
}

fn pinned(port: u16, path: &str, package: &Path) -> String {
    let mut url = format!("https://localhost:{port}{path}#sha256=");
    for byte in Sha256::digest(std::fs::read(package).unwrap()) {
        write!(url, "{byte:02x}").unwrap();
    }
    url
}

#[test]
fn a_package_behind_an_address_is_installed_when_its_hash_is_the_pinned_one() {
    let world = World::new();
    let scene = &world.scene;
    let package = scene.package("a.onmc", "1.2.3", same);
    let bytes = std::fs::read(&package).unwrap();
    let port = shop(world.authority.server(Subject::Name("localhost")), move |path, out| match path {
        "/moved" => moved("/a.onmc", out),
        _ => whole(&bytes, out),
    });
    let url = pinned(port, "/moved", &package);
    // Decided on what was fetched, not on what the address promises.
    let (code, asked) = scene.fails(&["plugin", "install", &url]);
    assert!(code == 7 && asked.contains("accept connections on"), "{code} {asked}");
    assert_eq!(scene.says(&["plugin", "install", "--yes", &url]), "actor 1.2.3 is installed and runs\n");
    scene.until("running");
    let audit = scene.says(&["audit"]);
    assert!(audit.contains(&format!("install the plugin https://localhost:{port}/moved")), "{audit}");
}

#[test]
fn what_is_not_the_pinned_file_is_not_installed() {
    let world = World::new();
    let package = world.scene.package("a.onmc", "1.2.3", same);
    let other = std::fs::read(world.scene.package("b.onmc", "1.2.4", same)).unwrap();
    let bytes = std::fs::read(&package).unwrap();
    let port = shop(world.authority.server(Subject::Name("localhost")), move |path, out| match path {
        "/other" => whole(&other, out),
        "/half" => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
            let _ = out.write_all(head.as_bytes()).and_then(|()| out.write_all(&bytes[..bytes.len() / 2]));
        }
        // Its end is where the connection ends, so that only the hash tells.
        "/half-unsaid" => {
            let _ = out.write_all(b"HTTP/1.1 200 OK\r\n\r\n").and_then(|()| out.write_all(&bytes[..1_000]));
        }
        "/large" => whole(&vec![0; TOO_LARGE], out),
        "/clear" => moved("http://localhost:9/a.onmc", out),
        "/round" => moved("/round", out),
        _ => {
            let _ = out.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
    });
    for (path, expected) in [
        ("/other", "; nothing was done"),
        ("/half", "localhost"),
        ("/half-unsaid", "; nothing was done"),
        ("/large", "is larger than 32 MiB"),
        ("/clear", "http"),
        ("/round", "redirect"),
        ("/none", "404"),
    ] {
        world.refuses(&pinned(port, path, &package), expected);
    }
}

#[test]
fn a_server_that_can_not_prove_who_it_is_gives_nothing() {
    let world = World::new();
    let package = world.scene.package("a.onmc", "1.2.3", same);
    for config in [
        self_signed(),
        world.authority.server(Subject::Name("other.test")),
        world.authority.server(Subject::Expired),
        Authority::new("somebody else").server(Subject::Name("localhost")),
    ] {
        let bytes = std::fs::read(&package).unwrap();
        let port = shop(config, move |_, out| whole(&bytes, out));
        world.refuses(&pinned(port, "/a.onmc", &package), "ertificate");
    }
}

#[test]
fn an_authority_that_can_not_be_read_is_told_and_not_left_out() {
    let world = World::new();
    let package = world.scene.package("a.onmc", "1.2.3", same);
    std::fs::remove_file(world.files.path().join("ca.pem")).unwrap();
    let output = world.scene.run(&["plugin", "install", "--yes", &pinned(9, "/a.onmc", &package)]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("tls.ca"), "{}", text(&output.stderr));
}

#[test]
fn a_url_without_the_hash_of_its_file_is_refused() {
    let scene = Scene::new();
    let (code, error) = scene.fails(&["plugin", "install", "--yes", "https://localhost/x.onmc"]);
    assert_eq!(code, 2);
    assert!(error.contains("#sha256="), "{error}");
    assert_eq!(scene.fails(&["plugin", "install", "--yes", "http://localhost/x.onmc"]).0, 2);
}
