//! `opennmc script run`: a rehearsal of a script, in simulated time.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use clap::{ArgGroup, Args};
use jiff::Zoned;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::section;
use crate::cli::demo::Folder;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::cli::terminal::clean;
use crate::plugin::script::{ScriptActor, duration_ms};
use crate::rehearsal::{Line, Play, What, perform};

/// What happens when nothing is said: an outage of ten minutes.
const OUTAGE: [&str; 2] = ["5m line off", "15m line on"];

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["simulate", "play"])))]
pub(super) struct RunArguments {
    /// The script
    file: PathBuf,
    /// Play with a simulated UPS, in simulated time
    #[arg(long)]
    simulate: bool,
    /// Play what this file says
    #[arg(long, value_name = "FILE", conflicts_with_all = ["simulate", "model", "duration", "events", "begin"])]
    play: Option<PathBuf>,
    /// The simulated UPS
    #[arg(long, default_value = "smart-ups-1500", value_parser = super::super::demo::parse_model)]
    model: String,
    /// How long it is played for
    #[arg(long = "for", value_name = "DURATION", default_value = "30m", value_parser = milliseconds)]
    duration: u64,
    /// Something that happens to the UPS, after so long: as `apcsmart-sim` takes it on its control socket (may be given several
    /// times)
    ///
    /// For example `--do "5m line off" --do "15m line on"`, which is what happens when nothing is given.
    #[arg(long = "do", value_name = "AFTER LINE", value_parser = happening)]
    events: Vec<(u64, String)>,
    /// When it begins, by the clock here, as 2026-11-22T06:00 [default: now]
    #[arg(long, value_name = "MOMENT")]
    begin: Option<DateTime>,
    /// Take the section [script.NAME] from this configuration, and not from the comment at the top of the script
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

pub(super) fn run(arguments: &RunArguments, output: Output) -> Result<Exit, Failure> {
    let read = |path: &PathBuf| {
        fs::read_to_string(path).map_err(|error| Failure::system(path.display().to_string(), error))
    };
    let text = read(&arguments.file)?;
    let settings = section::settings(&arguments.file, &text, arguments.settings.as_deref())?;
    let wrong = |problem: String| Failure::new(Exit::BadConfiguration, problem);
    let play = match &arguments.play {
        Some(file) => {
            Play::parse(&read(file)?).map_err(|problem| wrong(format!("{}: {problem}", file.display())))?
        }
        None => simulated(arguments).map_err(wrong)?,
    };
    // What it keeps lies in a folder that goes away with an orderly end only.
    let broken_off = Arc::<AtomicBool>::default();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&broken_off))
            .map_err(|error| Failure::system("can't listen to signals", error))?;
    }
    let folder = Folder::make("rehearsal")?;
    let zone = play.begins.time_zone().clone();
    let mut actor = ScriptActor::new(&arguments.file, text, &settings, folder.path(), zone).map_err(wrong)?;
    if !output.json {
        output.text(&format!("begins {}\n", play.begins.strftime("%A %Y-%m-%d %H:%M:%S %Z")))?;
    }
    let mut told = Ok(());
    let show = |lines: &[Line]| {
        told = lines.iter().try_for_each(|line| tell(line, output));
        told.is_ok() && !broken_off.load(Relaxed)
    };
    let played = perform(&play, Some(&mut actor), show);
    told?;
    let lines = played.map_err(wrong)?;
    let is_wrong = lines.iter().any(|line| {
        matches!(&line.what, What::Follows(text) if text.starts_with("> failed:") || text.starts_with("> log error:"))
    });
    Ok(if is_wrong { Exit::BadConfiguration } else { Exit::Done })
}

fn simulated(arguments: &RunArguments) -> Result<Play, String> {
    let begins = match arguments.begin {
        Some(moment) => moment.to_zoned(TimeZone::system()).map_err(|error| error.to_string())?,
        None => Zoned::now(),
    };
    let mut events = arguments.events.clone();
    if events.is_empty() {
        events = OUTAGE.iter().filter_map(|line| happening(line).ok()).collect();
    }
    events.sort_by_key(|(at_ms, _)| *at_ms);
    events.retain(|(at_ms, _)| *at_ms <= arguments.duration);
    Ok(Play::simulated(&arguments.model, begins, events, arguments.duration))
}

/// One line for people, or one document.
fn tell(line: &Line, output: Output) -> Result<(), Failure> {
    if !output.json {
        return output.text(&format!("{}\n", clean(&line.to_string())));
    }
    #[derive(Serialize)]
    struct Document<'l> {
        after_ms: u64,
        kind: &'static str,
        text: &'l str,
    }
    let (kind, text) = match &line.what {
        What::Happens(action) => ("happens", action.to_string()),
        What::Follows(text) => {
            let kind = match text.as_bytes().first() {
                Some(b'!') => "event",
                Some(b'=') => "status",
                Some(b'>') => "script",
                _ => "value",
            };
            (kind, text.get(2..).unwrap_or_default().to_owned())
        }
    };
    output.line(&Document { after_ms: line.at_ms, kind, text: &text })
}

fn milliseconds(text: &str) -> Result<u64, String> {
    duration_ms(text)
}

/// `5m line off`
fn happening(text: &str) -> Result<(u64, String), String> {
    let example = "write for example \"5m line off\"";
    let (after, line) = text.trim().split_once(' ').ok_or(example)?;
    let at_ms = duration_ms(after).map_err(|problem| format!("{problem}; {example}"))?;
    Ok((at_ms, line.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use apcsmart::simulator::Model;

    use super::*;

    #[test]
    fn what_happens_has_a_moment_and_a_line() {
        assert_eq!(happening("5m line off"), Ok((300_000, "line off".to_owned())));
        for wrong in ["5m", "line off", "", "-5m line off"] {
            assert!(happening(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_usual_play_is_an_outage_on_a_model_that_there_is() {
        assert!(Model::named("smart-ups-1500").is_ok());
        assert!(OUTAGE.iter().all(|line| happening(line).is_ok()));
    }
}
