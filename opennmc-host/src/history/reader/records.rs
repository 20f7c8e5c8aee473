//! Events and audit, page by page.
//!
//! Numbers are the order. A page is one short transaction; what the writer trims between two pages is always older than
//! what a reader that goes forward has yet to see, or gone for good.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use rusqlite::{Connection, Row, params};

use super::connection::{HistoryReader, readable};
use super::filter::{AuditFilter, EventFilter};
use crate::history::audit::AuditRecord;
use crate::history::error::HistoryError;
use crate::history::secrets;
use crate::state::{Event, Severity};

/// Rows that one transaction looks at.
const PAGE_ROWS: usize = 512;

/// A line of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number; none while it is not on disk.
    pub id: Option<u64>,
    /// What it says.
    pub record: AuditRecord,
}

/// What is wanted of one table, and how its rows are read.
trait Table {
    type Item;
    /// `SELECT … FROM … WHERE id > ?1 AND id < ?2`, then order and limit; `id` first.
    const COLUMNS: &'static str;
    const NAME: &'static str;

    /// The row, when it is wanted.
    fn read(&self, id: u64, row: &Row<'_>) -> rusqlite::Result<Option<Self::Item>>;
}

/// Rows of one table, then (or before) what is not on disk yet.
struct Pages<'r, T: Table> {
    reader: &'r HistoryReader,
    table: T,
    newest_first: bool,
    /// The numbers that may still come: greater than the first, less than the second.
    bounds: (u64, u64),
    ready: VecDeque<T::Item>,
    /// Comes behind the last page.
    rest: VecDeque<T::Item>,
    left: usize,
    on_disk: bool,
}

impl<'r, T: Table> Pages<'r, T> {
    fn new(reader: &'r HistoryReader, table: T, newest_first: bool, limit: Option<usize>) -> Pages<'r, T> {
        Pages {
            reader,
            table,
            newest_first,
            bounds: (0, i64::MAX as u64),
            ready: VecDeque::new(),
            rest: VecDeque::new(),
            left: limit.unwrap_or(usize::MAX),
            on_disk: true,
        }
    }

    /// Adds what is not on disk, in the order of its coming.
    fn add_waiting(&mut self, mut waiting: VecDeque<T::Item>) {
        if self.newest_first {
            waiting.make_contiguous().reverse();
            self.ready = waiting;
        } else {
            self.rest = waiting;
        }
    }

    fn fill(&mut self) -> Result<(), HistoryError> {
        let Some(connection) = self.reader.connection()? else {
            self.on_disk = false;
            return Ok(());
        };
        let order = if self.newest_first { "DESC" } else { "ASC" };
        let (columns, name) = (T::COLUMNS, T::NAME);
        let query = format!(
            "SELECT {columns} FROM {name} WHERE id > ?1 AND id < ?2 ORDER BY id {order} LIMIT {PAGE_ROWS}"
        );
        let mut statement = readable(connection.prepare_cached(&query))?;
        let mut rows = readable(statement.query(params![self.bounds.0, self.bounds.1]))?;
        let mut seen = 0;
        while let Some(row) = readable(rows.next())? {
            let id = readable(row.get(0))?;
            if self.newest_first {
                self.bounds.1 = id;
            } else {
                self.bounds.0 = id;
            }
            self.ready.extend(readable(self.table.read(id, row))?);
            seen += 1;
        }
        self.on_disk = seen == PAGE_ROWS;
        Ok(())
    }
}

impl<T: Table> Iterator for Pages<'_, T> {
    type Item = Result<T::Item, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        while self.ready.is_empty() && self.on_disk {
            if let Err(error) = self.fill() {
                self.left = 0;
                return Some(Err(error));
            }
        }
        let item = self.ready.pop_front().or_else(|| self.rest.pop_front())?;
        self.left -= 1;
        Some(Ok(item))
    }
}

struct EventTable {
    filter: EventFilter,
    /// Numbers of those that were not on disk when reading began.
    waiting: HashSet<u64>,
}

impl Table for EventTable {
    type Item = Event;
    const COLUMNS: &'static str = "id, at_ms, kind, severity, device, fields";
    const NAME: &'static str = "event";

    fn read(&self, id: u64, row: &Row<'_>) -> rusqlite::Result<Option<Event>> {
        let at_ms = row.get(1)?;
        let kind = row.get_ref(2)?.as_str()?;
        let severity = severity_of(row.get(3)?);
        let device = row.get_ref(4)?.as_str()?;
        if self.waiting.contains(&id) || !self.filter.wants(at_ms, kind, severity, device) {
            return Ok(None);
        }
        let fields = serde_json::from_str(row.get_ref(5)?.as_str()?).unwrap_or_default();
        Ok(Some(Event { id, at_ms, kind: kind.to_owned(), severity, device: device.to_owned(), fields }))
    }
}

struct AuditTable(AuditFilter);

