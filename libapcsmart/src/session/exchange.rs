//! One question at a time, its answer, and the way back when they no longer match.
//!
//! The way back is a fence: silence, then `Y`, and everything up to its `SM` is dropped. A UPS answers in order, so what
//! was asked before is over when `SM` comes. No value passes a fence. When `Y` had to be said again, the first `SM` may
//! answer an earlier one, and those of the others are still to come: then the status is asked for next, and everything up to
//! its answer is dropped, too. No order begins before that.

use alloc::vec::Vec;
use core::time::Duration;

use super::discovery::{Discovery, Step};
use super::status::REGISTERS;
use super::{Event, LinkState, Session};
use crate::diagnosis::{Classifier, Diagnosis};
use crate::grammar::{Grammar, Universal};
use crate::operation::Input;
use crate::quality::LinkQuality;
use crate::status::Status;
use crate::table::{Code, Hazard, Timing, command};
use crate::time::Time;

/// A line that is in step is quiet; this much silence is waited for before a fence. Two byte times at 2400 baud, and what
/// an adapter on USB holds back.
const QUIET: Duration = Duration::from_millis(50);
/// A line that never gets quiet is fenced all the same.
const QUIET_AT_MOST: Duration = Duration::from_secs(2);
/// Longest pause inside an answer. Serial servers on a network deliver in pieces.
const GAP_IN_ANSWER: Duration = Duration::from_millis(400);
/// How long a line counts as disturbed after something was wrong on it.
const DISTURBED_FOR: Duration = Duration::from_secs(60);
/// Silence between an answer and the next question: at first, and after each time that the unit fell silent. Some stop
/// talking when they are asked more often than once a second.
const PACES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(1000)];
/// A unit that falls silent so soon after it was found may have been asked too fast.
const PACE_TRIAL: Duration = Duration::from_secs(600);
/// A slower pace that held so long is given up by one step: perhaps it was a cable.
const PACE_KEPT: Duration = Duration::from_secs(6 * 3600);
/// `Y`s without an answer until the link counts as lost. NUT and apcupsd try as often.
const FENCE_TRIES: u8 = 5;
/// Between two rounds of [`FENCE_TRIES`] on a lost link.
const ROUND_PAUSE: Duration = Duration::from_secs(2);
/// How long the answer to ESC, which leaves a menu, is listened to.
const ESCAPE_PAUSE: Duration = Duration::from_millis(300);
/// The answer to `Y` is five characters on the line, 20 ms at 2400 baud: when it comes sooner, this is not such a line.
const SLOW_LINE: Duration = Duration::from_millis(15);
/// On a line of 2400 baud no byte of an answer can be complete before the question and the byte itself are sent: 8.3 ms.
const SHORTEST_ANSWER: Duration = Duration::from_millis(8);

/// How long the answer is waited for that proves the line to be in step when answers to `Y` are owed. Units and serial
/// servers that stall were seen to do so for four seconds.
const OWED_FOR: Duration = Duration::from_secs(5);

/// After this time a unit no longer waits for the rest of a text.
const ARGUMENT_FORGOTTEN: Duration = Duration::from_secs(6);
/// Questions for a doubtful status in a row, before another question has its turn.
const STATUS_IN_A_ROW: u8 = 8;
/// Questions for the status in a row without an answer until the link counts as lost: without a status nothing is known.
const STATUS_FAILURES: u8 = 5;

const ENTER_SMART_MODE: Code = Code::one(b'Y');
const ESCAPE: Code = Code::one(0x1B);
const STATUS_FLAGS: Code = Code::one(b'Q');

/// Where the session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// No port.
    Closed,
    /// Waits for silence, or for a pause to end, then says `Y`.
    Settling { tries: u8, quiet_since: Time, not_before: Time, at_latest: Time },
    /// `Y` is sent; everything but `SM` is dropped.
    Fencing { tries: u8 },
    /// In step.
    Running,
}

/// A question that is open.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) grammar: Grammar,
    purpose: Purpose,
    sent: Time,
    deadline: Time,
}

/// Why it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Fence,
    Proof,
    Status,
    Register(usize),
    Reading(usize),
    Discovery(Step),
    Order,
}

impl Session {
    /// Starts over from an unknown place in the conversation.
    pub(super) fn begin_fence(&mut self) {
        self.exchange = None;
        self.framer.clear();
        self.fence(0);
    }

