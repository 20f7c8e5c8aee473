//! Learning what a unit can do: its command set, its firmware, its settings' permitted values.
//!
//! The unit's own word (`a`) comes first; its firmware is looked up where it has none; where that is unknown too, a few
//! commands that every unit ever had are tried. Nothing here fails: a unit that tells nothing is read as far as it answers.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::readings::UNLISTED_AFTER;
use super::status::REGISTERS;
use super::{Event, Session, Unit};
use crate::capability::Capabilities;
use crate::protocol::CommandSet;
use crate::table::{Code, VARIABLES, Variable, firmware, quirk};

const MODEL: Code = Code::one(0x01);

/// Damaged or disagreeing answers to one step until it is passed over. The answer to `a` is 90 bytes long: with a fault in
/// every hundredth byte two in three are damaged.
const RETRIES: u8 = 20;

/// Reads of the command set or the firmware that must agree on a line with faults. Two in which the same one of 90 bytes got
/// lost were seen to agree.
const AGREEING_DISTURBED: usize = 3;

/// Silences in a row until a unit does not know the command.
const SILENCES: u8 = 3;

/// A question of discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// `a`
    CommandSet,
    /// `V`
    OldFirmware,
    /// `b`
    NewFirmware,
    /// `^Z`
    Capabilities,
}

impl Step {
    pub(super) const fn code(self) -> Code {
        Code::one(match self {
            Step::CommandSet => b'a',
            Step::OldFirmware => b'V',
            Step::NewFirmware => b'b',
            Step::Capabilities => 0x1A,
        })
    }
}

/// What is still to be asked.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    steps: VecDeque<Step>,
    retries: u8,
    /// Questions without any answer.
    silences: u8,
    /// Earlier answers to the present step.
    reads: Vec<Vec<u8>>,
}

impl Discovery {
    pub(super) fn begin() -> Discovery {
        Discovery { steps: VecDeque::from([Step::CommandSet]), ..Discovery::default() }
    }

    /// The next question. The permitted values wait for the first scan: they take a second of the line.
    pub(super) fn next(&self, in_first_scan: bool) -> Option<Step> {
        self.steps.front().copied().filter(|step| !in_first_scan || *step != Step::Capabilities)
    }

    /// Whether a step was not passed yet.
    pub(super) fn waits_for(&self, step: Step) -> bool {
        self.steps.contains(&step)
    }

    /// The answer was damaged: the step is asked again, but not for ever.
    pub(super) fn retry(&mut self) -> bool {
        self.retries += 1;
        self.retries < RETRIES
    }

    /// Takes an answer. Returns whether it is believed: a firmware decides what a unit without a command set can do, and
    /// needs a second read that agrees, on a line with faults a third; a command set only there. Permitted values are checked
    /// by their own structure, and every write by reading back.
    pub(super) fn believes(&mut self, step: Step, answer: &[u8], disturbed: bool) -> bool {
        let needed = match step {
            Step::CommandSet | Step::OldFirmware | Step::NewFirmware if disturbed => AGREEING_DISTURBED,
            Step::OldFirmware | Step::NewFirmware => 2,
            Step::CommandSet | Step::Capabilities => 1,
        };
        self.reads.push(answer.to_vec());
        self.reads.iter().filter(|read| *read == answer).count() >= needed
    }

    fn pass(&mut self) {
        self.steps.pop_front();
        self.retries = 0;
        self.silences = 0;
        self.reads.clear();
    }
}

impl Session {
    /// No answer came to a step. One that got lost must not take a unit's settings or its shutdown away: only a unit that is
    /// silent again and again, and answers `Y` in between, does not know the command.
    pub(super) fn step_unanswered(&mut self, step: Step) {
        self.discovery.silences += 1;
        if self.discovery.silences >= SILENCES {
            self.discovered(step, None);
        }
    }

    /// The answer to a step was damaged.
    pub(super) fn rediscover(&mut self, step: Step) {
        if !self.discovery.retry() {
            self.discovered(step, None);
        }
    }

