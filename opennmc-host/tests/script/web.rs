//! Requests that scripts answer, with real clients.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use opennmc_host::plugin::{PluginSettings, ScriptAllow};
use opennmc_host::users::{NewToken, Principal};

use crate::scene::{JO, Scene};
use crate::{logged, script};

const PUBLIC: &str = "http = { mount = \"/hooks/night\", public = true }";
const PRIVATE: &str = "http = \"/hooks/night\"";

/// A script of this name that is allowed this.
fn allowed(folder: &tempfile::TempDir, name: &str, allow: &str, text: &str) -> PluginSettings {
    let mut settings = script(folder, name, text);
    settings.script.as_mut().unwrap().allow = toml::from_str::<ScriptAllow>(allow).unwrap();
    settings
}

fn start(allow: &str, text: &str) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let settings = allowed(&folder, "night", allow, text);
    Scene::start_in(folder, vec![settings], |_| {})
}

const ANSWERING: &str = r#"
    let seen = 0;
    fn on_http(request) {
        seen += 1;
        switch request.path {
            "/text" => `${request.method} ${request.query.a} ${request.query.b} ${request.query.c == ()}`,
            "/map" => #{ seen: seen, sent: request.json, host: request.headers.host },
            "/list" => [1, "x", ()],
            "/number" => 3.5,
            "/body" => request.body,
            "/nothing" => (),
            "/made" => response(202, "taken", #{ headers: #{ "X-Own": "a", "Content-Type": "text/x-own" } }),
            "/empty" => response(404, ()),
            "/json" => response(201, #{ id: 7 }),
            _ => `${request.path} by ${request.user == ()} ${request.role == ()}`,
        }
    }
"#;

#[test]
fn a_script_answers_with_a_text_a_value_nothing_or_a_response() {
    let scene = start(PUBLIC, ANSWERING);
    let kind = |got: &crate::scene::Got| got.header("content-type");
    let text = scene.get("/hooks/night/text?a=x+y&b=%C3%A4");
    assert_eq!((text.status, text.text().as_str()), (200, "GET x y ä true"));
    assert_eq!(kind(&text), "text/plain; charset=utf-8");
    let map = scene.ask("POST", "/hooks/night/map", "", r#"{"on": [true, null]}"#);
    assert_eq!(kind(&map), "application/json");
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&map.body).unwrap(),
        serde_json::json!({"seen": 2, "sent": {"on": [true, null]}, "host": "localhost"})
    );
    assert_eq!(scene.get("/hooks/night/list").text(), r#"[1,"x",null]"#);
    assert_eq!(scene.get("/hooks/night/number").text(), "3.5");
    assert_eq!(scene.ask("PUT", "/hooks/night/body", "", "some text").text(), "some text");
    let nothing = scene.get("/hooks/night/nothing");
    assert_eq!((nothing.status, nothing.body.len()), (204, 0));
    let made = scene.get("/hooks/night/made");
    assert_eq!((made.status, made.text().as_str()), (202, "taken"));
    assert_eq!((made.header("x-own"), kind(&made)), ("a".to_owned(), "text/x-own".to_owned()));
    let empty = scene.get("/hooks/night/empty");
    assert_eq!((empty.status, empty.body.len(), kind(&empty)), (404, 0, String::new()));
    let json = scene.get("/hooks/night/json");
    assert_eq!((json.status, json.text().as_str()), (201, r#"{"id":7}"#));
}

#[test]
fn the_address_itself_is_answered_and_nobody_is_sent_elsewhere() {
    let scene = start(PUBLIC, ANSWERING);
    for path in ["/hooks/night", "/hooks/night/", "/hooks/night?a=b"] {
        let got = scene.ask("POST", path, "", "x");
        assert_eq!((got.status, got.text().as_str()), (200, "/ by true true"), "{path}");
    }
    for path in ["/hooks", "/hooks/", "/hooks/nightly", "/"] {
        assert_eq!(scene.get(path).status, 404, "{path}");
    }
}

#[test]
fn a_script_is_for_people_who_have_logged_in_unless_it_is_said_to_be_public() {
    let who = "let times = 0;
        fn on_http(request) { times += 1; `${times} ${request.user} ${request.role} ${request.scopes}` }";
    let scene = start(PRIVATE, who);
    let refused = scene.get("/hooks/night");
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").contains("Basic"));
    // The first that has got to it.
    assert_eq!(scene.ask("GET", "/hooks/night", JO, "").text(), "1 jo operator ");
    let scopes = Some(vec!["read".parse().unwrap()]);
    let token = |new: NewToken| {
        let (secret, _) = scene.users.add_token("guest", new, &Principal::host()).unwrap();
        format!("authorization: Bearer {}\r\n", secret.reveal())
    };
    assert_eq!(scene.ask("GET", "/hooks/night", &token(NewToken::default()), "").text(), "2 guest monitor ");
    // Who has a part of the rights only does not pass for the user.
    let part = token(NewToken { scopes, ..NewToken::default() });
    assert_eq!(scene.ask("GET", "/hooks/night", &part, "").text(), "3 guest  [\"read\"]");
    let public = start(PUBLIC, who);
    assert_eq!(public.get("/hooks/night").text(), "1   ");
    assert_eq!(public.ask("GET", "/hooks/night", JO, "").text(), "2 jo operator ");
}

#[test]
fn without_the_grant_or_without_the_function_there_is_nothing() {
    let scene = start("", ANSWERING);
    assert_eq!(scene.get("/hooks/night/text").status, 404);
    let scene = start(PUBLIC, "fn on_start() { log(\"here\"); }");
    assert_eq!(scene.get("/hooks/night/text").status, 404);
}

#[test]
fn a_mount_that_makes_no_sense_or_that_another_has_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let all = [
        allowed(&folder, "one", PUBLIC, ANSWERING),
        allowed(&folder, "two", PUBLIC, ANSWERING),
        allowed(&folder, "wrong", "http = \"hooks\"", ANSWERING),
    ];
    let scene = Scene::start_in(folder, all.to_vec(), |_| {});
    let failed =
        |name: &str| scene.host.status(&format!("script.{name}")).epitaph.map(|epitaph| epitaph.text);
    assert!(failed("wrong").unwrap().contains("allow.http has the mount \"hooks\""));
    let taken: Vec<String> = ["one", "two"].into_iter().filter_map(failed).collect();
    assert!(taken.len() == 1 && taken[0].contains("/hooks/night"), "{taken:?}");
    assert_eq!(scene.get("/hooks/night/number").status, 200);
    let wrong = toml::from_str::<ScriptAllow>("http = { mount = \"/x\", publik = true }").unwrap_err();
    assert!(wrong.to_string().contains("public = true"), "{wrong}");
}

#[test]
fn an_error_is_told_to_the_operator_and_not_to_whoever_asks() {
    let text = r#"
        fn on_http(request) {
            switch request.path {
                "/throw" => throw "geheim",
                "/status" => response(99, "x"),
                "/header" => response(200, "x", #{ headers: #{ "a b": "c" } }),
                "/option" => response(200, "x", #{ header: #{} }),
                "/function" => #{ f: || 1 },
                "/spin" => { loop {} },
                _ => "good",
            }
        }
    "#;
    let scene = start(PUBLIC, text);
    for (path, line, words) in [
        ("/throw", 4, "geheim"),
        ("/status", 5, "99 is no status"),
        ("/header", 6, "`a b` is malformed"),
        ("/option", 7, "`header` is no option"),
        ("/function", 2, "can't be written as JSON"),
    ] {
        let got = scene.get(&format!("/hooks/night{path}"));
        assert_eq!((got.status, got.text().as_str()), (500, "the script has failed\n"), "{path}");
        let lines = logged(&scene.host, "night", words);
        assert!(lines.iter().any(|told| told.starts_with(&format!("night.rhai:{line}"))), "{lines:#?}");
    }
    scene.host.event("script.night", "script.failed", 5);
    assert_eq!(scene.get("/hooks/night").text(), "good", "it goes on");
    // What uses up a call ends the script, as everywhere, and it comes back.
    let spun = scene.get("/hooks/night/spin");
    assert_eq!((spun.status, spun.header("retry-after").as_str()), (503, "1"));
    scene.host.event("script.night", "script.recovered", 1);
    assert_eq!(scene.get("/hooks/night").text(), "good");
}

#[test]
fn no_secret_gets_into_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"
        fn on_http(request) {
            let bearer = "Bearer " + secret("token");
            switch request.path {
                "/text" => bearer,
                "/map" => #{ a: [bearer] },
                "/header" => response(200, "x", #{ headers: #{ a: bearer } }),
                "/print" => `${bearer}`,
            }
        }
    "#;
    let mut settings = allowed(&folder, "night", PUBLIC, text);
    let token = folder.path().join("token");
    fs::write(&token, "geheim").unwrap();
    settings.script.as_mut().unwrap().secrets.insert("token".to_owned(), token);
    let scene = Scene::start_in(folder, vec![settings], |_| {});
    for path in ["/text", "/map", "/header"] {
        let got = scene.get(&format!("/hooks/night{path}"));
        assert_eq!((got.status, got.text().as_str()), (500, "the script has failed\n"), "{path}");
    }
    assert_eq!(scene.get("/hooks/night/print").text(), "•••");
}

#[test]
fn a_body_has_one_text_at_most() {
    let scene = start(PUBLIC, "fn on_http(request) { request.body.len() }");
    let most = 64 << 10;
    assert_eq!(scene.ask("POST", "/hooks/night", "", &"x".repeat(most)).text(), most.to_string());
    assert_eq!(scene.ask("POST", "/hooks/night", "", &"x".repeat(most + 1)).status, 413);
}

#[test]
fn no_request_fails_while_the_script_is_replaced_again_and_again() {
    let version = |number: usize| format!("fn on_http(request) {{ \"version {number}.\" }}");
    let folder = tempfile::tempdir().unwrap();
    let settings = allowed(&folder, "night", PUBLIC, &version(0));
    let file = settings.script.as_ref().unwrap().file.clone();
    let scene = Scene::start_in(folder, vec![settings.clone()], |_| {});
    let (done, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (scene, done, asked) = (&scene, &done, &asked);
            scope.spawn(move || {
                let mut browser = scene.connect();
                while !done.load(SeqCst) {
                    let got = browser.ask("POST", "/hooks/night", "", "x");
                    if got.status != 200 {
                        // Nobody is to wait for what does not come.
                        done.store(true, SeqCst);
                        panic!("{got:?}");
                    }
                    asked.fetch_add(1, SeqCst);
                }
            });
        }
        for number in 1..=20 {
            let is_broken = number % 4 == 0;
            fs::write(&file, if is_broken { "fn on_http(".to_owned() } else { version(number) }).unwrap();
            assert_eq!(scene.host.replace(settings.clone()).is_err(), is_broken);
            let serves = if is_broken { number - 1 } else { number };
            assert_eq!(scene.get("/hooks/night").text(), format!("version {serves}."));
            let before = asked.load(SeqCst);
            while asked.load(SeqCst) < before + 20 && !done.load(SeqCst) {
                std::thread::yield_now();
            }
        }
        done.store(true, SeqCst);
    });
    assert!(asked.load(SeqCst) >= 400);
    // A version that is allowed no address has none.
    let without = PluginSettings {
        script: Some(opennmc_host::plugin::ScriptSettings {
            allow: ScriptAllow::default(),
            ..settings.script.clone().unwrap()
        }),
        ..settings
    };
    fs::write(&file, version(99)).unwrap();
    assert!(scene.host.replace(without).is_ok());
    assert_eq!(scene.get("/hooks/night").status, 404);
}