    /// When [`Session::handle_timeout`] wants to be called.
    pub(super) fn deadline(&self) -> Time {
        match self.phase {
            Phase::Closed => Time::NEVER,
            Phase::Settling { quiet_since, not_before, at_latest, .. } => {
                (quiet_since + QUIET).max(not_before).min(at_latest.max(not_before))
            }
            Phase::Fencing { .. } => self.exchange.as_ref().map_or(Time::NEVER, |exchange| exchange.deadline),
            Phase::Running => match &self.exchange {
                Some(exchange) => self.answer_deadline(exchange).min(self.watch_deadline()),
                None if self.framer.is_open() => self.last_byte + GAP_IN_ANSWER,
                None => self.free_at.max(self.next_due()).min(self.watch_deadline()),
            },
        }
    }

    /// Gives up what has waited too long.
    pub(super) fn check_deadlines(&mut self) {
        self.check_watch();
        match self.phase {
            Phase::Closed => {}
            Phase::Settling { tries, .. } => {
                if self.now >= self.deadline() {
                    self.fence(tries);
                }
            }
            Phase::Fencing { tries } => {
                if self.now >= self.deadline() {
                    self.fence_unanswered(tries);
                }
            }
            Phase::Running => match self.exchange.take() {
                Some(exchange) if self.now >= self.answer_deadline(&exchange) => self.give_up(exchange),
                Some(exchange) => self.exchange = Some(exchange),
                None if self.framer.is_open() && self.now >= self.last_byte + GAP_IN_ANSWER => {
                    self.disturb(|quality| quality.unsolicited += 1);
                }
                None => {}
            },
        }
    }

    /// Asks the next question, if the line is free and one is due.
    pub(super) fn advance(&mut self) {
        if self.phase != Phase::Running
            || self.exchange.is_some()
            || self.framer.is_open()
            || self.now < self.free_at
        {
            return;
        }
        if self.owed {
            self.ask(STATUS_FLAGS, Purpose::Status);
            self.exchange.iter_mut().for_each(|exchange| exchange.deadline = self.now + OWED_FOR);
            return;
        }
        if self.order_has_line() || self.start_order() || self.order_takes_breath() {
            return;
        }
        if let Some((code, purpose)) = self.next_question() {
            self.status_in_a_row = match purpose {
                Purpose::Status => self.status_in_a_row.saturating_add(1),
                _ => 0,
            };
            self.ask(code, purpose);
        }
    }

    fn next_question(&mut self) -> Option<(Code, Purpose)> {
        if self.status.awaits_proof() {
            return Some((ENTER_SMART_MODE, Purpose::Proof));
        }
        let status = self.status.due() <= self.now;
        if status && self.status_goes_first() {
            return Some((STATUS_FLAGS, Purpose::Status));
        }
        let other = self.next_other_question();
        other.or_else(|| status.then_some((STATUS_FLAGS, Purpose::Status)))
    }

    /// The status goes first, but not so that nothing else ever has a turn: on a slow line it is due all the time, and one
    /// that flickers is never settled.
    pub(super) fn status_goes_first(&self) -> bool {
        let most = if self.status.is_urgent() { STATUS_IN_A_ROW } else { 1 };
        self.status_in_a_row < most
    }

    fn next_other_question(&mut self) -> Option<(Code, Purpose)> {
        if let Some(step) = self.discovery.next(self.readings.in_first_scan()) {
            return Some((step.code(), Purpose::Discovery(step)));
        }
        if let Some(register) = self.status.register_due(self.now) {
            return Some((REGISTERS[register], Purpose::Register(register)));
        }
        if let Some(entry) = self.readings.next(self.now) {
            return Some((self.readings.row(entry).code, Purpose::Reading(entry)));
        }
        self.readings.holds_any().then_some((ENTER_SMART_MODE, Purpose::Proof))
    }

    fn next_due(&self) -> Time {
        let waits = self.owed || self.status.awaits_proof() || self.readings.holds_any();
        if waits || self.discovery.next(self.readings.in_first_scan()).is_some() {
            return self.now;
        }
        self.status.due().min(self.status.next_register()).min(self.readings.due())
    }

    fn ask(&mut self, code: Code, purpose: Purpose) {
        let (grammar, timing) = command::command(code)
            .map_or((Grammar::Anything, Timing::Value), |row| (row.grammar, row.timing));
        self.exchange =
            Some(Exchange { grammar, purpose, sent: self.now, deadline: self.now + timing.limit() });
        self.quality.sent += 1;
        self.out.transmit(code.bytes());
    }

