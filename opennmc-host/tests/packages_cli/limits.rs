//! `opennmc plugin run`: what it tells of every limit.

#![cfg(feature = "author")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Lines;
use super::guests::{guests, pack};
use super::place::{PATIENCE, opennmc, text};
use super::schema::assert_valid;

/// A plugin that an author runs, which says where it is in JSON.
struct Run {
    child: Child,
    out: BufReader<ChildStdout>,
    listening: Value,
    folder: TempDir,
}

impl Run {
    fn start(wasm: &[u8], limits: &str, needs: &str) -> Run {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("x.onmc");
        std::fs::write(&package, packed(wasm, limits, needs)).unwrap();
        let mut command = opennmc();
        command.args(["--json", "plugin", "run"]).arg(&package).stdout(Stdio::piped());
        let mut child =
            command.stderr(std::fs::File::create(folder.path().join("log")).unwrap()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut run = Run { child, out, listening: json!({}), folder };
        loop {
            let said = run.said();
            match said["what"].as_str().unwrap() {
                "listens" => run.listening[said["name"].as_str().unwrap()] = json!([said["address"]]),
                "running" => return run,
                _ => assert_eq!(said["what"], "socket", "{said}"),
            }
        }
    }

    /// The next thing that it says.
    fn said(&mut self) -> Value {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        let said =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}\n{}", self.log()));
        assert_valid("plugin-run", &said);
        said
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn until_logged(&self, what: &str) {
        let began = Instant::now();
        while !self.log().contains(what) {
            assert!(began.elapsed() < PATIENCE, "{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn connect(&self) -> Lines {
        Lines::to(&json!({ "listening": self.listening }), "main")
    }

    /// Ends it. Gives what was used and how often more was wanted, by the limits' keys, and the whole report.
    fn end(mut self) -> (BTreeMap<String, (f64, u64)>, Value) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let report = self.said();
        self.child.wait().unwrap();
        let limits = report["limits"].as_array().unwrap().iter().map(|limit| {
            let number = |key: &str| limit[key].as_f64().unwrap();
            (limit["limit"].as_str().unwrap().to_owned(), (number("used"), number("hits") as u64))
        });
        (limits.collect(), report)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It has ended already when the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn packed(wasm: &[u8], limits: &str, needs: &str) -> Vec<u8> {
    let manifest = format!(
        "[plugin]\nid = \"x\"\nversion = \"1.2.3\"\napi = \"0.1\"\nsummary = \"A fixture\"\n[limits]\n{limits}\n\
         [needs]\n{needs}\n[config]\non-start = \"serve\"\nnumber = 1\n"
    );
    pack(&[("plugin.toml", manifest.as_bytes()), ("plugin.wasm", wasm)])
}

const ACTOR_NEEDS: &str =
    "ups = \"read\"\nevents = [\"*\"]\nlisten = { main = [\"127.0.0.1:0\"], shut = [\"127.0.0.1:0\"] }";
const CALLER_NEEDS: &str = "listen = { main = [\"127.0.0.1:0\"], mail = [\"127.0.0.1:0\"] }\n\
    listen-udp = { snmp = [\"127.0.0.1:0\"] }\n\
    connect = [\"tcp://127.0.0.1:*\", \"udp://127.0.0.1:*\", \"http://127.0.0.1:*\"]";
const KEEPER_NEEDS: &str = "listen = { main = [\"127.0.0.1:0\"] }\nstore = \"100 B\"\nbus = [\"reading\"]\n\
    events = [\"notice.*\"]\nnotify = true\nhistory = \"read\"\nnotifier = true";

#[test]
fn every_limit_is_told_with_what_was_used_of_it_and_those_that_were_hit_are_named() {
    let limits =
        "memory = \"4 MiB\"\ncall-ms = 300\nconnections = 2\ntimers = 2\nlog-lines = 5\nunsent = \"64 KiB\"";
    let run = Run::start(&guests().actor, limits, ACTOR_NEEDS);
    let mut one = run.connect();
    for _ in 0..2 {
        assert_eq!(one.ask("timer 600000"), "set");
    }
    assert!(one.ask("timer 600000").contains("2 timers are running"));
    assert_eq!(one.ask("grow 1000"), "refused");
    for _ in 0..7 {
        assert_eq!(one.ask("log again"), "logged");
    }
    assert!(one.ask("send 65537").contains("Limit"));
    let mut other = run.connect();
    other.ask("echo");
    assert_eq!(run.connect().0.read(&mut [0]).unwrap_or(0), 0, "there is no third place");
    // The last thing that this instance does.
    one.ask("spin");
    run.until_logged("took longer than");
    let (used, report) = run.end();
    let keys: Vec<&str> = used.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "call-ms",
            "connections",
            "datagrams",
            "log-lines",
            "mailbox",
            "memory",
            "messages",
            "requests",
            "timers",
            "unsent"
        ]
    );
    assert_eq!((used["timers"], used["connections"]), ((2.0, 1), (2.0, 1)));
    assert_eq!((used["memory"].1, used["unsent"].1, used["call-ms"].1), (1, 1, 1), "{used:?}");
    assert!(used["log-lines"] == (4.0, 4) && used["call-ms"].0 >= 300.0, "{used:?}");
    assert!(used["memory"].0 >= 65_536.0 && used["memory"].0 <= f64::from(4 << 20), "{used:?}");
    assert_eq!((used["messages"], used["requests"], used["datagrams"]), ((0.0, 0), (0.0, 0), (0.0, 0)));
    assert_eq!(report["hit"], json!(["memory", "call-ms", "connections", "timers", "unsent", "log-lines"]));
    assert!(report["failure"].as_str().unwrap().contains("took longer than the 300 ms"), "{report}");
    assert_eq!((&report["ran"], &report["compiling"]), (&true.into(), &false.into()));
}

#[test]
fn what_a_plugin_sends_fetches_says_and_keeps_is_told_beside_its_limits() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let run = Run::start(&guests().caller, "requests = 1\ndatagrams = 3", CALLER_NEEDS);
    let mut orders = run.connect();
    let fetch = format!("fetch GET http://{address}/");
    assert_eq!(orders.ask(&fetch), "asked");
    assert!(orders.ask(&fetch).starts_with("limit: 1 requests"));
    let sent = orders.ask(&format!("flood 127.0.0.1 {} 5", address.port()));
    assert!(sent.ends_with("sent"), "{sent}");
    let (used, report) = run.end();
    assert_eq!(used["requests"], (1.0, 1));
    assert!(used["datagrams"].0 == 3.0 && used["datagrams"].1 >= 1, "{report}");

    let run = Run::start(&guests().keeper, "messages = 4", KEEPER_NEEDS);
    let mut orders = run.connect();
    assert_eq!((orders.ask("fill key 50"), orders.ask("storm reading 6")), ("ok".into(), "sent 4".into()));
    assert!(orders.ask("fill key 200").starts_with("limit"));
    let (used, report) = run.end();
    assert_eq!((used["messages"], used["store"].1), ((4.0, 2), 1), "{report}");
    assert!(used["store"].0 >= 53.0, "{report}");
    assert_eq!(report["hit"], json!(["messages", "store"]));
}

#[test]
fn people_read_which_limit_was_hit_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("x.onmc");
    // It wants more than two MiB as soon as it starts.
    let too_small = packed(&guests().actor, "memory = \"64 KiB\"", ACTOR_NEEDS);
    std::fs::write(&package, too_small).unwrap();
    let output = opennmc().args(["plugin", "run", "--for", "2"]).arg(&package).output().unwrap();
    let said = text(&output.stdout);
    assert!(said.contains("the limit `memory` was hit") && said.contains("it wanted more than 64"), "{said}");
    assert_eq!(output.status.code(), Some(10), "it has not run");
}
