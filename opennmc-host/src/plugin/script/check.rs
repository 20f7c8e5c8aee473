//! A dry run: every function of a script called with events as they could come, and nothing done.
//!
//! `opennmc script check` uses it. What the script would have done is noted call by call.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use calloop::EventLoop;
use calloop::channel::channel;
use serde::Serialize;

use super::instance::ScriptInstance;
use super::{PREFIX, ScriptSettings, Source, grant};
use crate::plugin::bindings::wit::types::Response;
use crate::plugin::capability::Clock;
use crate::plugin::instance::Origin;
use crate::plugin::outbound::Network;
use crate::plugin::thread::Inbox;
use crate::plugin::thread::budget::Budget;
use crate::plugin::thread::connections::Connections;
use crate::plugin::thread::datagrams::Datagrams;
use crate::plugin::watch::Watch;
use crate::plugin::{Epitaph, PluginSettings};
use crate::state::{Availability, Device, Event, Kind, Snapshot, SnapshotCell, Variable, kinds};

/// The UPS of a dry run.
const UPS: &str = "main";

/// What a dry run found.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub(crate) struct Checked {
    /// What is wrong: file, line, column and words.
    pub errors: Vec<String>,
    /// What the script would do, by what makes it do so.
    pub calls: Vec<Called>,
}

/// What a script would do at one event.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub(crate) struct Called {
    /// The kind of the event, or `start`, `requests`, `timers and results`, `stop`.
    pub at: String,
    /// The calls, as they would be written.
    pub calls: Vec<String>,
}

/// Checks the text of a script, with an event of every kind and with those that are given.
pub(crate) fn check(file: &Path, text: &str, settings: &PluginSettings, recorded: &[Event]) -> Checked {
    let mut checked = Checked::default();
    if let Err(epitaph) =
        dry(file, text, settings, |script| dry_run(script, settings, recorded, &mut checked))
    {
        checked.errors.push(epitaph.text);
    }
    checked
}

/// Works on a script that does nothing, and that has not been started.
pub(super) fn dry<R>(
    file: &Path,
    text: &str,
    settings: &PluginSettings,
    work: impl FnOnce(&mut ScriptInstance) -> Result<R, Epitaph>,
) -> Result<R, Epitaph> {
    let failed = |error: String| Epitaph::new(error);
    let source = Source::of_text(file, text.to_owned(), BTreeMap::new());
    let event_loop = EventLoop::<Inbox>::try_new().map_err(|error| failed(error.to_string()))?;
    let script = settings
        .script
        .clone()
        .unwrap_or_else(|| ScriptSettings { file: file.to_owned(), ..ScriptSettings::default() });
    let grant = grant(settings, &script).map_err(|error| failed(error.to_string()))?;
    let snapshots = SnapshotCell::default();
    snapshots.store(snapshot());
    let (outcomes, _outcome) = channel();
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let origin = Origin {
        plugin: Arc::from(format!("{PREFIX}{name}")),
        grant: &grant,
        started: Instant::now(),
        clock: Clock::System,
        snapshots,
        connections: Connections::new(event_loop.handle(), &grant.limits),
        datagrams: Datagrams::new(event_loop.handle(), &grant),
        services: None,
        outbound: Network::default(),
        budget: Budget::of_process(),
        outcomes,
        watch: Watch::new(|| ()),
        abort: Arc::default(),
        gauges: Arc::default(),
        lines: Arc::default(),
    };
    work(&mut ScriptInstance::with(&source, origin, true))
}

fn dry_run(
    script: &mut ScriptInstance,
    settings: &PluginSettings,
    recorded: &[Event],
    checked: &mut Checked,
) -> Result<(), Epitaph> {
    script.start(&super::config(&settings.config))?;
    note(script, "start", checked);
    for event in kinds::ALL.iter().map(|kind| canned(kind)).chain(recorded.iter().cloned()) {
        script.on_event(&event)?;
        note(script, &event.kind, checked);
    }
    if let Some(answers) = script.rehearse_requests()? {
        note(script, "requests", checked);
        let shown = |answer: &Response| format!("answer {} with {} bytes", answer.status, answer.body.len());
        let calls = answers.iter().map(shown).collect();
        checked.calls.push(Called { at: "requests".to_owned(), calls });
    }
    script.run_pending()?;
    note(script, "timers and results", checked);
    script.stop()?;
    note(script, "stop", checked);
    Ok(())
}

fn note(script: &mut ScriptInstance, at: &str, checked: &mut Checked) {
    checked.errors.extend(script.take_errors());
    let calls = script.take_noted();
    if !calls.is_empty() {
        checked.calls.push(Called { at: at.to_owned(), calls });
    }
}

fn canned(kind: &kinds::EventKind) -> Event {
    let fields = [("seconds", "75"), ("from", "OL"), ("to", "OB"), ("reason", "a dry run")];
    Event {
        id: 1,
        kind: kind.name.to_owned(),
        severity: kind.severity,
        device: UPS.to_owned(),
        at_ms: crate::plugin::epitaph::wall_ms(),
        fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    }
}

/// A UPS in the middle of an outage.
fn snapshot() -> Snapshot {
    let variable = |(name, value): (&str, &str)| {
        let kind = if super::value::number(value).is_some() { Kind::Number } else { Kind::Text(0) };
        (name.to_owned(), Variable { value: value.to_owned(), kind, settable: false })
    };
    let variables = [
        ("battery.charge", "42"),
        ("battery.date", "2021-05-04"),
        ("battery.runtime", "900"),
        ("battery.voltage", "24.8"),
        ("input.voltage", "0.0"),
        ("output.voltage", "230.4"),
        ("ups.load", "35.0"),
        ("ups.realpower", "302"),
        ("ups.status", "OB DISCHRG"),
        ("ups.temperature", "31.5"),
        ("ups.test.result", "Done and passed"),
    ];
    let device = Device {
        name: UPS.to_owned(),
        description: Some("a dry run".to_owned()),
        availability: Availability::Live,
        generation: 1,
        heard_at_ms: Some(1),
        variables: variables.into_iter().map(variable).collect(),
        commands: ["test.battery.start".to_owned(), "beeper.mute".to_owned()].into(),
    };
    Snapshot { generation: 1, devices: vec![Arc::new(device)] }
}
