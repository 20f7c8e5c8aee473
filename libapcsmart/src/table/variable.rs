//! Every variable: the command that reads it, its NUT name, its unit, how often it is read and how it may be set.
//!
//! Names that NUT does not register begin with `experimental.`, as NUT's naming rules ask.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Code, CodeSet};
use crate::alert::Alert;
use crate::value::{Decimal, Value};

/// One command's variables.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// The command that reads it.
    pub code: Code,
    /// NUT names: one, or one for each field of a packed answer, in order; an empty name skips its field.
    pub names: &'static [&'static str],
    /// How the answer becomes values.
    pub convert: Convert,
    /// The unit of the values, for documents; empty for text.
    pub unit: &'static str,
    /// How often it is read.
    pub poll: Poll,
    /// How it may be set.
    pub writable: Writable,
    /// On which units the row holds.
    pub holds: Holds,
}

/// How an answer becomes values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convert {
    /// A number as it stands.
    Number,
    /// Text without padding.
    Text,
    /// Minutes, with or without the closing colon, to seconds.
    Minutes,
    /// Hours to seconds; words stay words.
    HoursOrWord,
    /// A code to a phrase.
    Phrase(&'static [(&'static str, &'static str)]),
    /// Fields with commas; an empty one has no value, `NO` is a limit that is off.
    Fields,
    /// `T`: fields of degrees, or hours of uptime when it is one number above any temperature.
    TemperaturesOrHours,
}

/// How often a variable is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Poll {
    /// What people and shutdown rules watch.
    Fast,
    /// What drifts.
    Slow,
    /// What changes by a setting or a service visit.
    Static,
}

impl Poll {
    /// The time between two readings on an undisturbed line. Together the readings of a Smart-UPS take about a third of
    /// the line, which leaves alerts an idle line most of the time.
    pub const fn interval(self) -> Duration {
        match self {
            Poll::Fast => Duration::from_secs(5),
            Poll::Slow => Duration::from_secs(20),
            Poll::Static => Duration::from_secs(600),
        }
    }
}

/// How a variable may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writable {
    /// Not at all.
    No,
    /// One of the permitted values: those that `^Z` lists, stepped with `-` and `+`, or `ON` and `OFF` of a switch.
    Choice,
    /// Eight bytes of text.
    Text8,
    /// Stepped with `-` and `+` without a list of values.
    Step,
}

/// On which units a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// On all.
    Always,
    /// Where the unit also has this command.
    With(Code),
    /// Where it does not.
    Without(Code),
}

impl Variable {
    /// Whether this row is the one to use on a unit with these commands.
    pub fn holds(&self, commands: &CodeSet) -> bool {
        match self.holds {
            Holds::Always => true,
            Holds::With(code) => commands.contains(code),
            Holds::Without(code) => !commands.contains(code),
        }
    }

    /// Whether it is a switch of an SPM unit: a two-byte command that is set with other two-byte commands.
    pub fn is_switch(&self) -> bool {
        self.writable == Writable::Choice && self.code.byte().is_none()
    }

    /// The alert that says that the value may have changed. None for what is polled often, or changes unannounced.
    pub fn announced_by(&self) -> Option<Alert> {
        const MEASURE_UPS: &[u8] = b"thiJTH";
        if self.writable != Writable::No {
            return Some(Alert::EepromChanged);
        }
        self.code.byte().filter(|byte| MEASURE_UPS.contains(byte)).map(|_| Alert::MeasureUps)
    }

    /// The values in an answer that has the command's shape, by NUT name.
    pub fn values(&self, reply: &[u8]) -> Vec<(&'static str, Value)> {
        let text = String::from_utf8_lossy(reply);
        let text = text.trim();
        let one = |value: Option<Value>| value.map(|value| (self.names[0], value)).into_iter().collect();
        match self.convert {
            Convert::Number => one(number(text)),
            Convert::Text => one((!text.is_empty()).then(|| Value::Text(text.into()))),
            Convert::Minutes => one(scaled(text.trim_end_matches(':'), SECONDS_PER_MINUTE)),
            Convert::HoursOrWord => one(scaled(text, SECONDS_PER_HOUR).or_else(|| Some(text.into()))),
            Convert::Phrase(phrases) => {
                let phrase = phrases.iter().find(|(code, _)| *code == text).map(|(_, phrase)| *phrase);
                one(Some(phrase.unwrap_or(text).into()))
            }
            Convert::Fields => self.fields(text),
            Convert::TemperaturesOrHours => match number(text) {
                Some(Value::Number(hours)) if is_uptime(text) => {
                    Vec::from([("device.uptime", Value::Number(seconds_of_hours(hours)))])
                }
                _ => self.fields(text),
            },
        }
    }

