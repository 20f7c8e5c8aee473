//! Switches of SPM units: armed, selected by their own query, set, saved, and read back.
//!
//! A change that was not saved is no change: whatever goes wrong before the save leaves the switch as it was. After it,
//! only reading tells.

use alloc::vec::Vec;

use super::write::Twice;
use super::{ACCEPTANCE, Act, Input, Operation, Outcome, ask, is_acceptance, not_accepted, order};
use crate::table::Code;
use crate::table::variable::{SWITCH_ARM, SWITCH_OFF, SWITCH_ON, SWITCH_SAVE};

/// Damaged or missing answers to a read at most.
const MOST_FAULTS: u8 = 5;

/// Sets a switch.
#[derive(Debug)]
pub(crate) struct WriteSwitch {
    code: Code,
    on: bool,
    state: State,
    twice: Twice,
    saved: bool,
    faults: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    Read,
    Arm,
    Select,
    Set,
    Save,
}

impl WriteSwitch {
    /// The switch that `code` reads is to be `on` or off.
    pub(crate) fn new(code: Code, on: bool) -> WriteSwitch {
        WriteSwitch { code, on, state: State::Begin, twice: Twice::default(), saved: false, faults: 0 }
    }

    fn go(&mut self, state: State, act: Act) -> Act {
        self.state = state;
        act
    }

    fn read(&mut self) -> Act {
        self.go(State::Read, ask(self.code))
    }

    fn value_read(&mut self, line: Vec<u8>) -> Act {
        let Some(on) = on_or_off(&line) else { return Act::Resync };
        if !self.twice.agrees(&line) {
            return self.read();
        }
        match (on == self.on, self.saved) {
            (true, true) => Act::Done(Outcome::Verified),
            (true, false) => Act::Done(Outcome::Unchanged),
            (false, true) => {
                Act::Done(Outcome::Refused("the UPS accepted the switch and shows it as before"))
            }
            (false, false) => self.go(State::Arm, order(SWITCH_ARM)),
        }
    }

    fn resynced(&mut self) -> Act {
        self.twice = Twice::default();
        self.faults += 1;
        match self.faults < MOST_FAULTS {
            true => self.read(),
            false => Act::Done(if self.saved { Outcome::Interrupted } else { Outcome::TimedOut }),
        }
    }

    /// Arming, selecting and setting change nothing by themselves.
    fn step_on(&mut self, line: &[u8]) -> Act {
        match self.state {
            State::Arm if line == b"OK" => self.go(State::Select, ask(self.code)),
            State::Select if on_or_off(line) == Some(!self.on) => {
                self.go(State::Set, order(if self.on { SWITCH_ON } else { SWITCH_OFF }))
            }
            State::Set if line == b"OK" => self.go(State::Save, order(SWITCH_SAVE)),
            State::Select => Act::Done(Outcome::Refused("the UPS does not select the switch")),
            _ if is_acceptance(line) => Act::Listen(ACCEPTANCE),
            _ => Act::Done(not_accepted(line)),
        }
    }
}

impl Operation for WriteSwitch {
    fn step(&mut self, input: Input) -> Act {
        match (self.state, input) {
            (State::Begin, _) => self.read(),
            (State::Read, Input::Line(line)) if line == b"NA" && !self.saved => {
                Act::Done(Outcome::Unsupported)
            }
            (State::Read, Input::Line(line)) => self.value_read(line),
            (State::Read, Input::Silence) => Act::Resync,
            (State::Read, Input::Disturbed) => self.resynced(),
            (State::Save, Input::Line(line)) if line == b"NO" || line == b"NA" => {
                Act::Done(not_accepted(&line))
            }
            (State::Save, Input::Line(line)) if line == b"OK" => {
                self.saved = true;
                self.twice = Twice::default();
                self.read()
            }
            // Whether it was saved is unknown, but reading tells.
            (State::Save, Input::Line(_) | Input::Silence) => Act::Resync,
            (State::Save, Input::Disturbed) => {
                self.saved = true;
                self.resynced()
            }
            (State::Arm | State::Select | State::Set, Input::Line(line)) => self.step_on(&line),
            (State::Arm | State::Select | State::Set, Input::Silence | Input::Disturbed) => {
                Act::Done(Outcome::TimedOut)
            }
            (_, _) => Act::Wait,
        }
    }

    fn read_back(&self) -> Option<&[u8]> {
        self.twice.agreed_on()
    }

    fn writes(&self) -> bool {
        self.state == State::Save
    }
}

fn on_or_off(line: &[u8]) -> Option<bool> {
    match line {
        b"ON" => Some(true),
        b"OFF" => Some(false),
        _ => None,
    }
}
