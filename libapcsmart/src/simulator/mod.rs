//! Simulated UPSes: the independent witness of this library.
//!
//! A [`Simulator`] is the other end of the serial line, sans-I/O as the session is: bytes and the time go in, bytes and
//! one deadline come out. Steer it with [`Simulator::control`], and ask [`Simulator::truth`] what a perfect reader would
//! have found out.
//!
//! Invariant: nothing here uses the session's tables or parsers, and nothing there may use these. If both read the
//! protocol in the same wrong way, no test could see it.
//!
//! ```
//! use apcsmart::Time;
//! use apcsmart::simulator::{Model, SimOutput, Simulator, SimulatorOptions};
//!
//! let mut sim = Simulator::new(Model::named("smart-ups-1500")?, SimulatorOptions::default());
//! sim.handle_input(Time::from_millis(10), b"Y");
//! assert_eq!(sim.poll_output(), SimOutput::Transmit(b"SM\r\n".to_vec()));
//! sim.control(Time::from_millis(20), "line off")?;
//! assert_eq!(sim.poll_output(), SimOutput::Transmit(b"!".to_vec()));
//! assert_eq!(sim.truth()["ups.status"], "OB");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod command;
mod control;
mod counters;
mod eeprom;
mod fault;
mod line;
mod measure;
mod model;
mod pace;
mod random;
#[cfg(feature = "simulator-serve")]
pub mod serve;
mod state;
mod truth;

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

pub use control::ControlError;
pub use counters::Counters;
pub use fault::{FAULT_KEYS, FaultSpec, FaultSpecError};
pub use model::{Model, UnknownModel};

use crate::Time;
use command::Firmware;
use eeprom::Eeprom;
use fault::{Fate, Faults};
use line::Line;
use pace::Pace;

/// How a simulated UPS and its line behave.
#[derive(Debug, Clone, Default)]
pub struct SimulatorOptions {
    /// Seeds the injected faults: the same seed and the same traffic give the same faults.
    pub seed: u64,
    /// Bytes take as long as at 2400 bit/s and the UPS thinks before it replies. Without it, replies come at once.
    pub pace: bool,
    /// With `pace`: the UPS answers without thinking, so that only the line itself takes time.
    pub prompt: bool,
    /// Injected faults.
    pub faults: FaultSpec,
    /// A Measure-UPS (probe and contacts) is attached.
    pub measure_ups: bool,
    /// How much the rules about pauses between bytes are relaxed. Zero is a real UPS; a host behind a pseudo-terminal
    /// on a busy machine needs some.
    pub timing_slack: Duration,
}

/// What [`Simulator::poll_output`] asks its caller to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SimOutput {
    /// These bytes reach the host now.
    Transmit(Vec<u8>),
    /// The port goes away for so long: close it, and offer it again afterwards.
    HangUp(Duration),
    /// Nothing more to do now. Call [`Simulator::handle_timeout`] at this time at the latest; [`Time::NEVER`] when
    /// only input can change anything.
    Timeout(Time),
}

/// A UPS at the other end of the line.
///
/// After any call that takes the time, drain [`Simulator::poll_output`] until it gives [`SimOutput::Timeout`].
pub struct Simulator {
    model: Model,
    firmware: Firmware,
    line: Line,
    faults: Faults,
    counters: Counters,
    outputs: VecDeque<SimOutput>,
    muted: bool,
    unplugged_until: Time,
}

impl Simulator {
    /// A UPS that runs on mains with a full battery and waits for `Y`.
    pub fn new(model: Model, options: SimulatorOptions) -> Simulator {
        let spec = model.spec();
        let pace = match options.pace {
            true if options.prompt => Pace::Prompt,
            true => Pace::Real,
            false => Pace::Instant,
        };
        Simulator {
            model,
            firmware: Firmware::new(spec, Eeprom::new(spec), options.measure_ups, options.timing_slack),
            line: Line::new(pace),
            faults: Faults::new(options.faults, options.seed),
            counters: Counters::default(),
            outputs: VecDeque::new(),
            muted: false,
            unplugged_until: Time::ZERO,
        }
    }