    fn fields(&self, text: &str) -> Vec<(&'static str, Value)> {
        let named = self
            .names
            .iter()
            .zip(text.split(','))
            .filter(|(name, field)| !name.is_empty() && !field.is_empty());
        named
            .filter_map(|(name, field)| {
                Some((*name, if field == "NO" { "off".into() } else { number(field)? }))
            })
            .collect()
    }
}

const SECONDS_PER_MINUTE: i32 = 60;
const SECONDS_PER_HOUR: i32 = 3600;

fn number(text: &str) -> Option<Value> {
    Decimal::parse(text).map(Value::Number)
}

fn scaled(text: &str, factor: i32) -> Option<Value> {
    Decimal::parse(text).map(|number| Value::Number(Decimal::whole(number.trunc().saturating_mul(factor))))
}

/// `T` with one number is a temperature with two decimals (`24.75`) or an uptime with one (`1234.5`).
fn is_uptime(text: &str) -> bool {
    text.split_once('.').is_some_and(|(_, places)| places.len() == 1)
}

fn seconds_of_hours(hours: Decimal) -> Decimal {
    hours.times(SECONDS_PER_HOUR)
}

/// `X`'s and `G`'s letters in words.
const TRANSFER_REASONS: &[(&str, &str)] = &[
    ("R", "mains voltage changed too fast"),
    ("H", "mains voltage too high"),
    ("L", "mains voltage too low"),
    ("T", "notch or spike on mains"),
    ("O", "no transfer since power-on"),
    ("S", "self test or simulated failure"),
    ("K", "forced by software"),
];

const fn row(
    byte: u8,
    names: &'static [&'static str],
    convert: Convert,
    unit: &'static str,
    poll: Poll,
) -> Variable {
    Variable {
        code: Code::one(byte),
        names,
        convert,
        unit,
        poll,
        writable: Writable::No,
        holds: Holds::Always,
    }
}

const fn spm(
    sub: u8,
    names: &'static [&'static str],
    convert: Convert,
    unit: &'static str,
    poll: Poll,
) -> Variable {
    Variable { code: Code::two(0x9F, sub), ..row(0, names, convert, unit, poll) }
}

const fn set(variable: Variable, writable: Writable) -> Variable {
    Variable { writable, ..variable }
}

const fn holds(variable: Variable, holds: Holds) -> Variable {
    Variable { holds, ..variable }
}

/// What arms, sets and saves a switch of an SPM unit.
pub(crate) const SWITCH_ARM: Code = Code::two(0x9F, 0xFE);
pub(crate) const SWITCH_ON: Code = Code::two(0x9F, 0xCA);
pub(crate) const SWITCH_OFF: Code = Code::two(0x9F, 0xCB);
pub(crate) const SWITCH_SAVE: Code = Code::two(0x9F, 0xFF);

/// SPM units answer `F` with the output's frequency and have the input's behind 9F D3.
const SPM_INPUT_FREQUENCY: Code = Code::two(0x9F, 0xD3);

use Convert::{Fields, HoursOrWord, Minutes, Number, Phrase, TemperaturesOrHours, Text};
use Poll::{Fast, Slow, Static};

