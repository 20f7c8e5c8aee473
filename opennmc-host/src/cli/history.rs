//! `opennmc history` and `opennmc audit`: what was measured, and who ordered what.
//!
//! Asks the daemon; reads the file itself when none runs.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::Serialize;

use super::connect::{Connect, split_ups, the_ups};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::table::Table;
use super::terminal::{Tone, clean};
use super::words;
use crate::control::history::{audit as read_audit, samples as read_samples, series as read_series};
use crate::control::protocol::{AuditQuery, Request, SampleQuery};
use crate::control::report::{AuditReport, SeriesReport};
use crate::control::{Client, ClientError};
use crate::history::{FILE_NAME, HistoryReader};

#[derive(Debug, Args)]
pub(super) struct HistoryArguments {
    /// The UPS (may be left out when there is one) and a variable; without a variable, those that were recorded
    #[arg(value_name = "[UPS] VARIABLE", num_args = 0..=2)]
    words: Vec<String>,

    /// The UPS, where its name could be taken for a variable's
    #[arg(long, short, value_name = "NAME")]
    ups: Option<String>,

    #[command(flatten)]
    span: SpanArguments,

    /// seconds, minutes, hours, or into how many points the time is divided
    #[arg(long, default_value = "60")]
    resolution: String,

    /// Print CSV instead of text
    #[arg(long)]
    csv: bool,

    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
pub(super) struct AuditArguments {
    /// Only about this UPS
    #[arg(long, short, value_name = "NAME")]
    ups: Option<String>,

    /// Only by this user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// The last so many
    #[arg(long, short = 'n', value_name = "COUNT")]
    last: Option<u32>,

    /// From then on: 90m, 24h or 7d ago, or a date and time such as 2026-03-01T14:00
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,

    /// Until then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,

    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct SpanArguments {
    /// From then on: 90m, 24h or 7d ago, or a date and time such as 2026-03-01T14:00
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = moment)]
    since: Timestamp,

    /// Until then [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
}

/// Where the history is.
#[derive(Debug, Args)]
pub(super) struct Place {
    #[command(flatten)]
    pub(super) connect: Connect,

    /// Where the history is when no daemon runs [default: the configuration's state folder]
    #[arg(long, value_name = "DIR", help_heading = "Connection")]
    state: Option<PathBuf>,
}

/// Who tells.
pub(super) enum Source {
    Daemon(Client),
    File(HistoryReader),
}

