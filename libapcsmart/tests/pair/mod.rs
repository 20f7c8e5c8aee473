//! A session and a simulated UPS on a simulated line and clock.
//!
//! Not every test uses all of it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod witness;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use apcsmart::simulator::{Model, SimOutput, Simulator, SimulatorOptions};
use apcsmart::{Event, Output, Session, SessionConfig, Time};

/// How many pieces of traffic are kept: some seconds of a busy line.
const TRAFFIC: usize = 1000;

/// Both ends.
pub struct Pair {
    pub session: Session,
    pub sim: Simulator,
    pub now: Time,
    /// Every event, with its moment.
    pub events: Vec<(Time, Event)>,
    /// Every byte that the session sent, with its moment.
    pub sent: Vec<(Time, u8)>,
    /// Bytes that the session did not get yet, when the line is held.
    pub received: usize,
    /// When the last answer ended.
    pub answered: Time,
    /// The last pieces of traffic, for complaints.
    traffic: VecDeque<(Time, Way, Vec<u8>)>,
    reopen_at: Option<Time>,
    sim_deadline: Time,
    session_deadline: Time,
}

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToUps,
    FromUps,
    HungUp,
}

impl Pair {
    /// A real line: 2400 baud, real delays.
    pub fn paced(model: &str) -> Pair {
        Pair::with(model, SimulatorOptions { pace: true, ..SimulatorOptions::default() })
    }

    pub fn with(model: &str, options: SimulatorOptions) -> Pair {
        let mut pair = Pair {
            session: Session::new(SessionConfig::default()),
            sim: Simulator::new(Model::named(model).unwrap(), options),
            now: Time::from_millis(1000),
            events: Vec::new(),
            sent: Vec::new(),
            received: 0,
            answered: Time::ZERO,
            traffic: VecDeque::new(),
            reopen_at: None,
            sim_deadline: Time::ZERO,
            session_deadline: Time::ZERO,
        };
        pair.session.handle_open(pair.now);
        pair.drain();
        pair
    }

    /// Lets `duration` pass.
    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.run_until(end, |_| false);
    }

    /// Runs until `done` says so or `end` comes; returns whether `done` said so.
    pub fn run_until(&mut self, end: Time, done: impl Fn(&Pair) -> bool) -> bool {
        loop {
            if done(self) {
                return true;
            }
            let next =
                self.sim_deadline.min(self.session_deadline).min(self.reopen_at.unwrap_or(Time::NEVER));
            if next > end {
                self.now = end;
                return false;
            }
            self.now = self.now.max(next);
            if self.reopen_at.is_some_and(|at| at <= self.now) {
                self.reopen_at = None;
                self.session.handle_open(self.now);
            }
            if self.sim_deadline <= self.now {
                self.sim.handle_timeout(self.now);
            }
            if self.session_deadline <= self.now {
                self.session.handle_timeout(self.now);
            }
            self.drain();
        }
    }

    /// Runs until an event fits; panics after `limit`.
    pub fn wait_for(&mut self, limit: Duration, fits: impl Fn(&Event) -> bool) -> Time {
        let (seen, end) = (self.events.len(), self.now + limit);
        let found = self.run_until(end, |pair| pair.events[seen..].iter().any(|(_, event)| fits(event)));
        assert!(
            found,
            "the event did not come; the last ones: {:?}",
            &self.events[self.events.len().saturating_sub(10)..]
        );
        self.events[seen..].iter().find(|(_, event)| fits(event)).map(|(at, _)| *at).unwrap()
    }

    /// Runs until an answer ended and no question follows it: the line is at rest.
    pub fn rest(&mut self) {
        let end = self.now + Duration::from_secs(20);
        let at_rest = self.run_until(end, |pair| {
            pair.answered == pair.now && pair.sent.last().is_some_and(|(at, _)| *at < pair.now)
        });
        assert!(at_rest, "the line is never at rest");
        self.run(Duration::from_millis(20));
    }

    pub fn control(&mut self, line: &str) -> String {
        let answer = self.sim.control(self.now, line).unwrap();
        self.drain();
        answer
    }

    pub fn ups_status(&self) -> String {
        self.session.reading("ups.status").map(ToString::to_string).unwrap_or_default()
    }

    /// What the session shows, as text.
    pub fn shown(&self) -> BTreeMap<&'static str, String> {
        self.session.readings().map(|(name, value)| (name, value.to_string())).collect()
    }

    /// The last traffic, a line for each burst of one direction, for complaints.
    pub fn traffic(&self) -> String {
        let mut text = String::new();
        let mut last = None;
        for (at, way, bytes) in &self.traffic {
            if last != Some(*way) {
                let arrow = match way {
                    Way::ToUps => ">",
                    Way::FromUps => "<",
                    Way::HungUp => "hung up",
                };
                text.push_str(&format!("\n  {:>9} {arrow} ", at.as_millis()));
            }
            text.push_str(&bytes.escape_ascii().to_string());
            last = Some(*way);
        }
        text
    }

    fn note(&mut self, way: Way, bytes: &[u8]) {
        if self.traffic.len() == TRAFFIC {
            self.traffic.pop_front();
        }
        self.traffic.push_back((self.now, way, bytes.to_vec()));
    }

    pub fn drain(&mut self) {
        loop {
            let mut moved = false;
            loop {
                match self.session.poll_output() {
                    Output::Transmit(bytes) => {
                        self.sent.extend(bytes.iter().map(|byte| (self.now, *byte)));
                        self.note(Way::ToUps, &bytes);
                        self.sim.handle_input(self.now, &bytes);
                        moved = true;
                    }
                    Output::Event(event) => self.events.push((self.now, event)),
                    Output::Timeout(at) => {
                        self.session_deadline = at;
                        break;
                    }
                }
            }
            loop {
                match self.sim.poll_output() {
                    SimOutput::Transmit(bytes) => {
                        self.received += bytes.len();
                        self.note(Way::FromUps, &bytes);
                        if bytes.ends_with(b"\n") {
                            self.answered = self.now;
                        }
                        self.session.handle_input(self.now, &bytes);
                        moved = true;
                    }
                    SimOutput::HangUp(duration) => {
                        self.note(Way::HungUp, &[]);
                        self.session.handle_close(self.now);
                        self.reopen_at = Some(self.now + duration);
                        moved = true;
                    }
                    SimOutput::Timeout(at) => {
                        self.sim_deadline = at;
                        break;
                    }
                    other => panic!("the harness does not know {other:?}"),
                }
            }
            if !moved {
                return;
            }
        }
    }
}

/// Whether two texts mean the same value: `020` and `20` do.
pub fn same_value(one: &str, other: &str) -> bool {
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => (one - other).abs() < 1e-9,
        _ => one == other,
    }
}
