//! What the daemon keeps: events, samples, the audit, and what the state engine must know again after a restart.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

#[path = "../bench/mod.rs"]
mod bench;

use std::time::Duration;

use bench::Bench;
use opennmc_host::door::{Order, OrderRequest, OrderResult, Progress};
use opennmc_host::history::{AuditFilter, EventFilter, HistoryHandle, Resolution};
use opennmc_host::host::Fed;
use opennmc_host::state::{Availability, Event};
use opennmc_host::users::{Origin, Principal, Role};

const PATIENCE: Duration = Duration::from_secs(60);
const MAIN: &str = "[ups.main]\nport = \"sim:smart-ups-1500\"\n";

fn principal(role: Role) -> Principal {
    Principal { name: "kim".to_owned(), role, scopes: None, origin: Origin::Socket { uid: 1000, pid: 7 } }
}

fn order(bench: &mut Bench, order: Order, role: Role) -> OrderResult {
    let principal = principal(role);
    let request = OrderRequest { device: "main".to_owned(), order, principal, danger_confirmed: true };
    bench.ask(|host, reply| {
        let mut reply = Some(reply);
        let progress = move |step| {
            if let Progress::Ended(_, result) = step {
                reply.take().unwrap()(result);
            }
        };
        host.order(request, Box::new(progress));
    })
}

fn run(command: &str) -> Order {
    Order::Run { command: command.to_owned(), argument: None }
}

fn history(bench: &Bench) -> HistoryHandle {
    bench.host().history.unwrap()
}

fn events(bench: &Bench) -> Vec<Event> {
    history(bench).reader().events(&EventFilter::default()).map(Result::unwrap).collect()
}

fn kinds(bench: &Bench) -> Vec<String> {
    events(bench).into_iter().map(|event| event.kind).collect()
}

fn steer(bench: &mut Bench, line: &str) {
    let administrator = principal(Role::Administrator);
    bench.ask(|host, reply| host.simulator(administrator, "main", line, reply)).unwrap();
}

fn has(bench: &Bench, token: &str) -> bool {
    bench.value("ups.status").is_some_and(|status| status.split(' ').any(|word| word == token))
}

fn live(config: &str) -> Bench {
    let mut bench = Bench::new();
    bench.write_config(config);
    bench.start_from_file();
    discovered(&mut bench);
    bench
}

fn discovered(bench: &mut Bench) {
    bench.turn_until("what it can do is known", |bench| {
        let device = bench.main();
        let grace = device.variables.get("ups.delay.shutdown").is_some_and(|variable| variable.settable);
        grace && device.availability == Availability::Live && device.commands.contains("test.battery.start")
    });
}

#[test]
fn what_happens_is_kept_and_numbering_goes_on_after_a_restart() {
    let mut bench = live(MAIN);
    steer(&mut bench, "line off");
    bench.turn_until("it is on battery", |bench| has(bench, "OB"));
    let before = events(&bench);
    assert!(before.iter().any(|event| event.kind == "ups.on-battery"), "{before:#?}");
    assert!(history(&bench).close(PATIENCE));
    let mut bench = bench.restarted();
    let subscription = bench.host().feed.subscribe();
    bench.turn_until_main_is(Availability::Live);
    bench.turn_until("there is something new", |bench| events(bench).len() > before.len());
    let after = events(&bench);
    assert_eq!(after[..before.len()], before[..]);
    let Ok(Fed::Event(published)) = subscription.next(Duration::ZERO) else { panic!("{after:#?}") };
    assert_eq!(after[before.len()], *published, "it is kept under the number that everybody heard");
    assert!(published.id > before.last().unwrap().id);
}