impl Table for AuditTable {
    type Item = AuditEntry;
    const COLUMNS: &'static str = "id, at_ms, principal, role, origin, device, what, result";
    const NAME: &'static str = "audit";

    fn read(&self, id: u64, row: &Row<'_>) -> rusqlite::Result<Option<AuditEntry>> {
        let at_ms = row.get(1)?;
        if !self.0.wants(at_ms, row.get_ref(2)?.as_str()?, row.get_ref(5)?.as_str()?) {
            return Ok(None);
        }
        let record = AuditRecord {
            at_ms,
            principal: row.get(2)?,
            role: row.get(3)?,
            origin: row.get(4)?,
            device: row.get(5)?,
            what: row.get(6)?,
            result: row.get(7)?,
        };
        Ok(Some(AuditEntry { id: Some(id), record }))
    }
}

impl HistoryReader {
    /// Events, one by one as they are read: an export of all of them takes no more memory than a page.
    pub fn events(
        &self,
        filter: &EventFilter,
    ) -> impl Iterator<Item = Result<Event, HistoryError>> + use<'_> {
        let after = filter.after_id.unwrap_or_default();
        let before = filter.before_id.unwrap_or(i64::MAX as u64).min(i64::MAX as u64);
        let waiting = self.waiting_events();
        let table =
            EventTable { filter: filter.clone(), waiting: waiting.iter().map(|event| event.id).collect() };
        let wanted = waiting
            .iter()
            .filter(|event| event.id > after && event.id < before)
            .filter(|event| filter.wants(event.at_ms, &event.kind, event.severity, &event.device))
            .map(|event| as_stored(event))
            .collect();
        let mut pages = Pages::new(self, table, filter.newest_first, filter.limit);
        pages.bounds = (after, before);
        pages.add_waiting(wanted);
        pages.narrow_to_times(filter);
        pages
    }

    /// Lines of the audit, one by one as they are read.
    pub fn audit(
        &self,
        filter: &AuditFilter,
    ) -> impl Iterator<Item = Result<AuditEntry, HistoryError>> + use<'_> {
        let mut pages = Pages::new(self, AuditTable(filter.clone()), filter.newest_first, filter.limit);
        pages.bounds.0 = filter.after_id.unwrap_or_default();
        if let Some(mailbox) = &self.mailbox {
            let content = mailbox.lock();
            pages.bounds.1 = content.last_audit_id + 1;
            let wanted = |record: &&Arc<AuditRecord>| {
                filter.after_id.is_none() && filter.wants(record.at_ms, &record.principal, &record.device)
            };
            let waiting = content.audits.all().filter(wanted);
            let entries =
                waiting.map(|record| AuditEntry { id: None, record: AuditRecord::clone(record) }).collect();
            drop(content);
            pages.add_waiting(entries);
        }
        pages
    }

    fn waiting_events(&self) -> Vec<Arc<Event>> {
        self.mailbox
            .as_ref()
            .map(|mailbox| mailbox.lock().events.all().cloned().collect())
            .unwrap_or_default()
    }
}

impl Pages<'_, EventTable> {
    /// Looks up between which numbers the wanted times are, so that a day of a year is found without reading the year.
    fn narrow_to_times(&mut self, filter: &EventFilter) {
        if filter.from_ms.is_none() && filter.to_ms.is_none() {
            return;
        }
        // A database that can't be read is found out when the first page is.
        let Ok(Some(connection)) = self.reader.connection() else { return };
        let span = numbers_of_times(
            &connection,
            filter.from_ms.unwrap_or(0),
            filter.to_ms.unwrap_or(i64::MAX as u64),
        );
        match span {
            Ok(Some((first, last))) => {
                self.bounds = (self.bounds.0.max(first.saturating_sub(1)), self.bounds.1.min(last + 1));
            }
            Ok(None) => self.on_disk = false,
            Err(_) => {}
        }
    }
}

/// The least and the greatest number of the events between two times.
fn numbers_of_times(
    connection: &Connection,
    from_ms: u64,
    to_ms: u64,
) -> rusqlite::Result<Option<(u64, u64)>> {
    let to_ms = to_ms.min(i64::MAX as u64);
    let (first, last): (Option<u64>, Option<u64>) = connection
        .prepare_cached("SELECT min(id), max(id) FROM event WHERE at_ms >= ?1 AND at_ms < ?2")?
        .query_row(params![from_ms.min(to_ms), to_ms], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(first.zip(last))
}

/// As it will be read once it is on disk.
fn as_stored(event: &Event) -> Event {
    let fields = event.fields.iter().map(secrets::masked_field);
    Event { fields: fields.map(|(name, value)| (name.to_owned(), value)).collect(), ..event.clone() }
}

fn severity_of(code: u8) -> Severity {
    match code {
        0 => Severity::Info,
        1 => Severity::Warning,
        _ => Severity::Critical,
    }
}
