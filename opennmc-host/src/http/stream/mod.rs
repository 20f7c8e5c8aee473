//! `/api/v1/stream`: what is and what happens, for pages that stay open. Plugins may die, the stream goes on.
//!
//! One hub on the server's thread writes each piece once for all readers. It looks at the newest snapshot, which costs
//! nobody anything, and hears events from the feed, which waits for nobody. Without readers it does neither.

mod frames;
mod past;
mod queue;
mod reader;
mod shown;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use calloop::channel::{self, Sender};
use calloop::ping::{Ping, make_ping};
use calloop::timer::{TimeoutAction, Timer};
use hyper::StatusCode;
use hyper::http::request::Parts;

use self::past::Page;
pub(super) use self::queue::Taking;
use self::reader::{Progress, Reader};
use self::shown::Shown;
use super::answer::Here;
use super::front::{Shared, State};
use super::login::{self, By, Who};
use super::own::SERVICE;
use super::reply::{self, Reply, later, said};
use super::target;
use crate::control::now;
use crate::host::{Fed, HostHandle, Silence, Subscription};
use crate::state::Event;
use crate::users::{Origin, Right};

/// Where it is.
pub(super) const PATH: &str = "/api/v1/stream";
/// How often the hub looks: a UPS is told of at most so often.
const LOOK: Duration = Duration::from_millis(200);
/// How often a reader hears that the stream lives; proxies close what is silent for a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often it is asked whether readers may still read.
const STANDING: Duration = Duration::from_secs(1);
/// Readers in all: every browser of a large house.
const MOST: usize = 512;
/// Of one address.
const MOST_OF_AN_ADDRESS: usize = 64;
/// Events that are kept for readers that are still told of the past.
const RECENT: usize = 1_024;

/// All readers, and what they are told from.
pub(super) struct Hub {
    host: Option<HostHandle>,
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    readers: Vec<Reader>,
    last: u64,
    /// While there are readers.
    hearing: Option<Subscription>,
    /// The newest events since the hub began to hear.
    recent: VecDeque<Arc<Event>>,
    /// Of the events up to this one, `recent` may lack some.
    forgotten: u64,
    shown: Shown,
    /// There from the first reader on.
    sources: Option<Sources>,
    beaten: Option<Instant>,
    checked: Option<Instant>,
}

#[derive(Clone)]
struct Sources {
    ping: Ping,
    pages: Sender<Page>,
}

/// Answers a request for the stream; the error is an answer, too.
pub(super) async fn respond(here: &Here, parts: &Parts) -> Result<Reply, Reply> {
    if parts.method != "GET" {
        return Err(reply::only("GET"));
    }
    let Some(Who { principal, by }) = login::who(here, parts, SERVICE).await? else {
        return Err(reply::who_are_you("log in first"));
    };
    if !principal.may(&Right::Read) {
        return Err(said(StatusCode::FORBIDDEN, "this user may not read the state of the UPSes"));
    }
    let users = &here.shared.users;
    let (basis, session) = match by {
        By::Password => (users.basis(&principal.name), None),
        By::Token(secret) => (users.basis_of_token(&secret), None),
        By::Session(key) => {
            let now = here.shared.clock.borrow().now();
            let sessions = here.shared.sessions.borrow();
            (sessions.find(key, now).map(|session| session.basis.clone()), Some(key))
        }
    };
    let basis = basis.ok_or_else(|| reply::who_are_you("log in first"))?;
    let asked = target::query(parts.uri.query().unwrap_or_default()).find(|(name, _)| name == "ups");
    let hub = &here.shared.hub;
    let nothing = || said(StatusCode::SERVICE_UNAVAILABLE, "there is nothing to tell of here");
    let host = hub.host.as_ref().ok_or_else(nothing)?;
    let ups = match asked {
        Some((_, name)) => {
            let none = || said(StatusCode::NOT_FOUND, "there is no UPS of this name");
            Some(host.snapshots.load().device(&name).ok_or_else(none)?.name.clone())
        }
        None => None,
    };
    let last = parts.headers.get("last-event-id").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    if let Some(refusal) = hub.is_full(here.peer.ip().to_canonical()) {
        return Err(refusal);
    }
    let (giving, taking) = queue::queue(&here.pace);
    let reader = Reader::new(here, giving, ups, basis, session);
    open(&here.shared, host, reader, last).map_err(|error| {
        tracing::error!("http: the stream can't be opened: {error}");
        said(
            StatusCode::SERVICE_UNAVAILABLE,
            "the stream can't be opened at present; the log of the host says why",
        )
    })?;
    here.streams();
    Ok(reply::stream(taking))
}

