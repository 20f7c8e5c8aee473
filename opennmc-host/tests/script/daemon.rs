//! Scripts in the real daemon: what they do is done, and its result comes back.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::Instant;

use crate::place::{Daemon, PATIENCE, Place, text};

/// Takes one request, answers with JSON, and gives what it was told.
fn webhook() -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut heard, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            heard.push_str(&line);
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        heard.push_str(&String::from_utf8(body).unwrap());
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{\"id\": 7}";
        stream.write_all(answer.as_bytes()).unwrap();
        heard
    });
    (address, served)
}

const ACTING: &str = r#"
    fn on_start() {
        log(`times ${recall("times", 0)}`);
        store("times", recall("times", 0) + 1);
        store("map", #{ a: [1, 2.5, "x"] });
        log(`kept ${recall("map").a[1]} ${stored("m")}`);
        forget("map");
        log(`forgotten ${recall("map") == ()}`);
        metric("outages", 3.5);
        try { http_get("http://example.org/"); } catch (error) { log(`foreign: ${error}`); }
        http_post(config.url, #{ name: "main" }, #{ headers: #{ Authorization: "Bearer " + secret("token") } })
            .then(|result| log(`posted ${result.ok} ${result.status} ${result.json.id}`));
        attempt();
    }
    // Until the UPS answers and it is known what it can do.
    fn attempt() {
        set("main", "ups.delay.shutdown", 180).then(|result| {
            if result.ok { log(`set ${result.name} ${ups["main"]["ups.delay.shutdown"]}`); more(); }
            else { log(`set failed: ${result.text}`); after("500ms", || attempt()); }
        });
    }
    fn more() {
        publish("state", #{ on: true });
        run("main", "test.battery.start").then(|result| log(`test ${result.ok} ${result.name}`));
        run("main", "load.off").then(|result| log(`off ${result.ok} ${result.name}`));
        history_events(#{ from: "1h", kind: "ups.*" }).then(|result| log(`past ${result.ok} ${result.events.len() > 0}`));
    }
    fn on_test_passed(ups, event) { log(`passed ${ups.name} ${event.result}`); }
"#;
const HEARING: &str =
    "fn on_message(plugin, topic, message) { log(`heard ${plugin} ${topic} ${message.on}`); }";

fn says(place: &Place, words: &[&str]) -> String {
    let output = place.client(words).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{words:?}: {}\n{}", text(&output.stderr), place.log());
    text(&output.stdout)
}

fn wait_for(place: &Place, script: &str, line: &str) {
    let began = Instant::now();
    loop {
        let log = says(place, &["script", "log", script]);
        if log.lines().any(|logged| logged.ends_with(line)) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "`{line}` was not logged:\n{log}\n{}", place.log());
        thread::yield_now();
    }
}

#[test]
fn a_script_orders_asks_keeps_and_looks_back_and_hears_what_came_of_it() {
    let place = Place::simulated();
    let (url, served) = webhook();
    let token = place.dir().join("token");
    fs::write(&token, "geheim\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let scripts = place.dir().join("state/scripts");
    fs::create_dir_all(&scripts).unwrap();
    fs::write(scripts.join("ear.rhai"), HEARING).unwrap();
    fs::write(scripts.join("act.rhai"), ACTING).unwrap();
    let config = fs::read_to_string(place.config()).unwrap();
    let section = format!(
        "{config}\n[script.act]\nconfig = {{ url = \"{url}/hook\" }}\nsecrets = {{ token = {{ file = {token:?} }} }}\n\
         allow = {{ ups = {{ commands = [\"test.battery.start\"], variables = [\"ups.delay.shutdown\"] }}, \
         connect = [\"{url}\"], bus = [\"state\"] }}\n"
    );
    fs::write(place.config(), section).unwrap();
    let _daemon = Daemon::start(&place, place.run());
    for line in [
        "times 0",
        "kept 2.5 [\"map\"]",
        "forgotten true",
        "posted true 200 7",
        "set verified 180",
        "test true executed",
        "off false denied",
        "past true true",
        "passed main OK",
    ] {
        wait_for(&place, "act", line);
    }
    wait_for(&place, "ear", "heard script.act state true");
    let heard = served.join().unwrap();
    assert!(heard.starts_with("POST /hook ") && heard.ends_with("\r\n\r\n{\"name\":\"main\"}"), "{heard}");
    assert!(heard.to_lowercase().contains("authorization: bearer geheim\r\n"), "{heard}");
    let log = says(&place, &["script", "log", "act"]);
    assert!(log.contains("foreign: not allowed: http://example.org"), "{log}");
    assert!(!log.contains("geheim") && !place.log().contains("geheim"));
    let info = says(&place, &["--json", "plugin", "info", "script.act"]);
    assert!(info.contains("\"outages\": 3.5"), "{info}");
    let audit = says(&place, &["audit"]);
    assert!(audit.contains("test.battery.start") && audit.contains("script.act"), "{audit}");
}
