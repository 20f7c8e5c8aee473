//! What the daemon tells over the control socket, in the form that `--json` prints.
//!
//! Scripts read these: a field may be added, never renamed, and never given another meaning. docs/schema/ has their JSON
//! schemas, and tests hold real output against them. Times are RFC 3339 in UTC.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::door::{OrderId, OrderResult, Progress};
use crate::history::AuditEntry;
use crate::host::LoopHealth;
use crate::plugin::{Digest, Limits, PluginStatus, State as PluginState};
use crate::state::{Availability, Device, Event, Kind, Severity, Variable};
use crate::users::{Scope, TokenInfo, UserInfo};

/// Everything that is known now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Of the program that tells it.
    pub daemon: DaemonReport,
    /// In the order of the configuration.
    pub upses: Vec<UpsReport>,
}

/// The running daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DaemonReport {
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Since when it runs.
    pub started_at: String,
}

/// One UPS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpsReport {
    /// The name that NUT clients see.
    pub name: String,
    /// As configured.
    pub description: Option<String>,
    /// `waiting`, `live`, `stale` or `disconnected`.
    pub availability: String,
    /// When it last answered; none before it did.
    pub heard_at: Option<String>,
    /// How long ago that is, in seconds.
    pub age_s: Option<f64>,
    /// NUT commands that it takes.
    pub commands: Vec<String>,
    /// By NUT name.
    pub variables: BTreeMap<String, VariableReport>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariableReport {
    /// As NUT clients read it.
    pub value: String,
    /// Whether it can be set.
    pub settable: bool,
    /// `text`, `number`, `choice` or `range`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What a `choice` can be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Inclusive bounds of a `range`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<(i64, i64)>,
    /// The longest `text`, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest: Option<u32>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventReport {
    /// Goes up by one with each event; none when the daemon keeps no numbers.
    pub id: u64,
    /// When.
    pub at: String,
    /// Such as `ups.on-battery`.
    pub kind: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// The UPS; none when it concerns none.
    pub ups: Option<String>,
    /// Details by name.
    pub fields: BTreeMap<String, String>,
}

/// How an order goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReport {
    /// Its number; none when it was refused before it got one.
    pub order: Option<u64>,
    /// `begun`, or how it ended: `verified`, `executed`, `accepted`, `unchanged`, `refused`, `denied`, `unsupported`,
    /// `invalid`, `unconfirmed`, `no-effect`, `timed-out`, `stale`.
    pub result: String,
    /// What is to be said about that.
    pub message: Option<String>,
}

/// A plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginReport {
    /// Its id.
    pub id: String,
    /// The version that started last.
    pub version: Option<String>,
    /// `starting`, `running`, `waiting`, `quarantined` or `stopped`.
    pub state: String,
    /// Where clients reach it, by the listener's name.
    pub listening: BTreeMap<String, Vec<String>>,
    /// Where its web pages are, while it runs; none when it has none.
    #[serde(default)]
    pub pages: Option<PagesReport>,
    /// Open connections.
    pub connections: u64,
    /// Bytes of its memory.
    pub memory: u64,
    /// Calls into it since the daemon started.
    pub calls: u64,
    /// The longest of them, in microseconds.
    pub slowest_call_us: u64,
    /// Events it did not get because it was busy.
    pub missed_events: u64,
    /// Datagrams that were dropped, in either direction, beyond its rate or for want of a place.
    pub dropped_datagrams: u64,
    /// How often it was started again after a failure.
    pub restarts: u64,
    /// When it last failed.
    pub failed_at: Option<String>,
    /// Its last failure, in words.
    pub last_failure: Option<String>,
    /// Failures since it was last healthy for a minute.
    pub strikes: u32,
    /// Events that wait for it.
    pub mailbox: u32,
    /// Whether a new instance is being started while this one serves.
    pub reloading: bool,
    /// What it may use, while it runs.
    pub limits: Option<Limits>,
    /// The SHA-256 of its `plugin.wasm`, while it runs.
    pub sha256: Option<Digest>,
    /// The package that it was started from, while it runs.
    pub package: Option<String>,
    /// The configured signer whose signature the package has.
    pub signer: Option<String>,
    /// What it publishes by name, when it is a script.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
}

