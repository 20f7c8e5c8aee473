//! Requests that a plugin answers itself.

use opennmc_host::http::Patience;
use opennmc_host::plugin::PluginSettings;
use std::time::Duration;

use super::scene::{PUBLIC, Scene, write};
use crate::guests::guests;
use crate::host::{Host, write_package};

#[test]
fn a_page_is_answered_by_its_plugin() {
    let scene = Scene::start(PUBLIC);
    let got = scene.get("/x/some/p%C3%A4ge?a=b&c=%20");
    assert_eq!((got.status, got.text().as_str()), (200, "GET /some/päge [a=b&c=%20] by  with 0 bytes"));
    assert_eq!(
        (got.header("content-type").as_str(), got.header("cache-control").as_str()),
        ("text/plain", "no-store")
    );
    assert_eq!(scene.ask("POST", "/x/echo", "", "some\0thing").text(), "some\0thing");
    let chunked = "transfer-encoding: chunked\r\n\r\n4\r\nsome\r\n5\r\nthing\r\n0\r\n";
    let mut browser = scene.connect();
    browser.send(&format!("PUT /x/echo HTTP/1.1\r\nhost: localhost\r\n{chunked}\r\n"));
    assert_eq!(browser.answer(false).text(), "something");
    assert_eq!(browser.ask("DELETE", "/x/it", "", "").text(), "DELETE /it [] by  with 0 bytes");
}

#[test]
fn requests_that_are_sent_at_once_are_answered_in_their_order() {
    let scene = Scene::start(PUBLIC);
    let mut browser = scene.connect();
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let paths = ["/x/later/20", "/x/one", "/x/app.js", "/x/later/1", "/x/two"];
    browser.send(&paths.map(request).concat());
    let answers: Vec<String> = paths.iter().map(|_| browser.answer(false).text()).collect();
    assert_eq!(
        answers,
        ["later", "GET /one [] by  with 0 bytes", "let app", "later", "GET /two [] by  with 0 bytes"]
    );
}

#[test]
fn an_answer_may_come_later_and_comes_once() {
    let scene = Scene::start(PUBLIC);
    assert_eq!(scene.get("/x/later/5").text(), "later");
    assert_eq!(scene.get("/x/said").text(), "ok");
    assert_eq!(scene.get("/x/twice").text(), "first");
    assert_eq!(scene.get("/x/said").text(), "ok not-found");
    assert_eq!(scene.get("/x/answer-the-one-left").text(), "not-found");
}

#[test]
fn an_answer_that_does_not_come_is_given_up_and_a_late_one_finds_nobody() {
    let scene = Scene::start_with(&[("page", PUBLIC)], |wanted| {
        wanted.patience = Patience { answer: Duration::from_millis(50), ..Patience::default() };
    });
    let mut browser = scene.connect();
    assert_eq!(browser.ask("GET", "/x/never", "", "").status, 504);
    assert_eq!(browser.ask("GET", "/x/answer-the-one-left", "", "").text(), "not-found");
}

