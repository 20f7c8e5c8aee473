//! A history in a folder of its own, with its notices.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use opennmc_host::history::{Degradation, EventFilter, History, HistoryHandle, HistoryOptions, Notice};
use opennmc_host::state::{Event, Severity};

/// Nobody waits this long unless something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Scene {
    /// Dropped before the folder.
    pub(crate) history: HistoryHandle,
    notices: Receiver<Notice>,
    /// What was told while something else was waited for.
    heard: Vec<Notice>,
}

impl Scene {
    pub(crate) fn open(path: &Path, options: HistoryOptions) -> Scene {
        let (sender, notices) = channel();
        let history = History::open(path, options, move |notice| {
            let _ = sender.send(notice);
        });
        Scene { history: history.expect("a thread"), notices, heard: Vec::new() }
    }

    /// Waits for the first notice, heard or to come, that `wanted` takes.
    pub(crate) fn wait_for<T>(&mut self, wanted: impl Fn(&Notice) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut from = 0;
        loop {
            if let Some((at, found)) = self.heard[from..]
                .iter()
                .enumerate()
                .find_map(|(at, notice)| Some((from + at, wanted(notice)?)))
            {
                self.heard.remove(at);
                return found;
            }
            from = self.heard.len();
            let left = deadline.saturating_duration_since(Instant::now());
            match self.notices.recv_timeout(left) {
                Ok(notice) => self.heard.push(notice),
                Err(_) => panic!("did not come; heard {:?}", self.heard),
            }
        }
    }

    pub(crate) fn wait_until_committed(&mut self, id: u64) {
        self.wait_for(|notice| (*notice == Notice::Committed(id)).then_some(()));
    }

    /// Ends it as the daemon does.
    pub(crate) fn close(self) {
        assert!(self.history.close(PATIENCE), "it did not end");
    }
}

/// An event that can be told from others.
pub(crate) fn event(id: u64) -> Arc<Event> {
    Arc::new(Event {
        id,
        kind: "ups.on-battery".to_owned(),
        severity: Severity::Info,
        device: "main".to_owned(),
        at_ms: 1_795_363_200_000 + id,
        fields: vec![("number".to_owned(), id.to_string())],
    })
}

/// Options for a disk that misbehaves: it is tried again soon.
pub(crate) fn impatient() -> HistoryOptions {
    let soon = Duration::from_millis(20);
    HistoryOptions { retry_first: soon, retry_most: soon, ..HistoryOptions::default() }
}

impl Scene {
    pub(crate) fn all_ids(&self) -> Vec<u64> {
        self.history
            .reader()
            .events(&EventFilter::default())
            .map(|event| event.expect("readable").id)
            .collect()
    }

    /// These events and no others can be read, in this order.
    pub(crate) fn assert_has_all(&self, expected: RangeInclusive<u64>) {
        let ids = self.all_ids();
        // Not `assert_eq`: thousands of numbers tell nobody anything.
        let (count, ends) = (ids.len(), (ids.first(), ids.last()));
        assert!(
            ids.iter().copied().eq(expected.clone()),
            "{count} events, {ends:?}, instead of {expected:?}"
        );
    }

    pub(crate) fn wait_until_degraded(&mut self) -> Degradation {
        self.wait_for(|notice| match notice {
            Notice::Degraded(reason) => Some(reason.clone()),
            _ => None,
        })
    }
}

/// What SQLite itself thinks of the file.
pub(crate) fn assert_whole(path: &Path) {
    let connection = rusqlite::Connection::open(path).expect("opens");
    let verdict: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("can be checked");
    assert_eq!(verdict, "ok");
}

pub(crate) fn file_in(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join(opennmc_host::history::FILE_NAME)
}
