//! The conversation with one UPS, without I/O.
//!
//! A [`Session`] takes bytes and the time and gives bytes, events and one deadline. It opens nothing, reads no clock and
//! never sleeps. **After every call that takes `&mut self`, drain [`Session::poll_output`] until it yields
//! [`Output::Timeout`]; then wait for input or for that moment, whichever comes first.**
//!
//! ```
//! use apcsmart::{Output, Session, SessionConfig, Time};
//!
//! let mut session = Session::new(SessionConfig::default());
//! session.handle_open(Time::from_millis(0));
//! let mut sent = Vec::new();
//! let wait_until = loop {
//!     match session.poll_output() {
//!         Output::Transmit(bytes) => sent.extend(bytes),
//!         Output::Event(event) => println!("{event:?}"),
//!         Output::Timeout(time) => break time,
//!     }
//! };
//! assert_eq!(sent, b"Y", "it asks for smart mode first");
//! assert!(wait_until > Time::ZERO, "and waits for the answer");
//! ```
//!
//! What happens inside: `exchange` asks one question at a time and finds the place again after a disturbance, `discovery`
//! learns what the unit can do, `status` and `readings` decide what is believed, and `orders` carries out what a person
//! wants.

mod discovery;
mod exchange;
mod orders;
mod readings;
mod status;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::alert::Alert;
use crate::capability::Capabilities;
use crate::diagnosis::{Classifier, Diagnosis};
use crate::frame::{Frame, Framer};
use crate::operation::{Outcome, Ticket};
use crate::quality::LinkQuality;
use crate::status::Status;
use crate::table::{Code, CodeSet, Hazard, Writable, command};
use crate::time::Time;
use crate::value::Value;
use discovery::Discovery;
use exchange::{Exchange, Phase};
use orders::{Order, step_byte};
use readings::Readings;
use status::StatusTracker;

/// How long after opening a port an alert byte alone changes nothing: the line has not proven itself.
const UNPROVEN_FOR: Duration = Duration::from_secs(10);

/// How long after a fault nothing is believed that only one witness says. A line that is bad once is bad again, also when its
/// port was closed and opened in between.
const SUSPICIOUS_FOR: Duration = Duration::from_secs(600);

/// What a session does next. See the contract of [`Session`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Write these bytes to the port, all of them, now.
    Transmit(Vec<u8>),
    /// Something was learnt.
    Event(Event),
    /// Nothing more for now: call [`Session::handle_timeout`] at this moment at the latest. [`Time::NEVER`] when the
    /// session waits for nothing.
    Timeout(Time),
}

/// What a session learns.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The link changed its state.
    Link(LinkState),
    /// An alert byte came. For logs; what it means for the status comes as [`Event::Status`].
    Alert(Alert),
    /// The status changed, or is known for the first time since the link came up.
    Status(Status),
    /// A reading changed, or is known for the first time.
    Reading {
        /// Its NUT name.
        name: &'static str,
        /// The new value; its text is what NUT clients read.
        value: Value,
    },
    /// A reading is no longer known.
    Withdrawn {
        /// Its NUT name.
        name: &'static str,
    },
    /// What the unit can do is known: its variables, their permitted values, its commands.
    Discovered,
    /// Every variable was read once since the link came up.
    ScanComplete,
    /// No UPS answers; what is on the line instead.
    Diagnosis(Diagnosis),
    /// The UPS accepted an order; its effect is watched for.
    Accepted {
        /// Which order.
        ticket: Ticket,
    },
    /// An order ended. Comes exactly once for every ticket.
    Done {
        /// Which order.
        ticket: Ticket,
        /// How.
        outcome: Outcome,
    },
}

/// How the link to the UPS is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkState {
    /// The port is not open.
    #[default]
    Closed,
    /// The port is open; no UPS has answered yet.
    Connecting,
    /// The UPS answers.
    Up,
    /// The UPS answered and does no more. It is asked again and again.
    Lost,
}

/// How a session behaves. The default fits every known unit on a serial line.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionConfig {
    /// Silence between an answer and the next question. Zero by default; some units stop talking when they are asked
    /// without pause.
    pub spacing: Duration,
}

impl Default for SessionConfig {
    fn default() -> SessionConfig {
        SessionConfig { spacing: Duration::ZERO }
    }
}

/// What is known of a variable beside its value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VariableInfo {
    /// How it may be set.
    pub writable: Writable,
    /// The permitted values as [`Session::readings`] would show them, in the unit's order; empty when it tells none.
    pub choices: Vec<String>,
    /// The unit of the value; empty for text.
    pub unit: &'static str,
}

