//! One reader of the stream.

use std::net::IpAddr;

use hyper::body::Bytes;

use super::super::answer::Here;
use super::super::sessions::Key;
use super::frames;
use super::queue::Giving;
use crate::state::Event;
use crate::users::Basis;

/// One reader. Invariant: it was told of every event up to `told` that it wants, once.
pub(super) struct Reader {
    pub(super) number: u64,
    pub(super) giving: Giving,
    /// The only UPS that it wants to hear of.
    pub(super) ups: Option<String>,
    pub(super) told: u64,
    pub(super) progress: Progress,
    /// What its right to read rests on.
    pub(super) basis: Basis,
    pub(super) session: Option<Key>,
    pub(super) peer: IpAddr,
    pub(super) connection: u64,
}

/// How far a reader has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It hears events when they happen.
    Present,
    /// There are events in the history that it has to be told first.
    Behind,
    /// Some of them are being read.
    Reading,
}

impl Reader {
    pub(super) fn new(
        here: &Here,
        giving: Giving,
        ups: Option<String>,
        basis: Basis,
        session: Option<Key>,
    ) -> Reader {
        let (peer, connection) = (here.peer.ip().to_canonical(), here.connection);
        Reader {
            number: 0,
            giving,
            ups,
            told: 0,
            progress: Progress::Behind,
            basis,
            session,
            peer,
            connection,
        }
    }

    /// The first that it gets. Events behind `told` follow, from the past unless that is the present.
    pub(super) fn begin(&mut self, snapshot: &Bytes, told: u64, is_present: bool) {
        self.giving.give(snapshot);
        self.told = told;
        self.progress = if is_present { Progress::Present } else { Progress::Behind };
    }

    /// An event happened; `piece` is how it is written, once that was done for anybody.
    pub(super) fn tell(&mut self, event: &Event, piece: &mut Option<Bytes>) {
        if event.id <= self.told {
            return;
        }
        self.told = event.id;
        if self.wants(&event.device) {
            self.giving.give(piece.get_or_insert_with(|| frames::events([event].into_iter())));
        }
    }

    /// Events of the past; with them it knows all up to `until`.
    pub(super) fn take_past(&mut self, events: &[Event], until: u64) {
        let mut news = events.iter().filter(|event| event.id > self.told).peekable();
        if news.peek().is_some() {
            let piece = frames::events(news);
            self.giving.give(&piece);
        }
        self.told = self.told.max(until);
    }

    /// What happened up to `until` can't be told.
    pub(super) fn skip(&mut self, until: u64) {
        self.giving.give(&frames::gap(self.told, until));
        self.told = self.told.max(until);
    }

    /// Whether it wants to hear of this UPS.
    pub(super) fn wants(&self, ups: &str) -> bool {
        self.ups.as_ref().is_none_or(|wanted| wanted == ups)
    }
}
