//! Every command of the protocol: its bytes, the shape and the timing of its answer, and how dangerous it is.
//!
//! A command that is not here can not be sent. Those that can destroy a unit are here only to be refused by name.

use core::time::Duration;

use super::Code;
use crate::grammar::Grammar;

/// One command.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Its bytes.
    pub code: Code,
    /// What it asks or does.
    pub meaning: &'static str,
    /// How its answer looks.
    pub grammar: Grammar,
    /// How long its answer may take.
    pub timing: Timing,
    /// What sending it can do.
    pub hazard: Hazard,
}

/// How long an answer may take, line time included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// A short value. Units answer in 50–110 ms.
    Value,
    /// A text or a value that is computed first. `^A` takes up to 380 ms.
    Text,
    /// `Y`. NUT and apcupsd wait as long.
    Link,
    /// `a`: up to 110 bytes; 0.6–0.95 s on real units.
    CommandSet,
    /// `^Z`: 254 bytes or more.
    Capabilities,
    /// An instruction that is accepted or refused.
    Action,
}

impl Timing {
    /// The limit from sending the command to the end of its answer.
    pub const fn limit(self) -> Duration {
        Duration::from_millis(match self {
            Timing::Value => 1000,
            Timing::Text | Timing::Link | Timing::Action => 1500,
            Timing::CommandSet => 3000,
            Timing::Capabilities => 6000,
        })
    }
}

/// What sending a command can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hazard {
    /// Nothing.
    ReadOnly,
    /// Reading resets the value in the UPS.
    ResetsOnRead,
    /// Nothing lasting: lights, a beep, the end of a shutdown.
    Harmless,
    /// Belongs to the link; only the session sends it.
    Link,
    /// Changes a setting that outlives the power.
    Eeprom,
    /// May take power from the load, or run it down.
    InterruptsSupply,
    /// Service mode, calibration constants, EEPROM dump and erase. Never sent.
    Destructive,
    /// Nobody knows. Never sent.
    Unknown,
}

/// The command `code`.
pub fn command(code: Code) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.code == code)
}

const fn row(code: Code, meaning: &'static str, grammar: Grammar, timing: Timing, hazard: Hazard) -> Command {
    Command { code, meaning, grammar, timing, hazard }
}

const fn read(byte: u8, meaning: &'static str, grammar: Grammar) -> Command {
    row(Code::one(byte), meaning, grammar, Timing::Value, Hazard::ReadOnly)
}

const fn text(byte: u8, meaning: &'static str, grammar: Grammar) -> Command {
    row(Code::one(byte), meaning, grammar, Timing::Text, Hazard::ReadOnly)
}

const fn spm(sub: u8, meaning: &'static str, grammar: Grammar) -> Command {
    row(Code::two(0x9F, sub), meaning, grammar, Timing::Value, Hazard::ReadOnly)
}

const fn act(byte: u8, meaning: &'static str, star: bool, hazard: Hazard) -> Command {
    row(Code::one(byte), meaning, Grammar::Accepted { star }, Timing::Action, hazard)
}

const fn barred(byte: u8, meaning: &'static str, hazard: Hazard) -> Command {
    row(Code::one(byte), meaning, Grammar::Anything, Timing::Action, hazard)
}

const ON_OFF: Grammar = Grammar::Word(&["ON", "OFF"]);

