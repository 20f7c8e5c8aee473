//! A UPS and its port, through everything that happens to ports: real ptys, real TCP, a simulated UPS behind them, and
//! the real main loop, turned by the test.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

#[path = "../bench/mod.rs"]
mod bench;

use std::net::SocketAddr;

use bench::Bench;
use bench::peer::Peer;
use opennmc_host::state::{Availability, Kind};

/// An attempt to open the port and its failure, as the log has it at the level `debug`.
const FAILED_ATTEMPT: &str = ": there is no port ";

#[test]
fn a_ups_on_a_tty_is_read_and_shown() {
    let mut bench = Bench::new();
    let port = bench.dir().join("tty");
    let _peer = Peer::on_pty(&port);
    bench.start_on(port.display());
    assert!(bench.is_ready(), "the port was tried");
    assert_eq!(bench.main().availability, Availability::Waiting);
    bench.turn_until_main_is(Availability::Live);
    assert_eq!(bench.value("ups.status").as_deref(), Some("OL"));
    bench.turn_until("everything is read", |bench| bench.value("battery.charge").is_some());
    assert_eq!(bench.value("driver.parameter.port"), Some(port.display().to_string()));
    assert_eq!(bench.value("device.model"), bench.value("ups.model"));
    assert_eq!(bench.operator_lines(), ["<6>UPS main answers"]);
}

#[test]
fn an_outage_is_in_the_snapshot_and_in_the_log() {
    let mut bench = Bench::new();
    let port = bench.dir().join("tty");
    let mut peer = Peer::on_pty(&port);
    bench.start_on(port.display());
    bench.turn_until("everything is read", |bench| bench.value("battery.charge").is_some());
    peer.control("line off");
    bench.turn_until("the outage is known", |bench| {
        bench.value("ups.status").is_some_and(|it| it.contains("OB"))
    });
    let line = bench.operator_lines().pop().unwrap();
    assert!(line.starts_with("<4>UPS main is on battery ups.status=\"OB"), "{line}");
    assert!(line.contains(" battery.charge=\""), "{line}");
    peer.control("line on");
    bench.turn_until("it is over", |bench| bench.value("ups.status").is_some_and(|it| it.contains("OL")));
    assert_eq!(bench.count("UPS main is on line power again"), 1);
}

#[test]
fn an_unplugged_cable_is_one_line_and_its_return_another() {
    let mut bench = Bench::new();
    let port = bench.dir().join("tty");
    let peer = Peer::on_pty(&port);
    bench.start_on(port.display());
    bench.turn_until_main_is(Availability::Live);
    peer.unplug();
    bench.turn_until_main_is(Availability::Stale);
    bench.turn_until("it was tried again in vain", |bench| bench.count(FAILED_ATTEMPT) >= 3);
    let _peer = Peer::on_pty(&port);
    bench.turn_until_main_is(Availability::Live);
    let lines = bench.operator_lines();
    let [answers, lost, back] = lines.as_slice() else { panic!("{lines:#?}") };
    assert_eq!(answers, "<6>UPS main answers");
    assert!(lost.starts_with("<4>UPS main can no longer be reached; trying again reason=\""), "{lost}");
    assert!(back.starts_with("<6>UPS main answers again away-s=\""), "{back}");
}

#[test]
fn a_tty_that_hangs_up_does_not_spin_the_loop() {
    let mut bench = Bench::new();
    let port = bench.dir().join("tty");
    let peer = Peer::on_pty(&port);
    bench.start_on(port.display());
    bench.turn_until_main_is(Availability::Live);
    peer.unplug();
    let turns = bench.turn_until_main_is(Availability::Stale)
        + bench.turn_until("it was tried again in vain", |bench| bench.count(FAILED_ATTEMPT) >= 3);
    // One turn per attempt, per look at the device file, and per answer of the session that was under way.
    assert!(turns <= 20, "{turns} turns");
}

#[test]
fn a_port_that_does_not_exist_yet_is_found_when_it_does() {
    let mut bench = Bench::new();
    let port = bench.dir().join("tty");
    bench.start_on(port.display());
    assert!(bench.is_ready(), "a missing port keeps nobody waiting");
    assert_eq!(bench.main().availability, Availability::Disconnected);
    assert!(bench.main().variables.is_empty());
    let _peer = Peer::on_pty(&port);
    bench.turn_until_main_is(Availability::Live);
    let lines = bench.operator_lines();
    let [absent, back] = lines.as_slice() else { panic!("{lines:#?}") };
    assert!(
        absent.starts_with("<4>UPS main has not been reached yet; still trying reason=\"there is no port"),
        "{absent}"
    );
    assert!(back.starts_with("<6>UPS main answers again"), "{back}");
}

