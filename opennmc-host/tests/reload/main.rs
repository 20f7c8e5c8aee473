//! Another configuration for a running daemon: what is different changes, and nothing else does.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

#[path = "../bench/mod.rs"]
mod bench;
#[allow(dead_code, reason = "other tests need other guests")]
#[path = "../plugin/guests.rs"]
mod guests;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::Bench;
use bench::peer::Peer;
use guests::{guests, manifest, pack};
use opennmc_host::door::{Order, OrderRequest, OrderResult, Progress};
use opennmc_host::host::{Fed, ReloadReport, Subscription};
use opennmc_host::plugin::State;
use opennmc_host::state::{Availability, Event};
use opennmc_host::users::{Origin, Principal, Role};

/// Far more than anything here takes; a test that gets here is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

fn principal(role: Role) -> Principal {
    Principal { name: "kim".to_owned(), role, scopes: None, origin: Origin::Host }
}

fn reload(bench: &mut Bench, config: &str) -> Result<ReloadReport, String> {
    bench.write_config(config);
    bench.ask(|host, reply| host.reload(principal(Role::Administrator), reply))
}

fn started(config: &str) -> Bench {
    let mut bench = Bench::new();
    bench.write_config(config);
    bench.start_from_file();
    bench
}

fn opened(bench: &mut Bench, ups: &str) -> u64 {
    let health = bench.ask(|host, reply| host.loop_health(reply));
    health.links.iter().find(|link| link.device == ups).unwrap().opened
}

fn names(bench: &Bench) -> Vec<String> {
    bench.snapshot().devices.iter().map(|device| device.name.clone()).collect()
}

fn availability(bench: &Bench, ups: &str) -> Option<Availability> {
    bench.snapshot().device(ups).map(|device| device.availability)
}

fn event(subscription: &Subscription, kind: &str) -> Arc<Event> {
    loop {
        match subscription.next(Duration::ZERO) {
            Ok(Fed::Event(event)) if event.kind == kind => return event,
            Ok(_) => {}
            Err(silence) => panic!("{kind} did not come: {silence:?}"),
        }
    }
}

fn field(event: &Event, name: &str) -> String {
    event.fields.iter().find(|(key, _)| key == name).unwrap().1.clone()
}

const MAIN: &str = "[ups.main]\nport = \"sim:smart-ups-1500\"\n";

#[test]
fn a_file_that_says_the_same_changes_nothing() {
    let mut bench = started(MAIN);
    bench.turn_until_main_is(Availability::Live);
    let before = bench.main();
    assert_eq!(reload(&mut bench, MAIN), Ok(ReloadReport::default()));
    assert_eq!(opened(&mut bench, "main"), 1);
    assert!(bench.main().generation >= before.generation);
    assert_eq!(bench.main().availability, Availability::Live);
}

#[test]
fn a_description_and_rules_change_without_touching_the_line() {
    let mut bench = started(&format!("{MAIN}description = \"old\"\n"));
    bench.turn_until_main_is(Availability::Live);
    let changed = format!("{MAIN}description = \"new\"\nstale-after = 60\n");
    let report = reload(&mut bench, &changed).unwrap();
    assert_eq!(report.changed, ["UPS `main` has other rules"]);
    bench.turn_until("it shows", |bench| bench.main().description.as_deref() == Some("new"));
    assert_eq!(bench.main().availability, Availability::Live);
    assert_eq!(opened(&mut bench, "main"), 1);
}

#[test]
fn upses_come_and_go_and_those_that_stay_do_not_notice() {
    let other = "[ups.other]\nport = \"sim:smart-ups-700\"\n";
    let third = "[ups.third]\nport = \"sim:back-ups-cs-350\"\n";
    let mut bench = started(&format!("{other}{MAIN}"));
    bench.turn_until_main_is(Availability::Live);
    let report = reload(&mut bench, &format!("{MAIN}{third}")).unwrap();
    assert_eq!(report.changed.len(), 2, "{report:?}");
    assert_eq!(names(&bench), ["main", "third"]);
    bench.turn_until("the new one is live", |bench| availability(bench, "third") == Some(Availability::Live));
    assert_eq!(opened(&mut bench, "main"), 1);
    assert_eq!(bench.count("UPS main can no longer be reached"), 0);
    reload(&mut bench, &format!("{third}{MAIN}")).unwrap();
    assert_eq!(names(&bench), ["third", "main"]);
    assert_eq!((opened(&mut bench, "main"), opened(&mut bench, "third")), (1, 1));
}

