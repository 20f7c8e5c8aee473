//! Who asks, and what that lets a plugin do.

use opennmc_host::users::{NewToken, Principal};

use super::scene::{JO, PRIVATE, PUBLIC, Scene};

#[test]
fn pages_are_for_people_who_have_logged_in_unless_they_are_public() {
    let scene = Scene::start(PRIVATE);
    let got = scene.get("/x/one");
    assert_eq!(got.status, 401);
    assert!(
        got.header("www-authenticate").contains("Basic") && got.header("www-authenticate").contains("Bearer")
    );
    assert_eq!(scene.ask("GET", "/x/one", JO, "").text(), "GET /one [] by jo with 0 bytes");
    let (secret, _) = scene.users.add_token("guest", NewToken::default(), &Principal::host()).unwrap();
    let token = format!("authorization: Bearer {}\r\n", secret.reveal());
    assert_eq!(scene.ask("GET", "/x/one", &token, "").text(), "GET /one [] by guest with 0 bytes");
    let public = Scene::start(PUBLIC);
    assert_eq!(public.get("/x/one").text(), "GET /one [] by  with 0 bytes");
    assert_eq!(public.ask("GET", "/x/one", JO, "").text(), "GET /one [] by jo with 0 bytes");
}

#[test]
fn who_is_not_who_they_say_is_refused_on_public_pages_too() {
    let scene = Scene::start(PUBLIC);
    for header in [
        // jo:a-rainy-place
        "authorization: Basic am86YS1yYWlueS1wbGFjZQ==\r\n",
        "authorization: Bearer no-such-token\r\n",
        "authorization: Basic ****\r\n",
        "authorization: Digest x\r\n",
        "authorization: Bearer a\r\nauthorization: Bearer b\r\n",
    ] {
        assert_eq!(scene.ask("GET", "/x/one", header, "").status, 401, "{header}");
    }
}

#[test]
fn guessing_locks_out() {
    let scene = Scene::start(PRIVATE);
    let mut browser = scene.connect();
    // jo:a-rainy-place
    let wrong = "authorization: Basic am86YS1yYWlueS1wbGFjZQ==\r\n";
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(browser.ask("GET", "/x/one", wrong, "").status);
    }
    assert!(answers.starts_with(&[401, 401, 401]) && answers.ends_with(&[429]), "{answers:?}");
    let locked = browser.ask("GET", "/x/one", JO, "");
    assert_eq!(locked.status, 429);
    assert!(locked.header("retry-after").parse::<u64>().is_ok());
}

#[test]
fn the_plugin_gets_a_number_for_who_asks_that_ends_with_the_request() {
    let scene = Scene::start(PRIVATE);
    let mut browser = scene.connect();
    assert_eq!(browser.ask("GET", "/x/may/command:load.off", JO, "").text(), "true");
    assert_eq!(browser.ask("GET", "/x/may/admin", JO, "").text(), "false");
    assert_eq!(browser.ask("GET", "/x/keep", JO, "").text(), "kept");
    assert_eq!(browser.ask("GET", "/x/may-kept/read", JO, "").text(), "not-found");
    let public = Scene::start(PUBLIC);
    assert_eq!(public.get("/x/may/read").text(), "not-found");
}

#[test]
fn the_plugin_sees_no_password_and_nothing_of_the_connection() {
    let scene = Scene::start(PRIVATE);
    let more = format!("{JO}x-own: a\r\nconnection: keep-alive, x-hop\r\nx-hop: b\r\ncookie: c=d\r\n");
    let seen = scene.ask("GET", "/x/headers", &more, "").text();
    assert!(
        seen.contains("x-own: a") && seen.contains("cookie: c=d") && seen.contains("host: localhost"),
        "{seen}"
    );
    for hidden in ["authorization", "am86", "connection", "x-hop"] {
        assert!(!seen.contains(hidden), "{hidden}: {seen}");
    }
}

#[test]
fn a_page_of_another_host_changes_nothing_here() {
    let scene = Scene::start(PUBLIC);
    for header in [
        "origin: http://evil.example\r\n",
        "origin: null\r\n",
        "origin: https://localhost\r\n",
        "sec-fetch-site: cross-site\r\n",
        "sec-fetch-site: same-site\r\norigin: http://localhost\r\n",
    ] {
        assert_eq!(scene.ask("POST", "/x/one", header, "x").status, 403, "{header}");
        assert_eq!(scene.ask("GET", "/x/one", header, "").status, 200, "{header}");
    }
    for header in
        ["", "origin: http://localhost\r\n", "sec-fetch-site: same-origin\r\n", "sec-fetch-site: none\r\n"]
    {
        assert_eq!(scene.ask("POST", "/x/one", header, "x").status, 200, "{header}");
    }
}