/// The table, most wanted first: this is the order of the first scan.
#[rustfmt::skip]
pub const VARIABLES: &[Variable] = &[
    row(b'f', &["battery.charge"], Number, "%", Fast),
    row(b'j', &["battery.runtime"], Minutes, "s", Fast),
    row(b'P', &["ups.load"], Number, "%", Fast),
    row(b'B', &["battery.voltage"], Number, "V", Fast),
    row(b'L', &["input.voltage"], Number, "V", Fast),
    row(b'G', &["input.transfer.reason"], Phrase(TRANSFER_REASONS), "", Fast),
    row(b'O', &["output.voltage"], Number, "V", Fast),
    row(b'X', &["ups.test.result"], Text, "", Slow),
    row(b'C', &["ups.temperature"], Number, "°C", Slow),
    holds(row(b'F', &["input.frequency"], Number, "Hz", Slow), Holds::Without(SPM_INPUT_FREQUENCY)),
    holds(row(b'F', &["output.frequency"], Number, "Hz", Slow), Holds::With(SPM_INPUT_FREQUENCY)),
    spm(0xD3, &["input.frequency"], Number, "Hz", Slow),
    spm(0xD4, &["battery.current"], Number, "A", Slow),
    row(b'9', &["input.quality"], Text, "", Slow),
    row(b'/', &["output.current"], Number, "A", Slow),
    row(b'<', &["battery.packs.bad"], Number, "", Slow),
    row(b'\\', &["experimental.ups.load.apparent"], Number, "% of VA", Slow),
    row(b'i', &["ups.contacts"], Text, "", Slow),
    row(b't', &["ambient.temperature"], Number, "°C", Slow),
    row(b'h', &["ambient.humidity"], Number, "%", Slow),
    row(b'T', &["ambient.1.temperature", "ambient.2.temperature", "ambient.3.temperature", "ambient.4.temperature"], TemperaturesOrHours, "°C", Slow),
    row(b'H', &["ambient.1.humidity", "ambient.2.humidity", "ambient.3.humidity", "ambient.4.humidity"], Fields, "%", Slow),
    row(b'J', &["experimental.ambient.alarms.active"], Text, "", Slow),
    spm(0xD2, &["ups.mode"], Phrase(&[("E", "eco"), ("L", "line"), ("Y", "bypass"), ("T", "battery test"), ("B", "battery")]), "", Slow),
    spm(0xD5, &["experimental.ups.phase.locked"], Text, "", Slow),
    row(0x01, &["ups.model"], Text, "", Static),
    row(b'b', &["ups.firmware"], Text, "", Static),
    holds(row(b'V', &["ups.firmware"], Text, "", Static), Holds::Without(Code::one(b'b'))),
    holds(row(b'V', &["experimental.ups.firmware.old"], Text, "", Static), Holds::With(Code::one(b'b'))),
    row(b'n', &["ups.serial"], Text, "", Static),
    row(b'm', &["ups.mfr.date"], Text, "", Static),
    set(row(b'x', &["battery.date"], Text, "", Static), Writable::Text8),
    set(row(b'c', &["ups.id"], Text, "", Static), Writable::Text8),
    row(b'g', &["battery.voltage.nominal"], Number, "V", Static),
    set(row(b'q', &["battery.runtime.low"], Minutes, "s", Static), Writable::Choice),
    set(row(b'p', &["ups.delay.shutdown"], Number, "s", Static), Writable::Choice),
    set(row(b'r', &["ups.delay.start"], Number, "s", Static), Writable::Choice),
    set(row(b'e', &["battery.charge.restart"], Number, "%", Static), Writable::Choice),
    set(row(b'l', &["input.transfer.low"], Number, "V", Static), Writable::Choice),
    set(row(b'u', &["input.transfer.high"], Number, "V", Static), Writable::Choice),
    set(row(b's', &["input.sensitivity"], Text, "", Static), Writable::Choice),
    set(row(b'o', &["output.voltage.nominal"], Number, "V", Static), Writable::Choice),
    set(row(b'k', &["battery.alarm.threshold"], Text, "", Static), Writable::Choice),
    set(row(b'E', &["ups.test.interval"], HoursOrWord, "s", Static), Writable::Choice),
    set(row(b'>', &["battery.packs"], Number, "", Static), Writable::Step),
    set(row(0x0C, &["ups.display.language"], Text, "", Static), Writable::Choice),
    set(row(0x16, &["experimental.output.voltage.selection"], Text, "", Static), Writable::Choice),
    set(row(b'w', &["battery.energysave.delay"], Text, "min", Static), Writable::Choice),
    row(b'd', &["experimental.ups.test.hours"], Number, "h", Static),
    row(b'7', &["experimental.ups.switches"], Text, "", Static),
    row(b'v', &["ups.firmware.aux"], Text, "", Static),
    row(b'I', &["experimental.ambient.alarms.enabled"], Text, "", Static),
    set(row(b'[', &["ambient.1.temperature.high", "ambient.2.temperature.high", "ambient.3.temperature.high", "ambient.4.temperature.high"], Fields, "°C", Static), Writable::Step),
    set(row(b']', &["ambient.1.temperature.low", "ambient.2.temperature.low", "ambient.3.temperature.low", "ambient.4.temperature.low"], Fields, "°C", Static), Writable::Step),
    set(row(b'{', &["ambient.1.humidity.high", "ambient.2.humidity.high", "ambient.3.humidity.high", "ambient.4.humidity.high"], Fields, "%", Static), Writable::Step),
    set(row(b'}', &["ambient.1.humidity.low", "ambient.2.humidity.low", "ambient.3.humidity.low", "ambient.4.humidity.low"], Fields, "%", Static), Writable::Step),
    // What `o` and `g` tell comes from them: `o` can be set, and the ratings do not follow.
    holds(spm(0xD1, &["ups.power.nominal", "input.voltage.nominal", "", "output.frequency.nominal", "battery.capacity", ""], Fields, "VA, V, V, Hz, Ah, V", Static), Holds::With(Code::one(b'o'))),
    holds(spm(0xD1, &["ups.power.nominal", "input.voltage.nominal", "output.voltage.nominal", "output.frequency.nominal", "battery.capacity", "battery.voltage.nominal"], Fields, "VA, V, V, Hz, Ah, V", Static), Holds::Without(Code::one(b'o'))),
    spm(0xD6, &["input.frequency.low", "input.frequency.high"], Fields, "Hz", Static),
    spm(0xD7, &["input.transfer.eco.low", "input.transfer.eco.high"], Fields, "V", Static),
    set(spm(0xE3, &["experimental.ups.switch.alarm"], Text, "", Static), Writable::Choice),
    set(spm(0xE4, &["experimental.ups.switch.alarm.bypass"], Text, "", Static), Writable::Choice),
    set(spm(0xE5, &["ups.start.auto"], Text, "", Static), Writable::Choice),
    set(spm(0xE6, &["experimental.ups.switch.bypass.off"], Text, "", Static), Writable::Choice),
    set(spm(0xE7, &["experimental.ups.switch.converter"], Text, "", Static), Writable::Choice),
    set(spm(0xE8, &["experimental.ups.switch.eco"], Text, "", Static), Writable::Choice),
    set(spm(0xE9, &["experimental.ups.switch.green"], Text, "", Static), Writable::Choice),
    set(spm(0xEA, &["ups.start.battery"], Text, "", Static), Writable::Choice),
    set(spm(0xEB, &["experimental.ups.switch.bypass.barred"], Text, "", Static), Writable::Choice),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::command;
    use alloc::string::ToString;

    fn read(byte: u8, reply: &str) -> Vec<(&'static str, String)> {
        let row = VARIABLES.iter().find(|row| row.code == Code::one(byte)).unwrap();
        row.values(reply.as_bytes()).into_iter().map(|(name, value)| (name, value.to_string())).collect()
    }

    #[test]
    fn every_variable_is_read_by_a_command_that_only_reads() {
        for variable in VARIABLES {
            let command = command::command(variable.code).unwrap();
            assert_eq!(command.hazard, command::Hazard::ReadOnly, "{}", variable.code);
        }
    }

    #[test]
    fn replies_become_values_in_the_units_of_nut() {
        assert_eq!(read(b'j', "0327:"), [("battery.runtime", "19620".into())]);
        assert_eq!(read(b'P', "023.5"), [("ups.load", "23.5".into())]);
        assert_eq!(read(b'q', "02"), [("battery.runtime.low", "120".into())]);
        assert_eq!(read(b'E', "336"), [("ups.test.interval", "1209600".into())]);
        assert_eq!(read(b'E', "ON "), [("ups.test.interval", "ON".into())]);
        assert_eq!(read(b'E', "OFF"), [("ups.test.interval", "OFF".into())]);
        assert_eq!(read(b'p', "020"), [("ups.delay.shutdown", "20".into())]);
        assert_eq!(read(0x01, "Smart-UPS 1500   "), [("ups.model", "Smart-UPS 1500".into())]);
        assert_eq!(
            read(b'T', "24.75,,19.00"),
            [("ambient.1.temperature", "24.75".into()), ("ambient.3.temperature", "19.00".into())]
        );
        assert_eq!(read(b'T', "1234.5"), [("device.uptime", "4444200".into())]);
        assert_eq!(
            read(b'T', "008.2"),
            [("device.uptime", "29520".into())],
            "8.2 × 3600 as floating point is less"
        );
        assert_eq!(
            read(b'[', "NO,55"),
            [("ambient.1.temperature.high", "off".into()), ("ambient.2.temperature.high", "55".into())]
        );
    }
}