/// The conversation with one UPS. Its contract stands at the top of this module.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    out: Outbox,
    now: Time,
    link: LinkState,
    phase: Phase,
    framer: Framer,
    exchange: Option<Exchange>,
    free_at: Time,
    /// Which of the paces questions are asked at.
    pace: usize,
    up_since: Time,
    last_byte: Time,
    disturbed_until: Time,
    disturbed_since_open: bool,
    last_fault: Option<Time>,
    shortest_answer: Duration,
    classifier: Classifier,
    status: StatusTracker,
    readings: Readings,
    discovery: Discovery,
    unit: Unit,
    order: Option<Order>,
    watching: Vec<Order>,
    /// The order was not begun yet.
    order_waits: bool,
    /// The fence in front of it was sent.
    order_fenced: bool,
    /// Bytes that are no alert came since it sent something.
    order_heard: bool,
    /// It let the status be read before its next step.
    order_breathes: bool,
    /// An order that does not wait for a setting to be written to its end.
    urgent: Option<Order>,
    tickets: u64,
    /// The unit has to be discovered once the line is in step.
    must_discover: bool,
    /// Answers to `Y` or ESC may still be under way: only an answer of another shape proves that the line is in step.
    owed: bool,
    /// Questions for the status in a row that got no answer.
    status_failures: u8,
    /// Questions for the status in a row, answered or not.
    status_in_a_row: u8,
    quality: LinkQuality,
    last_heard: Option<Time>,
}

/// What is known of the unit itself.
#[derive(Debug, Default)]
struct Unit {
    commands: CodeSet,
    /// The unit told its commands itself.
    listed: bool,
    /// All this was found out since the port was opened; before, another unit may have been on it.
    known: bool,
    capabilities: Capabilities,
    firmware: Option<String>,
}

/// How far one answer is believed.
#[derive(Debug, Clone, Copy, Default)]
struct Trust {
    /// Something was wrong a moment ago, or the line has not proven itself yet.
    disturbed: bool,
    /// The line had faults lately.
    suspicious: bool,
}

impl Trust {
    /// Whether more than the usual number of reads must agree.
    fn is_low(self) -> bool {
        self.disturbed || self.suspicious
    }
}

impl Session {
    /// A session without a port. Call [`Session::handle_open`] when there is one.
    pub fn new(config: SessionConfig) -> Session {
        Session {
            config,
            out: Outbox::default(),
            now: Time::ZERO,
            link: LinkState::Closed,
            phase: Phase::Closed,
            framer: Framer::default(),
            exchange: None,
            free_at: Time::ZERO,
            pace: 0,
            up_since: Time::ZERO,
            last_byte: Time::ZERO,
            disturbed_until: Time::ZERO,
            disturbed_since_open: false,
            last_fault: None,
            shortest_answer: Duration::ZERO,
            classifier: Classifier::default(),
            status: StatusTracker::new(),
            readings: Readings::default(),
            discovery: Discovery::default(),
            unit: Unit::default(),
            order: None,
            watching: Vec::new(),
            order_waits: false,
            order_fenced: false,
            order_heard: false,
            order_breathes: false,
            urgent: None,
            tickets: 0,
            must_discover: false,
            owed: false,
            status_failures: 0,
            status_in_a_row: 0,
            quality: LinkQuality::default(),
            last_heard: None,
        }
    }

    /// The port was opened.
    pub fn handle_open(&mut self, now: Time) {
        if self.phase != Phase::Closed {
            self.handle_close(now);
        }
        self.pass_time(now);
        self.set_link(LinkState::Connecting);
        self.unit.known = false;
        self.must_discover = true;
        self.status_failures = 0;
        self.disturbed_until = self.disturbed_until.max(now + UNPROVEN_FOR);
        self.disturbed_since_open = false;
        self.begin_fence();
    }

    /// The port is gone. Readings and status keep their last values; they are as old as [`Session::last_heard`] says.
    pub fn handle_close(&mut self, now: Time) {
        self.pass_time(now);
        self.abandon_orders();
        self.exchange = None;
        self.framer.clear();
        self.phase = Phase::Closed;
        self.discovery = Discovery::default();
        self.set_link(LinkState::Closed);
    }

    /// Bytes arrived, in one piece or in many.
    pub fn handle_input(&mut self, now: Time, bytes: &[u8]) {
        self.pass_time(now);
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        let mut answer = None;
        for byte in bytes {
            self.take_byte(*byte, &mut answer);
        }
        if let Some(line) = answer {
            self.take_answer(line);
        }
        self.advance();
    }

