//! Performs a play and writes down what follows.

use std::path::Path;
use std::time::Duration;

use apcsmart::Time;

use super::world::World;
use super::{Action, Cast, Line, Play, Web, What};
use crate::config::Settings;
use crate::door::{Door, OrderRequest};
use crate::host::Progressing;
use crate::link::LinkId;
use crate::state::{
    Availability, Device, DeviceState, Event, Happening, Identity, Input, Memory, Rules, Severity,
};

/// The beginning, by the clock that does not jump.
const BEGIN: Time = Time::from_millis(10_000_000);
/// The only UPS.
const UPS: &str = "main";
const LINK: LinkId = LinkId::from_number(1);
/// Fields that are in every event about the power; the status has lines of its own.
const POWER_FIELDS: [&str; 4] = ["ups.status", "battery.charge", "battery.runtime", "port"];
/// Turns at one moment. More are an actor and a UPS that answer each other without end.
const TURNS: usize = 1_000;

/// Whoever hears what happens, and does something.
pub trait Actor {
    /// The daemon has started, again perhaps: `passed` since the beginning of the play, at this time by the wall clock.
    ///
    /// # Errors
    /// It does not start, in words.
    fn start(&mut self, passed: Duration, wall_ms: u64) -> Result<(), String>;
    /// The daemon ends.
    fn stop(&mut self);
    /// What the UPS shows from now on.
    fn see(&mut self, device: Device);
    /// Something has happened.
    fn hear(&mut self, event: &Event);
    /// Web requests are answered so from now on.
    fn answer(&mut self, web: &Web);
    /// It is so late; what is due is done.
    fn turn(&mut self, passed: Duration, wall_ms: u64);
    /// When [`Actor::turn`] has something to do, since the beginning of the play.
    fn deadline(&mut self) -> Option<Duration>;
    /// Orders that it has given since this was last asked.
    fn take_orders(&mut self) -> Vec<(OrderRequest, Progressing)>;
    /// What it has done since this was last asked, each in a line.
    fn take_acts(&mut self) -> Vec<String>;
}

/// Every line of the play that happens, with all that follows from it. `told` hears the lines of each step at once, and breaks the
/// play off with `false`.
///
/// # Errors
/// The play asks for what there is not, the actor does not start, or the play was broken off.
pub fn perform(
    play: &Play,
    actor: Option<&mut dyn Actor>,
    mut told: impl FnMut(&[Line]) -> bool,
) -> Result<Vec<Line>, String> {
    let mut stage = Stage::new(play, actor)?;
    stage.begin()?;
    let mut shown = 0;
    let mut show = |stage: &Stage<'_>| {
        let goes_on = told(&stage.lines[shown..]);
        shown = stage.lines.len();
        if goes_on { Ok(()) } else { Err("broken off".to_owned()) }
    };
    for (at_ms, action) in play.actions() {
        stage.run_until(BEGIN + Duration::from_millis(at_ms), &mut show)?;
        stage.write(What::Happens(action.clone()));
        stage.act(action)?;
        stage.settle()?;
        show(&stage)?;
    }
    if let Some(actor) = &mut stage.actor {
        actor.stop();
        stage.settle()?;
        show(&stage)?;
    }
    Ok(stage.lines)
}

struct Stage<'a> {
    now: Time,
    /// The wall clock at the beginning.
    began_wall_ms: i64,
    /// What the wall clock is off by.
    jumped_ms: i64,
    world: World,
    state: DeviceState,
    door: Door,
    settings: Vec<String>,
    rules: Vec<String>,
    overrides: Vec<String>,
    status: String,
    hand_fed: bool,
    generation: u64,
    events: u64,
    actor: Option<&'a mut dyn Actor>,
    lines: Vec<Line>,
}