    /// Asks for the proof that the line is in step, before an order.
    pub(super) fn ask_proof(&mut self) {
        self.ask(ENTER_SMART_MODE, Purpose::Proof);
    }

    /// Sends what an order wants sent and waits for a line.
    pub(super) fn send_for_order(&mut self, bytes: Vec<u8>, wait: Duration) {
        self.framer.clear();
        self.order_heard = false;
        let row = match bytes.as_slice() {
            [byte] => command::command(Code::one(*byte)),
            _ => None,
        };
        let grammar = match row.map(|row| (row.hazard, row.grammar)) {
            Some((Hazard::ReadOnly, grammar)) => grammar,
            Some((_, grammar @ Grammar::Accepted { .. })) => grammar,
            // Behind a digit of `@`, too, older units accept with a star.
            _ => Grammar::Accepted { star: bytes.iter().all(u8::is_ascii_digit) },
        };
        self.exchange =
            Some(Exchange { grammar, purpose: Purpose::Order, sent: self.now, deadline: self.now + wait });
        if !bytes.is_empty() {
            self.quality.sent += 1;
            self.out.transmit(bytes);
        }
    }

    /// An order gives the line back.
    pub(super) fn release_line(&mut self) {
        if self.exchange.as_ref().is_some_and(|exchange| exchange.purpose == Purpose::Order) {
            self.exchange = None;
        }
    }

    fn answer_deadline(&self, exchange: &Exchange) -> Time {
        match self.framer.is_open() {
            true => exchange.deadline.min(self.last_byte + GAP_IN_ANSWER),
            false => exchange.deadline,
        }
    }

    /// Notes that a byte came, whatever it is.
    pub(super) fn note_byte(&mut self, byte: u8) {
        if let Phase::Settling { quiet_since, .. } = &mut self.phase {
            *quiet_since = self.now;
        }
        if self.phase != Phase::Running {
            self.classifier.take(byte);
        }
    }

    /// The first byte of an answer came. It belongs to the open question only if it could have been sent since.
    pub(super) fn check_first_byte(&mut self) {
        let sent = self.exchange.as_ref().map_or(Time::ZERO, |exchange| exchange.sent);
        // An order listens to all that comes: where it stands in the conversation must not be lost.
        let for_order = self.exchange.as_ref().is_some_and(|exchange| exchange.purpose == Purpose::Order);
        if self.phase == Phase::Running && !for_order && self.now < sent + self.shortest_answer {
            self.disturb(|quality| quality.early += 1);
        }
    }

    /// Takes the answer to the open question.
    pub(super) fn take_answer(&mut self, line: Vec<u8>) {
        let Some(exchange) = self.exchange.take() else { return };
        if let Phase::Fencing { .. } = self.phase {
            match line == b"SM" {
                true => self.fenced(self.now.since(exchange.sent)),
                false => self.exchange = Some(exchange),
            }
            return;
        }
        if exchange.purpose == Purpose::Order && line == b"SM" {
            // A late answer to one of several `Y`s.
            self.quality.unsolicited += 1;
            self.exchange = Some(exchange);
            return;
        }
        if exchange.purpose == Purpose::Order {
            self.heard(Purpose::Order);
            return self.tell_order(Input::Line(line));
        }
        // A proof is `SM` and nothing else.
        let is_proof = exchange.purpose == Purpose::Proof;
        match exchange.grammar.universal(&line).filter(|_| !is_proof) {
            Some(_) if self.owed => {
                self.quality.unsolicited += 1;
                self.exchange = Some(exchange);
            }
            // A late answer to `Y`, or "not ready": the right answer may still come, else the time runs out.
            Some(Universal::SmartMode) => {
                self.quality.unsolicited += 1;
                self.exchange = Some(exchange);
            }
            Some(Universal::NotAvailable | Universal::Refused) => {
                self.heard(exchange.purpose);
                self.unavailable(exchange.purpose);
            }
            None if exchange.grammar.accepts(&line) => {
                self.heard(exchange.purpose);
                self.readings.release(exchange.grammar, &mut self.out);
                self.answered(exchange.purpose, line);
            }
            None => {
                if let Purpose::Reading(entry) = exchange.purpose
                    && self.readings.is_odd(entry, &line, self.now, &mut self.out)
                {
                    // It always answers so: the unit is odd, not the line.
                    self.quality.mismatches += 1;
                    self.end_first_scan();
                    self.framer.clear();
                    return self.fence(0);
                }
                self.postpone(exchange.purpose);
                self.disturb(|quality| quality.mismatches += 1);
            }
        }
    }

