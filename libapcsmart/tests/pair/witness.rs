//! What was true when, and whether what a session published was true.
//!
//! The judge is the simulator's own truth, sampled. For names that the simulator has no word for, the values that the
//! same model shows on an undisturbed line count, or a list of the values that they can take.

use std::collections::BTreeMap;
use std::time::Duration;

use apcsmart::simulator::{Simulator, SimulatorOptions};
use apcsmart::{Event, Time};

use super::{Pair, same_value};

/// How long a value that was true may still be published: readings rotate, and on a bad line they wait their turn.
const MEMORY: Duration = Duration::from_secs(90);

/// Remembers what was true.
pub struct Witness {
    /// What the simulator has no word for, as an undisturbed line shows it.
    undisturbed: BTreeMap<&'static str, String>,
    seen: BTreeMap<&'static str, Vec<(String, Time)>>,
    checked: usize,
    hazardous: u64,
    pub published: usize,
    pub wrong: Vec<String>,
}

impl Witness {
    /// A witness for the model `name`.
    pub fn of(name: &str) -> Witness {
        let mut clean = Pair::with(name, SimulatorOptions { pace: true, ..SimulatorOptions::default() });
        clean.run(Duration::from_secs(60));
        let truth = clean.sim.truth();
        let unknown = clean.shown().into_iter().filter(|(name, _)| !truth.contains_key(name));
        Witness {
            undisturbed: unknown.collect(),
            seen: BTreeMap::new(),
            checked: 0,
            hazardous: 0,
            published: 0,
            wrong: Vec::new(),
        }
    }

    /// Notes what is true now and judges what was published since the last call.
    pub fn observe(&mut self, pair: &Pair) {
        self.note(&pair.sim, pair.now);
        let wrong = self.wrong.len();
        for (at, event) in &pair.events[self.checked..] {
            if let Event::Reading { name, value } = event {
                self.published += 1;
                self.judge(name, &value.to_string(), *at);
            }
        }
        self.checked = pair.events.len();
        let hazardous = pair.sim.counters().hazardous_bytes;
        if hazardous > self.hazardous {
            self.hazardous = hazardous;
            self.wrong.push(format!("a hazardous byte was sent before {:?}", pair.now));
        }
        if let Some(last) = self.wrong.get_mut(wrong..).and_then(<[String]>::last_mut) {
            // What led to it.
            last.push_str(&pair.traffic());
        }
    }

    /// Forgets the events that were judged, so that a long campaign does not fill the memory.
    pub fn forget(&mut self, pair: &mut Pair) {
        pair.events.clear();
        pair.sent.clear();
        self.checked = 0;
    }

    fn note(&mut self, sim: &Simulator, now: Time) {
        for (name, value) in sim.truth() {
            let values = self.seen.entry(name).or_default();
            match values.last_mut() {
                Some((last, until)) if *last == value => *until = now,
                _ => values.push((value, now)),
            }
        }
    }

    fn judge(&mut self, name: &'static str, value: &str, at: Time) {
        // The names and phrases that the simulator spells otherwise.
        let (known_as, value) = match (name, value) {
            ("input.voltage.maximum" | "input.voltage.minimum", value) => ("input.voltage", value),
            ("experimental.ups.load.apparent", value) => ("ups.load", value),
            ("input.transfer.reason", phrase) => (name, letter(phrase)),
            (name, "off") if name.starts_with("ambient.") => (name, "NO"),
            _ => (name, value),
        };
        let anytime = name.starts_with("input.voltage.m");
        let Some(values) = self.seen.get(known_as) else { return self.judge_unknown(name, value, at) };
        let fits =
            |(known, until): &(String, Time)| same_value(known, value) && (anytime || at <= *until + MEMORY);
        if !values.iter().rev().any(fits) {
            self.wrong.push(format!("{name} = {value:?} at {at:?}: true was {:?}", values.last()));
        }
    }

    fn judge_unknown(&mut self, name: &'static str, value: &str, at: Time) {
        let possible: &[&str] = match name {
            "ups.mode" => &["eco", "line", "bypass", "battery test", "battery"],
            "ups.beeper.status" => &["enabled", "disabled"],
            "battery.energysave.delay" => &["NO", "02", "05", "08"],
            "experimental.ups.phase.locked" => &["0", "1"],
            "experimental.output.voltage.selection" => &["A", "M", "I"],
            "ups.start.auto" | "ups.start.battery" => &["ON", "OFF"],
            name if name.starts_with("experimental.ups.switch.") => &["ON", "OFF"],
            // Hours since the last self test: none is older than the campaign.
            "experimental.ups.test.hours" => {
                let hours = value.parse().unwrap_or(u64::MAX);
                if hours > at.as_millis() / 3_600_000 {
                    self.wrong.push(format!("{name} = {value:?} at {at:?}: the UPS is not that old"));
                }
                return;
            }
            // A unit whose firmware was misread is taken for a very old one; the value is right under this name, too.
            "experimental.ups.firmware.old" => {
                let known =
                    self.seen.get("ups.firmware").is_some_and(|seen| seen.iter().any(|(it, _)| it == value));
                if known {
                    return;
                }
                &[]
            }
            _ => &[],
        };
        if !possible.contains(&value) && self.undisturbed.get(name).map(String::as_str) != Some(value) {
            let undisturbed = self.undisturbed.get(name);
            self.wrong.push(format!("{name} = {value:?} at {at:?}: undisturbed it is {undisturbed:?}"));
        }
    }
}

/// The UPS's letter for a cause of transfer.
fn letter(phrase: &str) -> &str {
    match phrase {
        "mains voltage changed too fast" => "R",
        "mains voltage too high" => "H",
        "mains voltage too low" => "L",
        "notch or spike on mains" => "T",
        "no transfer since power-on" => "O",
        "self test or simulated failure" => "S",
        "forced by software" => "K",
        other => other,
    }
}
