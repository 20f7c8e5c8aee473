//! A new instance in the place of one that has requests.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use super::scene::{PUBLIC, Scene, write};

#[test]
fn no_request_fails_while_the_plugin_is_replaced_again_and_again() {
    let scene = Scene::start(PUBLIC);
    let (done, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for client in 0..4 {
            let (scene, done, asked) = (&scene, &done, &asked);
            scope.spawn(move || {
                let mut browser = scene.connect();
                let path = if client % 2 == 0 { "/x/one" } else { "/x/later/3" };
                while !done.load(SeqCst) {
                    let got = browser.ask("GET", path, "", "");
                    if got.status != 200 {
                        // Nobody is to wait for what does not come.
                        done.store(true, SeqCst);
                        panic!("{got:?}");
                    }
                    asked.fetch_add(1, SeqCst);
                }
            });
        }
        for _ in 0..20 {
            let before = asked.load(SeqCst);
            assert_eq!(scene.host.restart("page"), Ok("1.2.3".to_owned()));
            // All clients are served by the new one, too.
            while asked.load(SeqCst) < before + 20 && !done.load(SeqCst) {
                std::thread::yield_now();
            }
        }
        done.store(true, SeqCst);
    });
    assert!(asked.load(SeqCst) > 400);
}

#[test]
fn the_old_one_answers_what_it_has_and_its_files_change_with_the_new_one() {
    let scene = Scene::start(PUBLIC);
    let mut browser = scene.connect();
    browser.send("GET /x/later/50 HTTP/1.1\r\nhost: localhost\r\n\r\n");
    // Requests are taken in their order: when the second is answered the first has arrived.
    assert_eq!(scene.get("/x/one").status, 200);
    write(scene.host.packages(), "page", PUBLIC, b"<h1>New</h1>");
    assert!(scene.host.restart("page").is_ok());
    assert_eq!(browser.answer(false).text(), "later");
    assert_eq!(browser.ask("GET", "/x/", "", "").text(), "<h1>New</h1>");
}

#[test]
fn a_new_version_that_does_not_start_leaves_the_old_one_serving() {
    let scene = Scene::start(PUBLIC);
    std::fs::write(scene.host.packages().join("page-1.2.3.onmc"), b"no package").unwrap();
    assert!(scene.host.restart("page").is_err());
    assert_eq!(scene.get("/x/one").status, 200);
}
