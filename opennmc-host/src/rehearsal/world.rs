//! Who plays the UPS: the play itself, or a simulated UPS with the real protocol in between.

use std::time::Duration;

use super::{Action, Cast, Play};
use crate::door::{NotBegun, Order, OrderResult};
use crate::driver::{ApcSmart, Driver, DriverOutput};
use crate::state::{Input, Kind};
use apcsmart::simulator::{Model, SimOutput, Simulator, SimulatorOptions};
use apcsmart::{SessionConfig, Time};

pub(super) enum World {
    HandFed(HandFed),
    Simulated(Box<Simulated>),
}

/// What the play says goes to the engine as it is.
pub(super) struct HandFed {
    status: Option<String>,
    talks: bool,
    open: bool,
    answers_every: Duration,
    next: Time,
}

pub(super) struct Simulated {
    sim: Simulator,
    driver: ApcSmart,
    sim_deadline: Time,
    driver_deadline: Time,
    plugged_in_at: Option<Time>,
    /// The daemon does not run.
    away: bool,
    /// Orders that have ended, by the driver's numbers.
    ended: Vec<(u64, OrderResult)>,
}

impl World {
    pub(super) fn new(play: &Play, now: Time) -> Result<World, String> {
        Ok(match &play.cast {
            Cast::HandFed => {
                let answers_every = Duration::from_secs(play.answers_every_s);
                let next = now + answers_every;
                World::HandFed(HandFed { status: None, talks: true, open: false, answers_every, next })
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
                    ended: Vec::new(),
                }))
            }
        })
    }

    /// Does what the play says; gives what the engine learns from it.
    pub(super) fn act(&mut self, now: Time, action: &Action) -> Result<Vec<Input>, String> {
        match self {
            World::HandFed(hand_fed) => hand_fed.act(action),
            World::Simulated(simulated) => simulated.act(now, action),
        }
    }

    /// Somebody orders something: the driver's number for it, or how it ended at once; and what the engine learns.
    pub(super) fn begin(
        &mut self,
        now: Time,
        order: &Order,
        confirmed: bool,
    ) -> (Result<u64, NotBegun>, Vec<Input>) {
        match (self, order) {
            // What the UPS does then is for the play to say.
            (World::HandFed(_), Order::Run { command, .. }) => {
                let ordered = Input::Order { command: command.clone(), at: now };
                (Err(OrderResult::Accepted.into()), vec![ordered])
            }
            (World::HandFed(_), Order::Set { variable, value }) => {
                (Err(OrderResult::Verified.into()), vec![Input::Heard, reading(variable, value)])
            }
            (World::Simulated(simulated), Order::Run { command, argument }) => {
                let begun = simulated.driver.run(now, command, argument.as_deref(), confirmed);
                let ordered = Input::Order { command: command.clone(), at: now };
                let mut inputs: Vec<Input> = begun.is_ok().then_some(ordered).into_iter().collect();
                inputs.extend(simulated.exchange(now));
                (begun, inputs)
            }
            (World::Simulated(simulated), Order::Set { variable, value }) => {
                let begun = simulated.driver.set(now, variable, value);
                (begun, simulated.exchange(now))
            }
            (_, Order::ForcedShutdown(set)) => {
                (Err(OrderResult::Executed.into()), vec![Input::ForcedShutdown(*set)])
            }
        }
    }

    /// Orders that have ended since this was last asked.
    pub(super) fn take_ended(&mut self) -> Vec<(u64, OrderResult)> {
        match self {
            World::HandFed(_) => Vec::new(),
            World::Simulated(simulated) => std::mem::take(&mut simulated.ended),
        }
    }

    pub(super) fn deadline(&self) -> Time {
        match self {
            World::HandFed(hand_fed) => hand_fed.next,
            World::Simulated(simulated) => {
                let driver = if simulated.away { Time::NEVER } else { simulated.driver_deadline };
                driver.min(simulated.sim_deadline).min(simulated.plugged_in_at.unwrap_or(Time::NEVER))
            }
        }
    }

    /// Time has passed.
    pub(super) fn pass(&mut self, now: Time) -> Vec<Input> {
        match self {
            World::HandFed(hand_fed) => hand_fed.pass(now),
            World::Simulated(simulated) => simulated.pass(now),
        }
    }

    /// The daemon ends.
    pub(super) fn leave(&mut self) {
        match self {
            World::HandFed(hand_fed) => hand_fed.open = false,
            World::Simulated(simulated) => simulated.away = true,
        }
    }

    /// The daemon is back and opens the port.
    pub(super) fn come_back(&mut self, now: Time) -> Vec<Input> {
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
        self.next = now + self.answers_every;
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
                    DriverOutput::Done { ticket, result } => self.ended.push((ticket, result)),
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

/// As the protocol would tell it: what looks like a number is one.
fn reading(name: &str, value: &str) -> Input {
    let kind = if value.parse::<f64>().is_ok() { Kind::Number } else { Kind::Text(0) };
    Input::Reading { name: name.to_owned(), value: value.to_owned(), kind, settable: false }
}
