//! Events by their meaning: the kinds of docs/events.md as one enum.
//!
//! Invariant: every event becomes a [`Happening`]; one of a kind that this version does not know is
//! [`Happening::Other`]. Nothing is copied: the texts are the event's own.

use crate::Event;

/// The kinds, each with its fields by name. A test holds this against the tables of docs/events.md.
macro_rules! happenings {
    ($($(#[$doc:meta])* $kind:literal $variant:ident { $($field:ident: $name:literal),* } $($power:ident)?;)+) => {
        /// What an event tells. A field that the event does not carry is empty.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Happening<'e> {
            $($(#[$doc])* #[allow(missing_docs, reason = "the fields are named as in docs/events.md")] $variant {
                $($field: &'e str,)*
                $($power: Power<'e>,)?
            },)+
            /// Another plugin said something: a `bus.PLUGIN.TOPIC`.
            Bus {
                /// Who.
                plugin: &'e str,
                /// About what.
                topic: &'e str,
            },
            /// A kind that is newer than this crate.
            Other(&'e str),
        }

        impl<'e> Happening<'e> {
            /// What `event` tells.
            pub fn of(event: &'e Event) -> Self {
                match event.kind.as_str() {
                    $($kind => Happening::$variant {
                        $($field: event.field($name).unwrap_or_default(),)*
                        $($power: Power::of(event),)?
                    },)+
                    other => match other.strip_prefix("bus.").and_then(|rest| rest.split_once('.')) {
                        Some((plugin, topic)) => Happening::Bus { plugin, topic },
                        None => Happening::Other(other),
                    },
                }
            }
        }

        /// The kinds that [`Happening`] knows by name.
        pub const KNOWN_KINDS: &[&str] = &[$($kind),+];
    };
}

happenings! {
    /// The UPS runs on battery.
    "ups.on-battery" OnBattery {} power;
    /// It is on line power again.
    "ups.on-line" OnLine { lasted_s: "lasted-s", cause: "cause" } power;
    /// The battery is nearly empty.
    "ups.low-battery" LowBattery {} power;
    /// It no longer is.
    "ups.low-battery-cleared" LowBatteryCleared {} power;
    /// The UPS wants a new battery.
    "ups.replace-battery" ReplaceBattery {} power;
    /// It no longer does.
    "ups.replace-battery-cleared" ReplaceBatteryCleared {} power;
    /// The load is more than the UPS can carry.
    "ups.overload" Overload {} power;
    /// It no longer is.
    "ups.overload-cleared" OverloadCleared {} power;
    /// The outlets are off.
    "ups.off" Off {} power;
    /// They are on.
    "ups.off-cleared" OffCleared {} power;
    /// The UPS runs its battery down to learn the runtime.
    "ups.calibration" Calibration {} power;
    /// It is done.
    "ups.calibration-cleared" CalibrationCleared {} power;
    /// The load is connected past the UPS, unprotected.
    "ups.bypass" Bypass {} power;
    /// The load is protected again.
    "ups.bypass-cleared" BypassCleared {} power;
    /// The UPS lowers a high input voltage.
    "ups.trim" Trim {} power;
    /// It no longer does.
    "ups.trim-cleared" TrimCleared {} power;
    /// The UPS raises a low input voltage.
    "ups.boost" Boost {} power;
    /// It no longer does.
    "ups.boost-cleared" BoostCleared {} power;
    /// Every machine on this UPS is to shut down now.
    "ups.forced-shutdown" ForcedShutdown {} power;
    /// That is over.
    "ups.forced-shutdown-cleared" ForcedShutdownCleared {} power;
    /// The UPS says that it calibrates, and that is no longer believed.
    "ups.calibration-stale" CalibrationStale {} power;
    /// A self test has taken the battery.
    "ups.test-started" TestStarted { origin: "origin" } power;
    /// A self test was passed.
    "ups.test-passed" TestPassed { result: "result" } power;
    /// A self test was failed, or ended with a warning.
    "ups.test-failed" TestFailed { result: "result" } power;
    /// A self test ended and no result came.
    "ups.test-ended" TestEnded {} power;
    /// Another serial number answers on the port.
    "ups.replaced" Replaced { serial: "ups.serial", before: "before" } power;
    /// The date of the battery is another.
    "ups.battery-replaced" BatteryReplaced { date: "battery.date", before: "before" } power;
    /// The UPS complains of something.
    "ups.alarm" Alarm { alarm: "alarm" } power;
    /// It complains of nothing any more.
    "ups.alarm-cleared" AlarmCleared { alarm: "alarm" } power;
    /// The UPS answers for the first time.
    "ups.comm-established" CommEstablished {};
    /// The UPS has not answered since the start.
    "ups.no-comm" NoComm { reason: "reason", port: "port" };
    /// The UPS does not answer any more.
    "ups.comm-lost" CommLost { reason: "reason", port: "port" } power;
    /// The UPS answers again.
    "ups.comm-restored" CommRestored { away_s: "away-s" };
    /// A command that somebody gave has ended.
    "ups.command-ended" CommandEnded {
        command: "command", argument: "argument", order: "order", result: "result", detail: "detail", by: "by", from: "from"
    };
    /// A setting that somebody changed has ended.
    "ups.setting-ended" SettingEnded {
        variable: "variable", value: "value", order: "order", result: "result", detail: "detail", by: "by", from: "from"
    };
    /// The configuration was loaded anew.
    "host.reloaded" Reloaded { changed: "changed", needs_restart: "needs-restart", by: "by" };
    /// It could not be loaded.
    "host.reload-failed" ReloadFailed { reason: "reason", by: "by" };
    /// A backup was restored at this start.
    "host.restored" Restored { by: "by", host: "host", made_at: "made-at" };
    /// Nothing can be written to the history's database at present.
    "host.history-degraded" HistoryDegraded { reason: "reason" };
    /// It can again.
    "host.history-recovered" HistoryRecovered {};
    /// Parts of the history are lost.
    "host.history-lost" HistoryLost { events: "events", audits: "audits", samples: "samples" };
    /// The database was damaged; a new one was begun.
    "host.history-moved-aside" HistoryMovedAside { kept_as: "kept-as", reason: "reason" };
    /// A plugin runs.
    "plugin.started" PluginStarted { plugin: "plugin", version: "version", listening: "listening" };
    /// A plugin runs again after a failure.
    "plugin.recovered" PluginRecovered { plugin: "plugin", version: "version", listening: "listening" };
    /// A plugin was stopped.
    "plugin.stopped" PluginStopped { plugin: "plugin" };
    /// A plugin failed and will be started again.
    "plugin.failed" PluginFailed { plugin: "plugin", reason: "reason", retry_seconds: "retry-seconds" };
    /// A plugin failed too often and stays down.
    "plugin.quarantined" PluginQuarantined { plugin: "plugin", reason: "reason", failures: "failures" };
}

/// How the UPS was at that moment, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Power<'e> {
    /// `ups.status`.
    pub status: &'e str,
    /// `battery.charge` in percent; empty when not known.
    pub charge: &'e str,
    /// `battery.runtime` in seconds; empty when not known.
    pub runtime: &'e str,
}

impl<'e> Power<'e> {
    fn of(event: &'e Event) -> Self {
        let field = |name| event.field(name).unwrap_or_default();
        Power {
            status: field("ups.status"),
            charge: field("battery.charge"),
            runtime: field("battery.runtime"),
        }
    }
}

impl Event {
    /// The field with this name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}
