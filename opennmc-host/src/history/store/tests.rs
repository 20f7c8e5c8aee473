//! What goes for its age, and what does not.

use std::sync::Arc;
use std::time::Duration;

use super::{Batch, PendingSamples, Store};
use crate::history::mailbox::Point;
use crate::history::{AuditRecord, HistoryOptions};
use crate::state::{Event, Severity};

const DAY_MS: u64 = 24 * 3_600_000;
/// The first of the days that these tests write about.
const FIRST: u64 = 1_795_305_600_000;

/// A history of twenty days: an event, an audit record and a sample of each.
fn twenty_days(folder: &tempfile::TempDir) -> Store {
    let days = |count: u64| Duration::from_millis(count * DAY_MS);
    let options = HistoryOptions {
        keep_seconds: days(3),
        keep_minutes: days(6),
        keep_hours: days(12),
        keep_events: days(10),
        ..HistoryOptions::default()
    };
    let mut store = Store::open(&folder.path().join("history.db"), &options).unwrap();
    let mut batch = Batch::default();
    let mut samples = PendingSamples::default();
    for day in 0..20 {
        let at_ms = FIRST + day * DAY_MS;
        batch.events.push(Arc::new(Event {
            id: day + 1,
            kind: "ups.on-battery".to_owned(),
            severity: Severity::Info,
            device: "main".to_owned(),
            at_ms,
            fields: Vec::new(),
        }));
        let text = || day.to_string();
        batch.audits.push(Arc::new(AuditRecord {
            at_ms,
            principal: text(),
            role: text(),
            origin: text(),
            device: text(),
            what: text(),
            result: text(),
        }));
        samples.push("main", "input.voltage", Point { at_ms, value: 230.0 });
    }
    store.write(&batch).unwrap();
    store.write_samples(&samples, true).unwrap();
    store
}

fn forget_at(store: &mut Store, now_ms: u64) {
    // A bounded part in each call.
    while store.forget_old(now_ms).unwrap() {}
}

/// How many rows there are, and the day of the oldest.
fn left(store: &Store, table: &str, time: &str) -> (u64, u64) {
    let query = format!("SELECT count(*), min({time}) FROM {table}");
    let (count, oldest): (u64, u64) =
        store.connection.query_row(&query, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    (count, oldest.saturating_sub(FIRST) / DAY_MS)
}

#[test]
fn what_is_older_than_it_is_to_be_kept_goes_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = twenty_days(&folder);
    // In the middle of the twentieth day.
    forget_at(&mut store, FIRST + 19 * DAY_MS + DAY_MS / 2);
    assert_eq!(left(&store, "event", "at_ms"), (10, 10));
    assert_eq!(left(&store, "audit", "at_ms"), (10, 10));
    let (_, oldest_second) = left(&store, "block WHERE class = 0", "start");
    assert_eq!(oldest_second, 17, "three days, and the block that the third falls into");
    let (_, oldest_minute) = left(&store, "block WHERE class = 1", "start");
    assert_eq!(oldest_minute, 14);
}

#[test]
fn nothing_goes_before_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = twenty_days(&folder);
    forget_at(&mut store, FIRST + 2 * DAY_MS);
    assert_eq!(left(&store, "event", "at_ms"), (20, 0));
    assert_eq!(left(&store, "audit", "at_ms"), (20, 0));
    assert_eq!(left(&store, "block WHERE class = 0", "start").1, 0);
}

#[test]
fn the_newest_event_stays_however_old_because_numbering_goes_on_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = twenty_days(&folder);
    forget_at(&mut store, FIRST + 10_000 * DAY_MS);
    assert_eq!(left(&store, "event", "at_ms"), (1, 19));
    let audits: u64 = store.connection.query_row("SELECT count(*) FROM audit", [], |row| row.get(0)).unwrap();
    assert_eq!(audits, 0);
}
