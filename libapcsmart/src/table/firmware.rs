//! Units that do not answer `a` properly, by their firmware: which commands they take.
//!
//! The rows restate what the NUT project found out about these units.

use super::{Code, CodeSet};

/// A unit known by its firmware.
#[derive(Debug, Clone, Copy)]
pub struct FirmwareRow {
    /// What `V` or `b` answers.
    pub firmware: &'static str,
    /// The model, where the unit itself does not tell it.
    pub model: &'static str,
    commands: &'static [u8],
}

impl FirmwareRow {
    /// The commands it takes.
    pub fn commands(&self) -> CodeSet {
        CodeSet::from_bytes(self.commands)
    }
}

const MATRIX_1: &[u8] = b"789@/<>\\^ABCDEFGKLMNOPQRSTUVWXYZcefgjklmnopqrsuwxz\x0C\x16";
const MATRIX_2: &[u8] = b"79@/<>ABCDEFGKLMNOPQRSUVWXYZcefgjklmnopqrsuxz";
const SMART_1: &[u8] = b"79@ABCDEFGKLMNOPQRSUVWXYZcefgjklmnopqrsuxz";
const SMART_2: &[u8] = b"789@ABCFGKLMNOPQSTUVWXYZfg";
const SMART_3: &[u8] = b"79@ABCEFGKLMNOPQRSUVWXYZcfg";
const SMART_4: &[u8] = b"79@ABCEFGKLMNOPQRSUVWXYZfg";
const BACK_CS: &[u8] = b"9@ABPQRSUYbdfgjmnx\x01";
const OLD_600: &[u8] = b"789ABCEFGKLMNOPQRSUVWXYZ";
/// The same without a row of its own: the firmware answer is a voltage in hexadecimal.
const VOLTAGE_IN_B: &[u8] = b"789@ABCFGKLMNOPQRSUVWXYZ";
/// What is tried when nothing is known.
const VERY_OLD: &[u8] = b"QfjPBLOGXC9F\x01bVngmxcqpu";

const fn row(firmware: &'static str, model: &'static str, commands: &'static [u8]) -> FirmwareRow {
    FirmwareRow { firmware, model, commands }
}

/// The table.
#[rustfmt::skip]
pub const FIRMWARE_ROWS: &[FirmwareRow] = &[
    row("0XI", "Matrix-UPS 3000", MATRIX_1), row("0XM", "Matrix-UPS 3000", MATRIX_1),
    row("0ZI", "Matrix-UPS 3000", MATRIX_2), row("5UI", "Matrix-UPS 5000", MATRIX_2),
    row("5ZM", "Matrix-UPS 5000", MATRIX_2),
    row("6QD", "Smart-UPS 600", SMART_1), row("6QI", "Smart-UPS 600", SMART_1),
    row("6TD", "Smart-UPS 600", SMART_1), row("6TI", "Smart-UPS 600", SMART_1),
    row("7QD", "Smart-UPS 900", SMART_1), row("7QI", "Smart-UPS 900", SMART_1),
    row("7TD", "Smart-UPS 900", SMART_1), row("7TI", "Smart-UPS 900", SMART_1),
    row("8QD", "Smart-UPS 1250", SMART_1), row("8QI", "Smart-UPS 1250", SMART_1),
    row("8TD", "Smart-UPS 1250", SMART_1), row("8TI", "Smart-UPS 1250", SMART_1),
    row("6JI", "Smart-UPS 600I", SMART_2),
    row("7II", "Smart-UPS 900I", SMART_3), row("8II", "Smart-UPS 1250I", SMART_3),
    row("9II", "Smart-UPS 2000I", SMART_3), row("9GI", "Smart-UPS 2000I", SMART_3),
    row("8GI", "Smart-UPS 1250I", SMART_4),
    row("5.4.D", "Back-UPS CS 350", BACK_CS),
    row("D4", "Smart-UPS 600", OLD_600), row("D5", "Smart-UPS 600", OLD_600),
    row("D6", "Smart-UPS 600", OLD_600), row("D7", "Smart-UPS 600", OLD_600),
    row("D8", "Smart-UPS 600", OLD_600), row("D9", "Smart-UPS 600", OLD_600),
];

/// The row of this firmware answer.
pub fn by_firmware(firmware: &str) -> Option<FirmwareRow> {
    FIRMWARE_ROWS.iter().find(|row| row.firmware == firmware).copied()
}

/// The row of a unit that answers `b` with a voltage: two hexadecimal digits. Any damaged answer may look so.
pub fn by_voltage(firmware: &str) -> Option<FirmwareRow> {
    let voltage = firmware.len() == 2 && firmware.bytes().all(|byte| byte.is_ascii_hexdigit());
    voltage.then_some(row("", "Smart-UPS 600", VOLTAGE_IN_B))
}

/// The commands worth trying on a unit of which nothing is known.
pub fn very_old() -> CodeSet {
    CodeSet::from_bytes(VERY_OLD)
}

/// Commands that units are known to answer although they do not list them.
pub const UNLISTED: &[Code] =
    &[Code::one(b'/'), Code::one(b'x'), Code::one(b'~'), Code::one(b'\''), Code::one(b'8')];

/// The model by the first letter of an old firmware, such as `F` of `FWD`. None for letters of which units disagree and
/// for the digits, which newer units use otherwise.
pub fn model_by_letter(firmware: &str) -> Option<&'static str> {
    Some(match firmware.chars().next()? {
        '2' => "Smart-UPS 250",
        '3' => "Smart-UPS 370/400",
        '4' => "Smart-UPS 400",
        '6' => "Smart-UPS 600",
        '7' => "Smart-UPS 900",
        '8' => "Smart-UPS 1250",
        '9' => "Smart-UPS 2000",
        'A' => "Smart-UPS 1400",
        'B' => "Smart-UPS 1000",
        'C' => "Smart-UPS 650",
        'D' => "Smart-UPS 420",
        'E' => "Smart-UPS 280",
        'F' => "Smart-UPS 450",
        'G' => "Smart-UPS 700",
        'H' => "Smart-UPS 700XL",
        'I' => "Smart-UPS 1000",
        'J' => "Smart-UPS 1000XL",
        'K' => "Smart-UPS 1400",
        'L' => "Smart-UPS 1400XL",
        'M' => "Smart-UPS 2200",
        'N' => "Smart-UPS 2200XL",
        _ => return None,
    })
}
