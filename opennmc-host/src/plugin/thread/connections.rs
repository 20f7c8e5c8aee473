//! A plugin's connections: sockets, what is queued on them, and which of them need work this turn.
//!
//! Invariants: a connection with unsent bytes is not read from, so a peer that reads slowly slows itself down and nobody
//! else; a number names at most one connection, ever; whatever leaves the table closes its socket, which frees its place
//! in the host's budget; whatever is to stand, or to be secure, does so within its time or is closed. No guest code is called
//! from here.

mod dial;
mod secure;
mod source;
mod stream;

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::rc::Rc;
use std::time::{Duration, Instant};

use calloop::{Interest, LoopHandle};

pub(in crate::plugin) use self::dial::Found;
use self::dial::{Dial, Outgoing};
pub(in crate::plugin) use self::secure::SecureError;
use self::source::Registration;
pub(in crate::plugin) use self::stream::words as tls_words;
use self::stream::{Stream, Taken};
use super::Inbox;
use super::budget::Place;
use crate::plugin::{Limits, Mark};

/// A client that asks for more than this at once can wait a little: some of the longest lists.
const LONG_ANSWER: usize = 16 << 10;
/// Read of such a one in one turn: still a dozen of requests.
const SHORT_READ: usize = 256;
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
    /// What has come about, and the guest has not heard of.
    news: VecDeque<News>,
    /// Those that hold bytes which their sockets know nothing of any more.
    again: Vec<u64>,
    /// Until when connections must stand, or be secure.
    due: BTreeSet<(Instant, u64)>,
    stalls_checked: Instant,
    waiting: usize,
    /// How many there were, and how much waited to be sent.
    places: Mark,
    unsent_mark: Mark,
}

struct Connection {
    number: u64,
    stage: Stage,
    registration: Option<Registration>,
    /// The other end, when the plugin made it.
    outgoing: Option<Outgoing>,
    output: Vec<u8>,
    sent: usize,
    /// Why it is closed as soon as everything was sent.
    closing: Option<&'static str>,
    touched: bool,
    /// It is among those to be read again.
    again: bool,
    /// The last read filled the buffer.
    greedy: bool,
    /// What it asked for last was longer than [`LONG_ANSWER`].
    asks_much: bool,
    /// Log-ins and orders of this peer that have not ended. A peer that has ended its side still waits for their answers.
    held: u32,
    /// Its entry among the deadlines.
    due: Option<Instant>,
    /// Since when the peer takes nothing, while bytes wait.
    stalled: Option<Instant>,
    /// Its share of the host's file descriptors.
    _place: Place,
}

enum Stage {
    /// It does not stand yet.
    Dialling(Dial),
    /// Bytes go through it, or TLS is being made.
    Open(Stream),
}

