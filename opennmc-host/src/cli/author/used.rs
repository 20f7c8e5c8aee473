//! What `opennmc plugin run` tells at its end: every limit, how far it was used, and which were hit.

use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::output::Output;
use crate::cli::table::Table;
use crate::cli::terminal::{Tone, clean};
use crate::cli::words;
use crate::plugin::{Manifest, Mark, PluginStatus, Usage};

/// What was seen of the plugin while it ran.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// It has run, if only for a moment.
    pub(super) ran: bool,
    /// When it was last looked at, its code was still being made.
    compiling: bool,
    calls: u64,
    missed_events: u64,
    usage: Usage,
    failure: Option<String>,
}

impl Seen {
    pub(super) fn look(&mut self, status: &PluginStatus) {
        self.ran |= status.is_running();
        self.compiling = status.compiling;
        self.count(status);
    }

    /// After its end, when it runs no more and its compiling was broken off: whether its `start` had succeeded is still known.
    pub(super) fn look_back(&mut self, status: &PluginStatus) {
        self.ran |= status.version.is_some();
        self.count(status);
    }

    fn count(&mut self, status: &PluginStatus) {
        self.calls = self.calls.max(status.calls);
        self.missed_events = self.missed_events.max(status.missed_events);
        self.usage = status.usage;
        self.failure = status.epitaph.as_ref().map(|epitaph| epitaph.text.clone());
    }

    pub(super) fn report(self, manifest: &Manifest) -> RunReport {
        let limits = limits(&self.usage, manifest);
        RunReport {
            id: manifest.plugin.id.clone(),
            version: manifest.plugin.version.to_string(),
            ran: self.ran,
            compiling: self.compiling && !self.ran,
            calls: self.calls,
            missed_events: self.missed_events,
            hit: limits.iter().filter(|limit| limit.hits > 0).map(|limit| limit.limit).collect(),
            limits,
            failure: self.failure,
        }
    }
}

/// What `--json` prints last.
#[derive(Debug, Serialize)]
pub(super) struct RunReport {
    id: String,
    version: String,
    pub(super) ran: bool,
    /// It has not run, because its code was still being made.
    compiling: bool,
    calls: u64,
    missed_events: u64,
    limits: Vec<LimitReport>,
    /// Limits that were hit, by their keys.
    hit: Vec<&'static str>,
    failure: Option<String>,
}

#[derive(Debug, Serialize)]
struct LimitReport {
    /// The key, under `[limits]` in plugin.toml but for `store`, which is a need.
    limit: &'static str,
    unit: Unit,
    /// The most at one time, or in one minute or second where the unit says so.
    used: f64,
    allowed: f64,
    /// How often it wanted more and did not get it.
    hits: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Unit {
    Bytes,
    Milliseconds,
    AtOnce,
    AMinute,
    ASecond,
}

fn limits(usage: &Usage, manifest: &Manifest) -> Vec<LimitReport> {
    let limits = &manifest.limits;
    let row = |limit, unit, mark: Mark, allowed: u64| LimitReport {
        limit,
        unit,
        used: mark.most as f64,
        allowed: allowed as f64,
        hits: mark.hits,
    };
    let call = LimitReport {
        used: usage.call_us.most as f64 / 1000.0,
        ..row("call-ms", Unit::Milliseconds, usage.call_us, limits.call_ms)
    };
    let mut all = vec![
        row("memory", Unit::Bytes, usage.memory, limits.memory.0),
        call,
        row("connections", Unit::AtOnce, usage.connections, limits.connections.into()),
        row("timers", Unit::AtOnce, usage.timers, limits.timers.into()),
        row("mailbox", Unit::AtOnce, usage.mailbox, limits.mailbox.into()),
        row("unsent", Unit::Bytes, usage.unsent, limits.unsent.0),
        row("log-lines", Unit::AMinute, usage.log_lines, limits.log_lines.into()),
        row("requests", Unit::AtOnce, usage.requests, limits.requests.into()),
        row("messages", Unit::AMinute, usage.messages, limits.messages.into()),
        row("datagrams", Unit::ASecond, usage.datagrams, limits.datagrams.into()),
    ];
    // Without the need there is nothing to use.
    all.extend(manifest.needs.store.map(|share| row("store", Unit::Bytes, usage.store, share.0)));
    all
}

impl LimitReport {
    fn shown(&self, amount: f64) -> String {
        match self.unit {
            Unit::Bytes => words::bytes(amount as u64),
            Unit::Milliseconds if amount.fract() > 0.0 => format!("{amount:.1} ms"),
            Unit::Milliseconds => format!("{amount} ms"),
            Unit::AtOnce => amount.to_string(),
            Unit::AMinute => format!("{amount} a minute"),
            Unit::ASecond => format!("{amount} a second"),
        }
    }
}

impl RunReport {
    /// For people.
    pub(super) fn text(&self, output: Output) -> String {
        let mut table = Table::new(&["LIMIT", "USED", "ALLOWED", "HIT"]);
        for limit in &self.limits {
            let tone = if limit.hits > 0 { Tone::Critical } else { Tone::Plain };
            table.row([
                (limit.limit.to_owned(), Tone::Bold),
                (limit.shown(limit.used), tone),
                (limit.shown(limit.allowed), Tone::Plain),
                (if limit.hits > 0 { times(limit.hits) } else { String::new() }, tone),
            ]);
        }
        let mut text = table.print(output.screen());
        // Writing into a String does not fail.
        let _ = writeln!(text, "{} calls, {} events missed", self.calls, self.missed_events);
        for limit in self.limits.iter().filter(|limit| limit.hits > 0) {
            let _ = writeln!(
                text,
                "the limit `{}` was hit {}: it wanted more than {}",
                limit.limit,
                times(limit.hits),
                limit.shown(limit.allowed)
            );
        }
        if let Some(failure) = &self.failure {
            let _ = writeln!(text, "last failure: {}", clean(failure));
        }
        if self.compiling {
            let _ = writeln!(text, "it has not run: it was still being compiled at the end; give it longer");
        } else if !self.ran && self.failure.is_none() {
            let _ = writeln!(text, "it has not run: it was still starting at the end; give it longer");
        }
        text
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Program {
        #[command(flatten)]
        output: Output,
    }

    fn told(seen: Seen) -> String {
        let manifest = "[plugin]\nid = \"x\"\nversion = \"1.0.0\"\napi = \"0.1\"\nsummary = \"x\"\n[limits]\ntimers = 2\n";
        let manifest = Manifest::parse(Path::new("x"), manifest).unwrap();
        seen.report(&manifest).text(Program::parse_from(["x", "--color", "never"]).output)
    }

    #[test]
    fn a_plugin_that_was_not_compiled_in_time_is_said_to_be_that() {
        let said = told(Seen { compiling: true, ..Seen::default() });
        assert!(said.contains("it has not run: it was still being compiled"), "{said}");
        let said = told(Seen::default());
        assert!(said.contains("it has not run: it was still starting"), "{said}");
        let said = told(Seen { ran: true, compiling: true, ..Seen::default() });
        assert!(!said.contains("has not run"), "{said}");
    }

    #[test]
    fn what_was_hit_is_named_and_what_was_not_is_not() {
        let usage = Usage { timers: Mark { most: 2, hits: 3 }, ..Usage::default() };
        let said = told(Seen { ran: true, usage, ..Seen::default() });
        assert!(said.contains("the limit `timers` was hit 3 times: it wanted more than 2\n"), "{said}");
        assert_eq!(said.matches("was hit").count(), 1, "{said}");
    }
}
