//! Prints what happens to the UPS until it is stopped: `cargo run --example watch -- /dev/ttyS0`
//!
//! A pulled plug ends nothing: the port is opened again when it is back.

use std::process::ExitCode;
use std::time::Duration;

use apcsmart::Event;
use apcsmart::serial::{Port, PortError, PortOptions};

fn main() -> ExitCode {
    let address = std::env::args().nth(1).unwrap_or("/dev/ttyS0".to_owned());
    match watch(&address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn watch(address: &str) -> Result<(), PortError> {
    let mut port = Port::open(address, &PortOptions::default().reconnect(true))?;
    loop {
        let Some(event) = port.next_event(Duration::from_secs(60))? else { continue };
        match event {
            Event::Link(state) => println!("link: {state:?}"),
            Event::Status(status) => println!("status: {}", status.tokens()),
            Event::Reading { name, value } => println!("{name}: {value}"),
            Event::Withdrawn { name } => println!("{name} is no longer known"),
            Event::Diagnosis(diagnosis) => println!("no UPS: {diagnosis}"),
            Event::ScanComplete => println!("everything was read once"),
            // Alerts end in a status; orders are somebody else's.
            _ => {}
        }
    }
}
