//! Settings: written step by step or as eight bytes, and read back.
//!
//! `-` and `+` act on the variable that was read last, so nothing comes between the read and the step. Every step is a
//! write to an EEPROM that wears: the shorter way round the cycle of permitted values is taken, and nothing is written
//! when the value is already there.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    ACCEPTANCE, ARGUMENT_REFUSAL, Act, BETWEEN_BYTES, Input, Operation, Outcome, ask, is_acceptance,
    is_refusal, not_accepted,
};
use crate::grammar::Grammar;
use crate::table::Code;

/// Between a step and the read that follows. A cell is written in a few milliseconds; this is what careful programs wait.
const SETTLE: Duration = Duration::from_millis(200);
/// Writes to the EEPROM at most for one order. The longest known cycle has 19 values.
const MOST_STEPS: u8 = 32;
/// A unit waits for the rest of a text that was broken off; nothing may be sent that it would take for it.
const TEXT_FORGOTTEN: Duration = Duration::from_secs(6);
/// Damaged answers at most.
const MOST_FAULTS: u8 = 5;
const FORWARD: u8 = b'+';
const BACKWARD: u8 = b'-';

/// Answers that are read twice in a row must agree.
#[derive(Debug, Default)]
pub(super) struct Twice {
    last: Option<Vec<u8>>,
    agreed: bool,
}

impl Twice {
    /// Whether `line` is the same as the one before.
    pub(super) fn agrees(&mut self, line: &[u8]) -> bool {
        self.agreed = self.last.replace(line.to_vec()).as_deref() == Some(line);
        self.agreed
    }

    /// What two reads in a row agreed on.
    pub(super) fn agreed_on(&self) -> Option<&[u8]> {
        self.last.as_deref().filter(|_| self.agreed)
    }
}

/// Sets a variable to one of its permitted values.
#[derive(Debug)]
pub(crate) struct WriteChoice {
    code: Code,
    grammar: Grammar,
    cycle: Vec<Vec<u8>>,
    target: Vec<u8>,
    /// The unit takes `+`, too.
    both_ways: bool,
    state: State,
    twice: Twice,
    value: Vec<u8>,
    start: Vec<u8>,
    direction: u8,
    steps: u8,
    faults: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    Read,
    Step,
    Settle,
    Hold,
    Digits(usize),
    BrokenOff,
}

impl WriteChoice {
    /// `cycle` and `target` are trimmed, as answers of the unit are before they are compared.
    pub(crate) fn new(
        code: Code,
        grammar: Grammar,
        cycle: Vec<Vec<u8>>,
        target: Vec<u8>,
        both_ways: bool,
    ) -> WriteChoice {
        WriteChoice {
            code,
            grammar,
            cycle,
            target,
            both_ways,
            state: State::Begin,
            twice: Twice::default(),
            value: Vec::new(),
            start: Vec::new(),
            direction: BACKWARD,
            steps: 0,
            faults: 0,
        }
    }

    fn read(&mut self) -> Act {
        self.state = State::Read;
        ask(self.code)
    }

    fn fault(&mut self) -> Act {
        self.state = State::Read;
        Act::Resync
    }

    fn resynced(&mut self) -> Act {
        self.faults += 1;
        self.twice = Twice::default();
        match self.faults < MOST_FAULTS {
            true => self.read(),
            false => Act::Done(if self.steps == 0 { Outcome::TimedOut } else { Outcome::Interrupted }),
        }
    }

    /// Two reads agree on `value`.
    fn known(&mut self, value: Vec<u8>) -> Act {
        if value == self.target {
            return Act::Done(if self.steps == 0 { Outcome::Unchanged } else { Outcome::Verified });
        }
        if self.steps == 0 {
            self.start = value.clone();
            self.direction = self.shorter_way(&value);
        } else if value == self.value && self.cycle.iter().filter(|known| **known == value).count() < 2 {
            return Act::Done(Outcome::Refused("the UPS accepted a step and did not take it"));
        } else if value == self.start && self.cycle.iter().filter(|known| **known == value).count() < 2 {
            return Act::Done(Outcome::Refused("the UPS does not reach this value"));
        }
        if self.steps == MOST_STEPS {
            return Act::Done(Outcome::Refused("the UPS does not reach this value"));
        }
        self.value = value;
        self.steps += 1;
        self.state = State::Step;
        Act::Send(Vec::from([self.direction]), ACCEPTANCE)
    }

    /// The direction with fewer writes. Units list their values in the order of `+`, as far as is known; when one does
    /// not, the way is longer and still ends at the value.
    fn shorter_way(&self, value: &[u8]) -> u8 {
        let place = |wanted: &[u8]| self.cycle.iter().position(|known| known == wanted);
        match (place(value), place(&self.target)) {
            (Some(from), Some(to)) if self.both_ways => {
                let forward = (to + self.cycle.len() - from) % self.cycle.len();
                if forward * 2 <= self.cycle.len() { FORWARD } else { BACKWARD }
            }
            _ => BACKWARD,
        }
    }
}