/// The web pages of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PagesReport {
    /// The path that they are under, on the server of `[http]`.
    pub mount: String,
    /// Whether people who have not logged in are served.
    pub public: bool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneReport {
    /// In words.
    pub done: String,
}

/// How the daemon itself does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealthReport {
    /// Turns of the main loop since the start.
    pub turns: u64,
    /// How late the main loop's timers fired, in milliseconds: half of them, 99 of 100, the worst.
    pub late_median_ms: f64,
    /// 99 of 100.
    pub late_p99_ms: f64,
    /// The worst.
    pub late_longest_ms: f64,
    /// The lines to the UPSes.
    pub lines: Vec<LineReport>,
    /// Why nothing can be written to the history at present; none when all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_problem: Option<String>,
}

/// The line to a UPS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineReport {
    /// The UPS.
    pub ups: String,
    /// Its port.
    pub port: String,
    /// How often the port was opened.
    pub opened: u64,
    /// Questions sent.
    pub sent: u64,
    /// Answers that came.
    pub answered: u64,
    /// Everything that an undisturbed line does not show.
    pub faults: u64,
    /// Answers that did not come in time.
    pub timeouts: u64,
    /// Answers of the wrong shape.
    pub mismatches: u64,
    /// Times that the place had to be found again.
    pub resyncs: u64,
}

/// What a new configuration has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadReport {
    /// One sentence for each thing that was changed.
    pub changed: Vec<String>,
    /// One sentence for each difference that takes effect at the next start only.
    pub needs_restart: Vec<String>,
}

/// What was measured of one variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesReport {
    /// The UPS.
    pub ups: String,
    /// By its NUT name.
    pub variable: String,
    /// How much time a point stands for, in seconds; 0 when points are as they were taken.
    pub step_s: f64,
    /// In the order of time. Where nothing was recorded there is none.
    pub points: Vec<PointReport>,
}

/// What was measured in one stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointReport {
    /// When it begins.
    pub at: String,
    /// The least value.
    pub min: f64,
    /// The mean value.
    pub avg: f64,
    /// The greatest value.
    pub max: f64,
    /// Of how many samples.
    pub count: u64,
}

/// A line of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// Its number; none while it is not on disk.
    pub id: Option<u64>,
    /// When.
    pub at: String,
    /// Who.
    pub user: String,
    /// In which role.
    pub role: String,
    /// From where.
    pub origin: String,
    /// To which UPS; none when to none.
    pub ups: Option<String>,
    /// What was asked for.
    pub what: String,
    /// How it ended.
    pub result: String,
}

impl AuditReport {
    /// Of what the history has.
    pub fn of(entry: &AuditEntry) -> AuditReport {
        let record = &entry.record;
        AuditReport {
            id: entry.id,
            at: time(record.at_ms),
            user: record.principal.clone(),
            role: record.role.clone(),
            origin: record.origin.clone(),
            ups: Some(record.device.clone()).filter(|device| !device.is_empty()),
            what: record.what.clone(),
            result: record.result.clone(),
        }
    }
}

/// A user, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserReport {
    /// The name.
    pub name: String,
    /// What it may do at most.
    pub role: String,
    /// What is left of that; none: all of it.
    pub scopes: Option<Vec<String>>,
    /// Whether it can log in with a password; without one it lives on tokens.
    pub has_password: bool,
    /// Its password is easy to guess.
    pub weak: bool,
    /// When it was made.
    pub made_at: String,
    /// When its password was set last.
    pub password_at: Option<String>,
    /// Its last log-in since the daemon started.
    pub login_at: Option<String>,
    /// Seconds for which it is locked out yet.
    pub locked_s: Option<u64>,
    /// How many tokens it has.
    pub tokens: usize,
}

