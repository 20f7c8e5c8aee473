//! Orders of one kind of byte: panel test, self test, calibration, bypass, switching off and on.

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

/// A procedure that sends one kind of byte.
#[derive(Debug)]
pub(crate) struct Simple {
    procedure: Procedure,
    /// How long until the load goes off, where that is the effect.
    grace: Duration,
    state: State,
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
        Simple { procedure, grace, state: State::Begin }
    }

    fn go(&mut self, state: State, act: Act) -> Act {
        self.state = state;
        act
    }

    fn begin(&mut self) -> Act {
        match self.procedure {
            Procedure::Once(code) => self.go(State::Ordered, order(code)),
            Procedure::Twice(code) => self.go(State::First, Act::Send(code.bytes(), EARLY_REFUSAL)),
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

    /// The state decides whether a toggle may be sent.
    fn flags_read(&mut self, status: Status) -> Act {
        match self.procedure {
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
            line if is_acceptance(line) => self.accepted(),
            // A damaged acceptance: the effect tells.
            line if !is_refusal(line) && matches!(self.procedure, Procedure::Twice(_)) => self.accepted(),
            line => Act::Done(not_accepted(line)),
        }
    }

    /// The unit took the order: what is its effect?
    fn accepted(&mut self) -> Act {
        match self.procedure {
            Procedure::Twice(_) => self.go(State::Watching, Act::Watch(self.grace + EFFECT)),
            Procedure::Calibration { .. } | Procedure::SelfTest { .. } => {
                self.go(State::Watching, Act::Watch(EFFECT))
            }
            Procedure::Once(code) if code == Code::one(b'U') => self.go(State::Watching, Act::Watch(EFFECT)),
            _ => Act::Done(Outcome::Accepted),
        }
    }

    /// Whether `status` shows the effect.
    fn effect(&self, status: &Status) -> bool {
        match self.procedure {
            Procedure::Twice(code) if code == Code::one(0x0E) => !status.off(),
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
            (State::ReadFlags, Input::Line(line)) => match flags(&line) {
                Some(status) => self.flags_read(status),
                None => Act::Done(Outcome::TimedOut),
            },
            (State::ReadReason, Input::Line(line)) if line == b"S" => {
                self.go(State::Ordered, order(Code::one(b'W')))
            }
            (State::ReadReason, Input::Line(_)) => Act::Done(Outcome::Refused("no self test runs")),
            (State::ReadRegister, Input::Line(line)) => match flags(&line) {
                Some(state) => self.state_read(state.flags),
                None => Act::Done(not_accepted(&line)),
            },
            (State::First | State::Pause, Input::Line(line)) => Act::Done(not_accepted(&line)),
            (State::First, Input::Silence) => {
                self.go(State::Pause, Act::Listen(BETWEEN_REPEATS - EARLY_REFUSAL))
            }
            (State::Pause, Input::Silence) => match self.procedure {
                Procedure::Twice(code) => self.go(State::Ordered, Act::Send(code.bytes(), ACCEPTANCE)),
                _ => Act::Done(Outcome::Unsupported),
            },
            (State::Ordered, Input::Line(line)) => self.answered(&line),
            // Some units answer with the alert alone.
            (State::Ordered, Input::Alert(Alert::LineFail | Alert::LineReturned | Alert::LoadOff)) => {
                self.accepted()
            }
            // These commands have no answer on some or all units: the effect tells.
            (State::Ordered, Input::Silence | Input::Disturbed)
                if matches!(self.procedure, Procedure::Twice(_)) =>
            {
                self.accepted()
            }
            (State::Watching, Input::Status(status)) if self.effect(&status) => Act::Done(Outcome::Executed),
            (State::Watching, Input::Alert(Alert::LoadOff))
                if matches!(self.procedure, Procedure::Twice(_)) =>
            {
                Act::Done(Outcome::Executed)
            }
            (State::Watching, Input::WatchOver) => match self.procedure {
                // A self test may be over before `Q` is read; its result tells.
                Procedure::SelfTest { start: true } => Act::Done(Outcome::Accepted),
                _ => Act::Done(Outcome::NoEffect),
            },
            (State::Watching, _) => Act::Watch(Duration::ZERO),
            (_, Input::Silence | Input::Disturbed) => Act::Done(Outcome::TimedOut),
            (_, _) => Act::Listen(ACCEPTANCE),
        }
    }
}
