//! `sim:MODEL`: a simulated UPS at the other end of a line that exists only in memory.
//!
//! It speaks at the pace of a real one, so that what works here is not surprised by a real line. Its bytes come out by
//! the link's timer, never from within [`Simulated::send`]: two state machines that answer each other at once would not
//! let the loop go.

use std::time::Duration;

use apcsmart::Time;
use apcsmart::simulator::{Model, SimOutput, Simulator, SimulatorOptions};

/// Real units are strict about pauses between some bytes; a loop that was held up for so long is forgiven.
const TIMING_SLACK: Duration = Duration::from_millis(200);

/// The UPS and its line.
pub(super) struct Simulated {
    simulator: Simulator,
    received: Vec<u8>,
    deadline: Time,
    unplugged_until: Time,
}

impl Simulated {
    /// A UPS on mains with a full battery.
    pub(super) fn new(model: &str) -> Result<Simulated, String> {
        let model = Model::named(model).map_err(|error| error.to_string())?;
        let options =
            SimulatorOptions { pace: true, timing_slack: TIMING_SLACK, ..SimulatorOptions::default() };
        let simulator = Simulator::new(model, options);
        Ok(Simulated { simulator, received: Vec::new(), deadline: Time::ZERO, unplugged_until: Time::ZERO })
    }

    /// Bytes go to the UPS.
    pub(super) fn send(&mut self, now: Time, bytes: &[u8]) {
        self.simulator.handle_input(now, bytes);
        self.drain(now);
    }

    /// What the UPS has sent until `now`.
    pub(super) fn receive(&mut self, now: Time) -> Vec<u8> {
        self.simulator.handle_timeout(now);
        self.drain(now);
        std::mem::take(&mut self.received)
    }

    /// Something happens to the UPS.
    pub(super) fn control(&mut self, now: Time, line: &str) -> Result<String, String> {
        let answer = self.simulator.control(now, line).map_err(|error| error.to_string());
        self.drain(now);
        answer
    }

    /// Whether its cable is plugged in.
    pub(super) fn is_plugged_in(&self, now: Time) -> bool {
        now >= self.unplugged_until
    }

    /// When [`Simulated::receive`] gives something, at the latest.
    pub(super) fn deadline(&self) -> Time {
        if self.received.is_empty() { self.deadline } else { Time::ZERO }
    }

    fn drain(&mut self, now: Time) {
        loop {
            match self.simulator.poll_output() {
                SimOutput::Transmit(bytes) => self.received.extend(bytes),
                SimOutput::HangUp(away) => self.unplugged_until = now + away,
                SimOutput::Timeout(deadline) => {
                    self.deadline = deadline;
                    return;
                }
                // Whatever else a simulator may ask for, there is no line here to do it to.
                _ => {}
            }
        }
    }
}