/// A token, without its secret unless it was made just now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenReport {
    /// What to call it by when it is revoked.
    pub id: String,
    /// Whose it is.
    pub user: String,
    /// What it is for.
    pub label: String,
    /// What is left of its user's rights; none: all of them.
    pub scopes: Option<Vec<String>>,
    /// When it was made.
    pub made_at: String,
    /// When it ends; none: never.
    pub expires_at: Option<String>,
    /// Its last use; may be a day old.
    pub used_at: Option<String>,
    /// Only in the answer to its making.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl UserReport {
    /// Of what the user base shows.
    pub fn of(user: &UserInfo) -> UserReport {
        UserReport {
            name: user.name.clone(),
            role: user.role.to_string(),
            scopes: scopes(user.scopes.as_deref()),
            has_password: user.has_password,
            weak: user.weak,
            made_at: time(user.made_ms),
            password_at: user.password_ms.map(time),
            login_at: user.login_ms.map(time),
            locked_s: user.locked_seconds,
            tokens: user.tokens,
        }
    }
}

impl TokenReport {
    /// Of what the user base shows.
    pub fn of(token: &TokenInfo) -> TokenReport {
        TokenReport {
            id: token.id.clone(),
            user: token.user.clone(),
            label: token.label.clone(),
            scopes: scopes(token.scopes.as_deref()),
            made_at: time(token.made_ms),
            expires_at: token.expires_ms.map(time),
            used_at: token.used_ms.map(time),
            secret: None,
        }
    }
}

fn scopes(scopes: Option<&[Scope]>) -> Option<Vec<String>> {
    scopes.map(|scopes| scopes.iter().map(ToString::to_string).collect())
}

impl PluginReport {
    /// Of what the supervisor tells.
    pub fn of(status: &PluginStatus) -> PluginReport {
        let mut listening: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, address) in &status.listening {
            listening.entry(name.clone()).or_default().push(address.to_string());
        }
        let failures = [status.epitaph.as_ref(), status.trouble.as_ref()];
        let failure = failures.into_iter().flatten().max_by_key(|failure| failure.at_ms);
        PluginReport {
            id: status.id.clone(),
            version: status.version.clone(),
            state: plugin_state(&status.state).to_owned(),
            listening,
            pages: status
                .pages
                .as_ref()
                .map(|pages| PagesReport { mount: pages.mount.clone(), public: pages.public }),
            connections: status.connections,
            memory: status.memory,
            calls: status.calls,
            slowest_call_us: status.slowest_call_us,
            missed_events: status.missed_events,
            dropped_datagrams: status.dropped_datagrams,
            strikes: status.strikes,
            mailbox: status.mailbox,
            reloading: status.reloading,
            limits: status.limits,
            sha256: status.digest,
            package: status.package.as_ref().map(|path| path.display().to_string()),
            signer: status.signer.as_ref().map(ToString::to_string),
            restarts: status.restarts,
            failed_at: failure.map(|epitaph| time(epitaph.at_ms)),
            last_failure: failure.map(|epitaph| epitaph.text.clone()),
            metrics: status.metrics.clone(),
        }
    }
}

impl HealthReport {
    /// Of what the main loop tells, and of what keeps the history from being written.
    pub fn of(health: &LoopHealth, history_problem: Option<String>) -> HealthReport {
        let ms = |duration: std::time::Duration| duration.as_secs_f64() * 1000.0;
        let lines = health.links.iter().map(|link| LineReport {
            ups: link.device.clone(),
            port: link.port.clone(),
            opened: link.opened,
            sent: link.quality.sent,
            answered: link.quality.answered,
            faults: link.quality.faults(),
            timeouts: link.quality.timeouts,
            mismatches: link.quality.mismatches,
            resyncs: link.quality.resyncs,
        });
        HealthReport {
            turns: health.turns,
            late_median_ms: ms(health.lateness.median),
            late_p99_ms: ms(health.lateness.p99),
            late_longest_ms: ms(health.lateness.longest),
            lines: lines.collect(),
            history_problem,
        }
    }
}

impl UpsReport {
    /// `heard_ago_ms` is the age of the device's last answer.
    pub fn of(device: &Device, heard_ago_ms: Option<u64>, now_ms: u64) -> UpsReport {
        UpsReport {
            name: device.name.clone(),
            description: device.description.clone(),
            availability: availability(device.availability).to_owned(),
            heard_at: heard_ago_ms.map(|ago| time(now_ms.saturating_sub(ago))),
            age_s: heard_ago_ms.map(|ago| ago as f64 / 1000.0),
            commands: device.commands.iter().cloned().collect(),
            variables: device
                .variables
                .iter()
                .map(|(name, variable)| (name.clone(), VariableReport::of(variable)))
                .collect(),
        }
    }

