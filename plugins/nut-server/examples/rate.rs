//! Measures how many `GET VAR` lines and `LIST VAR` answers per second the server's logic gives, without sockets and
//! without the sandbox: an upper bound for what the plugin can do on this machine.

#[path = "../tests/rack/mod.rs"]
mod rack;

use std::hint::black_box;
use std::time::{Duration, Instant};

use nut_server::NutServer;
use opennmc_plugin::{Inbound, Plugin, SimulatedHost, SimulatedUps, TcpService};
use rack::{config, number, status};

/// Long enough to even out the clock and the allocator.
const MEASURED: Duration = Duration::from_secs(1);

/// As many variables as a well-equipped Smart-UPS has.
const VARIABLES: usize = 60;

fn main() -> Result<(), String> {
    let host = SimulatedHost::new();
    let mut ups = SimulatedUps::new("main", "Rack A");
    ups.variables = (1..VARIABLES).map(|n| number(&format!("outlet.{n}.current"), "1.25")).collect();
    ups.variables.push(status("OL CHRG"));
    host.publish(ups);
    for connections in [1, 16, 128, 1000] {
        measure(&host, connections, "GET VAR main ups.status")?;
    }
    measure(&host, 128, "get var MAIN Ups.Status")?;
    measure(&host, 1, "LIST VAR main")
}

fn measure(host: &SimulatedHost, connections: u64, line: &str) -> Result<(), String> {
    let mut server = NutServer::start(host, config())?;
    for connection in 0..connections {
        server.on_accept(host, "nut", connection, "192.0.2.1:40000")?;
    }
    let request = format!("{line}\n").into_bytes();
    let started = Instant::now();
    let mut answered: u64 = 0;
    while started.elapsed() < MEASURED {
        // The vectors are made anew each time because the component's calls do that too.
        let batch =
            (0..connections).map(|connection| Inbound { connection, bytes: request.clone() }).collect();
        answered += black_box(server.on_data(host, batch)).len() as u64;
    }
    let rate = answered as f64 / started.elapsed().as_secs_f64();
    println!("{connections:5} connections, {line}: {rate:.0} answers/s");
    Ok(())
}
