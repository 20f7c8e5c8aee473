//! Prints the battery's charge: `cargo run --example print_charge -- /dev/ttyS0`

use std::process::ExitCode;
use std::time::Duration;

use apcsmart::serial::{Port, PortError, PortOptions};

fn main() -> ExitCode {
    let address = std::env::args().nth(1).unwrap_or("/dev/ttyS0".to_owned());
    match print_charge(&address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn print_charge(address: &str) -> Result<(), PortError> {
    let mut port = Port::open(address, &PortOptions::default())?;
    port.wait_ready(Duration::from_secs(30))?;
    let charge = port.get("battery.charge");
    println!("{}", charge.map_or("this UPS does not tell".to_owned(), |charge| format!("{charge} %")));
    Ok(())
}