    /// The value of a variable.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|variable| variable.value.as_str())
    }

    /// The value of a variable that is a number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.value(name)?.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Whether the variables are of now.
    pub fn is_live(&self) -> bool {
        self.availability == availability(Availability::Live)
    }
}

impl VariableReport {
    fn of(variable: &Variable) -> VariableReport {
        let (kind, choices, ranges, longest) = match &variable.kind {
            Kind::Text(longest) => {
                ("text", Vec::new(), Vec::new(), Some(*longest).filter(|longest| *longest > 0))
            }
            Kind::Number => ("number", Vec::new(), Vec::new(), None),
            Kind::Choice(choices) => ("choice", choices.clone(), Vec::new(), None),
            Kind::Range(ranges) => ("range", Vec::new(), ranges.clone(), None),
        };
        VariableReport {
            value: variable.value.clone(),
            settable: variable.settable,
            kind: kind.to_owned(),
            choices,
            ranges,
            longest,
        }
    }
}

impl EventReport {
    /// Of an event of the feed.
    pub fn of(event: &Event) -> EventReport {
        EventReport {
            id: event.id,
            at: time(event.at_ms),
            kind: event.kind.clone(),
            severity: severity(event.severity).to_owned(),
            ups: Some(event.device.clone()).filter(|device| !device.is_empty()),
            fields: event.fields.iter().cloned().collect(),
        }
    }
}

impl OrderReport {
    /// Of one thing that was told about an order.
    pub fn of(progress: &Progress) -> OrderReport {
        let (order, result, message) = match progress {
            Progress::Begun(OrderId(order)) => (*order, "begun", None),
            Progress::Ended(OrderId(order), result) => {
                let (name, message) = result_words(result);
                (*order, name, message)
            }
        };
        OrderReport { order: Some(order), result: result.to_owned(), message }
    }

    /// Whether what was asked for was done, as far as can be known.
    pub fn is_success(&self) -> bool {
        matches!(self.result.as_str(), "verified" | "executed" | "accepted" | "unchanged")
    }
}

fn result_words(result: &OrderResult) -> (&'static str, Option<String>) {
    match result {
        OrderResult::Verified => ("verified", None),
        OrderResult::Executed => ("executed", None),
        OrderResult::Accepted => ("accepted", None),
        OrderResult::Unchanged => ("unchanged", None),
        OrderResult::Refused(why) => ("refused", Some(why.clone())),
        OrderResult::Denied(why) => ("denied", Some(why.clone())),
        OrderResult::Unsupported(why) => ("unsupported", Some(why.clone())),
        OrderResult::Invalid(why) => ("invalid", Some(why.clone())),
        OrderResult::Unconfirmed(why) => ("unconfirmed", Some(why.clone())),
        OrderResult::NoEffect => ("no-effect", None),
        OrderResult::TimedOut => ("timed-out", None),
        OrderResult::Stale => ("stale", None),
    }
}

fn plugin_state(state: &PluginState) -> &'static str {
    match state {
        PluginState::Starting => "starting",
        PluginState::Running { .. } => "running",
        PluginState::Backoff { .. } => "waiting",
        PluginState::Quarantined => "quarantined",
        PluginState::Stopped => "stopped",
    }
}

/// As it is written in JSON.
pub fn availability(availability: Availability) -> &'static str {
    match availability {
        Availability::Waiting => "waiting",
        Availability::Live => "live",
        Availability::Stale => "stale",
        Availability::Disconnected => "disconnected",
    }
}

/// As it is written in JSON.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// Milliseconds since 1970 UTC as RFC 3339, to the millisecond.
pub fn time(at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    format!("{:.3}", at.unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_to_the_millisecond_whatever_the_clock_says() {
        assert_eq!(time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(1_763_827_200_120), "2025-11-22T16:00:00.120Z");
        assert!(time(u64::MAX).starts_with("9999-12-3"));
    }
}
