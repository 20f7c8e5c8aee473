//! Writes down what happens to the UPSes.

use opennmc_plugin::{Event, EventListener, Happening, Host, Plugin};
use serde::Deserialize;

/// What the operator can set: the keys of `[config]` in plugin.toml.
#[derive(Deserialize)]
pub struct Config {
    greeting: String,
}

/// The plugin's whole state.
pub struct Listener {
    outages: u32,
}

impl Plugin for Listener {
    type Config = Config;

    fn start(host: &impl Host, config: Config) -> Result<Self, String> {
        host.info(&config.greeting);
        Ok(Listener { outages: 0 })
    }
}

impl EventListener for Listener {
    fn on_event(&mut self, host: &impl Host, event: Event) {
        match Happening::of(&event) {
            Happening::OnBattery { power } => {
                self.outages += 1;
                let charge = match power.charge {
                    "" => "unknown".to_owned(),
                    percent => format!("{percent} %"),
                };
                host.warn(&format!("{}: outage {}, charge {charge}", event.device, self.outages));
            }
            Happening::OnLine { lasted_s, .. } => {
                host.info(&format!("{}: mains are back after {lasted_s} s", event.device));
            }
            _ => host.info(&format!("{}: {}", event.device, event.kind)),
        }
    }
}

opennmc_plugin::export!(Listener: lifecycle, events);
