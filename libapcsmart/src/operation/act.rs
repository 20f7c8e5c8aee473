//! Orders of one kind of byte: panel test, self test, calibration, bypass, switching off and on.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    ACCEPTANCE, Act, EARLY_REFUSAL, Input, Operation, Outcome, ask, flags, is_acceptance, is_refusal,
    not_accepted, order,
};
use crate::alert::Alert;
use crate::status::Status;
use crate::table::{Code, Procedure};

/// Between the two bytes of a command that is sent twice. It must be above 1.5 s; slower units were seen to need 1.7.
const BETWEEN_REPEATS: Duration = Duration::from_millis(1900);
/// How long the effect of an order may take to show in `Q`, which is read every second and believed at its second read.
const EFFECT: Duration = Duration::from_secs(15);
/// Bits of register 1 that mean bypass.
const BYPASS: u8 = 0x2E;

const STATUS_FLAGS: Code = Code::one(b'Q');
const STATE: Code = Code::one(b'~');
const TRANSFER_REASON: Code = Code::one(b'G');
const SWITCH_ON: Code = Code::one(0x0E);
const SIMULATED_FAILURE: Code = Code::one(b'U');
/// Reads of a state until two agree.
const MOST_READS: u8 = 6;

/// A procedure that sends one kind of byte.
#[derive(Debug)]
pub(crate) struct Simple {
    procedure: Procedure,
    /// How long until the load goes off, where that is the effect.
    grace: Duration,
    state: State,
    /// The last answer to a question that decides, and how often it was asked.
    seen: Option<Vec<u8>>,
    reads: u8,
    accepted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    ReadFlags,
    ReadReason,
    ReadRegister,
    First,
    Pause,
    Ordered,
    Watching,
}

impl Simple {
    pub(crate) fn new(procedure: Procedure, grace: Duration) -> Simple {
        Simple { procedure, grace, state: State::Begin, seen: None, reads: 0, accepted: false }
    }

    fn go(&mut self, state: State, act: Act) -> Act {
        self.state = state;
        act
    }

    fn begin(&mut self) -> Act {
        match self.procedure {
            Procedure::Once(code) => self.go(State::Ordered, order(code)),
            Procedure::Twice(SWITCH_ON) => self.go(State::ReadFlags, ask(STATUS_FLAGS)),
            Procedure::Twice(code) => self.first(code),
            Procedure::Calibration { .. } | Procedure::SelfTest { .. } => {
                self.go(State::ReadFlags, ask(STATUS_FLAGS))
            }
            Procedure::Bypass { .. } => self.go(State::ReadRegister, ask(STATE)),
            Procedure::ShutdownReturn
            | Procedure::ShutdownReboot
            | Procedure::Setting { .. }
            | Procedure::ResetExtremes => Act::Done(Outcome::Unsupported),
        }
    }

    fn first(&mut self, code: Code) -> Act {
        self.go(State::First, Act::Send(code.bytes(), EARLY_REFUSAL))
    }

    /// A single damaged digit must not decide that a toggle is sent: two answers in a row have to agree.
    fn decides(&mut self, line: &[u8]) -> Option<bool> {
        self.reads += 1;
        let agrees = self.seen.replace(line.to_vec()).as_deref() == Some(line);
        (agrees || self.reads >= MOST_READS).then_some(agrees)
    }

    fn read(&mut self, code: Code, line: &[u8], act: fn(&mut Simple, &[u8]) -> Act) -> Act {
        match self.decides(line) {
            Some(true) => {
                (self.seen, self.reads) = (None, 0);
                act(self, line)
            }
            Some(false) => Act::Done(Outcome::Refused("the UPS does not say the same twice")),
            None => ask(code),
        }
    }

    /// The state decides whether a toggle may be sent.
    fn flags_read(&mut self, status: Status) -> Act {
        match self.procedure {
            Procedure::Twice(_) if !status.off() => Act::Done(Outcome::Refused("the load is on already")),
            Procedure::Twice(code) => self.first(code),
            Procedure::Calibration { start: true } if status.calibrating() => {
                Act::Done(Outcome::Refused("a calibration runs already"))
            }
            Procedure::Calibration { start: false } if !status.calibrating() => {
                Act::Done(Outcome::Refused("no calibration runs"))
            }
            Procedure::Calibration { start: true } | Procedure::SelfTest { start: true }
                if !status.on_line() =>
            {
                Act::Done(Outcome::Refused("the UPS is not on mains"))
            }
            Procedure::SelfTest { start: false } if !status.on_battery() => {
                Act::Done(Outcome::Refused("no self test runs"))
            }
            Procedure::SelfTest { start: false } => self.go(State::ReadReason, ask(TRANSFER_REASON)),
            Procedure::Calibration { .. } => self.go(State::Ordered, order(Code::one(b'D'))),
            _ => self.go(State::Ordered, order(Code::one(b'W'))),
        }
    }

    fn state_read(&mut self, state: u8) -> Act {
        let in_bypass = state & BYPASS != 0;
        match self.procedure {
            Procedure::Bypass { start: true } if in_bypass => {
                Act::Done(Outcome::Refused("the load is on bypass already"))
            }
            Procedure::Bypass { start: false } if !in_bypass => {
                Act::Done(Outcome::Refused("the load is not on bypass"))
            }
            _ => self.go(State::Ordered, order(Code::one(b'^'))),
        }
    }