/// The table. Reads first, then what acts, then what is never sent.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    read(b'Q', "status flags", Grammar::Hex2),
    read(b'~', "register 1: state", Grammar::Hex2),
    read(b'\'', "register 2: faults", Grammar::Hex2),
    read(b'8', "register 3: faults and why the output is off", Grammar::Hex2),
    read(b'7', "DIP switches", Grammar::Hex2),
    read(b'9', "line quality", Grammar::Word(&["00", "FF"])),
    read(b'B', "battery voltage", Grammar::FourDigits),
    read(b'C', "internal temperature", Grammar::Decimal(1, 1)),
    read(b'E', "interval of the automatic self test", Grammar::Word(&["336", "168", "ON", "OFF"])),
    read(b'F', "line frequency; output frequency on SPM units", Grammar::Decimal(1, 2)),
    read(b'G', "cause of the last transfer to battery", Grammar::Word(&["R", "H", "L", "T", "O", "S", "K"])),
    read(b'H', "ambient humidity of up to four probes", Grammar::Packed),
    read(b'I', "Measure-UPS: enabled alarms", Grammar::Hex2),
    read(b'J', "Measure-UPS: active alarms", Grammar::Hex2Pair),
    read(b'L', "input voltage", Grammar::Decimal(1, 1)),
    row(Code::one(b'M'), "highest input voltage since it was read", Grammar::Decimal(1, 1), Timing::Value, Hazard::ResetsOnRead),
    row(Code::one(b'N'), "lowest input voltage since it was read", Grammar::Decimal(1, 1), Timing::Value, Hazard::ResetsOnRead),
    read(b'O', "output voltage", Grammar::Decimal(1, 1)),
    read(b'P', "load in percent of the rated watts", Grammar::Decimal(1, 1)),
    read(b'T', "ambient temperature of up to four probes, or hours of uptime", Grammar::TemperaturesOrHours),
    read(b'X', "result of the last self test", Grammar::Word(&["OK", "BT", "NG", "NO"])),
    read(b'[', "high limits of ambient temperature", Grammar::Packed),
    read(b']', "low limits of ambient temperature", Grammar::Packed),
    read(b'\\', "load in percent of the rated VA", Grammar::Decimal(1, 2)),
    read(b'/', "load current", Grammar::Decimal(1, 2)),
    read(b'<', "bad battery packs", Grammar::Digits(1, 3)),
    read(b'>', "external battery packs", Grammar::Digits(1, 3)),
    read(b'd', "hours since the last self test", Grammar::Digits(1, 5)),
    read(b'e', "charge needed to restart", Grammar::Digits(1, 2)),
    read(b'f', "battery charge", Grammar::Decimal(1, 1)),
    read(b'g', "nominal battery voltage", Grammar::Digits(3, 3)),
    read(b'h', "ambient humidity", Grammar::Decimal(1, 1)),
    read(b'i', "dry contacts", Grammar::Hex2),
    read(b'j', "runtime left", Grammar::Minutes),
    read(b'k', "delay of the audible alarm", Grammar::Word(&["0", "T", "L", "N"])),
    read(b'l', "low transfer voltage", Grammar::Digits(2, 3)),
    read(b'o', "nominal output voltage on battery", Grammar::Digits(3, 3)),
    read(b'p', "grace delay before a shutdown", Grammar::Digits(2, 3)),
    read(b'q', "low battery warning", Grammar::Digits(1, 2)),
    read(b'r', "wake-up delay", Grammar::Digits(2, 3)),
    read(b's', "sensitivity", Grammar::Word(&["H", "M", "L", "A"])),
    read(b't', "ambient temperature", Grammar::Decimal(1, 2)),
    read(b'u', "high transfer voltage", Grammar::Digits(2, 3)),
    read(b'w', "run-time conservation", Grammar::Word(&["NO", "02", "05", "08"])),
    read(b'{', "high limits of ambient humidity", Grammar::Packed),
    read(b'}', "low limits of ambient humidity", Grammar::Packed),
    read(0x0C, "language of the panel", Grammar::Word(&["E", "F", "G", "S", "1", "2", "3", "4"])),
    read(0x16, "output voltage selection", Grammar::Word(&["A", "M", "I"])),
    text(0x01, "model", Grammar::Text(2, 32)),
    text(b'V', "firmware, old form", Grammar::Firmware3),
    text(b'b', "firmware, new form", Grammar::Firmware),
    text(b'c', "identifier given by the owner", Grammar::Text8),
    text(b'm', "date of manufacture", Grammar::Text8),
    text(b'n', "serial number", Grammar::Text(4, 24)),
    text(b'v', "Measure-UPS firmware", Grammar::Text(2, 8)),
    text(b'x', "date of the last battery replacement", Grammar::Text8),
    text(b'y', "copyright notice", Grammar::Text(4, 32)),
    row(Code::one(b'a'), "alerts and commands of this unit", Grammar::CommandSet, Timing::CommandSet, Hazard::ReadOnly),
    row(Code::one(0x1A), "permitted values of the settings", Grammar::Capabilities, Timing::Capabilities, Hazard::ReadOnly),
    spm(0xD1, "ratings", Grammar::List),
    spm(0xD2, "mode", Grammar::Word(&["E", "L", "Y", "T", "B"])),
    spm(0xD3, "input frequency", Grammar::Decimal(1, 1)),
    spm(0xD4, "battery current", Grammar::Decimal(1, 1)),
    spm(0xD5, "phase locked", Grammar::Word(&["0", "1"])),
    spm(0xD6, "frequency window", Grammar::List),
    spm(0xD7, "ECO voltage window", Grammar::List),
    spm(0xE3, "switch: alarm", ON_OFF),
    spm(0xE4, "switch: alarm in bypass", ON_OFF),
    spm(0xE5, "switch: automatic reboot", ON_OFF),
    spm(0xE6, "switch: bypass when off", ON_OFF),
    spm(0xE7, "switch: converter mode", ON_OFF),
    spm(0xE8, "switch: ECO mode", ON_OFF),
    spm(0xE9, "switch: green mode", ON_OFF),
    spm(0xEA, "switch: cold start", ON_OFF),
    spm(0xEB, "switch: bypass not allowed", ON_OFF),

    row(Code::one(b'Y'), "enter smart mode", Grammar::SmartMode, Timing::Link, Hazard::Link),
    row(Code::one(b'R'), "leave smart mode", Grammar::Word(&["BYE"]), Timing::Link, Hazard::Link),
    row(Code::one(0x1B), "leave menus", Grammar::Anything, Timing::Link, Hazard::Link),
    act(b'A', "test lights and beeper", false, Hazard::Harmless),
    act(0x7F, "abort a pending shutdown", false, Hazard::Harmless),
    act(b'D', "start or stop a runtime calibration", false, Hazard::InterruptsSupply),
    act(b'K', "shut down after the grace delay and stay off; sent twice", true, Hazard::InterruptsSupply),
    act(b'S', "shut down after the grace delay, return with mains", false, Hazard::InterruptsSupply),
    act(b'@', "shut down after the grace delay, return after a time", true, Hazard::InterruptsSupply),
    act(b'U', "simulate a power failure", false, Hazard::InterruptsSupply),
    act(b'W', "start or stop a self test", false, Hazard::InterruptsSupply),
    row(Code::one(b'Z'), "switch off now; sent twice", Grammar::Anything, Timing::Action, Hazard::InterruptsSupply),
    row(Code::one(0x0E), "switch on; sent twice", Grammar::Anything, Timing::Action, Hazard::InterruptsSupply),
    row(Code::one(b'^'), "go to bypass or back", Grammar::Word(&["BYP", "INV", "ERR"]), Timing::Action, Hazard::InterruptsSupply),
    act(b'-', "previous permitted value of the setting just read", false, Hazard::Eeprom),
    act(b'+', "next permitted value of the setting just read", false, Hazard::Eeprom),
    row(Code::one(b'z'), "reset all settings", Grammar::Word(&["CLEAR"]), Timing::Action, Hazard::Eeprom),
    row(Code::two(0x9F, 0xFE), "begin to change a switch", Grammar::Accepted { star: false }, Timing::Action, Hazard::Eeprom),
    row(Code::two(0x9F, 0xCA), "switch on", Grammar::Accepted { star: false }, Timing::Action, Hazard::Eeprom),
    row(Code::two(0x9F, 0xCB), "switch off", Grammar::Accepted { star: false }, Timing::Action, Hazard::Eeprom),
    row(Code::two(0x9F, 0xFF), "save a changed switch", Grammar::Accepted { star: false }, Timing::Action, Hazard::Eeprom),

    barred(b'0', "battery constant", Hazard::Destructive),
    barred(b'1', "service mode", Hazard::Destructive),
    barred(b'4', "calibration constant", Hazard::Destructive),
    barred(b'5', "calibration constant", Hazard::Destructive),
    barred(b'6', "calibration constant", Hazard::Destructive),
    barred(0x02, "model code; with + or - it reprograms the unit", Hazard::Destructive),
    barred(0x10, "EEPROM dump", Hazard::Destructive),
    barred(0x19, "EEPROM erase", Hazard::Destructive),
    barred(0x05, "unknown", Hazard::Unknown),
    barred(0x09, "unknown", Hazard::Unknown),
    barred(0x14, "unknown", Hazard::Unknown),
    barred(0x15, "unknown", Hazard::Unknown),
    barred(b')', "unknown", Hazard::Unknown),
    barred(b'`', "unknown", Hazard::Unknown),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_one_row() {
        for (place, command) in COMMANDS.iter().enumerate() {
            assert!(
                COMMANDS[..place].iter().all(|other| other.code != command.code),
                "{} twice",
                command.code
            );
        }
    }

    #[test]
    fn what_can_destroy_a_unit_is_barred() {
        for byte in [b'1', b'0', b'4', b'5', b'6', 0x02, 0x10, 0x19] {
            assert_eq!(command(Code::one(byte)).unwrap().hazard, Hazard::Destructive);
        }
    }
}