#[test]
fn who_goes_away_is_not_answered() {
    let scene = Scene::start(PUBLIC);
    let mut browser = scene.connect();
    browser.send("GET /x/never HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut other = scene.connect();
    // It has arrived when it can be answered, which is not tried: this is only asked behind it.
    assert_eq!(other.ask("GET", "/x/said", "", "").status, 200);
    drop(browser);
    // The server sees the end of a connection in a later turn.
    while other.ask("GET", "/x/answer-the-one-left", "", "").text() != "not-found" {}
}

#[test]
fn an_answer_that_makes_no_sense_is_not_sent() {
    let scene = Scene::start(PUBLIC);
    for path in ["/x/status/99", "/x/status/700", "/x/header/a%20b/c", "/x/header/a/b~set-cookie:%20c"] {
        assert_eq!(scene.get(path).status, 502, "{path}");
    }
    let said = scene.get("/x/badly");
    assert!(said.text().starts_with("invalid 99 is no status"), "{said:?}");
    assert_eq!(scene.get("/x/header/x-own/value").header("x-own"), "value");
    assert_eq!(scene.get("/x/status/418").status, 418);
    assert_eq!(scene.get("/x/large/1000000").body.len(), 1_000_000);
}

#[test]
fn where_nothing_is_mounted_there_is_nothing() {
    let scene = Scene::start(PUBLIC);
    for path in ["/", "/y", "/xy", "/y/x/"] {
        assert_eq!(scene.get(path).status, 404, "{path}");
    }
}

#[test]
fn a_plugin_that_fails_costs_the_requests_that_it_had_and_no_others() {
    let scene =
        Scene::start_with(&[("page", PUBLIC), ("other", "http = { mount = \"/o\", public = true }")], |_| {});
    let mut waiting = scene.connect();
    waiting.send("GET /x/never HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let trapped = scene.get("/x/trap");
    assert_eq!((trapped.status, trapped.header("retry-after").as_str()), (503, "1"));
    assert_eq!(waiting.answer(false).status, 503);
    assert_eq!(waiting.ask("GET", "/o/one", "", "").status, 200);
    scene.host.event("page", "plugin.recovered", 1);
    assert_eq!(scene.get("/x/one").status, 200);
}

#[test]
fn what_does_not_run_is_said_to_be_down_and_its_files_are_there() {
    let scene = Scene::start(PUBLIC);
    for count in 1..=5 {
        if count > 1 {
            scene.host.event("page", "plugin.recovered", count - 1);
        }
        assert_eq!(scene.get("/x/trap").status, 503);
    }
    scene.host.event("page", "plugin.quarantined", 1);
    assert_eq!(scene.get("/x/one").status, 503);
    assert_eq!(scene.get("/x/").status, 200);
    assert!(scene.host.restart("page").is_ok());
    assert_eq!(scene.get("/x/one").status, 200);
}

#[test]
fn a_plugin_that_spins_holds_up_neither_files_nor_other_plugins() {
    let scene =
        Scene::start_with(&[("page", PUBLIC), ("other", "http = { mount = \"/o\", public = true }")], |_| {});
    let mut spinning = scene.connect();
    spinning.send("GET /x/spin HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut browser = scene.connect();
    for _ in 0..20 {
        assert_eq!(browser.ask("GET", "/x/app.js", "", "").status, 200);
        assert_eq!(browser.ask("GET", "/o/one", "", "").status, 200);
    }
    assert!(scene.host.status("page").epitaph.is_none(), "it still spins");
    assert_eq!(spinning.answer(false).status, 503);
    let epitaph = scene.host.event("page", "plugin.failed", 1);
    assert!(epitaph.fields.iter().any(|(_, value)| value.contains("handle")), "{epitaph:?}");
}

#[test]
fn a_path_has_one_plugin() {
    let scene = Scene::start_with(&[("one", PUBLIC), ("two", PUBLIC)], |_| {});
    let status = ["one", "two"].map(|id| scene.host.status(id));
    let [failed] = status.iter().filter(|status| status.epitaph.is_some()).collect::<Vec<_>>()[..] else {
        panic!("{status:?}")
    };
    let text = &failed.epitaph.as_ref().unwrap().text;
    assert!(text.contains("/x") && text.contains("disable one"), "{text}");
    assert_eq!(scene.get("/x/page").status, 200);
}

#[test]
fn without_its_grant_there_are_no_pages() {
    let packages = tempfile::tempdir().unwrap();
    write_package(packages.path(), "page", "ups = \"read\"", &guests().page);
    let settings = PluginSettings { id: "page".to_owned(), ..PluginSettings::default() };
    let host = Host::start_in(packages, vec![settings]);
    let epitaph = host.status("page").epitaph.unwrap().text;
    assert!(epitaph.contains("not granted") && epitaph.contains("http"), "{epitaph}");
}

#[test]
fn a_plugin_that_asks_for_pages_must_be_able_to_answer() {
    let packages = tempfile::tempdir().unwrap();
    write_package(packages.path(), "plain", PUBLIC, &guests().plain);
    let settings = PluginSettings { id: "plain".to_owned(), ..PluginSettings::default() };
    let host = Host::start_in(packages, vec![settings]);
    let epitaph = host.status("plain").epitaph.unwrap().text;
    assert!(epitaph.contains("exports no opennmc:plugin/http-handler"), "{epitaph}");
}

#[test]
fn a_new_version_may_have_its_pages_elsewhere() {
    let scene = Scene::start(PUBLIC);
    write(scene.host.packages(), "page", "http = { mount = \"/\", public = true }", b"<h1>New</h1>");
    assert!(scene.host.restart("page").is_ok());
    assert_eq!(scene.get("/").text(), "<h1>New</h1>");
    assert_eq!(scene.get("/x/one").text(), "GET /x/one [] by  with 0 bytes");
}
