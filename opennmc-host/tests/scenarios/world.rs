//! Who plays the UPS: the script itself, or a simulated UPS with the real protocol in between.

use std::time::Duration;

use apcsmart::simulator::{Model, SimOutput, Simulator, SimulatorOptions};
use apcsmart::{SessionConfig, Time};
use opennmc_host::driver::{ApcSmart, Driver, DriverOutput};
use opennmc_host::state::{Input, Kind};

use crate::script::{Action, Cast};

/// A hand-fed UPS answers as often.
const ANSWERS_EVERY: Duration = Duration::from_secs(1);

pub(crate) enum World {
    HandFed(HandFed),
    Simulated(Box<Simulated>),
}

/// What the script says goes to the engine as it is.
pub(crate) struct HandFed {
    status: Option<String>,
    talks: bool,
    open: bool,
    next: Time,
}

pub(crate) struct Simulated {
    sim: Simulator,
    driver: ApcSmart,
    sim_deadline: Time,
    driver_deadline: Time,
    plugged_in_at: Option<Time>,
    /// The daemon does not run.
    away: bool,
}

impl World {
    pub(crate) fn new(cast: &Cast, now: Time) -> Result<World, String> {
        Ok(match cast {
            Cast::HandFed => {
                World::HandFed(HandFed { status: None, talks: true, open: false, next: now + ANSWERS_EVERY })
            }
            Cast::Model(model) => {
                let model = Model::named(model).map_err(|error| error.to_string())?;
                let options = SimulatorOptions { pace: true, ..SimulatorOptions::default() };
                World::Simulated(Box::new(Simulated {
                    sim: Simulator::new(model, options),
                    driver: ApcSmart::new(SessionConfig::default()),
                    sim_deadline: Time::ZERO,
                    driver_deadline: Time::NEVER,
                    plugged_in_at: None,
                    away: false,
                }))
            }
        })
    }

    /// Does what the script says; gives what the engine learns from it.
    pub(crate) fn act(&mut self, now: Time, action: &Action) -> Result<Vec<Input>, String> {
        match self {
            World::HandFed(hand_fed) => hand_fed.act(action),
            World::Simulated(simulated) => simulated.act(now, action),
        }
    }

    pub(crate) fn deadline(&self) -> Time {
        match self {
            World::HandFed(hand_fed) => hand_fed.next,
            World::Simulated(simulated) => {
                let driver = if simulated.away { Time::NEVER } else { simulated.driver_deadline };
                driver.min(simulated.sim_deadline).min(simulated.plugged_in_at.unwrap_or(Time::NEVER))
            }
        }
    }

    /// Time has passed.
    pub(crate) fn pass(&mut self, now: Time) -> Vec<Input> {
        match self {
            World::HandFed(hand_fed) => hand_fed.pass(now),
            World::Simulated(simulated) => simulated.pass(now),
        }
    }

    /// The daemon ends.
    pub(crate) fn leave(&mut self) {
        match self {
            World::HandFed(hand_fed) => hand_fed.open = false,
            World::Simulated(simulated) => simulated.away = true,
        }
    }

    /// The daemon is back and opens the port.
    pub(crate) fn come_back(&mut self, now: Time) -> Vec<Input> {
        match self {
            World::HandFed(hand_fed) => {
                hand_fed.open = true;
                let mut inputs = vec![Input::PortOpened];
                inputs.extend(hand_fed.answer());
                inputs
            }
            World::Simulated(simulated) => {
                simulated.away = false;
                simulated.driver = ApcSmart::new(SessionConfig::default());
                simulated.open(now)
            }
        }
    }
}

impl HandFed {
    fn act(&mut self, action: &Action) -> Result<Vec<Input>, String> {
        Ok(match action {
            Action::PortOpen => {
                self.open = true;
                vec![Input::PortOpened]
            }
            Action::PortLost(reason) => {
                self.open = false;
                vec![Input::PortLost(reason.clone())]
            }
            Action::Says(status) => {
                self.status = Some(status.clone());
                self.answer()
            }
            Action::Reads(name, value) if self.open && self.talks => vec![Input::Heard, reading(name, value)],
            Action::Withdraws(name) => vec![Input::Withdrawn(name.clone())],
            Action::Talks(talks) => {
                self.talks = *talks;
                Vec::new()
            }
            other => return Err(format!("a hand-fed UPS can't: {other}")),
        })
    }

    fn pass(&mut self, now: Time) -> Vec<Input> {
        if now < self.next {
            return Vec::new();
        }
        self.next = now + ANSWERS_EVERY;
        self.answer()
    }

    fn answer(&self) -> Vec<Input> {
        match &self.status {
            Some(status) if self.open && self.talks => vec![Input::Heard, reading("ups.status", status)],
            _ => Vec::new(),
        }
    }
}

impl Simulated {
    fn act(&mut self, now: Time, action: &Action) -> Result<Vec<Input>, String> {
        match action {
            Action::PortOpen => return Ok(self.open(now)),
            Action::Sim(line) => {
                self.sim.control(now, line).map_err(|error| error.to_string())?;
            }
            Action::Order(command) => {
                self.driver.run(now, command, None, true).map_err(|error| format!("{command}: {error:?}"))?;
            }
            other => return Err(format!("a simulated UPS can't: {other}")),
        }
        Ok(self.exchange(now))
    }

    fn open(&mut self, now: Time) -> Vec<Input> {
        self.driver.handle_open(now);
        let mut inputs = vec![Input::PortOpened];
        inputs.extend(self.exchange(now));
        inputs
    }

    fn pass(&mut self, now: Time) -> Vec<Input> {
        let mut inputs = Vec::new();
        if self.plugged_in_at.is_some_and(|at| at <= now) {
            self.plugged_in_at = None;
            inputs.extend(self.open(now));
        }
        if self.sim_deadline <= now {
            self.sim.handle_timeout(now);
        }
        if self.driver_deadline <= now && !self.away {
            self.driver.handle_timeout(now);
        }
        inputs.extend(self.exchange(now));
        inputs
    }

    /// Moves bytes until both ends wait.
    fn exchange(&mut self, now: Time) -> Vec<Input> {
        let mut inputs = Vec::new();
        loop {
            let mut moved = false;
            while !self.away {
                match self.driver.poll_output() {
                    DriverOutput::Transmit(bytes) => {
                        self.sim.handle_input(now, &bytes);
                        moved = true;
                    }
                    DriverOutput::Learned(input) => inputs.push(input),
                    DriverOutput::Done { .. } => {}
                    DriverOutput::Timeout(at) => {
                        self.driver_deadline = at;
                        break;
                    }
                }
            }
            loop {
                match self.sim.poll_output() {
                    SimOutput::Transmit(bytes) if !self.away => {
                        self.driver.handle_input(now, &bytes);
                        moved = true;
                    }
                    SimOutput::HangUp(away) if !self.away => {
                        inputs.push(Input::PortLost("the cable is pulled".to_owned()));
                        self.driver.handle_close(now);
                        self.plugged_in_at = Some(now + away);
                        moved = true;
                    }
                    SimOutput::Timeout(at) => {
                        self.sim_deadline = at;
                        break;
                    }
                    _ => {}
                }
            }
            if !moved {
                return inputs;
            }
        }
    }
}

fn reading(name: &str, value: &str) -> Input {
    Input::Reading { name: name.to_owned(), value: value.to_owned(), kind: Kind::Text(0), settable: false }
}
