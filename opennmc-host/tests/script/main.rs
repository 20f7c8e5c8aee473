//! Scripts under the real supervisor, on threads of their own.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "all of this is test code, of which clippy only knows the `#[test]` functions, and half of what is shared is \
              used here"
)]

mod daemon;
#[path = "../plugin/guests.rs"]
mod guests;
mod hooks;
#[path = "../plugin/host.rs"]
mod host;
mod hostile;
#[path = "../plugin/daemon.rs"]
mod in_process;
mod people;
#[path = "../cli/place.rs"]
mod place;
mod reloading;
#[path = "../plugin/web/scene.rs"]
mod scene;
mod web;

use std::collections::BTreeMap;
use std::sync::Arc;

use opennmc_host::plugin::{PluginSettings, ScriptSettings};
use opennmc_host::state::{Availability, Device, Event, Kind, Severity, Snapshot, Variable};
use tempfile::TempDir;

use crate::host::Host;

/// A script of this name with this text.
fn script(folder: &TempDir, name: &str, text: &str) -> PluginSettings {
    let file = folder.path().join(format!("{name}.rhai"));
    std::fs::write(&file, text).unwrap();
    PluginSettings {
        id: format!("script.{name}"),
        script: Some(ScriptSettings { file, ..ScriptSettings::default() }),
        ..PluginSettings::default()
    }
}

fn start(scripts: &[(&str, &str)]) -> Host {
    let folder = tempfile::tempdir().unwrap();
    let settings = scripts.iter().map(|(name, text)| script(&folder, name, text)).collect();
    Host::start_in(folder, settings)
}

fn event(kind: &str, fields: &[(&str, &str)]) -> Event {
    Event {
        id: 1,
        kind: kind.to_owned(),
        severity: Severity::Warning,
        device: "main".to_owned(),
        at_ms: 1_795_303_800_000,
        fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

/// One UPS with these variables.
fn snapshot(host: &Host, variables: &[(&str, &str, Kind)]) {
    let variable = |(name, value, kind): &(&str, &str, Kind)| {
        let variable = Variable { value: (*value).to_owned(), kind: kind.clone(), settable: false };
        ((*name).to_owned(), variable)
    };
    let device = Device {
        name: "main".to_owned(),
        description: None,
        availability: Availability::Live,
        generation: 1,
        heard_at_ms: Some(1),
        variables: variables.iter().map(variable).collect::<BTreeMap<_, _>>(),
        commands: ["test.battery.start".to_owned()].into(),
    };
    host.snapshots.store(Snapshot { generation: 1, devices: vec![Arc::new(device)] });
}

/// What the script has logged, once it has logged this.
fn logged(host: &Host, name: &str, last: &str) -> Vec<String> {
    let id = format!("script.{name}");
    let lines = |status: &opennmc_host::plugin::PluginStatus| -> Vec<String> {
        status.lines.after(0).into_iter().map(|line| line.text).collect()
    };
    let began = std::time::Instant::now();
    loop {
        let all = lines(&host.status(&id));
        if all.iter().any(|line| line.contains(last)) {
            return all;
        }
        assert!(began.elapsed().as_secs() < 60, "never logged: {last}; there is {all:#?}");
        std::thread::yield_now();
    }
}