impl Operation for WriteChoice {
    fn step(&mut self, input: Input) -> Act {
        match (self.state, input) {
            (State::Begin, _) => self.read(),
            (State::Read, Input::Line(line)) if line == b"NA" && self.steps == 0 => {
                Act::Done(Outcome::Unsupported)
            }
            (State::Read, Input::Line(line)) if self.grammar.accepts(&line) => {
                match self.twice.agrees(&line) {
                    true => self.known(line.trim_ascii().to_vec()),
                    false => self.read(),
                }
            }
            (State::Step, Input::Line(line)) if is_acceptance(&line) => {
                self.twice = Twice::default();
                self.state = State::Settle;
                Act::Listen(SETTLE)
            }
            (State::Step, Input::Line(line)) if line == b"NO" || line == b"NA" => {
                Act::Done(not_accepted(&line))
            }
            // Whether the step was taken is unknown, but reading tells.
            (State::Step, Input::Line(_) | Input::Silence) => {
                self.value.clear();
                self.fault()
            }
            (State::Step, Input::Disturbed) => {
                self.value.clear();
                self.resynced()
            }
            (_, Input::Disturbed) => self.resynced(),
            (State::Settle, Input::Line(_) | Input::Silence) => Act::Breathe,
            (_, Input::Resumed) => self.read(),
            (_, Input::Line(_) | Input::Silence) => self.fault(),
            (_, _) => Act::Wait,
        }
    }

    fn read_back(&self) -> Option<&[u8]> {
        self.twice.agreed_on()
    }

    fn writes(&self) -> bool {
        self.state == State::Step
    }
}

/// Sets a variable of eight bytes.
#[derive(Debug)]
pub(crate) struct WriteText {
    code: Code,
    text: [u8; 8],
    state: State,
    twice: Twice,
    written: bool,
    faults: u8,
}

impl WriteText {
    /// `text` is padded with blanks.
    pub(crate) fn new(code: Code, text: [u8; 8]) -> WriteText {
        WriteText { code, text, state: State::Begin, twice: Twice::default(), written: false, faults: 0 }
    }

    fn read(&mut self) -> Act {
        self.state = State::Read;
        ask(self.code)
    }

    fn known(&mut self, same: bool) -> Act {
        match (same, self.written) {
            (true, true) => Act::Done(Outcome::Verified),
            (true, false) => Act::Done(Outcome::Unchanged),
            (false, true) => Act::Done(Outcome::Refused("the UPS accepted the text and shows another")),
            (false, false) => {
                self.state = State::Hold;
                Act::Send(Vec::from([BACKWARD]), ARGUMENT_REFUSAL)
            }
        }
    }

    fn digit(&mut self, place: usize) -> Act {
        self.state = State::Digits(place);
        let wait = if place + 1 == self.text.len() { ACCEPTANCE } else { BETWEEN_BYTES };
        Act::Send(Vec::from([self.text[place]]), wait)
    }
}

impl Operation for WriteText {
    fn step(&mut self, input: Input) -> Act {
        match (self.state, input) {
            (State::Begin, _) => self.read(),
            (State::Read, Input::Line(line)) if line == b"NA" && !self.written => {
                Act::Done(Outcome::Unsupported)
            }
            (State::Read, Input::Line(line)) if Grammar::Text8.accepts(&line) => {
                match self.twice.agrees(&line) {
                    true => self.known(line.trim_ascii_end() == self.text.trim_ascii_end()),
                    false => self.read(),
                }
            }
            // Most units say nothing here; some say `OK`. Anything else, and the text would run as commands.
            (State::Hold, Input::Silence) => self.digit(0),
            (State::Hold, Input::Line(line)) if line == b"OK" => self.digit(0),
            (State::Hold, Input::Line(line)) if is_refusal(&line) => Act::Done(not_accepted(&line)),
            (State::Hold, Input::Line(_)) => {
                self.state = State::BrokenOff;
                Act::Listen(TEXT_FORGOTTEN)
            }
            (State::Digits(place), Input::Silence) if place + 1 < self.text.len() => self.digit(place + 1),
            (State::Digits(place), Input::Line(_)) if place + 1 < self.text.len() => {
                self.state = State::BrokenOff;
                Act::Listen(TEXT_FORGOTTEN)
            }
            (State::BrokenOff, Input::Silence | Input::Disturbed) => {
                Act::Done(Outcome::Refused("the UPS does not listen to the text"))
            }
            (State::Digits(_), Input::Line(line)) if line == b"NO" => {
                Act::Done(Outcome::Refused("the UPS refused the text"))
            }
            (State::Hold | State::Digits(_), Input::Disturbed) => Act::Done(Outcome::Interrupted),
            (State::Digits(_), Input::Line(_) | Input::Silence) => {
                self.written = true;
                self.twice = Twice::default();
                self.state = State::Settle;
                Act::Listen(SETTLE)
            }
            (State::Settle, Input::Line(_) | Input::Silence) => self.read(),
            (State::Read, Input::Line(_) | Input::Silence) => Act::Resync,
            (State::Read, Input::Disturbed) if self.faults < MOST_FAULTS => {
                self.faults += 1;
                self.twice = Twice::default();
                self.read()
            }
            (_, Input::Silence | Input::Disturbed) => {
                Act::Done(if self.written { Outcome::Interrupted } else { Outcome::TimedOut })
            }
            (_, _) => Act::Wait,
        }
    }

