//! Many UPSes on one host: all of them are watched, and what happens to one is nothing to another.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

#[path = "../bench/mod.rs"]
mod bench;

use std::collections::BTreeMap;
use std::time::Duration;

use bench::Bench;
use opennmc_host::door::{Order, OrderRequest, OrderResult, Progress};
use opennmc_host::host::{Fed, HostHandle};
use opennmc_host::state::Availability;
use opennmc_host::users::{Origin, Principal, Role};

const UPSES: usize = 64;

fn name(number: usize) -> String {
    format!("rack-{number}")
}

fn administrator() -> Principal {
    Principal { name: "kim".to_owned(), role: Role::Administrator, scopes: None, origin: Origin::Host }
}

fn live() -> Bench {
    let mut bench = Bench::new();
    let upses = (0..UPSES).map(|number| format!("[ups.{}]\nport = \"sim:smart-ups-1500\"\n", name(number)));
    bench.start(&upses.collect::<String>());
    assert_eq!(bench.snapshot().devices.len(), UPSES);
    bench.turn_until("all are live", |bench| {
        bench.snapshot().devices.iter().all(|device| device.availability == Availability::Live)
    });
    bench
}

fn steer(host: &HostHandle, number: usize, line: &str) {
    host.simulator(administrator(), name(number), line, Box::new(|answer| drop(answer.unwrap())));
}

fn status(bench: &Bench, number: usize) -> String {
    bench.snapshot().device(&name(number)).unwrap().variables["ups.status"].value.clone()
}

#[test]
fn sixty_four_upses_lose_mains_at_once_and_each_is_told_once() {
    let mut bench = live();
    let host = bench.host();
    let subscription = host.feed.subscribe();
    (0..UPSES).for_each(|number| steer(&host, number, "line off"));
    bench.turn_until("all are on battery", |bench| {
        (0..UPSES).all(|number| status(bench, number).contains("OB"))
    });
    (0..UPSES).for_each(|number| steer(&host, number, "line on"));
    bench.turn_until("mains is back everywhere", |bench| {
        (0..UPSES).all(|number| status(bench, number).contains("OL"))
    });
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut last = 0;
    while let Ok(fed) = subscription.next(Duration::ZERO) {
        let Fed::Event(event) = fed else { panic!("{fed:?}") };
        assert!(last == 0 || event.id == last + 1, "numbers have no gaps");
        last = event.id;
        if event.kind == "ups.on-battery" || event.kind == "ups.on-line" {
            told.entry(event.device.clone()).or_default().push(event.kind.clone());
        }
    }
    assert_eq!(told.len(), UPSES);
    assert!(told.values().all(|kinds| kinds[..] == ["ups.on-battery", "ups.on-line"]), "{told:#?}");
}

#[test]
fn what_happens_to_one_ups_is_nothing_to_the_others() {
    let mut bench = live();
    let host = bench.host();
    bench.turn_until("what the first can do is known", |bench| {
        let snapshot = bench.snapshot();
        snapshot.device(&name(0)).unwrap().commands.contains("load.off")
    });
    steer(&host, 1, "unplug 2");
    steer(&host, 2, "mute on");
    let (told, steps) = std::sync::mpsc::channel();
    let request = OrderRequest {
        device: name(0),
        order: Order::Run { command: "load.off".to_owned(), argument: None },
        principal: administrator(),
        danger_confirmed: true,
    };
    host.order(request, Box::new(move |step| told.send(step).unwrap()));
    let mut ended = None;
    bench.turn_until("the order has ended", |_| {
        ended = steps.try_iter().last();
        matches!(ended, Some(Progress::Ended(..)))
    });
    assert!(matches!(ended, Some(Progress::Ended(_, OrderResult::Executed))), "{ended:?}");
    bench.turn_until("one load is off", |bench| status(bench, 0).contains("OFF"));
    for number in 3..UPSES {
        assert_eq!(status(&bench, number), "OL", "{}", name(number));
        assert_eq!(bench.snapshot().device(&name(number)).unwrap().availability, Availability::Live);
    }
}
