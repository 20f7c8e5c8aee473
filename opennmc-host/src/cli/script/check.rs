//! `opennmc script check`: a dry run.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::section;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::cli::terminal::clean;
use crate::plugin::script::{Checked, check as dry_run};
use crate::state::{Event, Severity};

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// The scripts
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What the scripts read as `config`, in the place of what their sections have: a TOML file with those keys
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Take the sections [script.NAME] from this configuration, and not from the comments at the top of the scripts
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Events that happened, besides one of every kind: as `opennmc --json events` prints them
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    file: String,
    #[serde(flatten)]
    checked: Checked,
}

/// The part of an event that a script sees.
#[derive(Deserialize)]
struct Recorded {
    kind: String,
    #[serde(default)]
    severity: String,
    #[serde(default, alias = "device")]
    ups: Option<String>,
    #[serde(default)]
    at_ms: u64,
    #[serde(default)]
    fields: std::collections::BTreeMap<String, String>,
}

pub(super) fn check(arguments: &CheckArguments, output: Output) -> Result<Exit, Failure> {
    let config =
        match &arguments.config {
            Some(file) => Some(toml::from_str(&read(file)?).map_err(|error| {
                Failure::new(Exit::BadConfiguration, format!("{}: {error}", file.display()))
            })?),
            None => None,
        };
    let recorded = match &arguments.events {
        Some(file) => recorded(file)?,
        None => Vec::new(),
    };
    let mut reports = Vec::new();
    for file in &arguments.files {
        let text = read(file)?;
        let mut settings = section::settings(file, &text, arguments.settings.as_deref())?;
        if let Some(config) = &config {
            settings.config = toml::Table::clone(config);
        }
        let checked = dry_run(file, &text, &settings, &recorded);
        reports.push(Report { file: file.display().to_string(), checked });
    }
    let is_wrong = reports.iter().any(|report| !report.checked.errors.is_empty());
    if output.json {
        output.document(&reports)?;
    } else {
        output.text(&reports.iter().map(shown).collect::<String>())?;
    }
    Ok(if is_wrong { Exit::BadConfiguration } else { Exit::Done })
}

fn shown(report: &Report) -> String {
    let mut text = String::new();
    for called in &report.checked.calls {
        for call in &called.calls {
            text.push_str(&format!("{}: at {}: {}\n", report.file, called.at, clean(call)));
        }
    }
    for error in &report.checked.errors {
        text.push_str(&format!("{}: error: {}\n", report.file, clean(error)));
    }
    if report.checked.errors.is_empty() {
        text.push_str(&format!("{}: no errors\n", report.file));
    }
    text
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| Failure::system(file.display().to_string(), error))
}

/// An array of events, or one in each line.
fn recorded(file: &Path) -> Result<Vec<Event>, Failure> {
    let text = read(file)?;
    let all: Result<Vec<Recorded>, _> = match text.trim_start().starts_with('[') {
        true => serde_json::from_str(&text),
        false => text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect(),
    };
    let all =
        all.map_err(|error| Failure::new(Exit::BadConfiguration, format!("{}: {error}", file.display())))?;
    Ok(all
        .into_iter()
        .map(|Recorded { kind, severity, ups, at_ms, fields }| Event {
            id: 1,
            kind,
            severity: match severity.as_str() {
                "critical" => Severity::Critical,
                "warning" => Severity::Warning,
                _ => Severity::Info,
            },
            device: ups.unwrap_or_default(),
            at_ms,
            fields: fields.into_iter().collect(),
        })
        .collect())
}