    /// Takes the answer to a step; none when the unit has none.
    pub(super) fn discovered(&mut self, step: Step, answer: Option<Vec<u8>>) {
        self.discovery.pass();
        let text = || answer.as_ref().map(|line| String::from_utf8_lossy(line).trim().into());
        match step {
            Step::CommandSet => {
                let set =
                    answer.as_deref().and_then(CommandSet::parse).map(|set| set.commands).unwrap_or_default();
                self.unit = Unit { listed: !set.is_empty(), commands: set, ..Unit::default() };
                self.discovery.steps = self.firmware_steps();
                self.scan_if_known();
            }
            Step::OldFirmware => {
                self.unit.firmware = text();
                self.scan_if_known();
            }
            // An old firmware that is known says more than what its unit answers to `b`, which is a voltage.
            Step::NewFirmware if self.unit.firmware.as_deref().and_then(firmware::by_firmware).is_some() => {
                self.scan_if_known();
            }
            Step::NewFirmware => {
                self.unit.firmware = text().or(self.unit.firmware.take());
                self.scan_if_known();
            }
            Step::Capabilities => {
                let locale = self.unit.firmware.as_ref().and_then(|firmware| firmware.bytes().last());
                self.unit.capabilities =
                    answer.map(|line| Capabilities::parse(&line, locale)).unwrap_or_default();
                self.out.event(Event::Discovered);
            }
        }
    }

    /// The firmware tells the locale of the permitted values, and on units without a command set what they are.
    fn firmware_steps(&self) -> VecDeque<Step> {
        match self.unit.listed {
            true if self.unit.commands.contains(Step::NewFirmware.code()) => {
                VecDeque::from([Step::NewFirmware])
            }
            true if self.unit.commands.contains(Step::OldFirmware.code()) => {
                VecDeque::from([Step::OldFirmware])
            }
            true => VecDeque::new(),
            false => VecDeque::from([Step::OldFirmware, Step::NewFirmware]),
        }
    }

    /// Begins the first scan when the firmware was asked for.
    fn scan_if_known(&mut self) {
        if !self.discovery.steps.is_empty() {
            return;
        }
        let known = self.unit.firmware.as_deref();
        let by_voltage = || {
            known
                .filter(|_| !self.disturbed_since_open && !self.is_suspicious())
                .and_then(firmware::by_voltage)
        };
        let row = known.and_then(firmware::by_firmware).or_else(by_voltage);
        if !self.unit.listed {
            self.unit.commands = row.map_or_else(firmware::very_old, |row| row.commands());
        }
        self.unit.known = true;
        self.begin_scan(self.unit.listed || row.is_some());
        if !self.unit.commands.contains(MODEL) {
            // Only the old form names the model: `653.18.I` is no Smart-UPS 600.
            let old = self.unit.firmware.as_deref().filter(|firmware| !firmware.contains('.'));
            let letter = old.and_then(firmware::model_by_letter);
            if let Some(model) = row.map(|row| row.model).or(letter) {
                self.readings.put_known("ups.model", model.into(), &mut self.out);
            }
        }
        match self.unit.commands.contains(Step::Capabilities.code()) {
            true => self.discovery.steps.push_back(Step::Capabilities),
            false => self.out.event(Event::Discovered),
        }
    }

    fn begin_scan(&mut self, listed: bool) {
        let quirk = self.unit.firmware.as_deref().and_then(quirk::by_firmware);
        quirk.into_iter().flat_map(|quirk| quirk.answers).for_each(|code| self.unit.commands.insert(*code));
        let tries = !quirk.is_some_and(|quirk| quirk.silent);
        let commands = &self.unit.commands;
        let wanted = |row: &&Variable| {
            let unlisted = tries && firmware::UNLISTED.contains(&row.code);
            (commands.contains(row.code) || unlisted) && row.holds(commands)
        };
        let rows = VARIABLES.iter().filter(wanted);
        let rows = rows.map(|row| (row, listed && commands.contains(row.code)));
        self.readings.begin(rows, self.is_suspicious(), self.now);
        self.readings.put("ups.mfr", "APC".into(), &mut self.out);
        for (place, code) in REGISTERS.into_iter().enumerate() {
            let listed = commands.contains(code);
            let wait = if listed { Duration::ZERO } else { UNLISTED_AFTER };
            if listed || tries {
                self.status.watch_register(place, listed, self.now + wait);
            }
        }
    }
}
