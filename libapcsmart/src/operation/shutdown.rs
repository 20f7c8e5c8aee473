//! `shutdown.return`: off after the grace delay, on again when mains is good.
//!
//! `S` works on battery only; `@` works always but has another meaning on old units; a simulated failure followed by `S`
//! is for units that have no `@`. The state is read twice first, and the next method is tried only when one was refused.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    ACCEPTANCE, ARGUMENT_REFUSAL, Act, BETWEEN_BYTES, Input, Operation, Outcome, ask, flags, is_acceptance,
    is_refusal, not_accepted, order,
};
use crate::alert::Alert;
use crate::table::Code;

const STATUS_FLAGS: Code = Code::one(b'Q');
const SOFT: Code = Code::one(b'S');
const HARD: Code = Code::one(b'@');
const SIMULATED_FAILURE: Code = Code::one(b'U');
/// Between the simulated failure and `S`.
const FAILURE_SETTLES: Duration = Duration::from_millis(3500);
/// How much later than its grace delay a load may go off.
const EFFECT: Duration = Duration::from_secs(30);
/// Reads of `Q` until two agree.
const MOST_READS: u8 = 6;

/// The ways to switch off and come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// `S`: on battery.
    Soft,
    /// `@nnn`: always.
    Hard,
    /// `U`, then `S`: always, through a simulated failure.
    Failure,
}

/// The procedure.
#[derive(Debug)]
pub(crate) struct ShutdownReturn {
    available: Vec<Method>,
    /// The argument of `@`, in units of six minutes: two or three digits.
    delay: Vec<u8>,
    grace: Duration,
    methods: Vec<Method>,
    state: State,
    seen: Option<u8>,
    reads: u8,
    last: Outcome,
    accepted: bool,
    two_digits_refused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    ReadFlags,
    Ordered,
    Announced,
    Digits(usize),
    Failing,
    Settling,
    /// The unit refused what it had been sent completely. On a bad line that may be a stray line: an acceptance may follow.
    Doubting,
    /// It has sent two digits, and the unit may wait for a third: `Y` takes it out of its argument. The unit had refused.
    LeavingRefused,
    /// The same, and the unit had said nothing.
    LeavingSilent,
    Watching,
}

impl ShutdownReturn {
    /// `available` are the methods that the unit has commands for.
    pub(crate) fn new(available: Vec<Method>, delay: Vec<u8>, grace: Duration) -> ShutdownReturn {
        ShutdownReturn {
            available,
            delay,
            grace,
            methods: Vec::new(),
            state: State::Begin,
            seen: None,
            reads: 0,
            last: Outcome::Unsupported,
            accepted: false,
            two_digits_refused: false,
        }
    }

    fn go(&mut self, state: State, act: Act) -> Act {
        self.state = state;
        act
    }

    fn flags_read(&mut self, line: &[u8]) -> Act {
        self.reads += 1;
        let Some(status) = flags(line) else { return Act::Resync };
        if self.seen != Some(status.flags) {
            self.seen = Some(status.flags);
            return self.read_again();
        }
        let order: &[Method] = match status.on_battery() {
            true => &[Method::Soft, Method::Hard],
            false => &[Method::Hard, Method::Failure],
        };
        self.methods = order.iter().rev().copied().filter(|method| self.available.contains(method)).collect();
        self.next_method()
    }

    fn read_again(&mut self) -> Act {
        match self.reads < MOST_READS {
            true => self.go(State::ReadFlags, ask(STATUS_FLAGS)),
            false => Act::Done(Outcome::Refused("the UPS does not say the same twice")),
        }
    }

    fn next_method(&mut self) -> Act {
        match self.methods.pop() {
            Some(Method::Soft) => self.go(State::Ordered, order(SOFT)),
            Some(Method::Hard) => self.go(State::Announced, Act::Send(HARD.bytes(), ARGUMENT_REFUSAL)),
            Some(Method::Failure) => self.go(State::Failing, order(SIMULATED_FAILURE)),
            None => Act::Done(core::mem::replace(&mut self.last, Outcome::Unsupported)),
        }
    }

    fn refused(&mut self, line: &[u8]) -> Act {
        self.last = not_accepted(line);
        self.next_method()
    }

    fn doubt(&mut self, line: &[u8]) -> Act {
        self.last = not_accepted(line);
        self.go(State::Doubting, Act::Listen(ACCEPTANCE))
    }

