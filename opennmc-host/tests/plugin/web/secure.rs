//! TLS.

use std::process::Command;
use std::sync::Arc;

use opennmc_host::http::{Secrecy, SelfMade};
use opennmc_host::plugin::server_config;

use super::scene::{PRIVATE, Scene};

#[test]
fn with_a_certificate_everything_is_secret_and_curl_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let config = server_config(&certificate, &key).unwrap();
    let scene = Scene::start_with(&[("page", PRIVATE)], |wanted| {
        wanted.secrecy = Secrecy::Everywhere(Arc::clone(&config));
    });
    let port = scene.address().port();
    let curl = |more: &[&str], url: &str| {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "60", "--cacert"])
            .arg(&certificate)
            .args(more)
            .arg(url)
            .output()
            .expect("curl is installed");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let url = |path: &str| format!("https://localhost:{port}{path}");
    let user = ["--user", "jo:a-sunny-place"];
    assert_eq!(curl(&user, &url("/x/one")), (true, "GET /one [] by jo with 0 bytes".to_owned()));
    let large = curl(&user, &url("/x/large/3000000"));
    assert_eq!((large.0, large.1.len()), (true, 3_000_000));
    let body = "b".repeat(500_000);
    let file = folder.path().join("body");
    std::fs::write(&file, &body).unwrap();
    let data = format!("@{}", file.display());
    let posted = curl(&["--user", "jo:a-sunny-place", "--data-binary", &data], &url("/x/echo"));
    assert_eq!((posted.0, posted.1 == body), (true, true));
    // One connection, three requests.
    let (_, three) = curl(&[&url("/x/app.js"), &url("/x/app.js")], &url("/x/app.js"));
    assert_eq!(three, "let applet applet app");
    // In the clear nothing is said.
    let mut browser = scene.connect();
    browser.send("GET /x/ HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut answer = Vec::new();
    let _ = std::io::Read::read_to_end(&mut browser.stream, &mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
}

#[test]
fn without_a_certificate_one_is_made_for_all_but_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let wildcard = "0.0.0.0:0".parse().unwrap();
    let secrecy = Secrecy::beyond_loopback(SelfMade::new(folder.path(), &[], [wildcard].iter())).unwrap();
    let scene = Scene::start_with(&[("page", PRIVATE)], |wanted| {
        wanted.listen.insert(wildcard);
        wanted.secrecy = secrecy;
    });
    let addresses = scene.front.addresses();
    let [beyond, own] = [false, true].map(|loopback| {
        addresses.iter().find(|address| address.ip().is_loopback() == loopback).unwrap().port()
    });
    let certificate = folder.path().join(opennmc_host::http::SELF_MADE);
    let curl = |more: &[&str], url: &str| {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "60", "--write-out", "%{http_code}", "--cacert"])
            .arg(&certificate)
            .args(more)
            .arg(url)
            .output()
            .expect("curl is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    for name in ["localhost", "127.0.0.1"] {
        assert_eq!(curl(&[], &format!("https://{name}:{beyond}/x/app.js")), "let app200");
        assert_eq!(curl(&[], &format!("http://{name}:{own}/x/app.js")), "let app200");
    }
    assert_eq!(curl(&["--tls-max", "1.1"], &format!("https://localhost:{beyond}/x/app.js")), "000");
    let log_in = ["--include", "--json", r#"{"name":"jo","password":"a-sunny-place"}"#];
    let answer = curl(&log_in, &format!("https://localhost:{beyond}/api/v1/session"));
    assert!(answer.contains("__Host-opennmc-session=") && answer.contains("; Secure"), "{answer}");
}
