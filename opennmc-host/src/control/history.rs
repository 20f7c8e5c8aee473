//! Reads the history: in the daemon, or in the file of one that does not run.

use super::protocol::{AuditQuery, Code, EventQuery, Problem, SampleQuery};
use super::report::{AuditReport, PointReport, SeriesReport, time};
use crate::history::{AuditFilter, EventFilter, HistoryError, HistoryReader, Resolution};
use crate::state::{Event, Severity};

/// The most events or lines of audit that are given when nobody says how many.
pub const USUAL_LAST: u32 = 50;
/// The most that are given at all: they are turned round in memory.
pub const MOST_LAST: u32 = 100_000;

/// The events that `query` wants, the oldest first.
pub fn events(reader: &HistoryReader, query: &EventQuery) -> Result<Vec<Event>, Problem> {
    let filter = EventFilter {
        device: query.ups.clone(),
        kinds: query.kind.iter().map(|kind| format!("{kind}*")).collect(),
        severity: Some(severity(query.severity.as_deref())?),
        from_ms: query.since_ms,
        to_ms: query.until_ms,
        before_id: query.before,
        limit: Some(last(query.last)),
        newest_first: true,
        ..EventFilter::default()
    };
    turned_round(reader.events(&filter))
}

/// The lines of the audit that `query` wants, the oldest first.
pub fn audit(reader: &HistoryReader, query: &AuditQuery) -> Result<Vec<AuditReport>, Problem> {
    let filter = AuditFilter {
        device: query.ups.clone(),
        principal: query.user.clone(),
        from_ms: query.since_ms,
        to_ms: query.until_ms,
        limit: Some(last(query.last)),
        newest_first: true,
        ..AuditFilter::default()
    };
    let entries = turned_round(reader.audit(&filter))?;
    Ok(entries.iter().map(AuditReport::of).collect())
}

/// The samples that `query` wants.
pub fn samples(reader: &HistoryReader, query: &SampleQuery) -> Result<SeriesReport, Problem> {
    let SampleQuery { ups, variable, since_ms, until_ms, resolution } = query;
    let resolution = match resolution.as_deref() {
        Some("seconds") => Resolution::Seconds,
        Some("minutes") => Resolution::Minutes,
        Some("hours") => Resolution::Hours,
        Some(other) => match other.parse() {
            Ok(points) if points > 0 => Resolution::Points(points),
            _ => {
                let message =
                    format!("`{other}` is no resolution: seconds, minutes, hours, or a number of points");
                return Err(Problem::new(Code::BadRequest, message));
            }
        },
        None => Resolution::Minutes,
    };
    let series = reader.samples(ups, variable, *since_ms..*until_ms, resolution).map_err(problem)?;
    let points = series.points.iter().map(|point| PointReport {
        at: time(point.at_ms),
        min: point.min,
        avg: point.avg,
        max: point.max,
        count: point.count,
    });
    Ok(SeriesReport {
        ups: ups.clone(),
        variable: variable.clone(),
        step_s: series.step_ms as f64 / 1000.0,
        points: points.collect(),
    })
}

/// Which numbers of `ups` were ever sampled.
pub fn series(reader: &HistoryReader, ups: &str) -> Result<Vec<String>, Problem> {
    let all = reader.series().map_err(problem)?;
    Ok(all.into_iter().filter(|(device, _)| device.eq_ignore_ascii_case(ups)).map(|(_, name)| name).collect())
}

/// A severity by its name; none is the least.
pub fn severity(name: Option<&str>) -> Result<Severity, Problem> {
    match name {
        None | Some("info") => Ok(Severity::Info),
        Some("warning") => Ok(Severity::Warning),
        Some("critical") => Ok(Severity::Critical),
        Some(other) => {
            let message = format!("`{other}` is not a severity: info, warning or critical");
            Err(Problem::new(Code::BadRequest, message))
        }
    }
}

fn last(wanted: Option<u32>) -> usize {
    usize::try_from(wanted.unwrap_or(USUAL_LAST).min(MOST_LAST)).unwrap_or(usize::MAX)
}

fn turned_round<T>(newest_first: impl Iterator<Item = Result<T, HistoryError>>) -> Result<Vec<T>, Problem> {
    let mut all: Vec<T> = newest_first.collect::<Result<_, _>>().map_err(problem)?;
    all.reverse();
    Ok(all)
}

fn problem(error: HistoryError) -> Problem {
    Problem::new(Code::Failed, error.to_string())
}
