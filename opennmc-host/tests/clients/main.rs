//! NUT's own clients against the real programs: a simulated UPS on a pseudo-terminal, the daemon, the NUT server in its
//! sandbox.
//!
//! Needs `apcsmart-sim` beside `opennmc` and the packed plugin, which `cargo xtask build` makes, and the clients, which
//! `cargo xtask setup` installs; a missing one is a failure.

#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

mod cases;
mod chain;
mod driver_socket;
mod libraries;
mod machines;
mod pages;
mod people;
mod scene;
mod secrecy;
mod tools;
mod upsd;

use std::collections::BTreeMap;

use scene::{Scene, until};

/// Names that the host adds, or that the simulator has no word for.
const OURS: [&str; 11] = [
    "driver.",
    "experimental.",
    "ups.beeper.status",
    "server.",
    "device.",
    "input.transfer.reason",
    "battery.age",
    "battery.charger.status",
    "ups.mode",
    "ups.outage.",
    "ups.power",
];

fn variables(listing: &str) -> BTreeMap<&str, &str> {
    listing.lines().filter_map(|line| line.split_once(": ")).collect()
}

fn same_value(one: &str, other: &str) -> bool {
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => (one - other).abs() < 1e-9,
        _ => one == other,
    }
}

#[test]
fn upsc_lists_the_ups_as_it_is() {
    let scene = Scene::start();
    // The last one to come: the unit does not list it, so it is tried after all others.
    let listing = until(
        "every variable",
        || scene.upsc(&["main"]),
        |out| variables(out).contains_key("output.current"),
    );
    let truth = scene.control("truth");
    let (shown, truth) = (variables(&listing), variables(&truth));
    assert!(shown.len() >= 35, "{listing}");
    for (name, value) in &truth {
        let shown = shown.get(name).unwrap_or_else(|| panic!("{name} is missing in:\n{listing}"));
        assert!(
            same_value(shown, value) || *name == "input.transfer.reason",
            "{name} is {value}, shown as {shown}"
        );
    }
    let known = |name: &str| truth.contains_key(name) || OURS.iter().any(|ours| name.starts_with(ours));
    let invented: Vec<&str> = shown.keys().copied().filter(|name| !known(name)).collect();
    assert!(invented.is_empty(), "{invented:?} are invented");
    println!("{} variables, {} compared with the simulator's state", shown.len(), truth.len());
}

#[test]
fn upsc_lists_ups_names_and_gives_its_own_messages() {
    let scene = Scene::start();
    until("data", || scene.upsc(&["main", "ups.status"]), |out| out.trim() == "OL");
    assert_eq!(scene.upsc(&["-l"]).trim(), "main");
    assert_eq!(scene.upsc(&["-L"]).trim(), "main: Rack A");
    assert_eq!(scene.upsc_error(&["bogus"]), "Error: Unknown UPS");
    assert_eq!(scene.upsc_error(&["main", "bogus.variable"]), "Error: Variable not supported by UPS");
}

#[test]
fn upslog_writes_lines_and_nut_scanner_finds_the_server() {
    let scene = Scene::start();
    until("data", || scene.upsc(&["main", "ups.temperature"]), |out| out.trim() == "27.4");
    let log = scene.upslog();
    let words: Vec<&str> = log.split_whitespace().collect();
    // Date, time, then battery.charge, input.voltage, ups.load, status, temperature, frequency.
    assert_eq!(words[2..], ["100.0", "231.8", "27.3", "[OL]", "27.4", "50.00"], "{log}");
    // It scans the standard port of an address: ours is another, so that it is given as a range of one with its port.
    let found = scene.nut_scanner();
    assert!(found.contains("nutclient") && found.contains("main@"), "{found}");
}

#[test]
fn the_status_follows_the_mains() {
    let scene = Scene::start();
    let status = || scene.upsc(&["main", "ups.status"]);
    until("OL", status, |out| out.trim() == "OL");
    scene.control("line off");
    until("OB", status, |out| out.trim() == "OB");
    scene.control("line on");
    until("OL", status, |out| out.trim() == "OL");
    let log = scene.log();
    assert_eq!(
        (log.matches("is on battery").count(), log.matches("on line power again").count()),
        (1, 1),
        "{log}"
    );
}

#[test]
fn an_unplugged_port_is_stale_data_and_one_line_and_comes_back_by_itself() {
    let scene = Scene::start();
    let status = || scene.upsc(&["main", "ups.status"]);
    until("OL", status, |out| out.trim() == "OL");
    scene.control("unplug 3");
    until("stale", || scene.upsc_error(&["main", "ups.status"]), |out| out == "Error: Data stale");
    until("OL", status, |out| out.trim() == "OL");
    let log = scene.log();
    assert_eq!(log.matches("can no longer be reached").count(), 1, "{log}");
    assert_eq!(log.matches("answers again").count(), 1, "{log}");
}
