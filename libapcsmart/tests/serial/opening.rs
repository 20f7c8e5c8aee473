//! Ports that can't be opened, and what is said about them.

use std::os::fd::AsFd as _;

use apcsmart::serial::{Cable, Port, PortError, PortOptions};

use super::connected;
use super::line::Line;
use super::simulated::Simulated;

fn watch_has_begun(ups: &Simulated) -> Option<()> {
    let said = std::fs::read_to_string(ups.folder().join("watch.log")).unwrap();
    said.contains("link: Connecting").then_some(())
}

fn refused(address: &str) -> PortError {
    Port::open(address, &PortOptions::default()).map(drop).unwrap_err()
}

#[test]
fn an_absent_port_is_named() {
    let error = refused("/dev/ttyUPS99");
    assert!(matches!(error, PortError::Absent { .. }), "{error:?}");
    assert!(error.to_string().starts_with("there is no port /dev/ttyUPS99"), "{error}");
}

#[test]
fn a_serial_server_that_is_not_there_is_named() {
    // Bound and closed again, so that nothing listens there.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = refused(&format!("tcp://{address}"));
    assert!(matches!(error, PortError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn a_port_in_use_is_busy_until_it_is_closed() {
    let (ups, port) = connected(&PortOptions::default());
    let link = ups.link();
    let error = refused(link.to_str().unwrap());
    assert!(matches!(error, PortError::Busy { .. }), "{error:?}");
    assert!(error.to_string().contains("is in use"), "{error}");
    port.close();
    let again = Port::open(link.to_str().unwrap(), &PortOptions::default());
    assert!(again.is_ok(), "{again:?}");
}

#[test]
fn a_busy_port_names_the_program_that_uses_it() {
    let ups = Simulated::start("smart-ups-1500", [""; 0]);
    let mut command = std::process::Command::new(super::examples::example("watch"));
    command.arg(ups.link());
    let mut watch = super::process::Process::start(command, ups.folder(), "watch");
    watch.wait_for("the open port", || watch_has_begun(&ups));
    let said = refused(ups.link().to_str().unwrap()).to_string();
    // The simulator has its own terminal open too, and may be the one that is named.
    assert!(said.contains(" by watch (process ") || said.contains(" by apcsmart-sim (process "), "{said}");
}

#[test]
fn an_open_port_is_raw_slow_and_without_flow_control() {
    // A terminal as a login would have it: echo, lines, signals, 38400 baud.
    let line = Line::with(|_: &[u8], _| Vec::new());
    assert_eq!(line.settings(), (38400, true));
    let file = apcsmart::serial::open(line.address(), Cable::C940_0095).unwrap();
    let settings = rustix::termios::tcgetattr(file.as_fd()).unwrap();
    use rustix::termios::{ControlModes, InputModes, LocalModes, OutputModes};
    assert_eq!((settings.input_speed(), settings.output_speed()), (2400, 2400));
    assert!(settings.control_modes.contains(ControlModes::CS8 | ControlModes::CLOCAL | ControlModes::CREAD));
    let cooked = ControlModes::PARENB | ControlModes::CSTOPB | ControlModes::CRTSCTS;
    assert!(!settings.control_modes.intersects(cooked));
    assert!(!settings.input_modes.intersects(InputModes::ICRNL | InputModes::IXON | InputModes::IXOFF));
    assert!(!settings.local_modes.intersects(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
    assert!(!settings.output_modes.contains(OutputModes::OPOST));
    apcsmart::serial::release(&file);
}
