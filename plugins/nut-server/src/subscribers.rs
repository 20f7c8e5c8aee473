//! Clients that asked to be told: an extension of this server, of which nobody hears who does not ask for it.
//!
//! Events are told at once. Changed values are told together, at most once a second, so that a UPS that measures all the time does not
//! drown anybody.

use std::collections::{BTreeMap, BTreeSet};

use opennmc_plugin::{Availability, Device, Event, Host};

use crate::desk::Desk;
use crate::mirror::Mirror;
use crate::reply::Line;

/// Between two looks at the values, in milliseconds.
pub const LOOK_MS: u64 = 1_000;

/// What one client wants to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Of this UPS only, by the host's spelling of its name.
    pub ups: Option<String>,
    /// Values, too.
    pub values: bool,
}

/// Everybody who wants to be told.
#[derive(Debug, Default)]
pub struct Subscribers {
    wishes: BTreeMap<u64, Wish>,
    /// By UPS: what was told last.
    told: BTreeMap<String, Told>,
    /// Looks at the values.
    pub timer: Option<u64>,
}

#[derive(Debug, Default)]
struct Told {
    generation: u64,
    availability: Option<Availability>,
    values: BTreeMap<String, String>,
}

impl Subscribers {
    /// Takes a wish in the place of an earlier one.
    pub fn add(&mut self, connection: u64, wish: Wish) {
        self.wishes.insert(connection, wish);
    }

    /// Whether there was a wish.
    pub fn remove(&mut self, connection: u64) -> bool {
        self.wishes.remove(&connection).is_some()
    }

    /// Whether anybody wants values.
    pub fn want_values(&self) -> bool {
        self.wishes.values().any(|wish| wish.values)
    }

    fn of<'s>(&'s self, ups: &'s str, values: bool) -> impl Iterator<Item = u64> + 's {
        let wants = move |wish: &Wish| {
            (!values || wish.values) && wish.ups.as_ref().is_none_or(|wanted| wanted == ups)
        };
        self.wishes.iter().filter(move |(_, wish)| wants(wish)).map(|(connection, _)| *connection)
    }

    /// The line for an event, and for whom.
    pub fn of_event(&self, event: &Event) -> (Vec<u8>, Vec<u64>) {
        let mut out = Vec::new();
        if event.device.is_empty() || self.wishes.is_empty() {
            return (out, Vec::new());
        }
        let mut line = Line::new(&mut out, "EVENT").word(&event.device).word(&event.kind).number(event.at_ms);
        for (name, value) in &event.fields {
            line = line.word(name).text(value);
        }
        // An event with long fields is told without them.
        if line.end().is_err() {
            let short =
                Line::new(&mut out, "EVENT").word(&event.device).word(&event.kind).number(event.at_ms);
            let _ = short.end();
        }
        (out, self.of(&event.device, false).collect())
    }

    /// What has changed since the last look, by UPS, and for whom. The first look at a UPS tells all of it.
    pub fn look(&mut self, mirror: &Mirror, host: &impl Host) -> Vec<(Vec<u8>, Vec<u64>)> {
        let mut all = Vec::new();
        let mut seen = BTreeSet::new();
        for device in mirror.devices() {
            seen.insert(device.name.clone());
            let listeners: Vec<u64> = self.of(&device.name, true).collect();
            if listeners.is_empty() {
                self.told.remove(&device.name);
                continue;
            }
            let told = self.told.entry(device.name.clone()).or_default();
            if told.generation == device.generation && told.availability == Some(device.availability) {
                continue;
            }
            let now = Told::of(device, host);
            let mut out = Vec::new();
            if told.availability != now.availability {
                now.write_state(&device.name, &mut out);
            }
            for (name, value) in
                now.values.iter().filter(|(name, value)| told.values.get(*name) != Some(*value))
            {
                let _ = Line::new(&mut out, "UPDATE").word(&device.name).word(name).text(value).end();
            }
            for name in told.values.keys().filter(|name| !now.values.contains_key(*name)) {
                let _ = Line::new(&mut out, "GONE").word(&device.name).word(name).end();
            }
            *told = now;
            if !out.is_empty() {
                all.push((out, listeners));
            }
        }
        self.told.retain(|ups, _| seen.contains(ups));
        all
    }

    /// All values as they are, for somebody new.
    pub fn begin(&mut self, mirror: &Mirror, host: &impl Host, ups: Option<&str>) -> Vec<u8> {
        let mut out = Vec::new();
        for device in mirror.devices().filter(|device| ups.is_none_or(|wanted| wanted == device.name)) {
            let now = Told::of(device, host);
            now.write_state(&device.name, &mut out);
            for (name, value) in &now.values {
                let _ = Line::new(&mut out, "UPDATE").word(&device.name).word(name).text(value).end();
            }
            // Who is here already hears of what is new at the next look.
            self.told.entry(device.name.clone()).or_insert(now);
        }
        out
    }
}

impl Told {
    fn of(device: &Device, host: &impl Host) -> Self {
        let values = host.variables(&device.name).unwrap_or_default();
        Told {
            generation: device.generation,
            availability: Some(device.availability),
            values: values.into_iter().map(|variable| (variable.name, variable.value)).collect(),
        }
    }

    fn write_state(&self, ups: &str, out: &mut Vec<u8>) {
        let word = match self.availability {
            Some(Availability::Live) => "LIVE",
            Some(Availability::Waiting) | None => "WAITING",
            Some(Availability::Stale) => "STALE",
            Some(Availability::Disconnected) => "DISCONNECTED",
        };
        // Names and words are short.
        let _ = Line::new(out, "STATE").word(ups).word(word).end();
    }
}

/// Sends to everybody; who does not read is let go.
pub fn send(desk: &mut Desk, host: &impl Host, bytes: &[u8], listeners: &[u64]) {
    for connection in listeners {
        if host.send(*connection, bytes).is_err() {
            desk.subscribers.remove(*connection);
            host.close(*connection);
        }
    }
}
