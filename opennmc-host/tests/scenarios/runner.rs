//! Plays a scenario and writes down what follows.

use std::path::Path;
use std::time::Duration;

use apcsmart::Time;
use opennmc_host::config::Settings;
use opennmc_host::state::{Availability, DeviceState, Happening, Identity, Input, Memory, Rules};

use crate::script::{Action, Cast, Line, Script, What};
use crate::world::World;

/// The beginning, by the clock that does not jump.
const BEGIN: Time = Time::from_millis(10_000_000);
/// The same by the wall clock: 2026-11-22T00:00:00Z.
const BEGIN_WALL_MS: i64 = 1_795_305_600_000;
/// Fields that are in every event about the power; the status has lines of its own.
const POWER_FIELDS: [&str; 4] = ["ups.status", "battery.charge", "battery.runtime", "port"];

/// Every line of the script that happens, with all that follows from it.
pub(crate) fn run(script: &Script) -> Result<Vec<Line>, String> {
    let mut runner = Runner::new(script)?;
    for (at_ms, action) in script.actions() {
        runner.run_until(BEGIN + Duration::from_millis(at_ms));
        runner.write(What::Happens(action.clone()));
        runner.act(action)?;
        runner.note();
    }
    Ok(runner.lines)
}

struct Runner {
    now: Time,
    /// What the wall clock is off by.
    jumped_ms: i64,
    world: World,
    state: DeviceState,
    rules: Vec<String>,
    overrides: Vec<String>,
    status: String,
    hand_fed: bool,
    lines: Vec<Line>,
}

impl Runner {
    fn new(script: &Script) -> Result<Runner, String> {
        let rules = read_rules(&script.rules, &script.overrides)?;
        Ok(Runner {
            now: BEGIN,
            jumped_ms: 0,
            world: World::new(&script.cast, BEGIN)?,
            state: DeviceState::new(identity(), rules, BEGIN),
            rules: script.rules.clone(),
            overrides: script.overrides.clone(),
            status: "waiting".to_owned(),
            hand_fed: script.cast == Cast::HandFed,
            lines: Vec::new(),
        })
    }

    fn run_until(&mut self, end: Time) {
        loop {
            let due = self.world.deadline().min(self.state.deadline());
            if due > end {
                break;
            }
            self.now = self.now.max(due);
            // Timers first: what is due was due before what comes in.
            self.state.handle_timeout(self.now);
            let learned = self.world.pass(self.now);
            self.learn(learned);
            self.note();
        }
        self.now = end;
    }

    fn act(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Order(command) => {
                self.learn(vec![Input::Order { command: command.clone(), at: self.now }]);
                if !self.hand_fed {
                    let learned = self.world.act(self.now, action)?;
                    self.learn(learned);
                }
            }
            Action::ForcedShutdown(set) => self.learn(vec![Input::ForcedShutdown(*set)]),
            Action::Clock(seconds) => self.jumped_ms += seconds * 1000,
            Action::Reload(rule) => {
                let (key, _) = rule.split_once(" =").ok_or("write `reload KEY = VALUE`")?;
                self.rules.retain(|line| !line.starts_with(&format!("{key} =")));
                self.rules.push(rule.clone());
                self.state.set_rules(self.now, read_rules(&self.rules, &self.overrides)?);
            }
            Action::Restart(away) => self.restart(*away)?,
            Action::Show(names) => {
                self.state.handle_timeout(self.now);
                let device = self.state.device(0, None);
                for name in names.split(' ') {
                    let value = device.variables.get(name).map_or("-", |variable| &variable.value);
                    self.write(What::Follows(format!(": {name} = {value}")));
                }
            }
            Action::End => {}
            other => {
                let learned = self.world.act(self.now, other)?;
                self.learn(learned);
            }
        }
        Ok(())
    }

    fn restart(&mut self, away: u64) -> Result<(), String> {
        let written = self.state.memory().to_json();
        self.world.leave();
        let back = self.now + Duration::from_secs(away);
        while self.world.deadline() <= back {
            let due = self.world.deadline();
            self.world.pass(due);
        }
        self.now = back;
        let rules = read_rules(&self.rules, &self.overrides)?;
        self.state = DeviceState::new(identity(), rules, self.now);
        self.state.restore(Memory::from_json(&written));
        let learned = self.world.come_back(self.now);
        self.learn(learned);
        Ok(())
    }

    fn learn(&mut self, inputs: Vec<Input>) {
        for input in inputs {
            self.state.handle_input(self.now, input);
            self.note();
        }
    }

    /// Writes down the events, and the status if it is another.
    fn note(&mut self) {
        let since_begin = i64::try_from(self.now.since(BEGIN).as_millis()).unwrap();
        let wall = u64::try_from(BEGIN_WALL_MS + since_begin + self.jumped_ms).unwrap();
        self.state.set_calendar(self.now, wall);
        let mut happenings = Vec::new();
        while let Some(happening) = self.state.poll_happening() {
            happenings.push(shown(&happening));
        }
        // Clients see the new state before they hear what happened.
        if self.state.take_changed() {
            let device = self.state.device(0, None);
            let tokens = device.variables.get("ups.status").map_or("", |status| &status.value);
            let status = match device.availability {
                Availability::Waiting => "waiting".to_owned(),
                Availability::Live => tokens.to_owned(),
                Availability::Stale => format!("stale, last {tokens}"),
                Availability::Disconnected => "unreachable".to_owned(),
            };
            if status != self.status {
                self.write(What::Follows(format!("= {status}")));
                self.status = status;
            }
        }
        for happening in happenings {
            self.write(What::Follows(happening));
        }
    }

    fn write(&mut self, what: What) {
        let at_ms = u64::try_from(self.now.since(BEGIN).as_millis()).unwrap();
        self.lines.push(Line { at_ms, what });
    }
}

fn shown(happening: &Happening) -> String {
    let kind = happening.kind;
    let mut text = format!("! {}", kind.name);
    if happening.severity != kind.severity {
        text += &format!(" {:?}", happening.severity).to_lowercase();
    }
    for (name, value) in &happening.fields {
        if !POWER_FIELDS.contains(&name.as_str()) {
            text += &format!(" {name}={value}");
        }
    }
    text
}

fn identity() -> Identity {
    Identity { name: "main".into(), description: None, port: "/dev/ttyS0".into(), driver: "apcsmart" }
}

/// By the same way as the daemon reads them.
fn read_rules(rules: &[String], overrides: &[String]) -> Result<Rules, String> {
    let (rules, overrides) = (rules.join("\n"), overrides.join("\n"));
    let text = format!(
        "[ups.main]\nport = \"/dev/ttyS0\"\n[ups.main.rules]\n{rules}\n[ups.main.override]\n{overrides}\n"
    );
    let settings = Settings::parse(Path::new("scenario"), &text).map_err(|error| error.to_string())?;
    Ok(settings.upses[0].rules.clone())
}
