//! The tables, and how older ones become today's.
//!
//! Each step of [`MIGRATIONS`] is run once, in its own transaction, and never changed after a release: a file says with
//! `user_version` how many it has seen.

use rusqlite::Connection;

use super::failure::Failure;
use crate::history::notice::Degradation;

/// `PRAGMA application_id`: "oNMC", so that `file` and we know our own.
pub(super) const APPLICATION_ID: i64 = 0x6f4e_4d43;

/// What takes a file from one version to the next.
const MIGRATIONS: [&str; 1] = [
    // `event.id` is the number that the host gave. `fields` is a JSON array of pairs: their order counts.
    "CREATE TABLE event (
        id INTEGER PRIMARY KEY,
        at_ms INTEGER NOT NULL,
        kind TEXT NOT NULL,
        severity INTEGER NOT NULL,
        device TEXT NOT NULL,
        fields TEXT NOT NULL
    ) STRICT;
    CREATE INDEX event_by_time ON event (at_ms);
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ms INTEGER NOT NULL,
        principal TEXT NOT NULL,
        role TEXT NOT NULL,
        origin TEXT NOT NULL,
        device TEXT NOT NULL,
        what TEXT NOT NULL,
        result TEXT NOT NULL
    ) STRICT;
    CREATE TABLE series (
        id INTEGER PRIMARY KEY,
        device TEXT NOT NULL,
        name TEXT NOT NULL,
        UNIQUE (device, name)
    ) STRICT;
    -- `class`: 0 seconds, 1 minutes, 2 hours. `start` counts milliseconds since 1970.
    CREATE TABLE block (
        id INTEGER PRIMARY KEY,
        class INTEGER NOT NULL,
        series INTEGER NOT NULL REFERENCES series (id),
        start INTEGER NOT NULL,
        points BLOB NOT NULL,
        UNIQUE (class, series, start)
    ) STRICT;
    CREATE INDEX block_by_age ON block (class, start);
    CREATE TABLE memory (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    -- `bytes.CLASS`: how much each class takes; `event-ids`: numbers below it may have been given to events.
    CREATE TABLE counter (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;",
];

/// Brings the file up to date; a file without tables gets them.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Failure> {
    let application: i64 = pragma(connection, "application_id")?;
    let found: i64 = pragma(connection, "user_version")?;
    if application != APPLICATION_ID {
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if application != 0 || tables > 0 {
            return Err(Failure::Damaged("it is the database of another program".to_owned()));
        }
    }
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(Failure::Unavailable(Degradation::Newer { found, known }));
    }
    for (version, migration) in (1..).zip(MIGRATIONS).skip(usize::try_from(found).unwrap_or_default()) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
    }
    Ok(())
}

/// The value of a pragma that is a number.
pub(super) fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