#[test]
fn a_converter_that_vanishes_and_returns_is_found_again() {
    let mut bench = Bench::new();
    let (peer, address) = Peer::on_tcp(SocketAddr::from(([127, 0, 0, 1], 0)));
    bench.start_on(format_args!("tcp://{address}"));
    bench.turn_until_main_is(Availability::Live);
    peer.unplug();
    bench.turn_until_main_is(Availability::Stale);
    bench.turn_until("it was refused", |bench| bench.count("Connection refused") >= 2);
    let (_peer, _) = Peer::on_tcp(address);
    bench.turn_until_main_is(Availability::Live);
    assert_eq!(bench.count("UPS main can no longer be reached"), 1);
    assert_eq!(bench.count("UPS main answers again"), 1);
}

#[test]
fn the_name_of_a_converter_is_looked_up() {
    let mut bench = Bench::new();
    let (_peer, address) = Peer::on_tcp(SocketAddr::from(([127, 0, 0, 1], 0)));
    bench.start_on(format_args!("tcp://localhost:{}", address.port()));
    assert!(!bench.is_ready(), "the look-up is under way");
    bench.turn_until_main_is(Availability::Live);
}

#[test]
fn a_ups_that_falls_silent_is_stale_until_it_answers_again() {
    let mut bench = Bench::new();
    let port = bench.dir().join("tty");
    let mut peer = Peer::on_pty(&port);
    bench.start(&format!("[ups.main]\nport = \"{}\"\nstale-after = 5\n", port.display()));
    bench.turn_until_main_is(Availability::Live);
    peer.control("mute on");
    bench.turn_until_main_is(Availability::Stale);
    assert_eq!(bench.value("ups.status").as_deref(), Some("OL"), "the last that was known");
    peer.control("mute off");
    bench.turn_until_main_is(Availability::Live);
    let lines = bench.operator_lines();
    let [_, lost, .., back] = lines.as_slice() else { panic!("{lines:#?}") };
    assert!(lost.starts_with("<4>UPS main can no longer be reached; trying again reason=\""), "{lost}");
    assert!(back.starts_with("<6>UPS main answers again"), "{back}");
}

#[test]
fn a_port_that_stays_silent_is_opened_again_without_another_word() {
    let mut bench = Bench::new();
    let (mut peer, address) = Peer::on_tcp(SocketAddr::from(([127, 0, 0, 1], 0)));
    bench.start(&format!("[ups.main]\nport = \"tcp://{address}\"\nstale-after = 5\n"));
    bench.turn_until_main_is(Availability::Live);
    peer.control("mute on");
    bench.turn_until("the port was given up", |bench| bench.count("the port is opened again") == 1);
    drop(peer);
    let (_peer, _) = Peer::on_tcp(address);
    bench.turn_until_main_is(Availability::Live);
    assert_eq!(bench.count("UPS main can no longer be reached"), 1);
    assert_eq!(bench.count("UPS main answers again"), 1);
}

#[test]
fn a_ups_that_can_not_be_reached_does_not_hold_up_another() {
    let mut bench = Bench::new();
    bench.start("[ups.dead]\nport = \"/dev/does-not-exist\"\n[ups.main]\nport = \"sim:smart-ups-1500\"\n");
    bench.turn_until_main_is(Availability::Live);
    let snapshot = bench.snapshot();
    let names: Vec<&str> = snapshot.devices.iter().map(|device| device.name.as_str()).collect();
    assert_eq!(names, ["dead", "main"]);
    assert_eq!(snapshot.devices[0].availability, Availability::Disconnected);
}

#[test]
fn what_can_be_set_and_done_is_shown_with_its_values() {
    let mut bench = Bench::new();
    bench.start_on("sim:smart-ups-1500");
    bench.turn_until("the permitted values are known", |bench| {
        let device = bench.main();
        let upper = device.variables.get("input.transfer.high");
        upper.is_some_and(|variable| {
            variable.settable && matches!(&variable.kind, Kind::Choice(list) if list.len() > 1)
        })
    });
    let device = bench.main();
    assert_eq!(device.variables["ups.id"].kind, Kind::Text(8));
    assert!(device.variables["ups.id"].settable);
    assert_eq!(device.variables["battery.charge"].kind, Kind::Number);
    assert!(!device.variables["battery.charge"].settable);
    assert!(device.commands.contains("test.battery.start"), "{:?}", device.commands);
}

#[test]
fn a_snapshot_is_made_when_something_changed_and_not_for_every_answer() {
    let mut bench = Bench::new();
    bench.start_on("sim:smart-ups-1500");
    bench.turn_until_main_is(Availability::Live);
    let mut last = bench.snapshot();
    let mut refreshed = 0;
    let turns = bench.turn_until("the time of the last answer was brought up to date thrice", |bench| {
        let next = bench.snapshot();
        if next.generation != last.generation {
            assert_eq!(next.generation, last.generation + 2, "one per turn at most");
            let (before, after) = (&last.devices[0], &next.devices[0]);
            if before.generation == after.generation {
                assert_eq!((&before.variables, &before.commands), (&after.variables, &after.commands));
                assert!(
                    after.heard_at_ms.unwrap() >= before.heard_at_ms.unwrap() + 999,
                    "{before:?} {after:?}"
                );
                refreshed += 1;
            }
            last = next;
        }
        refreshed == 3
    });
    assert!(turns > refreshed);
}