    /// An answer to `Y` says that something listens, not that it is well.
    fn heard(&mut self, purpose: Purpose) {
        self.quality.answered += 1;
        if !matches!(purpose, Purpose::Fence | Purpose::Proof) {
            self.last_heard = Some(self.now);
        }
        if self.pace > 0 && self.now.since(self.up_since) >= PACE_KEPT {
            self.pace -= 1;
            self.up_since = self.now;
        }
        self.free_at = self.now + self.config.spacing.max(PACES[self.pace]);
    }

    /// The link was lost. A unit that falls silent soon after it was found may have been asked too fast.
    fn slow_down(&mut self) {
        if self.now.since(self.up_since) < PACE_TRIAL {
            self.pace = (self.pace + 1).min(PACES.len() - 1);
        }
    }

    fn answered(&mut self, purpose: Purpose, line: Vec<u8>) {
        let trust = self.trust();
        match purpose {
            Purpose::Fence | Purpose::Order => {}
            Purpose::Proof => {
                let changed = self.status.proven(self.now);
                if changed.is_some() {
                    self.settle_status(changed);
                }
            }
            Purpose::Status => {
                self.status_failures = 0;
                let changed = self.status.take_flags(hex(&line), trust, self.now);
                self.settle_status(changed);
                if core::mem::take(&mut self.owed) {
                    self.resume_order();
                }
            }
            Purpose::Register(place) => {
                if let Some(status) = self.status.take_register(place, hex(&line), trust, self.now) {
                    self.publish_status(status, false);
                }
            }
            Purpose::Reading(entry) => {
                match self.readings.take(entry, line, trust, self.now, &mut self.out) {
                    Some(true) => self.quality.confirmed += 1,
                    Some(false) => self.quality.contradicted += 1,
                    None => {}
                }
            }
            Purpose::Discovery(step) => {
                match self.discovery.believes(step, &line, self.disturbed_since_open || self.is_suspicious())
                {
                    true => self.discovered(step, Some(line)),
                    false => self.rediscover(step),
                }
            }
        }
        self.end_first_scan();
    }

    /// The status was read, and perhaps changed.
    fn settle_status(&mut self, changed: Option<Status>) {
        let came_up = self.link != LinkState::Up && !self.status.in_doubt();
        if came_up {
            self.set_link(LinkState::Up);
            self.up_since = self.now;
        }
        if let Some(status) = changed.or(self.status.published().filter(|_| came_up)) {
            self.publish_status(status, came_up);
        }
        if let Some(status) = self.status.published().filter(|_| !self.status.in_doubt()) {
            self.show_orders(status);
        }
    }