#[test]
fn two_upses_swap_their_ports() {
    let mut bench = Bench::new();
    let (one, two) = (bench.dir().join("one"), bench.dir().join("two"));
    let (_peers, mut on_one) = (Peer::on_pty(&two), Peer::on_pty(&one));
    let config = |a: &Path, b: &Path| format!("[ups.a]\nport = {a:?}\n[ups.b]\nport = {b:?}\n");
    bench.write_config(&config(&one, &two));
    bench.start_from_file();
    let live =
        |bench: &Bench| ["a", "b"].iter().all(|name| availability(bench, name) == Some(Availability::Live));
    bench.turn_until("both are live", live);
    reload(&mut bench, &config(&two, &one)).unwrap();
    bench.turn_until("both are live again", live);
    on_one.control("line off");
    bench.turn_until("it is the other one's outage", |bench| {
        let status = |ups: &str| bench.snapshot().device(ups).unwrap().variables["ups.status"].value.clone();
        status("b").contains("OB") && status("a").contains("OL")
    });
}

#[test]
fn an_order_for_a_ups_that_is_removed_ends() {
    let keep = "[ups.keep]\nport = \"sim:smart-ups-1500\"\n";
    let mut bench = started(&format!("{MAIN}{keep}"));
    bench.turn_until("what it can do is known", |bench| {
        bench.main().variables.get("ups.id").is_some_and(|variable| variable.settable)
    });
    let (told, ended) = std::sync::mpsc::channel();
    let order = Order::Set { variable: "ups.id".to_owned(), value: "RACK".to_owned() };
    let device = "main".to_owned();
    let principal = principal(Role::Operator);
    let request = OrderRequest { device, order, principal, danger_confirmed: false };
    bench.host().order(request, Box::new(move |step| told.send(step).unwrap()));
    let mut steps = Vec::new();
    bench.turn_until("it is begun", |_| {
        steps.extend(ended.try_iter());
        matches!(steps[..], [Progress::Begun(_)])
    });
    reload(&mut bench, keep).unwrap();
    assert!(matches!(ended.try_recv(), Ok(Progress::Ended(_, OrderResult::TimedOut))));
}

#[test]
fn a_bad_file_changes_nothing_and_is_told_with_every_problem() {
    let mut bench = started(MAIN);
    bench.turn_until_main_is(Availability::Live);
    let subscription = bench.host().feed.subscribe();
    let bad =
        format!("{MAIN}descripton = \"x\"\n[ups.new]\nport = \"/dev/does-not-exist\"\nstale-after = 1\n");
    let problems = reload(&mut bench, &bad).unwrap_err();
    assert!(problems.contains("descripton") && problems.contains("stale-after"), "{problems}");
    assert_eq!(names(&bench), ["main"]);
    assert_eq!(bench.main().availability, Availability::Live);
    assert_eq!(field(&event(&subscription, "host.reload-failed"), "reason"), problems);
    assert!(bench.count("descripton") >= 1);
    let missing = bench.dir().join("opennmc.toml");
    std::fs::remove_file(missing).unwrap();
    let answer = bench.ask(|host, reply| host.reload(principal(Role::Administrator), reply));
    assert!(answer.unwrap_err().contains("can't read the configuration"));
    assert_eq!(reload(&mut bench, MAIN), Ok(ReloadReport::default()), "and afterwards all is well");
    event(&subscription, "host.reloaded");
}

#[test]
fn only_administrators_reload() {
    let mut bench = started(MAIN);
    let answer = bench.ask(|host, reply| host.reload(principal(Role::Operator), reply));
    assert!(answer.unwrap_err().contains("administrator"));
}

/// A connection to an actor, which echoes lines.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client(BufReader::new(stream))
    }

    /// The next line without its end; empty when the connection is over.
    fn ask(&mut self, line: &str) -> String {
        if self.0.get_mut().write_all(format!("{line}\n").as_bytes()).is_err() {
            return String::new();
        }
        let mut answer = String::new();
        let _ = self.0.read_line(&mut answer);
        answer.trim_end().to_owned()
    }
}

