//! Events of the past for readers that come back, read on a thread of its own: a disk may be slow.

use calloop::channel::Sender;

use crate::history::{EventFilter, HistoryHandle};
use crate::state::Event;

/// Read at one time: it is held in memory until its reader has taken it.
const PAGE: usize = 128;

/// A page that somebody wants.
pub(super) struct Wanted {
    /// Of this stream.
    pub(super) stream: u64,
    /// Behind the event with this number.
    pub(super) after: u64,
    /// Of this UPS only.
    pub(super) ups: Option<String>,
    /// The newest event there is: the history has all up to it.
    pub(super) newest: u64,
}

/// A page, or that it can't be had.
pub(super) struct Page {
    pub(super) stream: u64,
    pub(super) events: Option<Vec<Event>>,
    /// All events up to this one are in it.
    pub(super) until: u64,
}

/// Reads a page and sends it. False: that can't be begun now.
pub(super) fn read(history: &HistoryHandle, wanted: Wanted, sender: Sender<Page>) -> bool {
    let history = history.clone();
    let read = move || {
        // The server may have ended.
        let _ = sender.send(page(&history, &wanted));
    };
    std::thread::Builder::new().name("stream-past".to_owned()).spawn(read).is_ok()
}

fn page(history: &HistoryHandle, wanted: &Wanted) -> Page {
    let Wanted { stream, after, ups, newest } = wanted;
    let filter = EventFilter {
        device: ups.clone(),
        after_id: Some(*after),
        limit: Some(PAGE),
        ..EventFilter::default()
    };
    let events: Result<Vec<Event>, _> = history.reader().events(&filter).collect();
    let (events, until) = match events {
        Ok(events) => {
            let last = events.last().map_or(*after, |event| event.id);
            // A page that is not full is the last; what came while it was read may be in it or not.
            let until = if events.len() < PAGE { last.max(*newest) } else { last };
            (Some(events), until)
        }
        Err(error) => {
            tracing::warn!("http: a reader of the stream can't be told what it missed: {error}");
            (None, *newest)
        }
    };
    Page { stream: *stream, events, until }
}