    /// The unit has no answer to give.
    fn unavailable(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Fence | Purpose::Proof | Purpose::Order => {}
            Purpose::Status => {
                self.status.postpone(self.now);
                self.status_failed();
            }
            Purpose::Register(place) => self.register_unanswered(place),
            Purpose::Reading(entry) => {
                self.readings.not_available(entry, self.now, &mut self.out);
                self.end_first_scan();
            }
            Purpose::Discovery(step) => self.discovered(step, None),
        }
    }

    /// `Q` got no answer that can be used.
    fn status_failed(&mut self) {
        self.status_failures = self.status_failures.saturating_add(1);
        if self.status_failures < STATUS_FAILURES {
            return;
        }
        self.status_failures = 0;
        self.owed = false;
        self.status.postpone(self.now);
        if self.link == LinkState::Up {
            self.give_up_orders();
            self.set_link(LinkState::Lost);
        }
        self.out.event(Event::Diagnosis(Diagnosis::NoStatus));
    }

    fn register_unanswered(&mut self, place: usize) {
        if let Some(status) = self.status.register_unanswered(place, self.now) {
            self.publish_status(status, false);
        }
    }

    /// No answer came. Whether the line or the command is to blame shows at the fence.
    fn give_up(&mut self, exchange: Exchange) {
        if exchange.purpose == Purpose::Order {
            self.framer.clear();
            return self.tell_order(match self.order_heard {
                true => Input::Line(Vec::new()),
                false => Input::Silence,
            });
        }
        self.quality.timeouts += 1;
        self.owed |= exchange.purpose == Purpose::Proof;
        let partial = self.framer.is_open();
        match exchange.purpose {
            Purpose::Discovery(step) if !partial => self.step_unanswered(step),
            Purpose::Reading(entry) if !partial => {
                let unsupported = self.readings.silent(entry, self.now, &mut self.out);
                if !unsupported {
                    self.readings.failed(entry, self.now);
                }
                self.end_first_scan();
                if unsupported {
                    // Proven twice: the command is to blame, not the line.
                    self.framer.clear();
                    return self.fence(0);
                }
            }
            Purpose::Register(place) if !partial => self.register_unanswered(place),
            purpose => self.postpone(purpose),
        }
        let silent_probe =
            matches!(exchange.purpose, Purpose::Discovery(_) | Purpose::Register(_)) && !partial;
        if silent_probe {
            self.framer.clear();
            self.fence(0);
        } else {
            self.disturb(|_| {});
        }
    }

    fn postpone(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Reading(entry) => self.readings.failed(entry, self.now),
            Purpose::Register(place) => self.status.postpone_register(place, self.now),
            Purpose::Discovery(step) => self.rediscover(step),
            Purpose::Status => self.status_failed(),
            Purpose::Fence | Purpose::Proof | Purpose::Order => {}
        }
    }

    fn end_first_scan(&mut self) {
        if self.readings.end_first_scan(self.now, &mut self.out) {
            self.out.event(Event::ScanComplete);
        }
    }

    /// Something is wrong on the line: nothing that waits for proof is believed, and the place is found again.
    pub(super) fn disturb(&mut self, count: fn(&mut LinkQuality)) {
        count(&mut self.quality);
        self.disturbed_since_open = true;
        self.last_fault = Some(self.now);
        self.disturbed_until = self.now + DISTURBED_FOR;
        self.readings.disturb(self.now);
        self.status.disturb(self.now);
        self.exchange = None;
        self.framer.clear();
        // What is sent into an argument becomes part of it: the unit has to forget it first.
        let wait = if self.order_in_argument() { ARGUMENT_FORGOTTEN } else { Duration::ZERO };
        self.settle(0, self.now + wait);
    }

    /// The same, but while the place is being found anyway nothing needs to be done.
    pub(super) fn disturb_unless_fencing(&mut self, count: fn(&mut LinkQuality)) {
        if self.phase == Phase::Running {
            self.disturb(count);
        }
    }

    fn settle(&mut self, tries: u8, not_before: Time) {
        self.phase = Phase::Settling {
            tries,
            quiet_since: self.now,
            not_before,
            at_latest: self.now.max(not_before) + QUIET_AT_MOST,
        };
    }

    fn fence(&mut self, tries: u8) {
        self.framer.clear();
        // An order that waits needs a proof of its own, answered at once.
        self.order_fenced = false;
        self.quality.resyncs += u64::from(tries == 0);
        self.phase = Phase::Fencing { tries };
        self.ask(ENTER_SMART_MODE, Purpose::Fence);
    }

    /// `SM` came.
    fn fenced(&mut self, took: Duration) {
        self.heard(Purpose::Fence);
        self.phase = Phase::Running;
        self.classifier = Classifier::default();
        if took < SLOW_LINE {
            self.shortest_answer = Duration::ZERO;
        } else if self.link != LinkState::Up {
            self.shortest_answer = SHORTEST_ANSWER;
        }
        match core::mem::take(&mut self.must_discover) {
            true => {
                self.status.begin(self.now);
                self.discovery = Discovery::begin();
            }
            // Else once it is proven that nothing is owed.
            false if !self.owed => self.resume_order(),
            false => {}
        }
    }

    fn fence_unanswered(&mut self, tries: u8) {
        self.quality.timeouts += 1;
        self.owed = true;
        self.exchange = None;
        self.framer.clear();
        let tries = tries + 1;
        if tries < FENCE_TRIES {
            // Newer units may stand in a menu, which ESC leaves.
            self.out.transmit(ESCAPE.bytes());
            return self.settle(tries, self.now + ESCAPE_PAUSE);
        }
        if self.link == LinkState::Up {
            self.slow_down();
            self.give_up_orders();
            self.set_link(LinkState::Lost);
        }
        // Whatever answers next may be another unit.
        self.unit.known = false;
        self.must_discover = true;
        let verdict = self.classifier.verdict();
        self.out.event(Event::Diagnosis(verdict));
        self.settle(0, self.now + ROUND_PAUSE);
    }
}

/// The value of two hexadecimal digits whose shape was checked.
fn hex(digits: &[u8]) -> u8 {
    digits.iter().fold(0, |value, digit| value << 4 | (char::from(*digit).to_digit(16).unwrap_or(0) as u8))
}