    fn read_back(&self) -> Option<&[u8]> {
        self.twice.agreed_on()
    }

    /// What is broken off before its last byte is forgotten by the unit, not written.
    fn writes(&self) -> bool {
        self.state == State::Digits(self.text.len() - 1)
    }

    fn in_argument(&self) -> bool {
        matches!(self.state, State::Hold | State::Digits(_) | State::BrokenOff)
    }
}

/// Steps one field of an answer until it has the wanted value: limits of probes, the count of packs.
#[derive(Debug)]
pub(crate) struct StepField {
    code: Code,
    grammar: Grammar,
    field: usize,
    target: Vec<u8>,
    step: u8,
    state: State,
    twice: Twice,
    start: Vec<u8>,
    steps: u8,
    faults: u8,
}

impl StepField {
    /// Steps with `step` until the comma-separated field number `field` means `target`.
    pub(crate) fn new(code: Code, grammar: Grammar, field: usize, target: Vec<u8>, step: u8) -> StepField {
        StepField {
            code,
            grammar,
            field,
            target,
            step,
            state: State::Begin,
            twice: Twice::default(),
            start: Vec::new(),
            steps: 0,
            faults: 0,
        }
    }

    fn read(&mut self) -> Act {
        self.state = State::Read;
        ask(self.code)
    }

    fn known(&mut self, line: &[u8]) -> Act {
        let value = line.split(|byte| *byte == b',').nth(self.field).unwrap_or_default().to_vec();
        if same_number(&value, &self.target) {
            return Act::Done(if self.steps == 0 { Outcome::Unchanged } else { Outcome::Verified });
        }
        if self.steps == 0 {
            self.start = value;
        } else if self.steps >= MOST_STEPS || value == self.start {
            return Act::Done(Outcome::Refused("the UPS does not reach this value"));
        }
        self.steps += 1;
        self.state = State::Step;
        Act::Send(Vec::from([self.step]), ACCEPTANCE)
    }
}

impl Operation for StepField {
    fn step(&mut self, input: Input) -> Act {
        match (self.state, input) {
            (State::Begin, _) => self.read(),
            (State::Read, Input::Line(line)) if line == b"NA" && self.steps == 0 => {
                Act::Done(Outcome::Unsupported)
            }
            (State::Read, Input::Line(line)) if self.grammar.accepts(&line) => match self.twice.agrees(&line)
            {
                true => self.known(&line),
                false => self.read(),
            },
            (State::Step, Input::Line(line)) if line == b"NO" || line == b"NA" => {
                Act::Done(not_accepted(&line))
            }
            (State::Step, Input::Line(line)) if is_acceptance(&line) => {
                self.twice = Twice::default();
                self.state = State::Settle;
                Act::Listen(SETTLE)
            }
            // Whether the step was taken is unknown, but reading tells.
            (State::Step, Input::Line(_) | Input::Silence) => Act::Resync,
            (State::Settle, Input::Line(_) | Input::Silence) => Act::Breathe,
            (_, Input::Resumed) => self.read(),
            (_, Input::Line(_) | Input::Silence) => Act::Resync,
            (_, Input::Disturbed) if self.faults < MOST_FAULTS => {
                self.faults += 1;
                self.twice = Twice::default();
                self.read()
            }
            (_, Input::Disturbed) => {
                Act::Done(if self.steps == 0 { Outcome::TimedOut } else { Outcome::Interrupted })
            }
            (_, _) => Act::Wait,
        }
    }

    fn read_back(&self) -> Option<&[u8]> {
        self.twice.agreed_on()
    }

    fn writes(&self) -> bool {
        self.state == State::Step
    }
}

/// `05` and `5` are the same limit.
fn same_number(one: &[u8], other: &[u8]) -> bool {
    let number = |text: &[u8]| core::str::from_utf8(text).ok()?.trim().parse::<f64>().ok();
    one == other || matches!((number(one), number(other)), (Some(one), Some(other)) if one == other)
}