/// A new reader: first what is, then what happens behind the event that it says it knows.
fn open(
    shared: &Rc<Shared>,
    host: &HostHandle,
    mut reader: Reader,
    last: Option<u64>,
) -> calloop::Result<()> {
    let mut inner = shared.hub.inner.borrow_mut();
    let sources = match &inner.sources {
        Some(sources) => sources.clone(),
        None => inner.sources.insert(sources(shared)?).clone(),
    };
    if inner.hearing.is_none() {
        let timer = Timer::from_duration(LOOK);
        let inserted = shared.handle.insert_source(timer, |_, (), state: &mut State| {
            if state.shared.hub.turn(&state.shared) {
                TimeoutAction::ToDuration(LOOK)
            } else {
                TimeoutAction::Drop
            }
        });
        inserted.map_err(|error| error.error)?;
        // Before anything is read: what happens meanwhile must not be missed.
        let ping = sources.ping.clone();
        inner.hearing = Some(host.feed.subscribe_waking(move || ping.ping()));
        inner.recent.clear();
        inner.forgotten = host.feed.newest();
        inner.shown = Shown::of(&host.snapshots.load());
        let now = Instant::now();
        (inner.beaten, inner.checked) = (Some(now), Some(now));
    }
    // In this order: events behind this number come, and the state is not older than it.
    let newest = host.feed.newest();
    let told = last.map_or(newest, |last| last.min(newest));
    let report = now::status(host, &host.snapshots.load(), reader.ups.as_deref());
    reader.begin(&frames::snapshot(&report, told), told, told == newest);
    inner.last += 1;
    reader.number = inner.last;
    inner.readers.push(reader);
    let inner = &mut *inner;
    if let Some(reader) = inner.readers.last_mut() {
        advance(host, reader, &inner.recent, inner.forgotten, &sources.pages);
    }
    Ok(())
}

fn sources(shared: &Shared) -> calloop::Result<Sources> {
    let (ping, pinged) = make_ping()?;
    let heard = |(), (): &mut (), state: &mut State| state.shared.hub.hear();
    shared.handle.insert_source(pinged, heard).map_err(|error| error.error)?;
    let (pages, paged) = channel::channel();
    let inserted = shared.handle.insert_source(paged, |page, (), state: &mut State| {
        if let channel::Event::Msg(page) = page {
            state.shared.hub.take_page(page);
        }
    });
    inserted.map_err(|error| error.error)?;
    Ok(Sources { ping, pages })
}

/// Leads a reader that is still told of the past nearer to the present.
fn advance(
    host: &HostHandle,
    reader: &mut Reader,
    recent: &VecDeque<Arc<Event>>,
    forgotten: u64,
    pages: &Sender<Page>,
) {
    if reader.progress != Progress::Behind {
        return;
    }
    if forgotten <= reader.told {
        reader.progress = Progress::Present;
        for event in recent {
            reader.tell(event, &mut None);
        }
        return;
    }
    // Nothing more is read before what was read is taken.
    if !reader.giving.is_empty() {
        return;
    }
    let newest = host.feed.newest();
    let wanted = past::Wanted { stream: reader.number, after: reader.told, ups: reader.ups.clone(), newest };
    match &host.history {
        Some(history) if past::read(history, wanted, pages.clone()) => reader.progress = Progress::Reading,
        // There is no thread to be had now: at the next look.
        Some(_) => {}
        None => reader.skip(newest),
    }
}

impl Hub {
    pub(super) fn new(host: Option<HostHandle>) -> Hub {
        Hub { host, inner: RefCell::default() }
    }

