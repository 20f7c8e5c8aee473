//! The files of a package.

use std::process::Command;

use super::scene::{PRIVATE, PUBLIC, Scene};

#[test]
fn a_file_is_sent_by_the_host_without_entering_the_guest() {
    let scene = Scene::start(PRIVATE);
    let calls = scene.host.status("page").calls;
    let page = scene.get("/x/");
    assert_eq!((page.status, page.text().as_str()), (200, "<h1>Start</h1>"));
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(scene.get("/x/app.js").header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(scene.get("/x/help/").text(), "<h1>Help</h1>");
    assert_eq!(scene.host.status("page").calls, calls);
}

#[test]
fn a_client_that_has_the_file_gets_no_second_one() {
    let scene = Scene::start(PUBLIC);
    let mut browser = scene.connect();
    let first = browser.ask("GET", "/x/app.js", "", "");
    let etag = first.header("etag");
    let again = browser.ask("GET", "/x/app.js", &format!("if-none-match: {etag}\r\n"), "");
    assert_eq!((again.status, again.header("etag"), again.body.len()), (304, etag.clone(), 0));
    let other = browser.ask("GET", "/x/", &format!("if-none-match: {etag}\r\n"), "");
    assert_eq!(other.status, 200);
    assert_ne!(other.header("etag"), etag);
}

#[test]
fn a_client_that_takes_it_gets_a_file_as_it_was_compressed_before() {
    let scene = Scene::start(PUBLIC);
    let calls = scene.host.status("page").calls;
    let mut browser = scene.connect();
    let mut etags = Vec::new();
    for (accepted, encoding, text) in
        [("gzip, br", "br", "br app"), ("gzip", "gzip", "gz app"), ("identity", "", "let app")]
    {
        let more = format!("accept-encoding: {accepted}\r\n");
        let got = browser.ask("GET", "/x/app.js", &more, "");
        assert_eq!((got.header("content-encoding").as_str(), got.text().as_str()), (encoding, text));
        assert_eq!(got.header("content-type"), "text/javascript; charset=utf-8");
        assert_eq!(
            (got.header("vary"), got.header("cache-control")),
            ("accept-encoding".into(), "no-cache".into())
        );
        let etag = got.header("etag");
        let again = browser.ask("GET", "/x/app.js", &format!("{more}if-none-match: {etag}\r\n"), "");
        assert_eq!((again.status, again.header("vary").as_str()), (304, "accept-encoding"));
        etags.push(etag);
    }
    etags.sort();
    etags.dedup();
    assert_eq!(etags.len(), 3, "each form has a tag of its own");
    assert_eq!(scene.get("/x/").header("vary"), "");
    let lasting = scene.get("/x/assets/index-AbC123xy.js").header("cache-control");
    assert_eq!(lasting, "public, max-age=31536000, immutable");
    assert_eq!(scene.host.status("page").calls, calls);
}

#[test]
fn head_tells_what_get_would_bring() {
    let scene = Scene::start(PUBLIC);
    let mut browser = scene.connect();
    let whole = browser.ask("GET", "/x/app.js", "", "");
    let head = browser.ask("HEAD", "/x/app.js", "", "");
    assert_eq!((head.status, head.header("content-length")), (200, whole.body.len().to_string()));
    assert_eq!(head.header("etag"), whole.header("etag"));
    // Nothing came behind it.
    assert_eq!(browser.ask("GET", "/x/app.js", "", "").text(), "let app");
    let of_plugin = browser.ask("HEAD", "/x/some/page", "", "");
    assert_eq!(of_plugin.status, 200);
    assert_eq!(browser.ask("GET", "/x/app.js", "", "").text(), "let app");
}

#[test]
fn a_folder_is_found_at_its_slash_and_a_file_takes_no_other_method() {
    let scene = Scene::start(PUBLIC);
    for (path, location) in [("/x", "/x/"), ("/x?a=b", "/x/?a=b"), ("/x/help", "/x/help/")] {
        let got = scene.get(path);
        assert_eq!((got.status, got.header("location").as_str()), (308, location));
    }
    let got = scene.ask("POST", "/x/app.js", "", "x");
    assert_eq!((got.status, got.header("allow").as_str()), (405, "GET, HEAD"));
}

#[test]
fn every_answer_has_the_headers_that_protect_people() {
    let scene = Scene::start(PRIVATE);
    for path in ["/x/", "/x/page", "/nothing", "/x/../y"] {
        let got = scene.get(path);
        assert_eq!(got.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(got.header("referrer-policy"), "no-referrer", "{path}");
        assert!(got.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
    }
}

#[test]
fn curl_gets_a_page_and_keeps_it() {
    let scene = Scene::start(PUBLIC);
    let folder = tempfile::tempdir().unwrap();
    let (page, etag) = (folder.path().join("page"), folder.path().join("etag"));
    let curl = || {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--fail", "--location", "--write-out", "%{http_code}"])
            .arg("--etag-save")
            .arg(&etag)
            .arg("--etag-compare")
            .arg(&etag)
            .arg("--output")
            .arg(&page)
            .arg(format!("http://{}/x", scene.address()))
            .output()
            .expect("curl is installed");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    std::fs::write(&etag, "").unwrap();
    assert_eq!(curl(), "200");
    assert_eq!(std::fs::read_to_string(&page).unwrap(), "<h1>Start</h1>");
    assert_eq!(curl(), "304");
}