    fn digit(&mut self, place: usize) -> Act {
        let last = place + 1 == self.delay.len();
        let wait = if last { ACCEPTANCE } else { BETWEEN_BYTES };
        self.go(State::Digits(place), Act::Send(Vec::from([self.delay[place]]), wait))
    }

    /// Whether the form with two digits was sent whole. Units that do not know it wait for a third.
    fn sent_two_digits(&self) -> bool {
        self.delay.len() == 2 && self.state == State::Digits(1)
    }

    /// The unit took the order, or may have.
    fn taken(&mut self, accepted: bool) -> Act {
        self.accepted = accepted;
        self.go(State::Watching, Act::Watch { duration: self.grace + EFFECT, accepted })
    }
}

impl Operation for ShutdownReturn {
    fn step(&mut self, input: Input) -> Act {
        match (self.state, input) {
            (State::Begin, _) => self.read_again(),
            (State::ReadFlags, Input::Line(line)) => self.flags_read(&line),
            (State::ReadFlags, Input::Disturbed) => self.read_again(),
            (State::ReadFlags, Input::Silence) => Act::Done(Outcome::TimedOut),
            (State::Announced | State::Digits(_) | State::Failing | State::Settling, Input::Disturbed) => {
                Act::Done(Outcome::Interrupted)
            }
            (State::Ordered, Input::Line(line)) if is_refusal(&line) => self.doubt(&line),
            (State::Doubting, Input::Line(line)) if is_acceptance(&line) => self.taken(true),
            (State::Doubting, _) if self.two_digits_refused => self.go(State::LeavingRefused, Act::Resync),
            (State::Doubting, _) => self.next_method(),
            // A third character ended the argument: nothing else was tried, and nothing is.
            (State::LeavingRefused, Input::Disturbed) => {
                Act::Done(Outcome::Refused("the UPS does not take a delay of two digits"))
            }
            (State::LeavingSilent, Input::Disturbed) => self.taken(false),
            // No answer, or a damaged one: it may have been taken. Another method on top could keep the load off.
            (State::Ordered, Input::Line(line)) => self.taken(is_acceptance(&line)),
            (State::Ordered, Input::Silence | Input::Disturbed) => self.taken(false),
            (State::Announced, Input::Silence) => self.digit(0),
            (State::Announced, Input::Line(line)) if is_refusal(&line) => self.refused(&line),
            // Whether the unit waits for digits is not known; another command would be taken for one.
            (State::Announced, Input::Line(_)) => Act::Resync,
            (State::Digits(place), Input::Silence) if place + 1 < self.delay.len() => self.digit(place + 1),
            (State::Digits(place), Input::Line(line))
                if place + 1 == self.delay.len() && !is_refusal(&line) =>
            {
                self.taken(is_acceptance(&line))
            }
            (State::Digits(place), Input::Line(line)) if place + 1 == self.delay.len() => {
                self.two_digits_refused = self.sent_two_digits();
                self.doubt(&line)
            }
            (State::Digits(_), Input::Line(line)) if is_refusal(&line) => self.refused(&line),
            (State::Digits(_), Input::Line(_)) => Act::Resync,
            (State::Digits(_), Input::Silence) if self.sent_two_digits() => {
                self.go(State::LeavingSilent, Act::Resync)
            }
            (State::Digits(_), Input::Silence) => self.taken(false),
            (State::Failing, Input::Line(line)) if !is_acceptance(&line) => self.refused(&line),
            (State::Failing, _) => self.go(State::Settling, Act::Listen(FAILURE_SETTLES)),
            (State::Settling, Input::Silence) => self.go(State::Ordered, order(SOFT)),
            (State::Watching, Input::Status(status)) if status.off() => Act::Done(Outcome::Executed),
            (State::Watching, Input::WatchOver) if self.accepted => Act::Done(Outcome::NoEffect),
            (State::Watching, Input::WatchOver) => Act::Done(Outcome::TimedOut),
            (_, _) => Act::Wait,
        }
    }

    fn hear(&mut self, alert: Alert) -> Act {
        match (self.state, alert) {
            // Some units answer the simulated failure with its alert alone.
            (State::Failing, Alert::LineFail) => self.go(State::Settling, Act::Listen(FAILURE_SETTLES)),
            (State::Watching, Alert::LoadOff) => Act::Done(Outcome::Executed),
            _ => Act::Wait,
        }
    }
}