/// What has come about on a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It stands, and with TLS from its first byte that as well.
    Connected(u64),
    /// TLS stands on it.
    Secured(u64),
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
    pub(in crate::plugin) fn new(handle: LoopHandle<'static, Inbox>, limits: &Limits) -> Self {
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
            news: VecDeque::new(),
            again: Vec::new(),
            due: BTreeSet::new(),
            stalls_checked: Instant::now(),
            waiting: 0,
            places: Mark::default(),
            unsent_mark: Mark::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there is room for one more. Where there is none, that counts as a hit of the limit.
    pub(in crate::plugin) fn admits_one_more(&mut self) -> bool {
        let admits = self.len() < self.limit;
        if !admits {
            self.places.hit();
        }
        admits
    }

    /// How far its limits of connections and of unsent bytes were used.
    pub(in crate::plugin) fn take_marks(&mut self) -> (Mark, Mark) {
        (self.places.take(), self.unsent_mark.take())
    }

    /// Takes a connected socket over, and gives its number.
    pub(super) fn insert(&mut self, stream: TcpStream, place: Place) -> io::Result<u64> {
        stream.set_nonblocking(true)?;
        // Each turn writes once, so there is nothing that Nagle could join; its delay would only hurt. A socket in the file system
        // knows no such delay, and says so.
        let _ = stream.set_nodelay(true);
        let number = self.next_number();
        let stream = Rc::new(stream);
        let registration = Registration::new(&self.handle, number, &stream, Interest::READ)?;
        let mut connection = Connection::new(number, Stage::Open(Stream::new(stream)), place);
        connection.registration = Some(registration);
        self.occupy(connection);
        Ok(number)
    }

    fn next_number(&self) -> u64 {
        let slot = self.free.last().copied().unwrap_or(self.slots.len());
        ((self.serial + 1) << SLOT_BITS) | slot as u64
    }

    /// Enters a connection that has [`Connections::next_number`].
    fn occupy(&mut self, connection: Connection) {
        self.serial += 1;
        match self.free.pop() {
            Some(slot) => self.slots[slot] = Some(connection),
            None => self.slots.push(Some(connection)),
        }
        self.places.see(self.len() as u64);
    }

    /// Who is at the other end of a connection that a peer made and that is not being closed.
    pub(in crate::plugin) fn peer(&mut self, number: u64) -> Option<IpAddr> {
        let connection = self.get(number).filter(|connection| connection.takes_answers())?;
        match &connection.stage {
            Stage::Open(stream) if connection.outgoing.is_none() => {
                match stream.socket().peer_addr() {
                    Ok(peer) => Some(peer.ip()),
                    // It is no address of the internet: somebody on this machine, through a socket in the file system.
                    Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                        Some(Ipv4Addr::LOCALHOST.into())
                    }
                    Err(_) => None,
                }
            }
            _ => None,
        }
    }

    /// Queues bytes in order after what waits already.
    pub(in crate::plugin) fn queue(&mut self, number: u64, bytes: Vec<u8>) -> Result<(), QueueError> {
        let (unsent, most_unsent) = (self.unsent, self.most_unsent);
        let connection =
            self.get(number).filter(|connection| connection.takes_answers()).ok_or(QueueError::Gone)?;
        let waiting = connection.waiting();
        if waiting + bytes.len() > UNSENT {
            return Err(QueueError::Full(format!("{waiting} bytes wait to be sent; the most is {UNSENT}")));
        }
        if unsent + bytes.len() > most_unsent {
            self.unsent_mark.hit();
            return Err(QueueError::Full(format!(
                "{unsent} bytes wait on all connections; the most is {most_unsent}"
            )));
        }
        self.append(number, bytes);
        self.unsent_mark.see(self.unsent as u64);
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
        connection.again = false;
        connection.greedy = false;
        let asks_much = std::mem::take(&mut connection.asks_much);
        let most = if asks_much { SHORT_READ.min(buffer.len()) } else { buffer.len() };
        let buffer = &mut buffer[..most];
        if connection.is_blocked() || connection.closing.is_some() {
            return Arrival::Nothing;
        }
        let Stage::Open(stream) = &mut connection.stage else { return Arrival::Nothing };
        let mut secured = false;
        let result = stream.read(buffer, &mut secured);
        if stream.is_secured() {
            self.look_after_tls(number, secured);
        }
        match result {
            // The peer may still read: what it asked before is answered already, or waits in our queue.
            Ok(Taken::End) => self.close_because(number, PEER_CLOSED),
            Ok(Taken::Bytes(count)) => {
                if let Some(connection) = self.get(number) {
                    connection.greedy = count == buffer.len();
                }
                return Arrival::Bytes(count);
            }
            Ok(Taken::Nothing) => {}
            Err(problem) => self.remove(number, problem),
        }
        Arrival::Nothing
    }

    /// After TLS has taken something in: there may be something to say, to tell, or to read at once.
    fn look_after_tls(&mut self, number: u64, secured: bool) {
        if secured {
            self.set_due(number, None);
            let from_the_first_byte = self
                .get(number)
                .and_then(|connection| connection.outgoing.as_ref())
                .is_some_and(|outgoing| outgoing.secure);
            self.news.push_back(match from_the_first_byte {
                true => News::Connected(number),
                false => News::Secured(number),
            });
        }
        let Some(connection) = self.get(number) else { return };
        let Stage::Open(stream) = &mut connection.stage else { return };
        let (holds, wants) = (stream.holds_more(), stream.wants_write());
        if holds {
            connection.again = true;
            self.again.push(number);
        }
        // What the plugin has queued could not go before.
        if secured || wants {
            self.touch(number);
        }
    }

    /// Whether some connection is to be read though its socket is silent.
    pub(super) fn has_more(&self) -> bool {
        !self.again.is_empty()
    }

    /// The connections to be read though their sockets are silent.
    pub(super) fn take_again(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.again)
    }

    /// Whether it sent more than was read at once when it was last read, or what it asked for was long.
    pub(super) fn is_greedy(&mut self, number: u64) -> bool {
        self.get(number).is_some_and(|connection| connection.greedy || connection.asks_much)
    }

    /// It was not read in this turn: what it holds back is read in the next one.
    pub(super) fn stay_held(&mut self, number: u64) {
        if self.get(number).is_some_and(|connection| connection.again) {
            self.again.push(number);
        }
    }

    /// The next thing that has come about, for the guest to hear.
    pub(super) fn pop_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// The socket takes bytes again, or a connection that the plugin makes stands.
    pub(super) fn writable(&mut self, number: u64) {
        match self.get(number) {
            Some(connection) if matches!(connection.stage, Stage::Dialling(_)) => self.dial_ready(number),
            Some(connection) if connection.is_blocked() => self.touch(number),
            _ => {}
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
        // What was answered counts by what the sockets did not take.
        self.unsent_mark.see(self.unsent as u64);
    }

    /// The next connection that is gone, for the guest to hear.
    pub(super) fn pop_gone(&mut self) -> Option<(u64, String)> {
        self.gone.pop()
    }

    /// Closes at once.
    pub(super) fn remove(&mut self, number: u64, reason: String) {
        if self.end(number) {
            self.gone.push((number, reason));
        }
    }

    /// Closes at once a connection that the guest does not know, or did not want.
    pub(in crate::plugin) fn forget(&mut self, number: u64) {
        self.end(number);
    }

    fn end(&mut self, number: u64) -> bool {
        let Some(connection) = self.take(number) else { return false };
        if let Some(registration) = connection.registration {
            registration.end(&self.handle);
        }
        true
    }

    /// Closes all of them properly, as far as it goes without waiting.
    pub(super) fn close_all(&mut self) {
        let numbers: Vec<u64> = self.slots.iter().flatten().map(|connection| connection.number).collect();
        numbers.into_iter().for_each(|number| self.close_because(number, "the plugin stops"));
        self.flush();
    }

    /// When [`Connections::run_deadlines`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let due = self.due.first().map(|(due, _)| *due);
        due.into_iter().chain(self.stall_deadline()).min()
    }

    /// Ends what does not stand, is not secure or has not moved in its time.
    pub(super) fn run_deadlines(&mut self, now: Instant) {
        while let Some((due, number)) = self.due.first().copied().filter(|(due, _)| *due <= now) {
            self.due.remove(&(due, number));
            match self.get(number) {
                Some(connection) => {
                    connection.due = None;
                    match connection.stage {
                        Stage::Dialling(_) => self.dial_late(number, now),
                        Stage::Open(_) => self.handshake_late(number),
                    }
                }
                None => continue,
            }
        }
        self.drop_stalled(now);
    }

    fn set_due(&mut self, number: u64, due: Option<Instant>) {
        let Some(connection) = self.get(number) else { return };
        let before = std::mem::replace(&mut connection.due, due);
        if let Some(before) = before {
            self.due.remove(&(before, number));
        }
        if let Some(due) = due {
            self.due.insert((due, number));
        }
    }

    /// When to look for peers that take nothing; none while no bytes wait.
    fn stall_deadline(&self) -> Option<Instant> {
        (self.waiting > 0).then(|| self.stalls_checked + STALL / 4)
    }

    /// Closes connections whose peer has taken nothing for too long.
    fn drop_stalled(&mut self, now: Instant) {
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
        if matches!(connection.stage, Stage::Dialling(_)) {
            // What is queued waits until it stands.
            if let Some(reason) = connection.closing.filter(|_| connection.waiting() == 0) {
                self.remove(number, reason.to_owned());
            }
            return;
        }
        let before = connection.waiting();
        connection.asks_much |= before > LONG_ANSWER;
        let result = connection.write();
        let after = connection.waiting();
        let was_stalled = connection.stalled.is_some();
        let blocked = connection.is_blocked();
        if !blocked {
            connection.stalled = None;
        } else if *result.as_ref().unwrap_or(&0) > 0 || !was_stalled {
            connection.stalled = Some(Instant::now());
        }
        let is_stalled = connection.stalled.is_some();
        let is_held = connection.is_held();
        let done = after == 0 && !blocked && connection.closing.is_some() && !is_held;
        let reason = connection.closing.unwrap_or_default();
        self.unsent -= before - after;
        self.recount_waiting(was_stalled, is_stalled);
        match result {
            Err(error) => self.remove(number, error.to_string()),
            Ok(_) if done => self.remove(number, reason.to_owned()),
            Ok(_) if after > UNSENT => {
                self.remove(
                    number,
                    format!("the peer reads too slowly: {after} bytes wait, the most is {UNSENT}"),
                );
            }
            Ok(_) if self.unsent > self.most_unsent && after > 0 => {
                self.unsent_mark.hit();
                self.remove(number, format!("more than {} bytes wait on all connections", self.most_unsent));
            }
            Ok(_) => {
                // The end of the peer's side would be told for ever.
                let other = if is_held { Interest::EMPTY } else { Interest::READ };
                self.want(number, if blocked { Interest::WRITE } else { other });
                self.read_again_if_held(number);
            }
        }
    }

    /// While bytes waited to be sent nothing was read, and what TLS holds is nothing that the socket tells of.
    fn read_again_if_held(&mut self, number: u64) {
        let Some(connection) = self.get(number) else { return };
        if connection.again || connection.closing.is_some() || connection.is_blocked() {
            return;
        }
        if let Stage::Open(stream) = &mut connection.stage
            && stream.holds_more()
        {
            connection.again = true;
            self.again.push(number);
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
        let result = match &connection.registration {
            Some(registration) => registration.want(&handle, interest),
            None => Ok(()),
        };
        if let Err(error) = result {
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

    /// Something that this peer asked for is under way: its answer will come later.
    pub(in crate::plugin) fn hold(&mut self, number: u64) {
        if let Some(connection) = self.get(number) {
            connection.held += 1;
        }
    }

    /// It has ended, and the guest has had its turn to answer.
    pub(in crate::plugin) fn release(&mut self, number: u64) {
        if let Some(connection) = self.get(number) {
            connection.held = connection.held.saturating_sub(1);
            self.touch(number);
        }
    }

    /// The socket has broken while answers were waited for.
    pub(super) fn lost(&mut self, number: u64) {
        if self.get(number).is_some_and(|connection| connection.is_held()) {
            self.remove(number, PEER_CLOSED.to_owned());
        }
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
        if let Some(due) = connection.due {
            self.due.remove(&(due, number));
        }
        Some(connection)
    }
}

const PEER_CLOSED: &str = "closed by the peer";

impl Connection {
    fn new(number: u64, stage: Stage, place: Place) -> Self {
        Self {
            number,
            stage,
            registration: None,
            outgoing: None,
            output: Vec::new(),
            sent: 0,
            closing: None,
            held: 0,
            touched: false,
            again: false,
            greedy: false,
            asks_much: false,
            due: None,
            stalled: None,
            _place: place,
        }
    }

    fn waiting(&self) -> usize {
        self.output.len() - self.sent
    }

    /// Whether something that could go waits for the socket.
    fn is_blocked(&self) -> bool {
        match &self.stage {
            Stage::Dialling(_) => false,
            Stage::Open(stream) => stream.wants_write() || (self.waiting() > 0 && !stream.is_handshaking()),
        }
    }

    /// Whether it is kept for answers although the peer has ended its side.
    fn is_held(&self) -> bool {
        self.held > 0 && self.peer_closed()
    }

    /// Whether what the guest says now still goes to somebody.
    fn takes_answers(&self) -> bool {
        self.closing.is_none() || self.is_held()
    }

    /// Whether it is closed only because the peer has nothing more to ask.
    fn peer_closed(&self) -> bool {
        self.closing == Some(PEER_CLOSED)
    }

    /// Gives how many bytes the socket took.
    fn write(&mut self) -> io::Result<usize> {
        let Stage::Open(stream) = &mut self.stage else { return Ok(0) };
        let (taken, moved) = stream.write(&self.output[self.sent..], self.closing.is_some())?;
        self.sent += taken;
        if self.sent == self.output.len() {
            self.sent = 0;
            if self.output.capacity() > KEPT_BUFFER { self.output = Vec::new() } else { self.output.clear() }
        }
        Ok(moved)
    }
}

#[cfg(test)]
mod tests;