impl<'a> Stage<'a> {
    fn new(play: &Play, actor: Option<&'a mut dyn Actor>) -> Result<Stage<'a>, String> {
        let rules = read_rules(&play.settings, &play.rules, &play.overrides)?;
        Ok(Stage {
            now: BEGIN,
            began_wall_ms: play.begins.timestamp().as_millisecond(),
            jumped_ms: 0,
            world: World::new(play, BEGIN)?,
            state: DeviceState::new(identity(), rules, BEGIN),
            door: Door::default(),
            settings: play.settings.clone(),
            rules: play.rules.clone(),
            overrides: play.overrides.clone(),
            status: "waiting".to_owned(),
            hand_fed: play.cast == Cast::HandFed,
            generation: 0,
            events: 0,
            actor,
            lines: Vec::new(),
        })
    }

    fn begin(&mut self) -> Result<(), String> {
        let (passed, wall_ms) = (self.passed(), self.wall_ms());
        let device = self.device();
        if let Some(actor) = &mut self.actor {
            actor.see(device);
            actor.start(passed, wall_ms)?;
        }
        self.settle()
    }

    fn passed(&self) -> Duration {
        self.now.since(BEGIN)
    }

    fn wall_ms(&self) -> u64 {
        let passed = i64::try_from(self.passed().as_millis()).unwrap_or(i64::MAX);
        u64::try_from(self.began_wall_ms + passed + self.jumped_ms).unwrap_or(0)
    }

    fn run_until(
        &mut self,
        end: Time,
        show: &mut impl FnMut(&Self) -> Result<(), String>,
    ) -> Result<(), String> {
        loop {
            let actor = self.actor.as_mut().and_then(|actor| actor.deadline());
            let actor = actor.map_or(Time::NEVER, |passed| BEGIN + passed);
            let due = self.world.deadline().min(self.state.deadline()).min(self.door.deadline()).min(actor);
            if due > end {
                break;
            }
            self.now = self.now.max(due);
            // Timers first: what is due was due before what comes in.
            self.state.handle_timeout(self.now);
            self.door.handle_timeout(self.now);
            let learned = self.world.pass(self.now);
            self.learn(learned);
            self.settle()?;
            show(self)?;
        }
        self.now = end;
        Ok(())
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
                self.state.set_rules(self.now, read_rules(&self.settings, &self.rules, &self.overrides)?);
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
            Action::Web(web) => {
                if let Some(actor) = &mut self.actor {
                    actor.answer(web);
                }
            }
            Action::Event(kind, fields) => {
                let event = Event {
                    id: 0,
                    kind: kind.clone(),
                    severity: Severity::Warning,
                    device: String::new(),
                    at_ms: self.wall_ms(),
                    fields: fields.clone(),
                };
                self.tell(event);
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
        if let Some(actor) = &mut self.actor {
            actor.stop();
        }
        self.settle()?;
        self.world.leave();
        let back = self.now + Duration::from_secs(away);
        while self.world.deadline() <= back {
            let due = self.world.deadline();
            self.world.pass(due);
        }
        self.now = back;
        let rules = read_rules(&self.settings, &self.rules, &self.overrides)?;
        self.state = DeviceState::new(identity(), rules, self.now);
        self.state.restore(Memory::from_json(&written));
        self.door = Door::default();
        let (passed, wall_ms, device) = (self.passed(), self.wall_ms(), self.device());
        if let Some(actor) = &mut self.actor {
            actor.see(device);
            actor.start(passed, wall_ms)?;
        }
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

    /// Lets everybody act until nobody has anything to do at this moment.
    fn settle(&mut self) -> Result<(), String> {
        self.note();
        for _ in 0..TURNS {
            let (passed, wall_ms) = (self.passed(), self.wall_ms());
            let Some(actor) = &mut self.actor else { return Ok(()) };
            actor.turn(passed, wall_ms);
            let (acts, orders) = (actor.take_acts(), actor.take_orders());
            let is_quiet = acts.is_empty() && orders.is_empty();
            for act in acts {
                self.write(What::Follows(format!("> {act}")));
            }
            for (request, progress) in orders {
                let words = request.order.in_words();
                self.write(What::Follows(format!("> orders {}: {words}", request.device)));
                let device = self.device();
                let target = request.device.eq_ignore_ascii_case(UPS).then_some((LINK, &device));
                self.door.hand_in(self.now, request, progress, target);
            }
            if !self.run_door() && is_quiet {
                return Ok(());
            }
        }
        Err(format!("{TURNS} turns at one moment: the script and the UPS answer each other without end"))
    }

    /// Whether an order has ended.
    fn run_door(&mut self) -> bool {
        for (ticket, result) in self.world.take_ended() {
            self.door.ended(LINK, ticket, result);
        }
        let (world, now) = (&mut self.world, self.now);
        let mut learned = Vec::new();
        self.door.begin_next(now, LINK, |request| {
            let (begun, inputs) = world.begin(now, &request.order, request.danger_confirmed);
            learned.extend(inputs);
            begun
        });
        self.learn(learned);
        let ended = self.door.take_ended();
        for ended in &ended {
            if let Some(event) = ended.event(self.wall_ms(), UPS.to_owned()) {
                let words = ended.request.order.in_words();
                self.write(What::Follows(format!("! {} {words}: {}", event.kind, ended.result.name())));
                self.tell(event);
            }
        }
        !ended.is_empty()
    }

    /// Writes down the events, and the status if it is another.
    fn note(&mut self) {
        let wall = self.wall_ms();
        self.state.set_calendar(self.now, wall);
        let mut happenings = Vec::new();
        while let Some(happening) = self.state.poll_happening() {
            happenings.push(happening);
        }
        // Clients see the new state before they hear what happened.
        if self.state.take_changed() {
            let device = self.device();
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
            if let Some(actor) = &mut self.actor {
                actor.see(device);
            }
        }
        for happening in happenings {
            self.write(What::Follows(shown(&happening)));
            self.tell(Event {
                id: 0,
                kind: happening.kind.name.to_owned(),
                severity: happening.severity,
                device: UPS.to_owned(),
                at_ms: wall,
                fields: happening.fields,
            });
        }
    }

    fn tell(&mut self, event: Event) {
        self.events += 1;
        let event = Event { id: self.events, ..event };
        if let Some(actor) = &mut self.actor {
            actor.hear(&event);
        }
    }

    fn device(&mut self) -> Device {
        self.generation += 1;
        self.state.device(self.generation, None)
    }

    fn write(&mut self, what: What) {
        let at_ms = u64::try_from(self.passed().as_millis()).unwrap_or(u64::MAX);
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
    Identity { name: UPS.into(), description: None, port: "/dev/ttyS0".into(), driver: "apcsmart" }
}

/// By the same way as the daemon reads them.
fn read_rules(settings: &[String], rules: &[String], overrides: &[String]) -> Result<Rules, String> {
    let (settings, rules, overrides) = (settings.join("\n"), rules.join("\n"), overrides.join("\n"));
    let text = format!(
        "[ups.main]\nport = \"/dev/ttyS0\"\n{settings}\n[ups.main.rules]\n{rules}\n[ups.main.override]\n{overrides}\n"
    );
    let settings = Settings::parse(Path::new("play"), &text).map_err(|error| error.to_string())?;
    Ok(settings.upses[0].rules.clone())
}