#[test]
fn a_forced_shutdown_goes_through_the_door_and_outlives_a_restart() {
    let mut bench = live(MAIN);
    assert!(matches!(order(&mut bench, Order::ForcedShutdown(true), Role::Monitor), OrderResult::Denied(_)));
    assert_eq!(order(&mut bench, Order::ForcedShutdown(true), Role::Operator), OrderResult::Executed);
    assert_eq!(order(&mut bench, Order::ForcedShutdown(true), Role::Operator), OrderResult::Unchanged);
    bench.turn_until("it shows", |bench| has(bench, "FSD"));
    assert!(history(&bench).close(PATIENCE));
    let mut bench = bench.restarted();
    bench.turn_until_main_is(Availability::Live);
    assert!(has(&bench, "FSD"), "{:?}", bench.value("ups.status"));
    assert_eq!(order(&mut bench, Order::ForcedShutdown(false), Role::Operator), OrderResult::Executed);
    bench.turn_until("it is over", |bench| !has(bench, "FSD"));
}

#[test]
fn a_forced_shutdown_outlives_another_port() {
    let mut bench = live(MAIN);
    assert_eq!(order(&mut bench, Order::ForcedShutdown(true), Role::Operator), OrderResult::Executed);
    bench.write_config("[ups.main]\nport = \"sim:smart-ups-700\"\n");
    let administrator = principal(Role::Administrator);
    bench.ask(|host, reply| host.reload(administrator, reply)).unwrap();
    bench.turn_until_main_is(Availability::Live);
    assert!(has(&bench, "FSD"), "{:?}", bench.value("ups.status"));
}

#[test]
fn a_self_test_that_was_ordered_is_no_outage() {
    let mut bench = live(MAIN);
    let result = order(&mut bench, run("test.battery.start"), Role::Operator);
    assert!(result.is_success(), "{result:?}");
    bench.turn_until("its result is known", |bench| {
        bench.value("ups.test.result").is_some_and(|result| result != "NO")
    });
    let kinds = kinds(&bench);
    assert!(kinds.iter().any(|kind| kind == "ups.command-ended"), "{kinds:?}");
    assert!(!kinds.iter().any(|kind| kind == "ups.on-battery"), "{kinds:?}");
}

#[test]
fn every_order_is_in_the_audit_with_who_and_from_where() {
    let mut bench = live(MAIN);
    order(&mut bench, run("load.off"), Role::Monitor);
    order(&mut bench, run("no.such"), Role::Operator);
    order(
        &mut bench,
        Order::Set { variable: "ups.delay.shutdown".into(), value: "180".into() },
        Role::Operator,
    );
    steer(&mut bench, "line on");
    bench.ask(|host, reply| host.reload(principal(Role::Administrator), reply)).unwrap();
    let reader = history(&bench).reader();
    let audit: Vec<_> = reader.audit(&AuditFilter::default()).map(|entry| entry.unwrap().record).collect();
    let shown: Vec<_> = audit.iter().map(|line| (line.what.as_str(), line.result.as_str())).collect();
    let [denied, unsupported, verified, simulator, reload] = shown[..] else { panic!("{audit:#?}") };
    assert!(denied.0 == "load.off" && denied.1.starts_with("denied: "), "{denied:?}");
    assert!(unsupported.0 == "no.such" && unsupported.1.starts_with("unsupported: "), "{unsupported:?}");
    assert_eq!(verified, ("set ups.delay.shutdown = \"180\"", "verified"));
    assert_eq!(simulator, ("simulator: line on", "done"));
    assert_eq!(reload, ("reload the configuration", "done"));
    for line in &audit {
        assert_eq!((line.principal.as_str(), line.origin.as_str()), ("kim", "socket uid=1000 pid=7"));
    }
}

#[test]
fn numbers_are_sampled_while_the_ups_is_live() {
    let mut bench = live(MAIN);
    bench.turn_until("the charge was sampled", |bench| {
        let reader = history(bench).reader();
        let series = reader.samples("main", "battery.charge", 0..u64::MAX, Resolution::Seconds).unwrap();
        series.points.len() >= 2
    });
    let series = history(&bench).reader().series().unwrap();
    assert!(series.iter().all(|(device, _)| device == "main"), "{series:?}");
    assert!(series.iter().any(|(_, name)| name == "ups.load"), "{series:?}");
    assert!(!series.iter().any(|(_, name)| name == "battery.voltage.nominal"), "{series:?}");
}
