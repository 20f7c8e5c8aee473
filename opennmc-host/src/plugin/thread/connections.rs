//! A plugin's connections: sockets, what is queued on them, and which of them need work this turn.
//!
//! Invariants: a connection with unsent bytes is not read from, so a peer that reads slowly slows itself down and nobody
//! else; a number names at most one connection, ever; whatever leaves the table closes its socket, which frees its place
//! in the host's budget. No guest code is called from here.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::rc::Rc;
use std::time::{Duration, Instant};

use calloop::generic::Generic;
use calloop::{
    EventSource, Interest, LoopHandle, Mode, Poll, PostAction, Readiness, RegistrationToken, Token,
    TokenFactory,
};

use super::Inbox;
use super::budget::Place;
use crate::plugin::Limits;

/// Unsent bytes of one connection. A page or a long list fits; a peer that reads nothing can't make us hold more.
const UNSENT: usize = 1 << 20;
/// A peer that has taken nothing for so long, with bytes waiting, is gone or hostile.
const STALL: Duration = Duration::from_secs(60);
/// An emptied output buffer that is larger than this is given back.
const KEPT_BUFFER: usize = 16 << 10;
/// Numbers have the slot in their low bits.
const SLOT_BITS: u32 = 16;

/// The connections of one instance.
pub(in crate::plugin) struct Connections {
    handle: LoopHandle<'static, Inbox>,
    slots: Vec<Option<Connection>>,
    free: Vec<usize>,
    limit: usize,
    /// Unsent bytes of all connections.
    most_unsent: usize,
    serial: u64,
    unsent: usize,
    /// Those with something new to write, or to close.
    touched: Vec<u64>,
    /// Those that are gone, and that the guest has not heard of.
    gone: Vec<(u64, String)>,
    stalls_checked: Instant,
    waiting: usize,
}

struct Connection {
    number: u64,
    stream: Rc<TcpStream>,
    token: RegistrationToken,
    interest: Rc<Cell<Interest>>,
    output: Vec<u8>,
    sent: usize,
    /// Why it is closed as soon as everything was sent.
    closing: Option<&'static str>,
    touched: bool,
    /// Since when the peer takes nothing, while bytes wait.
    stalled: Option<Instant>,
    /// Its share of the host's file descriptors.
    _place: Place,
}

/// Why bytes were not queued.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::plugin) enum QueueError {
    /// There is no such connection, or it is being closed.
    Gone,
    /// A limit on unsent bytes is reached; the text says which.
    Full(String),
}

/// What reading brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// So many bytes.
    Bytes(usize),
    /// Nothing, for now or for ever.
    Nothing,
}

