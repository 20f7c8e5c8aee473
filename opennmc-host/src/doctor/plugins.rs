//! Plugins that do not run, or not well.

use super::{Area, Facts, Finding, Severity};

/// A plugin that was started again so often is not well, although it runs.
const MANY_RESTARTS: u64 = 5;

pub(super) fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let plugins = facts.daemon.iter().flat_map(|daemon| &daemon.plugins);
    for plugin in plugins {
        let id = &plugin.id;
        let why = plugin.last_failure.as_deref().unwrap_or("no reason is known");
        let fix = format!("see `opennmc plugin info {id}` and the log; a newer version of it may be mended");
        match plugin.state.as_str() {
            "quarantined" => findings.push(Finding::new(
                Severity::Critical,
                Area::Plugins,
                format!("{id} failed too often and is not started any more: {why}"),
                fix,
            )),
            "waiting" => findings.push(Finding::new(
                Severity::Warning,
                Area::Plugins,
                format!("{id} failed and is going to be started again: {why}"),
                fix,
            )),
            "running" if plugin.restarts >= MANY_RESTARTS => findings.push(Finding::new(
                Severity::Warning,
                Area::Plugins,
                format!("{id} runs, and failed {} times before: {why}", plugin.restarts),
                fix,
            )),
            _ => {}
        }
        if plugin.missed_events > 0 {
            let message =
                format!("{id} was too busy for {} events and does not know of them", plugin.missed_events);
            findings.push(Finding::new(
                Severity::Warning,
                Area::Plugins,
                message,
                "report it to the plugin's author",
            ));
        }
    }
}
