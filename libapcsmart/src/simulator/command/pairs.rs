//! Two-byte commands: a prefix, then a second byte that is no command of its own.
//!
//! Invariant: a switch changes only in the order that the unit wants: arm, select by reading, set. It is kept only
//! when it is saved.

use super::super::counters::Counters;
use super::super::eeprom::SWITCHES;
use super::super::state::{Activity, Bypass};
use super::{Firmware, line};
use crate::Time;

/// The prefix of SPM units.
const SPM: u8 = 0x9F;
const MODE: u8 = 0xD2;
const MAINS_FREQUENCY: u8 = 0xD3;
const BATTERY_CURRENT: u8 = 0xD4;
const PHASE_LOCKED: u8 = 0xD5;
const FIRST_SWITCH: u8 = 0xE3;
const ECO_SWITCH: usize = 5;
const SET_ON: u8 = 0xCA;
const SET_OFF: u8 = 0xCB;
const ARM: u8 = 0xFE;
const SAVE: u8 = 0xFF;

/// How far the change of a switch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SwitchWrite {
    Idle,
    Armed,
    Selected(usize),
    Set(usize, bool),
}

impl Firmware {
    pub(super) fn pair(&mut self, now: Time, pair: [u8; 2], counters: &mut Counters) -> Option<Vec<u8>> {
        let write = core::mem::replace(&mut self.switch_write, SwitchWrite::Idle);
        if let Some(value) = self.pair_value(pair) {
            counters.commands += 1;
            if let (SwitchWrite::Armed, Some(switch)) = (write, switch_of(pair)) {
                self.switch_write = SwitchWrite::Selected(switch);
            }
            return line(&value);
        }
        let next = match (pair, write) {
            ([SPM, ARM], _) => SwitchWrite::Armed,
            ([SPM, SET_ON], SwitchWrite::Selected(switch)) => SwitchWrite::Set(switch, true),
            ([SPM, SET_OFF], SwitchWrite::Selected(switch)) => SwitchWrite::Set(switch, false),
            ([SPM, SAVE], SwitchWrite::Set(switch, on)) => {
                self.eeprom.set_switch(switch, on);
                self.eeprom_changed(now, counters);
                SwitchWrite::Idle
            }
            _ => {
                counters.unknown_commands += 1;
                return line(b"NA");
            }
        };
        counters.commands += 1;
        self.switch_write = next;
        line(b"OK")
    }

    /// What a two-byte query answers, without CR LF.
    pub(in super::super) fn pair_value(&self, pair: [u8; 2]) -> Option<Vec<u8>> {
        if let Some((_, constant)) = self.spec.pairs.iter().find(|(known, _)| *known == pair) {
            return Some(constant.to_vec());
        }
        if !self.has_switches() || pair[0] != SPM {
            return None;
        }
        let ups = &self.ups;
        let text = match pair[1] {
            MODE => match (ups.bypass, ups.activity) {
                (Bypass::None, Activity::SelfTest { .. }) => "T",
                (Bypass::None, _) if ups.on_battery() => "B",
                (Bypass::None, _) if self.eeprom.switch(ECO_SWITCH) => "E",
                (Bypass::None, _) => "L",
                _ => "Y",
            }
            .to_owned(),
            MAINS_FREQUENCY => format!("{:04.1}", if ups.mains.present { ups.mains.hertz } else { 0.0 }),
            BATTERY_CURRENT => format!("{:04.1}", ups.battery_current()),
            PHASE_LOCKED => if ups.mains_good() { "1" } else { "0" }.to_owned(),
            _ => if self.eeprom.switch(switch_of(pair)?) { "ON" } else { "OFF" }.to_owned(),
        };
        Some(text.into_bytes())
    }

    fn has_switches(&self) -> bool {
        self.spec.prefixes.contains(&SPM)
    }
}

fn switch_of(pair: [u8; 2]) -> Option<usize> {
    let switch = usize::from(pair[1].checked_sub(FIRST_SWITCH)?);
    (pair[0] == SPM && switch < SWITCHES).then_some(switch)
}