impl Connections {
    pub(super) fn new(handle: LoopHandle<'static, Inbox>, limits: &Limits) -> Self {
        Self {
            handle,
            slots: Vec::new(),
            free: Vec::new(),
            limit: limits.connections as usize,
            most_unsent: usize::try_from(limits.unsent.0).unwrap_or(usize::MAX),
            serial: 0,
            unsent: 0,
            touched: Vec::new(),
            gone: Vec::new(),
            stalls_checked: Instant::now(),
            waiting: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.limit
    }

    /// Takes a connected socket over, and gives its number.
    pub(super) fn insert(&mut self, stream: TcpStream, place: Place) -> io::Result<u64> {
        stream.set_nonblocking(true)?;
        // Each turn writes once, so there is nothing that Nagle could join; its delay would only hurt.
        stream.set_nodelay(true)?;
        let slot = self.free.last().copied().unwrap_or(self.slots.len());
        let number = ((self.serial + 1) << SLOT_BITS) | slot as u64;
        let stream = Rc::new(stream);
        let interest = Rc::new(Cell::new(Interest::READ));
        let source = Source {
            generic: Generic::new(Rc::clone(&stream), Interest::READ, Mode::Level),
            interest: Rc::clone(&interest),
        };
        let token = self
            .handle
            .insert_source(source, move |readiness, (), inbox: &mut Inbox| {
                inbox.ready.push((number, readiness))
            })
            .map_err(|error| io::Error::other(error.error))?;
        self.serial += 1;
        let connection = Connection {
            number,
            stream,
            token,
            interest,
            output: Vec::new(),
            sent: 0,
            closing: None,
            touched: false,
            stalled: None,
            _place: place,
        };
        match self.free.pop() {
            Some(slot) => self.slots[slot] = Some(connection),
            None => self.slots.push(Some(connection)),
        }
        Ok(number)
    }

    /// Who is at the other end of a connection that is not being closed.
    pub(in crate::plugin) fn peer(&mut self, number: u64) -> Option<IpAddr> {
        let connection = self.get(number).filter(|connection| connection.closing.is_none())?;
        connection.stream.peer_addr().ok().map(|peer| peer.ip())
    }

    /// Queues bytes in order after what waits already.
    pub(in crate::plugin) fn queue(&mut self, number: u64, bytes: Vec<u8>) -> Result<(), QueueError> {
        let (unsent, most_unsent) = (self.unsent, self.most_unsent);
        let connection =
            self.get(number).filter(|connection| connection.closing.is_none()).ok_or(QueueError::Gone)?;
        let waiting = connection.waiting();
        if waiting + bytes.len() > UNSENT {
            return Err(QueueError::Full(format!("{waiting} bytes wait to be sent; the most is {UNSENT}")));
        }
        if unsent + bytes.len() > most_unsent {
            return Err(QueueError::Full(format!(
                "{unsent} bytes wait on all connections; the most is {most_unsent}"
            )));
        }
        self.append(number, bytes);
        Ok(())
    }

    /// Queues the guest's answer. Unlike [`Connections::queue`] the limit is applied to what is left after writing,
    /// since most of it will go at once.
    pub(super) fn answer(&mut self, number: u64, bytes: Vec<u8>, close: bool) {
        if self.get(number).is_some_and(|connection| connection.closing.is_none() || connection.peer_closed())
        {
            self.append(number, bytes);
        }
        if close {
            self.close_when_sent(number);
        }
    }

    /// Closes after what is queued was sent.
    pub(in crate::plugin) fn close_when_sent(&mut self, number: u64) {
        self.close_because(number, "closed by the plugin");
    }

    /// Reads once. Level-triggered readiness tells again when there is more.
    pub(super) fn read(&mut self, number: u64, buffer: &mut [u8]) -> Arrival {
        let Some(connection) = self.get(number) else { return Arrival::Nothing };
        if connection.waiting() > 0 || connection.closing.is_some() {
            return Arrival::Nothing;
        }
        match (&*connection.stream).read(buffer) {
            // The peer may still read: what it asked before is answered already, or waits in our queue.
            Ok(0) => self.close_because(number, PEER_CLOSED),
            Ok(count) => return Arrival::Bytes(count),
            Err(error) if is_transient(&error) => {}
            Err(error) => self.remove(number, error.to_string()),
        }
        Arrival::Nothing
    }

    /// The socket takes bytes again.
    pub(super) fn writable(&mut self, number: u64) {
        if self.get(number).is_some_and(|connection| connection.waiting() > 0) {
            self.touch(number);
        }
    }

    /// Writes each connection's queue, once, and closes those that are done.
    pub(super) fn flush(&mut self) {
        for index in 0..self.touched.len() {
            let number = self.touched[index];
            if let Some(connection) = self.get(number) {
                connection.touched = false;
                self.flush_one(number);
            }
        }
        self.touched.clear();
    }

    /// The next connection that is gone, for the guest to hear.
    pub(super) fn pop_gone(&mut self) -> Option<(u64, String)> {
        self.gone.pop()
    }

    /// Closes at once.
    pub(super) fn remove(&mut self, number: u64, reason: String) {
        if let Some(connection) = self.take(number) {
            self.handle.remove(connection.token);
            self.gone.push((number, reason));
        }
    }

    /// Closes at once a connection that the guest does not know, or did not want.
    pub(super) fn forget(&mut self, number: u64) {
        if let Some(connection) = self.take(number) {
            self.handle.remove(connection.token);
        }
    }

    /// When to look for peers that take nothing; none while no bytes wait.
    pub(super) fn stall_deadline(&self) -> Option<Instant> {
        (self.waiting > 0).then(|| self.stalls_checked + STALL / 4)
    }

    /// Closes connections whose peer has taken nothing for too long.
    pub(super) fn drop_stalled(&mut self, now: Instant) {
        if self.stall_deadline().is_none_or(|due| now < due) {
            return;
        }
        self.stalls_checked = now;
        let stalled = |connection: &Connection| {
            connection.stalled.is_some_and(|since| now.saturating_duration_since(since) >= STALL)
        };
        let numbers: Vec<u64> =
            self.slots.iter().flatten().filter(|connection| stalled(connection)).map(|c| c.number).collect();
        for number in numbers {
            self.remove(number, format!("the peer took nothing for {} s", STALL.as_secs()));
        }
    }

    fn flush_one(&mut self, number: u64) {
        let Some(connection) = self.get(number) else { return };
        let before = connection.waiting();
        let result = connection.write();
        let after = connection.waiting();
        let was_stalled = connection.stalled.is_some();
        if after == 0 {
            connection.stalled = None;
        } else if after < before || !was_stalled {
            connection.stalled = Some(Instant::now());
        }
        let is_stalled = connection.stalled.is_some();
        let done = after == 0 && connection.closing.is_some();
        let reason = connection.closing.unwrap_or_default();
        self.unsent -= before - after;
        self.recount_waiting(was_stalled, is_stalled);
        match result {
            Err(error) => self.remove(number, error.to_string()),
            Ok(()) if done => self.remove(number, reason.to_owned()),
            Ok(()) if after > UNSENT => {
                self.remove(
                    number,
                    format!("the peer reads too slowly: {after} bytes wait, the most is {UNSENT}"),
                );
            }
            Ok(()) if self.unsent > self.most_unsent && after > 0 => {
                self.remove(number, format!("more than {} bytes wait on all connections", self.most_unsent));
            }
            Ok(()) => self.want(number, if after > 0 { Interest::WRITE } else { Interest::READ }),
        }
    }

    fn recount_waiting(&mut self, was: bool, is: bool) {
        match (was, is) {
            (false, true) => {
                if self.waiting == 0 {
                    self.stalls_checked = Instant::now();
                }
                self.waiting += 1;
            }
            (true, false) => self.waiting -= 1,
            _ => {}
        }
    }

    fn want(&mut self, number: u64, interest: Interest) {
        let handle = self.handle.clone();
        let Some(connection) = self.get(number) else { return };
        let now = connection.interest.get();
        if (now.readable, now.writable) == (interest.readable, interest.writable) {
            return;
        }
        connection.interest.set(interest);
        if let Err(error) = handle.update(&connection.token) {
            self.remove(number, error.to_string());
        }
    }

    fn append(&mut self, number: u64, bytes: Vec<u8>) {
        let count = bytes.len();
        if count == 0 {
            return;
        }
        let Some(connection) = self.get(number) else { return };
        if connection.output.is_empty() {
            connection.output = bytes;
        } else {
            connection.output.extend_from_slice(&bytes);
        }
        self.unsent += count;
        self.touch(number);
    }

    fn close_because(&mut self, number: u64, reason: &'static str) {
        if let Some(connection) = self.get(number) {
            connection.closing.get_or_insert(reason);
            self.touch(number);
        }
    }

    fn touch(&mut self, number: u64) {
        if let Some(connection) = self.get(number).filter(|connection| !connection.touched) {
            connection.touched = true;
            self.touched.push(number);
        }
    }

    fn get(&mut self, number: u64) -> Option<&mut Connection> {
        let slot = (number & ((1 << SLOT_BITS) - 1)) as usize;
        self.slots.get_mut(slot)?.as_mut().filter(|connection| connection.number == number)
    }

    fn take(&mut self, number: u64) -> Option<Connection> {
        self.get(number)?;
        let slot = (number & ((1 << SLOT_BITS) - 1)) as usize;
        let connection = self.slots[slot].take()?;
        self.free.push(slot);
        self.unsent -= connection.waiting();
        self.recount_waiting(connection.stalled.is_some(), false);
        Some(connection)
    }
}

const PEER_CLOSED: &str = "closed by the peer";

impl Connection {
    fn waiting(&self) -> usize {
        self.output.len() - self.sent
    }