fn with_packages(bench: &Bench, ids: &[&str]) -> String {
    let packages = bench.dir().join("packages");
    std::fs::create_dir_all(&packages).unwrap();
    for id in ids {
        let manifest = manifest(id, guests::ALL_NEEDS);
        let files: [(&str, &[u8]); 2] =
            [("plugin.toml", manifest.as_bytes()), ("plugin.wasm", &guests().actor)];
        std::fs::write(packages.join(format!("{id}-1.2.3.onmc")), pack(&files)).unwrap();
    }
    format!("[plugins]\ndirs = [{packages:?}]\n{MAIN}")
}

fn address(bench: &mut Bench, plugin: &str) -> Option<SocketAddr> {
    let plugins = bench.ask(|host, reply| host.plugins(reply));
    let status = plugins.into_iter().find(|status| status.id == plugin)?;
    status.listening.iter().find(|(name, _)| name == "main").and_then(|(_, address)| address.tcp())
}

/// Turns the loop until the plugin listens.
fn new_address(bench: &mut Bench, plugin: &str) -> SocketAddr {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "{plugin} does not listen");
        match address(bench, plugin) {
            Some(address) => return address,
            _ => drop(bench.turn_until("something happens", {
                let mut first = true;
                move |_| !std::mem::take(&mut first)
            })),
        }
    }
}

#[test]
fn plugins_come_go_and_change_and_the_others_keep_their_clients() {
    let mut bench = Bench::new();
    let base = with_packages(&bench, &["stays", "changes", "goes", "comes"]);
    bench.write_config(&format!("{base}[plugin.stays]\n[plugin.changes]\n[plugin.goes]\n"));
    bench.start_from_file();
    let addresses = ["stays", "changes", "goes"].map(|id| new_address(&mut bench, id));
    let [mut stays, mut changes, mut goes] = addresses.map(Client::connect);
    for client in [&mut stays, &mut changes, &mut goes] {
        assert_eq!(client.ask("hello"), "hello");
    }
    let changed = format!("{base}[plugin.comes]\n[plugin.stays]\n[plugin.changes.config]\nnumber = 2\n");
    let subscription = bench.host().feed.subscribe();
    let report = reload(&mut bench, &changed).unwrap();
    assert_eq!(report.changed.len(), 3, "{report:?}");
    run_again(&mut bench, &subscription, 2);
    assert_eq!(address(&mut bench, "changes"), Some(addresses[1]), "its listener is taken over");
    let come = new_address(&mut bench, "comes");
    assert_eq!(Client::connect(come).ask("hello"), "hello");
    assert_eq!(stays.ask("still here"), "still here");
    assert_eq!((changes.ask("hello"), goes.ask("hello")), (String::new(), String::new()));
    let plugins = bench.ask(|host, reply| host.plugins(reply));
    let states: Vec<_> =
        plugins.iter().map(|it| (it.id.as_str(), matches!(it.state, State::Running { .. }))).collect();
    assert_eq!(states, [("comes", true), ("stays", true), ("changes", true)]);
}

/// Turns the loop until so many plugins have started. One that fails on the way fails the test.
fn run_again(bench: &mut Bench, subscription: &Subscription, count: usize) {
    let mut started = 0;
    bench.turn_until("they run again", |_| {
        while let Ok(Fed::Event(event)) = subscription.next(Duration::ZERO) {
            assert_ne!(event.kind, "plugin.failed", "{event:?}");
            started += usize::from(event.kind == "plugin.started");
        }
        started >= count
    });
}

#[test]
fn a_plugin_that_is_replaced_takes_over_its_own_address() {
    let mut bench = Bench::new();
    let base = with_packages(&bench, &["server"]);
    bench.write_config(&format!("{base}[plugin.server]\n"));
    bench.start_from_file();
    let free = new_address(&mut bench, "server");
    let subscription = bench.host().feed.subscribe();
    let there = format!("{base}[plugin.server]\nlisten = {{ main = [\"{free}\"] }}\n");
    reload(&mut bench, &there).unwrap();
    run_again(&mut bench, &subscription, 1);
    assert_eq!(Client::connect(free).ask("hello"), "hello");
    reload(&mut bench, &format!("{there}config = {{ number = 7 }}\n")).unwrap();
    run_again(&mut bench, &subscription, 1);
    assert_eq!(Client::connect(free).ask("hello"), "hello");
}

