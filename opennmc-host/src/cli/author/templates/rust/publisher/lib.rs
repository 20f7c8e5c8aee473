//! Counts what happens to the UPSes, and tells the other plugins from time to time, on the bus.

use opennmc_plugin::{Event, EventListener, Happening, Host, Plugin, Severity, TimerHandler};
use serde::Deserialize;

/// What the operator can set: the keys of `[config]` in plugin.toml.
#[derive(Deserialize)]
pub struct Config {
    #[serde(rename = "every-s")]
    every_s: u32,
}

/// The plugin's whole state.
pub struct Publisher {
    events: u64,
    outages: u64,
}

impl Plugin for Publisher {
    type Config = Config;

    fn start(host: &impl Host, config: Config) -> Result<Self, String> {
        let period_ms = u64::from(config.every_s) * 1_000;
        host.every(period_ms).map_err(|error| format!("every-s: {error:?}"))?;
        Ok(Publisher { events: 0, outages: 0 })
    }
}

impl EventListener for Publisher {
    fn on_event(&mut self, _host: &impl Host, event: Event) {
        self.events += 1;
        if let Happening::OnBattery { .. } = Happening::of(&event) {
            self.outages += 1;
        }
    }
}

impl TimerHandler for Publisher {
    fn on_timer(&mut self, host: &impl Host, _timer: u64) {
        let fields = [
            ("events".to_owned(), self.events.to_string()),
            ("outages".to_owned(), self.outages.to_string()),
        ];
        if let Err(error) = host.announce("summary", Severity::Info, "", &fields) {
            host.warn(&format!("the summary can't be published: {error:?}"));
        }
    }
}

opennmc_plugin::export!(Publisher: lifecycle, events, timer_events);
