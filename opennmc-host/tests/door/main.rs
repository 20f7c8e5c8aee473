//! Orders from the handle that other threads hold to the outlets of a simulated UPS, and back.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

#[path = "../bench/mod.rs"]
mod bench;

use std::sync::{Arc, Mutex};

use bench::Bench;
use bench::peer::Peer;
use opennmc_host::door::{Order, OrderRequest, OrderResult, Progress};
use opennmc_host::host::Fed;
use opennmc_host::state::Availability;
use opennmc_host::users::{Origin, Principal, Role};

fn principal(role: Role) -> Principal {
    Principal { name: "kim".to_owned(), role, scopes: None, origin: Origin::Socket { uid: 1000, pid: 7 } }
}

fn command(name: &str) -> OrderRequest {
    let order = Order::Run { command: name.to_owned(), argument: None };
    OrderRequest {
        device: "main".to_owned(),
        order,
        principal: principal(Role::Operator),
        danger_confirmed: true,
    }
}

fn setting(variable: &str, value: &str) -> OrderRequest {
    let order = Order::Set { variable: variable.to_owned(), value: value.to_owned() };
    OrderRequest { order, danger_confirmed: false, ..command("") }
}

/// How an order went, as it is told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Progress>>>);

impl Told {
    fn result(&self) -> Option<OrderResult> {
        let told = self.0.lock().unwrap();
        match told.last() {
            Some(Progress::Ended(_, result)) => Some(result.clone()),
            _ => None,
        }
    }

