//! Everything that was recorded as CSV or JSON, line by line: an export never is in memory as a whole.

use std::ops::Range;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::connection::HistoryReader;
use super::filter::{AuditFilter, EventFilter};
use super::records::AuditEntry;
use super::samples::{Resolution, SamplePoint};
use crate::history::error::HistoryError;
use crate::state::{Event, Severity};

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180, with a header, for spreadsheets: text that one would take for a formula gets a `'` in front.
    Csv,
    /// One array of objects.
    Json,
    /// One object a line.
    JsonLines,
}

/// One row, either way.
trait Exported {
    const HEADER: &'static [&'static str];
    fn cells(&self) -> Vec<Cell>;
    fn object(&self) -> Value;
}

/// One cell of a CSV.
enum Cell {
    /// A number or a time of ours: written as it is.
    Plain(String),
    /// Text that came from anywhere.
    Text(String),
}

impl HistoryReader {
    /// Events as text, piece by piece; each ends with a line's end.
    pub fn export_events(
        &self,
        filter: &EventFilter,
        format: Format,
    ) -> impl Iterator<Item = Result<String, HistoryError>> + use<'_> {
        Export::new(self.events(filter), format)
    }

    /// The audit as text, piece by piece.
    pub fn export_audit(
        &self,
        filter: &AuditFilter,
        format: Format,
    ) -> impl Iterator<Item = Result<String, HistoryError>> + use<'_> {
        Export::new(self.audit(filter), format)
    }

    /// Samples as text, piece by piece.
    ///
    /// # Errors
    ///
    /// When the database can't be read.
    pub fn export_samples(
        &self,
        device: &str,
        name: &str,
        span: Range<u64>,
        resolution: Resolution,
        format: Format,
    ) -> Result<impl Iterator<Item = Result<String, HistoryError>> + use<>, HistoryError> {
        let series = self.samples(device, name, span, resolution)?;
        Ok(Export::new(series.points.into_iter().map(Ok), format))
    }
}

struct Export<I> {
    rows: I,
    format: Format,
    state: State,
}

#[derive(PartialEq)]
enum State {
    /// Nothing was given yet.
    Head,
    /// This many rows were given.
    Rows(u64),
    /// The end was given.
    End,
}

impl<I> Export<I> {
    fn new(rows: I, format: Format) -> Export<I> {
        Export { rows, format, state: State::Head }
    }
}

impl<T: Exported, I: Iterator<Item = Result<T, HistoryError>>> Iterator for Export<I> {
    type Item = Result<String, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Head {
            self.state = State::Rows(0);
            match self.format {
                Format::Csv => {
                    return Some(Ok(csv_line(T::HEADER.iter().map(|name| Cell::Plain((*name).to_owned())))));
                }
                Format::Json => return Some(Ok("[\n".to_owned())),
                Format::JsonLines => {}
            }
        }
        let State::Rows(given) = self.state else { return None };
        match (self.rows.next(), self.format) {
            (Some(Err(error)), _) => {
                self.state = State::End;
                Some(Err(error))
            }
            (Some(Ok(row)), format) => {
                self.state = State::Rows(given + 1);
                Some(Ok(match format {
                    Format::Csv => csv_line(row.cells()),
                    Format::JsonLines => format!("{}\n", row.object()),
                    // The comma stands before what it separates: nobody knows yet whether more comes.
                    Format::Json => format!("{}{}\n", if given > 0 { "," } else { " " }, row.object()),
                }))
            }
            (None, format) => {
                self.state = State::End;
                (format == Format::Json).then(|| Ok("]\n".to_owned()))
            }
        }
    }
}

impl Exported for Event {
    const HEADER: &'static [&'static str] =
        &["id", "time", "epoch_ms", "severity", "kind", "device", "fields"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::Plain(self.id.to_string()),
            Cell::Plain(rfc3339(self.at_ms)),
            Cell::Plain(self.at_ms.to_string()),
            Cell::Plain(severity_name(self.severity).to_owned()),
            Cell::Text(self.kind.clone()),
            Cell::Text(self.device.clone()),
            Cell::Text(fields_object(self).to_string()),
        ]
    }

    fn object(&self) -> Value {
        json!({
            "id": self.id,
            "time": rfc3339(self.at_ms),
            "epoch_ms": self.at_ms,
            "severity": severity_name(self.severity),
            "kind": self.kind,
            "device": self.device,
            "fields": fields_object(self),
        })
    }
}

impl Exported for AuditEntry {
    const HEADER: &'static [&'static str] =
        &["id", "time", "epoch_ms", "principal", "role", "origin", "device", "what", "result"];

    fn cells(&self) -> Vec<Cell> {
        let record = &self.record;
        vec![
            Cell::Plain(self.id.map(|id| id.to_string()).unwrap_or_default()),
            Cell::Plain(rfc3339(record.at_ms)),
            Cell::Plain(record.at_ms.to_string()),
            Cell::Text(record.principal.clone()),
            Cell::Text(record.role.clone()),
            Cell::Text(record.origin.clone()),
            Cell::Text(record.device.clone()),
            Cell::Text(record.what.clone()),
            Cell::Text(record.result.clone()),
        ]
    }

    fn object(&self) -> Value {
        let record = &self.record;
        json!({
            "id": self.id,
            "time": rfc3339(record.at_ms),
            "epoch_ms": record.at_ms,
            "principal": record.principal,
            "role": record.role,
            "origin": record.origin,
            "device": record.device,
            "what": record.what,
            "result": record.result,
        })
    }
}

impl Exported for SamplePoint {
    const HEADER: &'static [&'static str] = &["time", "epoch_ms", "min", "avg", "max", "count"];

    fn cells(&self) -> Vec<Cell> {
        [
            rfc3339(self.at_ms),
            self.at_ms.to_string(),
            self.min.to_string(),
            self.avg.to_string(),
            self.max.to_string(),
            self.count.to_string(),
        ]
        .map(Cell::Plain)
        .into()
    }

    fn object(&self) -> Value {
        json!({
            "time": rfc3339(self.at_ms),
            "epoch_ms": self.at_ms,
            "min": self.min,
            "avg": self.avg,
            "max": self.max,
            "count": self.count,
        })
    }
}

fn csv_line(cells: impl IntoIterator<Item = Cell>) -> String {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let cells = cells.into_iter().map(|cell| match cell {
        Cell::Plain(text) => text,
        Cell::Text(text) => harmless(text),
    });
    // Into memory nothing can fail, and what goes in is UTF-8.
    let _ = writer.write_record(cells.collect::<Vec<String>>());
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// A spreadsheet takes text that begins like this for a formula, which may send the sheet to anybody. See OWASP's
/// "CSV injection".
fn harmless(text: String) -> String {
    if text
        .starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
    {
        format!("'{text}")
    } else {
        text
    }
}

/// UTC with milliseconds.
fn rfc3339(at_ms: u64) -> String {
    let time = i64::try_from(at_ms).ok().and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok());
    // Later than the year 9999.
    time.map_or_else(String::new, |time| format!("{time:.3}"))
}

fn fields_object(event: &Event) -> Value {
    let fields = event.fields.iter().map(|(name, value)| (name.clone(), Value::String(value.clone())));
    Value::Object(fields.collect::<Map<String, Value>>())
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}