    /// Whether it is closed only because the peer has nothing more to ask.
    fn peer_closed(&self) -> bool {
        self.closing == Some(PEER_CLOSED)
    }

    fn write(&mut self) -> io::Result<()> {
        while self.sent < self.output.len() {
            match (&*self.stream).write(&self.output[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.sent = 0;
        if self.output.capacity() > KEPT_BUFFER {
            self.output = Vec::new()
        } else {
            self.output.clear()
        }
        Ok(())
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// A connection's place in the loop. Its interest is set from outside of its callback, through the shared cell.
struct Source {
    generic: Generic<Rc<TcpStream>>,
    interest: Rc<Cell<Interest>>,
}

impl EventSource for Source {
    type Event = Readiness;
    type Metadata = ();
    type Ret = ();
    type Error = io::Error;

    fn process_events<C>(
        &mut self,
        readiness: Readiness,
        token: Token,
        mut callback: C,
    ) -> io::Result<PostAction>
    where
        C: FnMut(Readiness, &mut ()),
    {
        self.generic.process_events(readiness, token, |readiness, _| {
            callback(readiness, &mut ());
            Ok(PostAction::Continue)
        })
    }

    fn register(&mut self, poll: &mut Poll, tokens: &mut TokenFactory) -> calloop::Result<()> {
        self.generic.interest = self.interest.get();
        self.generic.register(poll, tokens)
    }

    fn reregister(&mut self, poll: &mut Poll, tokens: &mut TokenFactory) -> calloop::Result<()> {
        self.generic.interest = self.interest.get();
        self.generic.reregister(poll, tokens)
    }

    fn unregister(&mut self, poll: &mut Poll) -> calloop::Result<()> {
        self.generic.unregister(poll)
    }
}

#[cfg(test)]
mod tests;