/// The status of an answer on a connection that is kept.
fn status(browser: &mut BufReader<TcpStream>) -> String {
    browser.get_mut().write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let (mut status, mut length) = (String::new(), 0);
    browser.read_line(&mut status).unwrap();
    loop {
        let mut line = String::new();
        browser.read_line(&mut line).unwrap();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    std::io::Read::read_exact(browser, &mut vec![0; length]).unwrap();
    status.trim().to_owned()
}

fn browser(address: SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    BufReader::new(stream)
}

#[test]
fn listeners_of_web_pages_come_and_go_and_connections_stay() {
    const NOT_FOUND: &str = "HTTP/1.1 404 Not Found";
    let mut bench = started(MAIN);
    assert_eq!(bench.http_addresses(), []);
    let first = format!("{MAIN}[http]\nlisten = [\"127.0.0.1:0\"]\n");
    let report = reload(&mut bench, &first).unwrap();
    assert_eq!(report.changed, ["web pages are served on 127.0.0.1:0 too"]);
    let address = bench.http_addresses()[0];
    let mut stays = browser(address);
    assert_eq!(status(&mut stays), NOT_FOUND);

    let both = format!("{MAIN}[http]\nlisten = [\"127.0.0.1:0\", \"127.0.0.2:0\"]\n");
    reload(&mut bench, &both).unwrap();
    assert_eq!(bench.http_addresses().len(), 2);
    assert_eq!(bench.http_addresses()[0], address);
    assert_eq!(
        (status(&mut stays), status(&mut browser(address))),
        (NOT_FOUND.to_owned(), NOT_FOUND.to_owned())
    );

    let bad = format!("{both}certificate = \"/no/such.pem\"\nkey = \"/no/such.key\"\n");
    let problem = reload(&mut bench, &bad).unwrap_err();
    assert!(problem.contains("http.certificate") && problem.contains("/no/such.pem"), "{problem}");
    assert_eq!(bench.http_addresses().len(), 2);

    let report = reload(&mut bench, MAIN).unwrap();
    assert_eq!(report.changed.len(), 2, "{report:?}");
    assert_eq!(bench.http_addresses(), []);
    // Connections are not ended by it, and no more are made. The server closes its listeners in a turn of its own.
    assert_eq!(status(&mut stays), NOT_FOUND);
    let began = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(began.elapsed() < PATIENCE, "it still listens");
    }
}

#[test]
fn an_address_that_is_taken_is_tried_again_and_holds_up_nothing() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let mut bench = started(&format!("{MAIN}[http]\nlisten = [\"{address}\"]\n"));
    bench.turn_until_main_is(Availability::Live);
    assert_eq!(bench.http_addresses(), []);
    drop(other);
    bench.turn_until("it listens", |bench| bench.http_addresses() == [address]);
    assert_eq!(status(&mut browser(address)), "HTTP/1.1 404 Not Found");
}

#[test]
fn a_wrong_key_of_a_plugin_keeps_everything_as_it_is() {
    let mut bench = Bench::new();
    let base = with_packages(&bench, &["server"]);
    bench.write_config(&format!("{base}[plugin.server]\n"));
    bench.start_from_file();
    let before = new_address(&mut bench, "server");
    let bad = format!("{base}[plugin.server.config]\nnumbr = 2\n[ups.more]\nport = \"sim:smart-ups-700\"\n");
    let problems = reload(&mut bench, &bad).unwrap_err();
    assert!(problems.contains("numbr"), "{problems}");
    assert_eq!(names(&bench), ["main"]);
    assert_eq!(address(&mut bench, "server"), Some(before));
}

#[test]
fn a_hangup_signal_reloads_and_systemd_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let config = dir.path().join("opennmc.toml");
    let base = format!("[state]\ndir = \"{}\"\n{MAIN}", dir.path().join("state").display());
    std::fs::write(&config, &base).unwrap();
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_opennmc"));
    daemon.args(["run", "--config"]).arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
    let mut daemon = daemon.env("NOTIFY_SOCKET", dir.path().join("notify")).spawn().unwrap();
    let heard = |wanted: &str| {
        let mut buffer = [0; 4096];
        loop {
            let count = socket.recv(&mut buffer).unwrap();
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            if text.lines().any(|line| line.starts_with(wanted)) {
                return text;
            }
        }
    };
    heard("READY=1");
    std::fs::write(&config, format!("{base}description = \"new\"\n")).unwrap();
    let pid = rustix::process::Pid::from_child(&daemon);
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    let reloading = heard("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    heard("READY=1");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
}
