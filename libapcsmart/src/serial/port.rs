//! A UPS on a port, for programs that wait.
//!
//! Invariant: the session is drained after every call, so its deadline is always known. The line is served only while a
//! call waits; between calls nothing is read, and what was read gets old. Whoever wants to do other things meanwhile
//! belongs on a thread, or drives a [`Session`] from a loop.

use std::collections::VecDeque;
use std::time::Duration;

use super::address::Address;
use super::clock;
use super::error::PortError;
use super::interrupt::Interrupter;
use super::options::PortOptions;
use super::reopen::Reopen;
use super::stable::stable_path;
use super::wire::{Gone, Received, Wire};
use crate::diagnosis::{Classifier, Diagnosis};
use crate::operation::{Outcome, Refusal, Ticket};
use crate::session::{Event, LinkState, Output, Session};
use crate::status::Status;
use crate::table::Danger;
use crate::time::Time;
use crate::value::Value;

/// Events that nobody fetched: the oldest are dropped beyond so many. A first scan gives about a hundred.
const EVENTS_KEPT: usize = 4096;

/// A UPS on a serial port or a serial server.
///
/// Methods that take a time wait so long at most; [`Port::run`] and [`Port::set`] wait until the outcome is known, and the
/// other methods do not wait. [`Port::interrupter`] ends a wait from outside. The port is closed when this is dropped.
///
/// A port is of the process that opened it: a child after a fork gets [`PortError::OtherProcess`], and can end without
/// harm to the parent's port.
#[derive(Debug)]
pub struct Port {
    address: Address,
    /// The same device under a name that stays when it is plugged out and in again.
    stable: Option<Address>,
    options: PortOptions,
    session: Session,
    deadline: Time,
    connection: Connection,
    reopen: Reopen,
    events: VecDeque<Event>,
    progress: Progress,
    /// Judges what comes while no UPS answers, at any moment; the session does so at the end of its tries.
    heard: Classifier,
    interrupter: Interrupter,
}

#[derive(Debug)]
enum Connection {
    Open(Wire),
    /// Why it is gone.
    Lost(Gone),
}

/// What is known since the link came up.
#[derive(Debug, Default)]
struct Progress {
    discovered: bool,
    scanned: bool,
}

impl Port {
    /// Opens a port: a path like `/dev/ttyS0`, or `tcp://host:port` for a serial server. Whether a UPS is there shows
    /// [`Port::wait_ready`].
    ///
    /// # Errors
    /// Every [`PortError`] that tells of addresses and of opening.
    pub fn open(address: &str, options: &PortOptions) -> Result<Port, PortError> {
        let address = Address::parse(address)?;
        let interrupter = Interrupter::new().map_err(|errno| address.cannot_open(errno.into()))?;
        let wire = Wire::open(&address, options.cable)?;
        let stable = match &address {
            Address::Tty(path) => stable_path(path).map(Address::Tty),
            Address::Tcp { .. } => None,
        };
        let mut port = Port {
            address,
            stable,
            session: Session::new(options.session.clone()),
            options: options.clone(),
            deadline: Time::NEVER,
            connection: Connection::Open(wire),
            reopen: Reopen::default(),
            events: VecDeque::new(),
            progress: Progress::default(),
            heard: Classifier::default(),
            interrupter,
        };
        port.session.handle_open(clock::now());
        port.drain();
        Ok(port)
    }

    /// Waits until the UPS was recognised and everything was read once. 30 seconds fit every known unit.
    ///
    /// # Errors
    /// [`PortError::NoAnswer`] with what is on the line instead of a UPS, [`PortError::NotReady`],
    /// [`PortError::HungUp`]; [`PortError::Interrupted`] and [`PortError::OtherProcess`], as of all that waits.
    pub fn wait_ready(&mut self, timeout: Duration) -> Result<(), PortError> {
        let until = clock::now() + timeout;
        while !self.is_ready() {
            if clock::now() >= until {
                return Err(self.not_ready(timeout));
            }
            self.turn(until)?;
        }
        Ok(())
    }

    /// Whether the UPS answers, was recognised, and everything was read once.
    pub fn is_ready(&self) -> bool {
        self.session.link() == LinkState::Up && self.progress.discovered && self.progress.scanned
    }

