//! The blocking port against real terminals, sockets and the real simulator.
#![cfg(all(feature = "serial", feature = "simulator-serve"))]
#![allow(clippy::unwrap_used)] // helpers of tests are tests

#[allow(dead_code)] // each test program uses its part
#[path = "../peers/process.rs"]
mod process;
#[allow(dead_code)]
#[path = "../peers/simulated.rs"]
mod simulated;

mod diagnosis;
mod examples;
mod line;
mod opening;
mod orders;
mod reading;
mod unplugged;

use std::time::Duration;

use apcsmart::serial::{Port, PortOptions};
use simulated::Simulated;

/// Long enough on a busy machine; nothing that works takes so long.
const LONG: Duration = Duration::from_secs(90);

/// A UPS and an open port to it.
fn connected(options: &PortOptions) -> (Simulated, Port) {
    let ups = Simulated::start("smart-ups-1500", [""; 0]);
    let mut port = Port::open(ups.link().to_str().unwrap(), options).unwrap();
    port.wait_ready(LONG).unwrap();
    (ups, port)
}

/// Serves the line until `done` says so.
fn serve_until(port: &mut Port, what: &str, mut done: impl FnMut(&Port) -> bool) {
    let begin = std::time::Instant::now();
    while !done(port) {
        assert!(begin.elapsed() < LONG, "never: {what}");
        port.serve(Duration::from_millis(20)).unwrap();
    }
}
