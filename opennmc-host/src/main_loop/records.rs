//! What the main loop puts into the history: events, samples, the audit, and what the state engine must not forget.
//!
//! Nothing here waits for the disk: the history has a thread of its own and says itself how it is.

use std::sync::Arc;
use std::time::Duration;

use apcsmart::Time;
use calloop::{LoopHandle, channel};

use super::{Error, State};
use crate::config::Settings;
use crate::door::Ended;
use crate::history::{AuditRecord, FILE_NAME, History, HistoryHandle, Notice};
use crate::link::Link;
use crate::state::{Availability, Device, Event, Memory, Severity};
use crate::users::Principal;

/// What is sampled: everything that moves by itself. Settings and nominal values are in the events that change them.
const SAMPLED: &[&str] = &[
    "ambient.humidity",
    "ambient.temperature",
    "battery.charge",
    "battery.current",
    "battery.runtime",
    "battery.temperature",
    "battery.voltage",
    "input.current",
    "input.frequency",
    "input.voltage",
    "output.current",
    "output.frequency",
    "output.voltage",
    "ups.efficiency",
    "ups.load",
    "ups.power",
    "ups.realpower",
    "ups.temperature",
];
/// How long the end of the daemon waits for the last records.
const LAST_RECORDS: Duration = Duration::from_millis(500);

/// The history, and when it was last fed.
pub(super) struct Records {
    pub(super) history: HistoryHandle,
    sample_every: Duration,
    sampled: Time,
}

/// Opens the history. A disk that is bad is no reason not to start.
pub(super) fn init(handle: &LoopHandle<'static, State>, settings: &Settings) -> Result<Records, Error> {
    let (sender, notices) = channel::channel();
    let inserted = handle.insert_source(notices, |message, (), state: &mut State| {
        if let channel::Event::Msg(notice) = message {
            state.tell_notice(&notice);
        }
    });
    inserted.map_err(|error| error.error)?;
    let options = settings.history.clone();
    let sample_every = options.sample_every;
    let history = History::open(&settings.state_dir.join(FILE_NAME), options, move |notice| {
        // One for each event: nobody on the main loop waits for it.
        if !matches!(notice, Notice::Committed(_)) {
            // The loop is gone only when the daemon ends.
            let _ = sender.send(notice);
        }
    });
    Ok(Records { history: history.map_err(Error::History)?, sample_every, sampled: Time::ZERO })
}

impl Records {
    /// What the state engine knew of this UPS before the daemon was started, or the UPS taken out of the configuration.
    pub(super) fn recall(&self, ups: &str) -> Option<Memory> {
        self.history.recall(&key(ups)).map(|text| Memory::from_json(&text))
    }

    /// Keeps what must not be forgotten of this UPS, when that has changed.
    pub(super) fn remember(&self, link: &mut Link) {
        let Some(memory) = link.take_memory() else { return };
        if let Err(error) = self.history.remember(&key(link.name()), memory.to_json()) {
            tracing::error!(ups = link.name(), "its memory can't be kept: {error}");
        }
    }

    /// Hands over the numbers of every UPS that is live, if it is time to.
    pub(super) fn sample(&mut self, now: Time, wall_ms: u64, devices: &[Arc<Device>]) {
        if now < self.sampled + self.sample_every {
            return;
        }
        self.sampled = now;
        for device in devices.iter().filter(|device| device.availability == Availability::Live) {
            let number = |name: &&'static str| {
                let value = device.variables.get(*name)?.value.parse().ok()?;
                Some((*name, value))
            };
            self.history.sample(&device.name, wall_ms, SAMPLED.iter().filter_map(number));
        }
    }

    pub(super) fn audit_order(&self, at_ms: u64, ended: &Ended) {
        self.history.audit(AuditRecord::of_order(at_ms, &ended.request, &ended.result));
    }

    /// Something that was done to the daemon itself, or to a simulated UPS.
    pub(super) fn audit(&self, at_ms: u64, by: &Principal, device: &str, what: &str, result: &str) {
        self.history.audit(AuditRecord::new(at_ms, by, device, what, result));
    }

    /// Takes in the last that is to be kept.
    pub(super) fn close(&self) {
        if !self.history.close(LAST_RECORDS) {
            tracing::warn!("the history did not take in everything before the end");
        }
    }
}

impl State {
    fn tell_notice(&mut self, notice: &Notice) {
        match notice {
            Notice::Committed(_) => {}
            Notice::Degraded(reason) => {
                let reason = reason.to_string();
                tracing::error!("the history is kept in memory for now: {reason}");
                self.happen("host.history-degraded", Severity::Warning, vec![("reason", reason)]);
            }
            Notice::Recovered => {
                tracing::info!("the history is on disk again");
                self.happen("host.history-recovered", Severity::Info, Vec::new());
            }
            Notice::Lost { events, audits, samples } => {
                tracing::error!(events, audits, samples, "parts of the history are lost: memory was full");
                let fields = [("events", events), ("audits", audits), ("samples", samples)];
                let fields = fields.map(|(name, count)| (name, count.to_string())).to_vec();
                self.happen("host.history-lost", Severity::Warning, fields);
            }
            Notice::Trimmed { class, rows } => {
                tracing::info!(
                    class = class.name(),
                    rows,
                    "the history has reached its size; the oldest went"
                );
            }
            Notice::MovedAside { to, reason } => {
                let to = to.display().to_string();
                tracing::error!(to, "the history was broken and a new one was begun: {reason}");
                let fields = vec![("kept-as", to), ("reason", reason.clone())];
                self.happen("host.history-moved-aside", Severity::Warning, fields);
            }
        }
    }
}

/// Every event, in the order of its number.
pub(super) fn record(records: Option<&Records>, events: &[Arc<Event>]) {
    if let Some(records) = records {
        events.iter().for_each(|event| records.history.event(Arc::clone(event)));
    }
}

fn key(ups: &str) -> String {
    format!("ups/{ups}")
}
