//! The host's end of the line to a simulated UPS.

use std::time::Duration;

use apcsmart::Time;
use apcsmart::simulator::{Model, SimOutput, Simulator, SimulatorOptions};

pub(crate) struct Wire {
    pub(crate) sim: Simulator,
    pub(crate) now: Time,
    pub(crate) hang_ups: Vec<Duration>,
    deadline: Time,
}

impl Wire {
    /// A UPS in smart mode whose replies come at once.
    pub(crate) fn to(model: &str) -> Wire {
        Wire::with(model, SimulatorOptions::default())
    }

    pub(crate) fn with(model: &str, options: SimulatorOptions) -> Wire {
        let mut wire = Wire::asleep(model, options);
        wire.sim.handle_input(wire.now, b"Y");
        assert_eq!(wire.wait(1.0), "SM\r\n");
        wire
    }

    /// Nobody has sent `Y` yet.
    pub(crate) fn asleep(model: &str, options: SimulatorOptions) -> Wire {
        let sim = Simulator::new(Model::named(model).unwrap(), options);
        Wire { sim, now: Time::from_millis(1000), hang_ups: Vec::new(), deadline: Time::ZERO }
    }

    /// Sends bytes; gives what came within 300 ms. Bytes above 7F read as their Latin-1 characters.
    pub(crate) fn ask(&mut self, bytes: &[u8]) -> String {
        self.sim.handle_input(self.now, bytes);
        self.wait(0.3)
    }

    /// Sends bytes 50 ms apart; gives all that came.
    pub(crate) fn type_slowly(&mut self, bytes: &[u8]) -> String {
        let mut heard = String::new();
        for byte in bytes {
            self.sim.handle_input(self.now, &[*byte]);
            heard += &self.wait(0.05);
        }
        heard + &self.wait(0.3)
    }

    /// Lets time pass from deadline to deadline; gives what came.
    pub(crate) fn wait(&mut self, seconds: f64) -> String {
        self.wait_timed(seconds).into_iter().map(|(_, byte)| char::from(byte)).collect()
    }

    /// The same, with the moment of each byte.
    pub(crate) fn wait_timed(&mut self, seconds: f64) -> Vec<(Time, u8)> {
        let end = self.now + Duration::from_secs_f64(seconds);
        let mut heard = Vec::new();
        self.drain(&mut heard);
        while self.deadline <= end {
            self.now = self.now.max(self.deadline);
            self.sim.handle_timeout(self.now);
            self.drain(&mut heard);
        }
        self.now = end;
        self.sim.handle_timeout(end);
        self.drain(&mut heard);
        heard
    }

    /// One line of the control language; gives what came on the wire because of it.
    pub(crate) fn control(&mut self, line: &str) -> String {
        assert_eq!(self.sim.control(self.now, line).unwrap(), "ok", "{line}");
        self.wait(0.0)
    }

    pub(crate) fn truth(&self, name: &str) -> String {
        self.sim.truth().get(name).cloned().unwrap_or_else(|| panic!("no truth about {name}"))
    }

    fn drain(&mut self, heard: &mut Vec<(Time, u8)>) {
        loop {
            match self.sim.poll_output() {
                SimOutput::Transmit(bytes) => heard.extend(bytes.iter().map(|byte| (self.now, *byte))),
                SimOutput::HangUp(away) => self.hang_ups.push(away),
                SimOutput::Timeout(deadline) => {
                    assert!(deadline > self.now, "a deadline in the past would spin the caller's loop");
                    self.deadline = deadline;
                    return;
                }
                other => panic!("unknown output {other:?}"),
            }
        }
    }
}