    /// The deadline was reached. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Time) {
        self.pass_time(now);
        self.check_deadlines();
        self.advance();
    }

    /// The next thing to do. Drain this until it yields [`Output::Timeout`].
    pub fn poll_output(&mut self) -> Output {
        self.out.queue.pop_front().unwrap_or_else(|| Output::Timeout(self.deadline()))
    }

    /// How the link is.
    pub fn link(&self) -> LinkState {
        self.link
    }

    /// The last status that was believed; none before the first.
    pub fn status(&self) -> Option<Status> {
        self.status.published()
    }

    /// When the UPS itself last said what [`Session::status`] says. An alert can be newer.
    pub fn status_confirmed(&self) -> Option<Time> {
        self.status.confirmed()
    }

    /// Every reading, by NUT name and sorted by it.
    pub fn readings(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.readings.values()
    }

    /// One reading.
    pub fn reading(&self, name: &str) -> Option<&Value> {
        self.readings.value(name)
    }

    /// When the UPS last gave an answer of the right shape.
    pub fn last_heard(&self) -> Option<Time> {
        self.last_heard
    }

    /// What was counted on the line.
    pub fn quality(&self) -> &LinkQuality {
        &self.quality
    }

    /// What is known of a variable beside its value; none when this unit has no such variable.
    pub fn variable_info(&self, name: &str) -> Option<VariableInfo> {
        let variable = self.readings.variable(name)?;
        let shown = |raw: &String| {
            variable.values(raw.as_bytes()).into_iter().next().map(|(_, value)| alloc::format!("{value}"))
        };
        let capability = self.unit.capabilities.of(variable.code);
        let choices: Vec<String> = match capability {
            _ if !self.can_write(variable) => Vec::new(),
            Some(found) => found.choices().iter().filter_map(shown).collect(),
            None if variable.is_switch() => Vec::from(["ON".into(), "OFF".into()]),
            None => Vec::new(),
        };
        let writable = match variable.writable {
            _ if !self.can_write(variable) => Writable::No,
            Writable::Step if step_byte(variable, name).is_none() => Writable::No,
            Writable::Choice if choices.len() < 2 => Writable::No,
            writable => writable,
        };
        Some(VariableInfo { writable, choices, unit: variable.unit })
    }

    /// Commands that the unit lists and of which nobody says what they do, for a report. They are never sent. In the order of
    /// their bytes; none on a unit that lists nothing.
    pub fn unknown_commands(&self) -> impl Iterator<Item = Code> + '_ {
        let listed = self.unit.known && self.unit.listed;
        self.unit.commands.iter().filter(move |code| {
            listed && command::command(*code).is_none_or(|row| row.hazard == Hazard::Unknown)
        })
    }

    fn pass_time(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// Whether something was wrong on the line a short time ago, or it has not proven itself yet.
    fn is_disturbed(&self) -> bool {
        self.now < self.disturbed_until
    }

    /// Whether the line had faults lately, perhaps before the port was closed and opened again.
    fn is_suspicious(&self) -> bool {
        self.last_fault.is_some_and(|fault| self.now.since(fault) < SUSPICIOUS_FOR)
    }

    fn trust(&self) -> Trust {
        Trust { disturbed: self.is_disturbed(), suspicious: self.is_suspicious() }
    }

    fn set_link(&mut self, link: LinkState) {
        if self.link != link {
            self.link = link;
            self.out.event(Event::Link(link));
        }
    }

    /// Takes one byte. An answer that it completes goes to `answer`: whatever else arrived with it is looked at before the
    /// next question goes out, because bytes behind an answer mean that the line is not in step.
    fn take_byte(&mut self, byte: u8, answer: &mut Option<Vec<u8>>) {
        let began = !self.framer.is_open();
        let open =
            if answer.is_some() { None } else { self.exchange.as_ref().map(|exchange| exchange.grammar) };
        self.last_byte = self.now;
        self.note_byte(byte);
        let frame = self.framer.push(byte, open);
        self.order_heard |= !matches!(frame, Some(Frame::Alert(_)));
        match frame {
            Some(Frame::Alert(alert)) => self.take_alert(alert),
            Some(Frame::Line(line)) if self.phase != Phase::Running => self.take_answer(line),
            Some(Frame::Line(line)) if open.is_some() => *answer = Some(line),
            Some(Frame::Line(_) | Frame::Overlong) => {
                self.disturb_unless_fencing(|quality| quality.unsolicited += 1)
            }
            None if began && self.framer.is_open() && open.is_some() => self.check_first_byte(),
            None => {}
        }
    }

    fn take_alert(&mut self, alert: Alert) {
        self.quality.alerts += 1;
        if self.link != LinkState::Up {
            return;
        }
        self.out.event(Event::Alert(alert));
        self.readings.hurry(alert, self.now);
        // Disturbances come with traffic: an alert on a line at rest is the UPS's own. On a line that had faults lately it may
        // be another alert with one bit wrong.
        let trusted = !self.is_disturbed() && !self.is_suspicious() && self.exchange.is_none();
        if let Some(status) = self.status.take_alert(alert, trusted, self.now) {
            self.publish_status(status, false);
        }
        self.alert_orders(alert, trusted);
    }

    /// Publishes the status, and with `again` also what has not changed: the link came up, and what was known is known to
    /// be true still.
    fn publish_status(&mut self, status: Status, again: bool) {
        self.out.event(Event::Status(status));
        let tokens = Value::Text(status.tokens());
        if again && self.readings.value("ups.status") == Some(&tokens) {
            self.out.event(Event::Reading { name: "ups.status", value: tokens });
        } else {
            self.readings.put("ups.status", tokens, &mut self.out);
        }
        match status.alarm() {
            Some(alarm) => self.readings.put("ups.alarm", Value::Text(alarm), &mut self.out),
            None => self.readings.remove("ups.alarm", &mut self.out),
        }
    }
}

/// What waits to be polled.
#[derive(Debug, Default)]
struct Outbox {
    queue: VecDeque<Output>,
}

impl Outbox {
    fn event(&mut self, event: Event) {
        self.queue.push_back(Output::Event(event));
    }

    fn transmit(&mut self, bytes: Vec<u8>) {
        self.queue.push_back(Output::Transmit(bytes));
    }
}