    fn answered(&mut self, line: &[u8]) -> Act {
        let start = matches!(self.procedure, Procedure::Bypass { start: true });
        match line {
            b"BYP" if start => Act::Done(Outcome::Executed),
            b"INV" if matches!(self.procedure, Procedure::Bypass { start: false }) => {
                Act::Done(Outcome::Executed)
            }
            b"BYP" | b"INV" => Act::Done(Outcome::Refused("the unit went the other way")),
            b"ERR" => Act::Done(Outcome::Refused("the unit can not do this now")),
            line if is_acceptance(line) => self.taken(true),
            // A damaged acceptance: the effect tells.
            line if !is_refusal(line) && matches!(self.procedure, Procedure::Twice(_)) => self.taken(false),
            line => Act::Done(not_accepted(line)),
        }
    }

    /// The unit took the order, or may have: what is its effect?
    fn taken(&mut self, accepted: bool) -> Act {
        self.accepted = accepted;
        let duration = match self.procedure {
            Procedure::Twice(_) => self.grace + EFFECT,
            Procedure::Calibration { .. } | Procedure::SelfTest { .. } => EFFECT,
            Procedure::Once(SIMULATED_FAILURE) => EFFECT,
            _ => return Act::Done(Outcome::Accepted),
        };
        self.go(State::Watching, Act::Watch { duration, accepted })
    }

    /// Whether `status` shows the effect.
    fn effect(&self, status: &Status) -> bool {
        match self.procedure {
            Procedure::Twice(SWITCH_ON) => !status.off(),
            Procedure::Twice(_) => status.off(),
            Procedure::Calibration { start } => status.calibrating() == start,
            Procedure::SelfTest { start } => status.on_battery() == start,
            Procedure::Once(_) => status.on_battery(),
            _ => false,
        }
    }
}

impl Operation for Simple {
    fn step(&mut self, input: Input) -> Act {
        match (self.state, input) {
            (State::Begin, _) => self.begin(),
            (State::ReadFlags, Input::Line(line)) if flags(&line).is_some() => {
                self.read(STATUS_FLAGS, &line, |simple, line| {
                    simple.flags_read(flags(line).unwrap_or_default())
                })
            }
            (State::ReadReason, Input::Line(line)) if line.len() == 1 => {
                self.read(TRANSFER_REASON, &line, |simple, line| match line {
                    b"S" => simple.go(State::Ordered, order(Code::one(b'W'))),
                    _ => Act::Done(Outcome::Refused("no self test runs")),
                })
            }
            (State::ReadRegister, Input::Line(line)) if flags(&line).is_some() => {
                self.read(STATE, &line, |simple, line| {
                    simple.state_read(flags(line).unwrap_or_default().flags)
                })
            }
            (State::ReadFlags | State::ReadReason | State::ReadRegister, Input::Line(line)) => {
                Act::Done(not_accepted(&line))
            }
            (State::First | State::Pause, Input::Line(line)) => Act::Done(not_accepted(&line)),
            (State::First, Input::Silence) => {
                self.go(State::Pause, Act::Listen(BETWEEN_REPEATS - EARLY_REFUSAL))
            }
            (State::Pause, Input::Silence) => match self.procedure {
                Procedure::Twice(code) => self.go(State::Ordered, Act::Send(code.bytes(), ACCEPTANCE)),
                _ => Act::Done(Outcome::Unsupported),
            },
            (State::Ordered, Input::Line(line)) => self.answered(&line),
            // These commands have no answer on some or all units: the effect tells.
            (State::Ordered, Input::Silence | Input::Disturbed)
                if matches!(self.procedure, Procedure::Twice(_)) =>
            {
                self.taken(false)
            }
            (State::Watching, Input::Status(status)) if self.effect(&status) => Act::Done(Outcome::Executed),
            (State::Watching, Input::WatchOver) => match self.procedure {
                // A self test may be over before `Q` is read; its result tells.
                Procedure::SelfTest { start: true } => Act::Done(Outcome::Accepted),
                _ if self.accepted => Act::Done(Outcome::NoEffect),
                _ => Act::Done(Outcome::TimedOut),
            },
            (_, Input::Silence | Input::Disturbed) => Act::Done(Outcome::TimedOut),
            (_, _) => Act::Wait,
        }
    }

    fn hear(&mut self, alert: Alert) -> Act {
        let on_battery_or_back = matches!(alert, Alert::LineFail | Alert::LineReturned);
        let may_answer_by_alert = matches!(
            self.procedure,
            Procedure::Calibration { .. } | Procedure::SelfTest { .. } | Procedure::Once(SIMULATED_FAILURE)
        );
        let switches_off = matches!(self.procedure, Procedure::Twice(code) if code != SWITCH_ON);
        match self.state {
            // Some units answer with the alert alone.
            State::Ordered if on_battery_or_back && may_answer_by_alert => self.taken(true),
            // A line end with one wrong bit is the same byte: it accepts, and what comes next tells whether it did it.
            State::Ordered if alert == Alert::LoadOff && switches_off => self.taken(true),
            State::Watching if alert == Alert::LoadOff && switches_off => Act::Done(Outcome::Executed),
            _ => Act::Wait,
        }
    }
}