    fn begun(&self) -> bool {
        matches!(self.0.lock().unwrap().first(), Some(Progress::Begun(_)))
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

fn order(bench: &Bench, request: OrderRequest) -> Told {
    let told = Told::default();
    let sink = told.clone();
    bench.host().order(request, Box::new(move |step| sink.0.lock().unwrap().push(step)));
    told
}

fn result(bench: &mut Bench, request: OrderRequest) -> OrderResult {
    let told = order(bench, request);
    bench.turn_until("the order has ended", |_| told.result().is_some());
    told.result().unwrap()
}

fn steer(bench: &mut Bench, line: &str) -> Result<String, String> {
    bench.ask(|host, reply| host.simulator(principal(Role::Administrator), "main", line, reply))
}

/// A UPS inside the daemon, of which everything is known. Its battery time runs fast.
fn simulated() -> Bench {
    let mut bench = Bench::new();
    bench.start_on("sim:smart-ups-1500");
    discovered(&mut bench);
    bench
}

fn discovered(bench: &mut Bench) {
    bench.turn_until("what it can do is known", |bench| {
        let device = bench.main();
        device.availability == Availability::Live
            && device.variables.get("ups.delay.shutdown").is_some_and(|variable| variable.settable)
    });
}

fn has(bench: &Bench, token: &str) -> bool {
    bench.value("ups.status").is_some_and(|status| status.split(' ').any(|word| word == token))
}

/// Whether the outlets give power, as the UPS itself knows it and not as anybody read it.
fn load_is_on(bench: &mut Bench) -> bool {
    let truth = steer(bench, "truth").unwrap();
    let voltage = truth.lines().find_map(|line| line.strip_prefix("output.voltage: ")).unwrap().to_owned();
    voltage.parse::<f64>().unwrap() > 0.0
}

#[test]
fn a_load_is_switched_off_and_on_again() {
    let mut bench = simulated();
    assert!(load_is_on(&mut bench));
    assert_eq!(result(&mut bench, command("load.off")), OrderResult::Executed);
    assert!(!load_is_on(&mut bench));
    bench.turn_until("it shows", |bench| has(bench, "OFF"));
    assert_eq!(result(&mut bench, command("load.on")), OrderResult::Executed);
    assert!(load_is_on(&mut bench));
    bench.turn_until("it shows", |bench| !has(bench, "OFF"));
}

#[test]
fn a_ups_that_is_to_return_goes_off_after_its_grace_and_comes_back_with_mains() {
    let mut bench = simulated();
    steer(&mut bench, "line off").unwrap();
    bench.turn_until("it is on battery", |bench| has(bench, "OB"));
    let told = order(&bench, command("shutdown.return"));
    bench.turn_until("the order is begun", |_| told.begun());
    assert!(load_is_on(&mut bench), "the grace has begun");
    bench.turn_until("the order has ended", |_| told.result().is_some());
    assert_eq!(told.result(), Some(OrderResult::Executed));
    assert!(!load_is_on(&mut bench));
    steer(&mut bench, "line on").unwrap();
    bench.turn_until("it is back", |bench| has(bench, "OL") && !has(bench, "OFF"));
    assert!(load_is_on(&mut bench));
}

#[test]
fn a_ups_that_is_to_stay_off_stays_off_until_its_load_is_switched_on() {
    let mut bench = simulated();
    assert_eq!(result(&mut bench, command("shutdown.stayoff")), OrderResult::Executed);
    assert!(!load_is_on(&mut bench));
    steer(&mut bench, "line off").unwrap();
    steer(&mut bench, "line on").unwrap();
    let heard = bench.main().heard_at_ms;
    bench.turn_until("it was asked again", |bench| bench.main().heard_at_ms > heard.map(|ms| ms + 5000));
    assert!(!load_is_on(&mut bench), "mains alone does not bring it back");
    assert_eq!(result(&mut bench, command("load.on")), OrderResult::Executed);
    assert!(load_is_on(&mut bench));
}

#[test]
fn a_shutdown_that_waits_for_its_grace_can_be_taken_back() {
    let mut bench = simulated();
    let shutdown = order(&bench, command("shutdown.stayoff"));
    bench.turn_until("the UPS has it", |bench| bench.count("the session says Accepted") == 1);
    assert_eq!(result(&mut bench, command("shutdown.stop")), OrderResult::Accepted);
    assert_eq!(shutdown.result(), None, "what becomes of it is still watched");
    bench.turn_until("the order has ended", |_| shutdown.result().is_some());
    assert_eq!(shutdown.result(), Some(OrderResult::NoEffect));
    assert!(load_is_on(&mut bench));
}

#[test]
fn a_shutdown_works_over_a_real_terminal() {
    let mut bench = Bench::new();
    let port = bench.dir().join("tty");
    let mut peer = Peer::on_pty(&port);
    bench.start_on(port.display());
    discovered(&mut bench);
    peer.control("line off");
    bench.turn_until("it is on battery", |bench| has(bench, "OB"));
    assert_eq!(result(&mut bench, command("shutdown.return")), OrderResult::Executed);
    bench.turn_until("it shows", |bench| has(bench, "OFF"));
    peer.control("line on");
    bench.turn_until("it is back", |bench| has(bench, "OL") && !has(bench, "OFF"));
}

#[test]
fn a_setting_is_written_read_back_shown_and_told_to_all() {
    let mut bench = simulated();
    let subscription = bench.host().feed.subscribe();
    assert_eq!(result(&mut bench, setting("ups.delay.shutdown", "180")), OrderResult::Verified);
    bench.turn_until("it is shown", |bench| bench.value("ups.delay.shutdown").as_deref() == Some("180"));
    let event = loop {
        match subscription.next(std::time::Duration::ZERO) {
            Ok(Fed::Event(event)) if event.kind == "ups.setting-ended" => break event,
            Ok(_) => {}
            Err(silence) => panic!("{silence:?}"),
        }
    };
    let field = |name: &str| event.fields.iter().find(|(key, _)| key == name).unwrap().1.clone();
    assert!(event.id > 0);
    assert_eq!(event.device, "main");
    assert_eq!((field("variable"), field("value")), ("ups.delay.shutdown".into(), "180".into()));
    assert_eq!((field("by"), field("from")), ("kim".into(), "socket uid=1000 pid=7".into()));
    assert_eq!(field("result"), "verified");
    assert_eq!(result(&mut bench, setting("ups.delay.shutdown", "180")), OrderResult::Unchanged);
    assert!(matches!(result(&mut bench, setting("ups.delay.shutdown", "7")), OrderResult::Invalid(_)));
    assert!(matches!(result(&mut bench, setting("battery.charge", "7")), OrderResult::Refused(_)));
}

#[test]
fn what_is_refused_at_the_door_sends_nothing_and_is_in_the_log() {
    let mut bench = simulated();
    let subscription = bench.host().feed.subscribe();
    let monitor = OrderRequest { principal: principal(Role::Monitor), ..command("load.off") };
    assert!(matches!(result(&mut bench, monitor), OrderResult::Denied(_)));
    let unconfirmed = OrderRequest { danger_confirmed: false, ..command("load.off") };
    assert!(matches!(result(&mut bench, unconfirmed), OrderResult::Unconfirmed(_)));
    assert!(matches!(result(&mut bench, command("no.such")), OrderResult::Unsupported(_)));
    let elsewhere = OrderRequest { device: "cellar".to_owned(), ..command("load.off") };
    assert!(matches!(result(&mut bench, elsewhere), OrderResult::Unsupported(_)));
    assert_eq!(bench.count("by=\"kim\" from=\"socket uid=1000 pid=7\""), 4);
    assert!(load_is_on(&mut bench));
    while let Ok(fed) = subscription.next(std::time::Duration::ZERO) {
        assert!(!matches!(&fed, Fed::Event(event) if event.kind.ends_with("-ended")), "{fed:?}");
    }
}

#[test]
fn an_order_whose_line_dies_ends_as_not_known_and_never_hangs() {
    let mut bench = Bench::new();
    let port = bench.dir().join("tty");
    let peer = Peer::on_pty(&port);
    bench.start_on(port.display());
    discovered(&mut bench);
    let begun = order(&bench, setting("ups.id", "RACK-A"));
    bench.turn_until("the order is begun", |_| begun.begun());
    let waiting = order(&bench, setting("ups.id", "RACK-B"));
    peer.unplug();
    bench.turn_until("both have ended", |_| begun.result().is_some() && waiting.result().is_some());
    assert_eq!(begun.result(), Some(OrderResult::TimedOut));
    assert_eq!(waiting.result(), Some(OrderResult::Stale));
    assert_eq!((begun.count(), waiting.count()), (2, 1), "each end is told once");
    bench.turn_until("the loss shows", |bench| bench.main().availability == Availability::Stale);
    assert_eq!(result(&mut bench, command("load.off")), OrderResult::Stale);
}

#[test]
fn a_second_setting_waits_for_the_first_and_a_shutdown_for_none() {
    let mut bench = simulated();
    // Three steps through the permitted values, and between two of them others may have the line.
    let first = order(&bench, setting("ups.delay.shutdown", "600"));
    let second = order(&bench, setting("battery.date", "11/22/26"));
    bench.turn_until("the first is begun", |_| first.begun());
    assert!(!second.begun());
    assert_eq!(result(&mut bench, command("load.off")), OrderResult::Executed);
    assert_eq!(first.result(), Some(OrderResult::TimedOut), "it was broken off, and is not known to be done");
    bench.turn_until("the second has ended", |_| second.result().is_some());
    assert_eq!(second.result(), Some(OrderResult::Verified));
}

#[test]
fn only_a_simulated_ups_can_be_steered_and_only_by_administrators() {
    let mut bench = simulated();
    assert_eq!(steer(&mut bench, "line off"), Ok("ok".to_owned()));
    assert!(steer(&mut bench, "fly").unwrap_err().contains("`fly` is not a control line"));
    let answer = bench.ask(|host, reply| host.simulator(principal(Role::Operator), "main", "line on", reply));
    assert!(answer.unwrap_err().contains("administrator"));
    let mut bench = Bench::new();
    bench.start_on("/dev/does-not-exist");
    assert!(steer(&mut bench, "line off").unwrap_err().contains("this UPS is real"));
}