    /// A reading by its NUT name, as it was when the line was last served; none when the UPS has none.
    /// [`Port::next_event`] and [`Port::serve`] read anew.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.session.reading(name).cloned()
    }

    /// Every reading by its NUT name, as [`Port::get`] gives it.
    pub fn readings(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.session.readings()
    }

    /// The status; none before it was read.
    pub fn status(&self) -> Option<Status> {
        self.session.status()
    }

    /// How long ago the UPS gave its last valid answer; none before the first. This is how old a reading can be.
    pub fn silence(&self) -> Option<Duration> {
        self.session.last_heard().map(|heard| clock::now().since(heard))
    }

    /// Serves the line for `duration`: readings are read anew, events are kept for [`Port::next_event`].
    ///
    /// # Errors
    /// [`PortError::HungUp`].
    pub fn serve(&mut self, duration: Duration) -> Result<(), PortError> {
        let until = clock::now() + duration;
        while clock::now() < until {
            self.turn(until)?;
        }
        Ok(())
    }

    /// The next event, the oldest first; none when the time is over.
    ///
    /// # Errors
    /// [`PortError::HungUp`], after the events that came before it.
    pub fn next_event(&mut self, timeout: Duration) -> Result<Option<Event>, PortError> {
        let until = clock::now() + timeout;
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            let is_over = clock::now() >= until;
            self.turn(until)?;
            if is_over && self.events.is_empty() {
                return Ok(None);
            }
        }
    }

    /// Runs a command by its NUT name and waits for its outcome: seconds for most, and up to the unit's shutdown delay for
    /// those that switch the load. [`Port::start`] does not wait. `argument` is for `shutdown.return` alone.
    ///
    /// The outcome tells what was seen: look at it, [`Outcome::is_success`] at least.
    ///
    /// # Errors
    /// [`PortError::Refused`]: nothing was sent. [`PortError::HungUp`]: the port was gone before.
    pub fn run(&mut self, name: &str, argument: Option<&str>, danger: Danger) -> Result<Outcome, PortError> {
        let ticket = self.start(name, argument, danger)?;
        self.outcome(ticket)
    }

    /// Starts a command and returns at once. Its outcome comes as [`Event::Done`] with the ticket, out of
    /// [`Port::next_event`].
    ///
    /// # Errors
    /// Those of [`Port::run`].
    pub fn start(&mut self, name: &str, argument: Option<&str>, danger: Danger) -> Result<Ticket, PortError> {
        self.order(|session, now| session.run(now, name, argument, danger))
    }

    /// Starts a setting and returns at once. Its outcome comes as [`Event::Done`] with the ticket, out of
    /// [`Port::next_event`].
    ///
    /// # Errors
    /// Those of [`Port::run`].
    pub fn start_set(&mut self, name: &str, value: &str) -> Result<Ticket, PortError> {
        self.order(|session, now| session.set(now, name, value))
    }

    /// Sets a variable by its NUT name to a value as [`Port::get`] would show it, and waits for the outcome.
    ///
    /// # Errors
    /// Those of [`Port::run`].
    pub fn set(&mut self, name: &str, value: &str) -> Result<Outcome, PortError> {
        let ticket = self.start_set(name, value)?;
        self.outcome(ticket)
    }

    /// What ends the waits of this port from another thread or from a signal handler. An order that was under way goes on, and
    /// its outcome comes out of [`Port::next_event`]. Signals alone end no wait.
    pub fn interrupter(&self) -> Interrupter {
        self.interrupter.clone()
    }

    /// The session, for everything else that can be asked of it.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Opens the port again, whether it is lost or not. The UPS is recognised anew.
    ///
    /// # Errors
    /// Those of [`Port::open`]; [`PortError::OtherProcess`].
    pub fn reopen(&mut self) -> Result<(), PortError> {
        self.check_owner()?;
        self.lose(Gone("it was closed to be opened again".to_owned()));
        self.open_again()
    }

    /// Closes the port, so that another program can open it. Dropping does the same.
    pub fn close(self) {}

    /// What the port talks on, while it is open.
    pub(super) fn wire(&self) -> Option<&Wire> {
        match &self.connection {
            Connection::Open(wire) => Some(wire),
            Connection::Lost(_) => None,
        }
    }

    /// The error of a port that is gone.
    pub(super) fn gone(&self, gone: &Gone) -> PortError {
        self.hung_up(&gone.0)
    }

    fn order(
        &mut self,
        order: impl FnOnce(&mut Session, Time) -> Result<Ticket, Refusal>,
    ) -> Result<Ticket, PortError> {
        self.check_owner()?;
        if let Connection::Lost(Gone(reason)) = &self.connection
            && !self.options.reconnect
        {
            return Err(self.hung_up(reason));
        }
        let ticket = order(&mut self.session, clock::now());
        self.drain();
        Ok(ticket?)
    }

    /// Waits for the outcome of an order. It comes in any case: a session ends every order that it took.
    fn outcome(&mut self, ticket: Ticket) -> Result<Outcome, PortError> {
        loop {
            let done = self
                .events
                .iter()
                .position(|event| matches!(event, Event::Done { ticket: ended, .. } if *ended == ticket));
            if let Some(Event::Done { outcome, .. }) = done.and_then(|place| self.events.remove(place)) {
                // That it was accepted on the way is part of the outcome.
                self.events.retain(
                    |event| !matches!(event, Event::Accepted { ticket: accepted } if *accepted == ticket),
                );
                return Ok(outcome);
            }
            self.turn(Time::NEVER)?;
        }
    }

    /// Deals with whatever comes first: bytes, what the session waits for, the time to open again, or `until`.
    fn turn(&mut self, until: Time) -> Result<(), PortError> {
        self.check_owner()?;
        let mut is_interrupted = false;
        match &self.connection {
            Connection::Open(wire) => match wire.receive(until.min(self.deadline), Some(&self.interrupter)) {
                Ok(Received::Bytes(bytes)) => {
                    if self.session.link() != LinkState::Up {
                        bytes.iter().for_each(|byte| self.heard.take(*byte));
                    }
                    self.session.handle_input(clock::now(), &bytes);
                }
                Ok(Received::Nothing) => {}
                Ok(Received::Interrupted) => is_interrupted = true,
                Err(gone) => self.lose(gone),
            },
            Connection::Lost(Gone(reason)) if !self.options.reconnect => return Err(self.hung_up(reason)),
            Connection::Lost(_) => {
                self.interrupter.sleep_until(until.min(self.reopen.attempt_at()));
                is_interrupted = self.interrupter.take();
                if clock::now() >= self.reopen.attempt_at() && self.open_again().is_err() {
                    self.reopen.plan(clock::now());
                }
            }
        }
        self.session.handle_timeout(clock::now());
        self.drain();
        if is_interrupted {
            Err(PortError::Interrupted { address: self.address.to_string() })
        } else {
            Ok(())
        }
    }

    /// Two processes that talk on one line hear each a part of the answers.
    fn check_owner(&self) -> Result<(), PortError> {
        match self.wire().and_then(Wire::other_owner) {
            Some(owner) => Err(PortError::OtherProcess { address: self.address.to_string(), owner }),
            None => Ok(()),
        }
    }

    fn open_again(&mut self) -> Result<(), PortError> {
        let cable = self.options.cable;
        // The stable name first: the plain one may be another device by now.
        let wire = match &self.stable {
            Some(stable) => Wire::open(stable, cable),
            None => Wire::open(&self.address, cable),
        };
        self.connection = Connection::Open(wire?);
        self.heard = Classifier::default();
        self.session.handle_open(clock::now());
        self.drain();
        Ok(())
    }

    /// The port is gone.
    fn lose(&mut self, gone: Gone) {
        let before = std::mem::replace(&mut self.connection, Connection::Lost(gone));
        if let Connection::Open(_) = before {
            self.session.handle_close(clock::now());
            self.reopen.plan(clock::now());
            self.drain();
        }
    }

    /// Takes everything out of the session, as its contract asks for after every call.
    fn drain(&mut self) {
        let mut fault = None;
        loop {
            match self.session.poll_output() {
                Output::Transmit(bytes) => {
                    if let (Connection::Open(wire), None) = (&self.connection, &fault) {
                        fault = wire.send(&bytes).err();
                    }
                }
                Output::Event(event) => self.keep(event),
                Output::Timeout(deadline) => {
                    self.deadline = deadline;
                    break;
                }
            }
        }
        if let Some(gone) = fault {
            self.lose(gone);
        }
    }

    fn keep(&mut self, event: Event) {
        match &event {
            Event::Link(LinkState::Up) => {
                self.reopen.succeeded();
                self.heard = Classifier::default();
            }
            Event::Link(_) => self.progress = Progress::default(),
            Event::Discovered => self.progress.discovered = true,
            Event::ScanComplete => self.progress.scanned = true,
            _ => {}
        }
        if self.events.len() == EVENTS_KEPT {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn not_ready(&self, waited: Duration) -> PortError {
        let address = self.address.to_string();
        match self.session.link() {
            LinkState::Up => PortError::NotReady { address, waited },
            LinkState::Closed => match &self.connection {
                Connection::Lost(Gone(reason)) => self.hung_up(reason),
                Connection::Open(_) => PortError::NotReady { address, waited },
            },
            LinkState::Connecting | LinkState::Lost => {
                PortError::NoAnswer { address, waited, diagnosis: self.diagnosis() }
            }
        }
    }

    /// What is on the line while no UPS answers, judged by everything that came since the port was opened or the UPS fell
    /// silent.
    pub fn diagnosis(&self) -> Diagnosis {
        self.heard.judge()
    }

    fn hung_up(&self, reason: &str) -> PortError {
        PortError::HungUp { address: self.address.to_string(), reason: reason.to_owned() }
    }
}