pub(super) fn history(arguments: &HistoryArguments, output: Output) -> Result<Exit, Failure> {
    let mut source = arguments.place.open()?;
    let (ups, words) = match &source {
        Source::Daemon(client) => {
            let (ups, words) = split_ups(client, arguments.ups.as_deref(), &arguments.words, 1)?;
            (ups, words.to_vec())
        }
        Source::File(_) => arguments.place.split(arguments.ups.as_deref(), &arguments.words)?,
    };
    let Some(variable) = words.first() else {
        let names: Vec<String> = source.series(&ups)?;
        if output.json {
            output.document(&Recorded { ups, variables: names })?;
        } else {
            output.text(&names.iter().map(|name| clean(name) + "\n").collect::<String>())?;
        }
        return Ok(Exit::Done);
    };
    let until = arguments.span.until.unwrap_or_else(Timestamp::now);
    let series = source.samples(SampleQuery {
        ups,
        variable: variable.clone(),
        since_ms: ms(arguments.span.since),
        until_ms: ms(until),
        resolution: Some(arguments.resolution.clone()),
    })?;
    if output.json {
        output.document(&series)?;
    } else if arguments.csv {
        output.text(&csv(&series))?;
    } else if series.points.is_empty() {
        let message =
            format!("{} has nothing recorded of {} in that time", clean(&series.ups), clean(variable));
        return Err(Failure::new(Exit::NotFound, message));
    } else {
        output.text(&series_table(&series, output))?;
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Recorded {
    ups: String,
    variables: Vec<String>,
}

pub(super) fn audit(arguments: &AuditArguments, output: Output) -> Result<Exit, Failure> {
    let mut source = arguments.place.open()?;
    let ups = match &source {
        Source::Daemon(client) => {
            arguments.ups.as_deref().map(|ups| the_ups(client, Some(ups))).transpose()?
        }
        Source::File(_) => arguments.ups.clone(),
    };
    let lines = source.audit(AuditQuery {
        ups,
        user: arguments.user.clone(),
        since_ms: arguments.since.map(ms),
        until_ms: arguments.until.map(ms),
        last: arguments.last,
    })?;
    if output.json {
        output.document(&lines)?;
    } else if lines.is_empty() {
        output.text("nothing was ordered\n")?;
    } else {
        output.text(&audit_table(&lines, output))?;
    }
    Ok(Exit::Done)
}

impl Place {
    pub(super) fn open(&self) -> Result<Source, Failure> {
        if let Some(client) = self.connect.open_if_running()? {
            return Ok(Source::Daemon(client));
        }
        let state = match &self.state {
            Some(state) => state.clone(),
            None => self.connect.settings()?.state_dir,
        };
        let path = state.join(FILE_NAME);
        if !path.exists() {
            let message = format!("no daemon runs, and there is no history at {}", path.display());
            return Err(Failure::new(Exit::NoDaemon, message));
        }
        Ok(Source::File(HistoryReader::offline(&path)))
    }

    /// As [`split_ups`], by the configuration instead of the daemon.
    fn split(&self, named: Option<&str>, words: &[String]) -> Result<(String, Vec<String>), Failure> {
        let settings = self.connect.settings()?;
        let upses: Vec<&str> = settings.upses.iter().map(|ups| ups.name.as_str()).collect();
        match (named, words, upses.as_slice()) {
            (Some(ups), words, _) => Ok((ups.to_owned(), words.to_vec())),
            (None, [first, rest @ ..], _)
                if words.len() > 1 || upses.iter().any(|ups| ups.eq_ignore_ascii_case(first)) =>
            {
                Ok((first.clone(), rest.to_vec()))
            }
            (None, words, [only]) => Ok(((*only).to_owned(), words.to_vec())),
            (None, _, several) => {
                Err(Failure::new(Exit::BadUsage, format!("name the UPS: there are {}", several.join(", "))))
            }
        }
    }
}

impl Source {
    fn series(&mut self, ups: &str) -> Result<Vec<String>, Failure> {
        match self {
            Source::Daemon(client) => Ok(client.ask(Request::Series { ups: ups.to_owned() })?),
            Source::File(reader) => Ok(read_series(reader, ups).map_err(ClientError::Refused)?),
        }
    }

    fn samples(&mut self, query: SampleQuery) -> Result<SeriesReport, Failure> {
        match self {
            Source::Daemon(client) => Ok(client.ask(Request::Samples(query))?),
            Source::File(reader) => Ok(read_samples(reader, &query).map_err(ClientError::Refused)?),
        }
    }

    fn audit(&mut self, query: AuditQuery) -> Result<Vec<AuditReport>, Failure> {
        match self {
            Source::Daemon(client) => Ok(client.ask(Request::Audit(query))?),
            Source::File(reader) => Ok(read_audit(reader, &query).map_err(ClientError::Refused)?),
        }
    }
}

fn csv(series: &SeriesReport) -> String {
    let rows = series
        .points
        .iter()
        .map(|point| format!("{},{},{},{},{}\n", point.at, point.min, point.avg, point.max, point.count));
    std::iter::once("at,min,avg,max,count\n".to_owned()).chain(rows).collect()
}

fn series_table(series: &SeriesReport, output: Output) -> String {
    let mut table = Table::new(&["TIME", "MEAN", "LEAST", "GREATEST"]);
    for point in &series.points {
        let cell = |value: f64| (format!("{value:.2}"), Tone::Plain);
        table.row([
            (words::local_time(&point.at), Tone::Faint),
            (format!("{:.2}", point.avg), Tone::Bold),
            cell(point.min),
            cell(point.max),
        ]);
    }
    table.print(output.screen())
}

fn audit_table(lines: &[AuditReport], output: Output) -> String {
    let mut table = Table::new(&["TIME", "WHO", "AS", "FROM", "UPS", "WHAT", "RESULT"]);
    for line in lines {
        table.row([
            (words::local_time(&line.at), Tone::Faint),
            (clean(&line.user), Tone::Bold),
            (clean(&line.role), Tone::Plain),
            (clean(&line.origin), Tone::Plain),
            (line.ups.as_deref().map(clean).unwrap_or_default(), Tone::Plain),
            (clean(&line.what), Tone::Plain),
            (clean(&line.result), Tone::Plain),
        ]);
    }
    table.print(output.screen())
}

fn ms(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or_default()
}

/// A time ago, or a time.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let wrong =
        || "write how long ago, such as 90m, 24h or 7d, or a time such as 2026-03-01T14:00".to_owned();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(at) = text.parse::<DateTime>().or_else(|_| text.parse::<jiff::civil::Date>().map(Into::into)) {
        return at.to_zoned(TimeZone::system()).map(|at| at.timestamp()).map_err(|error| error.to_string());
    }
    let unit = match text.chars().last() {
        Some('d') => 86_400,
        Some('h') => 3600,
        Some('m') => 60,
        Some('s') => 1,
        _ => return Err(wrong()),
    };
    let count: i64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let seconds = count.checked_mul(unit).filter(|seconds| *seconds >= 0).ok_or_else(wrong)?;
    let ago = Span::new().try_seconds(seconds).map_err(|_| wrong())?;
    Timestamp::now().checked_sub(ago).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        assert_eq!(moment("2026-03-01T14:00:00Z").unwrap().to_string(), "2026-03-01T14:00:00Z");
        assert!(moment("2026-03-01T14:00").is_ok() && moment("2026-03-01").is_ok());
        let ago = Timestamp::now().as_second() - moment("2h").unwrap().as_second();
        assert!((7200..7300).contains(&ago), "{ago}");
        for wrong in ["", "yesterday", "-5h", "5", "h", "99999999999999999d"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }
}
