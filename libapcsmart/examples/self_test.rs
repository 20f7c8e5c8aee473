//! Runs a self test on battery and tells how it ended: `cargo run --example self_test -- /dev/ttyS0`

use std::process::ExitCode;
use std::time::Duration;

use apcsmart::serial::{Port, PortError, PortOptions};
use apcsmart::{Danger, Outcome};

fn main() -> ExitCode {
    let address = std::env::args().nth(1).unwrap_or("/dev/ttyS0".to_owned());
    match test(&address) {
        Ok(outcome) if outcome.is_success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn test(address: &str) -> Result<Outcome, PortError> {
    let mut port = Port::open(address, &PortOptions::default())?;
    port.wait_ready(Duration::from_secs(30))?;
    // The load runs on battery for some seconds: the library wants to hear that this is meant.
    let outcome = port.run("test.battery.start", None, Danger::Confirmed)?;
    println!("self test: {outcome}");
    if let Some(result) = port.get("ups.test.result") {
        println!("the UPS says: {result}");
    }
    Ok(outcome)
}