    /// Why there can't be one more reader at this address; none: there can.
    fn is_full(&self, peer: IpAddr) -> Option<Reply> {
        let inner = self.inner.borrow();
        let open = inner.readers.iter().filter(|reader| !reader.giving.is_over());
        if open.clone().count() >= MOST {
            let sentence = "there are too many readers of the stream";
            return Some(later(StatusCode::SERVICE_UNAVAILABLE, 30, sentence));
        }
        if open.filter(|reader| reader.peer == peer).count() >= MOST_OF_AN_ADDRESS {
            let sentence = "there are too many readers of the stream at this address";
            return Some(later(StatusCode::TOO_MANY_REQUESTS, 30, sentence));
        }
        None
    }

    /// What is due now; false when nobody reads any more.
    fn turn(&self, shared: &Shared) -> bool {
        self.hear();
        let now = Instant::now();
        let is_due = |last: &mut Option<Instant>, every: Duration| {
            let due = last.is_none_or(|last| now.duration_since(last) >= every);
            if due {
                *last = Some(now);
            }
            due
        };
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        if is_due(&mut inner.checked, STANDING) {
            for reader in inner.readers.iter().filter(|reader| !may_read(shared, reader)) {
                reader.giving.end();
            }
        }
        if is_due(&mut inner.beaten, HEARTBEAT) {
            inner.readers.iter().for_each(|reader| reader.giving.give(&frames::HEARTBEAT));
        }
        if let (Some(host), Some(sources)) = (&self.host, &inner.sources) {
            for reader in &mut inner.readers {
                advance(host, reader, &inner.recent, inner.forgotten, &sources.pages);
            }
        }
        inner.readers.retain(|reader| {
            let stays = !reader.giving.is_over();
            if !stays {
                shared.streams(reader.connection, false);
            }
            stays
        });
        if inner.readers.is_empty() {
            inner.hearing = None;
            inner.recent.clear();
        }
        !inner.readers.is_empty()
    }

    /// Takes in what has happened, and then how things are: that is never older.
    fn hear(&self) {
        let Some(host) = &self.host else { return };
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let Some(hearing) = &inner.hearing else { return };
        loop {
            match hearing.next(Duration::ZERO) {
                Ok(Fed::Event(event)) => {
                    let mut piece = None;
                    for reader in inner.readers.iter_mut().filter(|it| it.progress == Progress::Present) {
                        reader.tell(&event, &mut piece);
                    }
                    inner.recent.push_back(event);
                    if inner.recent.len() > RECENT
                        && let Some(oldest) = inner.recent.pop_front()
                    {
                        inner.forgotten = oldest.id;
                    }
                }
                Ok(Fed::Missed(_)) => {
                    // They are in the history.
                    inner.recent.clear();
                    inner.forgotten = host.feed.newest();
                    for reader in inner.readers.iter_mut().filter(|it| it.progress == Progress::Present) {
                        reader.progress = Progress::Behind;
                    }
                }
                Err(Silence::Quiet) => break,
                Err(Silence::Ended) => {
                    inner.readers.iter().for_each(|reader| reader.giving.end());
                    break;
                }
            }
        }
        inner.shown.look(host, Instant::now(), &inner.readers);
    }

    fn take_page(&self, page: Page) {
        let Some(host) = &self.host else { return };
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let Some(reader) = inner.readers.iter_mut().find(|reader| reader.number == page.stream) else {
            return;
        };
        reader.progress = Progress::Behind;
        match page.events {
            Some(events) => reader.take_past(&events, page.until),
            None => reader.skip(page.until),
        }
        if let Some(sources) = &inner.sources {
            advance(host, reader, &inner.recent, inner.forgotten, &sources.pages);
        }
    }
}

/// Whether a reader is still who it was, and may do what it does.
fn may_read(shared: &Shared, reader: &Reader) -> bool {
    let now = shared.clock.borrow().now();
    let in_session = reader.session.is_none_or(|key| shared.sessions.borrow().find(key, now).is_some());
    let origin = Origin::Network { service: SERVICE.to_owned(), peer: reader.peer };
    in_session
        && shared.users.principal(&reader.basis, origin).is_some_and(|principal| principal.may(&Right::Read))
}
