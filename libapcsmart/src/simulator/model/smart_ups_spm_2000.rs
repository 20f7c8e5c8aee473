//! An on-line unit of the SPM line: the only one whose two-byte commands (prefix 9F) are understood.
//!
//! What stands behind 9F follows published samples; its other values follow the Smart-UPS of its time. With 9F D3 in the
//! list, `F` tells the frequency of the output, and 9F D3 that of the mains.

use super::{Battery, CalibrationReply, Capabilities, Electrics, Output, Record, Spec, Unknown, WakeStyle};

pub(super) static SPEC: Spec = Spec {
    name: "smart-ups-spm-2000",
    summary: "SPM 2000: on-line, two-byte commands with switches, output and mains frequency apart",
    command_set: Some(
        b"3.!$%+?=#|.\x01\x0E\x1A'+-89@ABCDEFGKLMNOPQRSUVWXYZabcefgjklmnopqrsuxyz~\x9F.\
          \x9F:\xD1\xD2\xD3\xD4\xD5\xD6\xD7\xD9\xE3\xE4\xE5\xE6\xE7\xE8\xE9\xEA\xEB\xCA\xCB\xFE\xFF",
    ),
    commands: b"\x01\x0E\x1A'+-89@ABCDEFGKLMNOPQRSUVWXYZabcefgjklmnopqrsuxyz~\x7F",
    unknown: Unknown::NotAvailable,
    alerts: b"!$%+?=#|",
    constants: &[
        (0x01, b"SPM2K               "),
        (b'V', b"5YI"),
        (b'b', b"451.6.I"),
        (b'm', b"06/11/12"),
        (b'n', b"SP1224000815"),
        (b'y', b"(C) APCC"),
    ],
    prefixes: b"\x9F",
    pairs: &[
        ([0x9F, 0xD1], b"02000,220,220,50.0,009,048.0,11"),
        ([0x9F, 0xD6], b"47.0,53.0"),
        ([0x9F, 0xD7], b"209,231"),
        ([0x9F, 0xD9], b"0000000000000000"),
    ],
    locale: b'I',
    eeprom: &[
        Record { command: b'u', locale: b'I', values: &["253", "257", "261", "265"], factory: 0 },
        Record { command: b'l', locale: b'I', values: &["161", "168", "177", "184"], factory: 0 },
        Record { command: b'e', locale: b'4', values: &["00", "15", "50", "90"], factory: 0 },
        Record { command: b'o', locale: b'I', values: &["220", "230", "240"], factory: 0 },
        Record { command: b's', locale: b'4', values: &["A"], factory: 0 },
        Record { command: b'q', locale: b'4', values: &["02", "05", "07", "10"], factory: 0 },
        Record { command: b'p', locale: b'4', values: &["020", "180", "300", "600"], factory: 0 },
        Record { command: b'k', locale: b'4', values: &["0", "T", "L", "N"], factory: 0 },
        Record { command: b'r', locale: b'4', values: &["000", "060", "180", "300"], factory: 0 },
        Record { command: b'E', locale: b'4', values: &["336", "168", "ON ", "OFF"], factory: 0 },
    ],
    texts: &[(b'c', "UPS_IDEN"), (b'x', "06/11/12")],
    capabilities: Capabilities::Plain,
    shutdown_accepted: b"OK",
    wake: WakeStyle::WhenReady,
    calibration: CalibrationReply::Lines,
    register_masks: [0xFF, 0b0111_1111, 0xFF],
    can_bypass: true,
    electrics: Electrics {
        volts: 221.4,
        hertz: 50.0,
        output: Output::Inverter,
        nominal: 220.0,
        window: (161.0, 253.0),
        volt_amperes: 2000.0,
        load: 34.0,
    },
    battery: Battery { volts: 48.0, minutes: 7.0, charge_hours: 3.0, warning_minutes: 2.0 },
};
