//! Rows of events, audit, engine memory and counters.

use rusqlite::{Connection, OptionalExtension, params};

use crate::history::audit::AuditRecord;
use crate::history::secrets;
use crate::state::{Event, Severity};

/// The counter of event numbers that may have been given.
pub(super) const EVENT_IDS: &str = "event-ids";

/// About what a row of events or audit takes beside its text.
pub(super) const ROW_BYTES: u64 = 24;
/// Of an event's fields, and of each text of the audit: one that is longer is a mistake, and must not fill the disk.
const MOST_TEXT_BYTES: usize = 16 << 10;

/// An event under its number. A number that is taken (by events of a time when the disk could not be read) gives way to
/// the next free one; the same event twice is one event.
///
/// Returns how many bytes it takes.
pub(super) fn insert_event(connection: &Connection, event: &Event) -> rusqlite::Result<u64> {
    let fields = shown_fields(event);
    let bytes = ROW_BYTES + (event.kind.len() + event.device.len() + fields.len()) as u64;
    let mut insert = connection.prepare_cached(
        "INSERT INTO event (id, at_ms, kind, severity, device, fields) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO NOTHING",
    )?;
    let severity = severity_code(event.severity);
    let (id, at_ms) = (storable(event.id), storable(event.at_ms));
    let row = params![id, at_ms, event.kind, severity, event.device, fields];
    if insert.execute(row)? > 0 {
        return Ok(bytes);
    }
    let same: bool = connection
        .prepare_cached(
            "SELECT at_ms = ?2 AND kind = ?3 AND severity = ?4 AND device = ?5 AND fields = ?6 FROM event WHERE id = ?1",
        )?
        .query_row(row, |row| row.get(0))?;
    if same {
        return Ok(0);
    }
    connection
        .prepare_cached(
            "INSERT INTO event (id, at_ms, kind, severity, device, fields)
             SELECT max(id) + 1, ?1, ?2, ?3, ?4, ?5 FROM event",
        )?
        .execute(params![at_ms, event.kind, severity, event.device, fields])?;
    Ok(bytes)
}

/// A line of the audit; returns its number and how many bytes it takes.
pub(super) fn insert_audit(connection: &Connection, record: &AuditRecord) -> rusqlite::Result<(u64, u64)> {
    let id = connection
        .prepare_cached(
            "INSERT INTO audit (at_ms, principal, role, origin, device, what, result)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .insert(params![
            storable(record.at_ms),
            record.principal,
            record.role,
            record.origin,
            record.device,
            bounded(&record.what),
            bounded(&record.result)
        ])?;
    let text = record.principal.len() + record.origin.len() + record.what.len() + record.result.len();
    Ok((u64::try_from(id).unwrap_or_default(), ROW_BYTES + text as u64))
}

/// The number of the last line of the audit; zero when there is none.
pub(super) fn last_audit_id(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT coalesce(max(id), 0) FROM audit", [], |row| row.get(0))
}

pub(super) fn insert_memory(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO memory (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2",
        )?
        .execute([key, value])?;
    Ok(())
}

/// Everything that was remembered.
pub(super) fn memory(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    connection
        .prepare("SELECT key, value FROM memory")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// The least number that no event ever had, as far as the file can tell.
pub(super) fn event_ids_given(connection: &Connection) -> rusqlite::Result<u64> {
    let next: Option<u64> = connection.query_row("SELECT max(id) + 1 FROM event", [], |row| row.get(0))?;
    Ok(counter(connection, EVENT_IDS)?.max(next.unwrap_or(0)))
}

/// A counter's value; zero when it was never set.
pub(super) fn counter(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    let value = connection
        .prepare_cached("SELECT value FROM counter WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(value.unwrap_or(0))
}

pub(super) fn set_counter(connection: &Connection, name: &str, value: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO counter (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2",
        )?
        .execute(params![name, storable(value)])?;
    Ok(())
}

/// The fields as JSON, secrets masked. Those that would be too long together are cut.
fn shown_fields(event: &Event) -> String {
    let mut left = MOST_TEXT_BYTES;
    let mut fields: Vec<(&str, String)> = Vec::new();
    for (name, value) in event.fields.iter().map(secrets::masked_field) {
        let cut = bounded_to(&value, left.saturating_sub(name.len()));
        left = left.saturating_sub(name.len() + cut.len());
        fields.push((bounded(name), cut.to_owned()));
        if left == 0 {
            break;
        }
    }
    serde_json::to_string(&fields).unwrap_or_else(|_| "[]".to_owned())
}

fn bounded(text: &str) -> &str {
    bounded_to(text, MOST_TEXT_BYTES)
}

fn bounded_to(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// As the database has it: in the order of severity.
pub(in crate::history) fn severity_code(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
    }
}

/// SQLite counts to 2^63. Nothing real is beyond it, and what is must not make the disk look broken.
fn storable(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