    /// Bytes from the host.
    pub fn handle_input(&mut self, now: Time, bytes: &[u8]) {
        self.handle_timeout(now);
        if now < self.unplugged_until {
            return;
        }
        for &byte in bytes {
            self.counters.bytes_received += 1;
            if !self.faults.swallows_command_byte(&mut self.counters) {
                self.line.receive(now, byte);
            }
        }
        self.handle_timeout(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        // In the order in which things happen, so that a caller who was away sees the same as one who was not.
        loop {
            let firmware = self.firmware.next_deadline();
            let byte = self.line.next_command_byte();
            let next = firmware.min(byte);
            if next > now {
                break;
            }
            self.firmware.advance(next);
            self.send_alerts(next);
            if byte <= next {
                self.execute(next);
            }
        }
        self.firmware.advance(now);
        self.send_alerts(now);
        while let Some(bytes) = self.line.take_due(now) {
            if !self.muted && now >= self.unplugged_until && !bytes.is_empty() {
                self.counters.bytes_sent += bytes.len() as u64;
                self.outputs.push_back(SimOutput::Transmit(bytes));
            }
        }
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> SimOutput {
        self.outputs.pop_front().unwrap_or_else(|| {
            let line = self.line.next_command_byte().min(self.line.next_due());
            SimOutput::Timeout(line.min(self.firmware.next_deadline()))
        })
    }

    /// What a perfect reader would publish now, by NUT's names: numbers without padding, durations in seconds, codes
    /// as the UPS spells them, `ups.status` as the tokens of the status byte.
    pub fn truth(&self) -> BTreeMap<&'static str, String> {
        truth::truth(&self.firmware)
    }

    /// What was counted since the start.
    pub fn counters(&self) -> Counters {
        let ups = &self.firmware.ups;
        Counters { load_drops: ups.load_drops, shutdowns: ups.shutdowns, ..self.counters }
    }

    /// The model.
    pub fn model(&self) -> Model {
        self.model
    }

    /// The UPS is in smart mode: it was sent a `Y` and neither `R` nor a dead battery ended it.
    pub fn is_smart(&self) -> bool {
        self.firmware.is_smart()
    }

    /// The EEPROM's content as text, for [`Simulator::load_eeprom`].
    pub fn eeprom_image(&self) -> String {
        self.firmware.eeprom.image()
    }

    /// How often a cell of the EEPROM was written since the factory.
    pub fn eeprom_writes(&self) -> u64 {
        self.firmware.eeprom.writes()
    }

    /// Takes over an EEPROM image. Call it before anything else.
    ///
    /// # Errors
    /// With a message for people when the image is not one of this model.
    pub fn load_eeprom(&mut self, image: &str) -> Result<(), String> {
        self.firmware.load_eeprom(image)
    }

    /// The port goes away now and comes back after `away`; what was on the line is lost.
    pub fn hang_up(&mut self, now: Time, away: Duration) {
        self.counters.hang_ups += 1;
        self.unplugged_until = now + away;
        self.line.clear();
        self.outputs.push_back(SimOutput::HangUp(away));
    }

    /// Bytes reach the host now that the UPS never sent.
    fn inject(&mut self, now: Time, bytes: &[u8]) {
        self.counters.unsolicited += 1;
        self.line.send(now, 0, bytes);
    }

    fn execute(&mut self, now: Time) {
        let Some(byte) = self.line.take_command_byte(now) else { return };
        let reply = self.firmware.receive(now, byte, &mut self.counters);
        // The alert that a command causes comes after its reply.
        if let Some(reply) = reply {
            self.counters.replies += 1;
            match self.faults.reply(&reply, &mut self.counters) {
                Fate::HangUp(away) => self.hang_up(now, away),
                Fate::Arrives { before, late_by, pieces } => {
                    let late_us = late_by.as_micros() as u64;
                    self.line.send(now, 0, &before);
                    self.line.reply(now, byte, late_us, &pieces);
                }
            }
        }
        self.send_alerts(now);
    }

    fn send_alerts(&mut self, now: Time) {
        for alert in self.firmware.take_alerts() {
            self.counters.alerts += 1;
            let damaged = self.faults.damage(&[alert], &mut self.counters);
            self.line.send(now, 0, &damaged);
        }
    }
}
