//! On-line units of the Smart-UPS RT line: protocol 4 with two-byte extensions, bypass, a high battery voltage.
//!
//! The 1000 is modelled after a dump of a SURT1000XL. The 5000 (firmware 451.2.I) is the same with the damaged
//! capability string that such units were seen to send: a reader must survive it.

use super::{Battery, CalibrationReply, Capabilities, Electrics, Output, Record, Spec, Unknown, WakeStyle};

pub(super) static RT_1000: Spec = Spec {
    name: "smart-ups-rt-1000",
    summary: "Smart-UPS RT 1000 (SURT1000XL kind): on-line, protocol 4 with two-byte extensions, bypass",
    constants: &[
        (0x01, b"SMART-UPS RT 1000 XL"),
        (0x02, b"C3"),
        (0x05, b"00"),
        (0x09, b"00"),
        (0x14, b"00"),
        (b'V', b"5YI"),
        (b'b', b"411.7.I"),
        (b'm', b"01/06/07"),
        (b'n', b"JS1504001122\0\0"),
        (b'y', b"(C) APCC"),
        (b'7', b"00"),
        (b'0', b"B2"),
        (b'4', b"41"),
        (b'5', b"EF"),
        (b'6', b"F4"),
        (b'<', b"000"),
    ],
    electrics: Electrics {
        volts: 216.0,
        hertz: 50.03,
        output: Output::Inverter,
        nominal: 230.0,
        window: (161.0, 253.0),
        volt_amperes: 1000.0,
        load: 27.0,
    },
    battery: Battery { volts: 48.0, minutes: 8.4, charge_hours: 2.5, warning_minutes: 2.0 },
    ..COMMON
};

pub(super) static RT_5000: Spec = Spec {
    name: "smart-ups-rt-5000",
    summary: "Smart-UPS RT 5000 (firmware 451.2.I): as the RT 1000, with a damaged capability string",
    capabilities: Capabilities::Damaged,
    constants: &[
        (0x01, b"SMART-UPS RT 5000 XL"),
        (0x02, b"C7"),
        (0x05, b"00"),
        (0x09, b"00"),
        (0x14, b"00"),
        (b'V', b"5YI"),
        (b'b', b"451.2.I"),
        (b'm', b"11/20/05"),
        (b'n', b"JS0547003344\0\0"),
        (b'y', b"(C) APCC"),
        (b'7', b"00"),
        (b'0', b"B9"),
        (b'4', b"43"),
        (b'5', b"EF"),
        (b'6', b"F2"),
        (b'<', b"000"),
    ],
    electrics: Electrics {
        volts: 229.3,
        hertz: 49.98,
        output: Output::Inverter,
        nominal: 230.0,
        window: (161.0, 253.0),
        volt_amperes: 5000.0,
        load: 41.6,
    },
    battery: Battery { volts: 192.0, minutes: 5.2, charge_hours: 2.5, warning_minutes: 2.0 },
    ..COMMON
};

const COMMON: Spec = Spec {
    name: "",
    summary: "",
    command_set: Some(
        b"4.!$%+?=*#|\x04.\x01\x05\x09\x0C\x0E\x14\x16\x1A')+-/789<>@ABCDEFGKLMNOPQRSTUVWXYZ\\^abcdefgjklmnopqrsuwxyz~\x81.\x81:\xD0\xE2\xF0\xFD\xFE\xFF",
    ),
    commands: b"\x01\x02\x05\x09\x0C\x0E\x14\x16\x1A'+-/0456789<>@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]\\^abcdefghijklmnopqrstuvwxyz{}~\x7F",
    unknown: Unknown::NotAvailable,
    alerts: b"!$%+?=*#|&",
    constants: &[],
    // What the sub-commands mean is not known: the real unit lists them, and so does this one.
    prefixes: b"\x81",
    pairs: &[],
    locale: b'I',
    eeprom: &[
        Record { command: 0x0C, locale: b'4', values: &["E", "F", "G", "S"], factory: 0 },
        Record { command: 0x16, locale: b'I', values: &["I"], factory: 0 },
        Record { command: b'u', locale: b'I', values: &["253", "257", "261", "265"], factory: 0 },
        Record { command: b'l', locale: b'I', values: &["161", "168", "177", "184"], factory: 0 },
        Record { command: b'e', locale: b'4', values: &["00", "15", "50", "90"], factory: 0 },
        Record { command: b'o', locale: b'I', values: &["230", "240", "220"], factory: 0 },
        Record { command: b's', locale: b'4', values: &["A"], factory: 0 },
        Record { command: b'q', locale: b'4', values: &["02", "05", "07", "10"], factory: 0 },
        Record { command: b'p', locale: b'4', values: &["020", "180", "300", "600"], factory: 0 },
        Record { command: b'k', locale: b'4', values: &["0", "T", "L", "N"], factory: 0 },
        Record { command: b'r', locale: b'4', values: &["000", "060", "180", "300"], factory: 0 },
        Record { command: b'w', locale: b'4', values: &["NO", "02", "05", "08"], factory: 0 },
        Record { command: b'E', locale: b'4', values: &["336", "168", "ON ", "OFF"], factory: 3 },
    ],
    texts: &[(b'c', "UPS_IDEN"), (b'x', "01/06/21")],
    capabilities: Capabilities::Plain,
    shutdown_accepted: b"OK",
    wake: WakeStyle::WhenReady,
    calibration: CalibrationReply::Lines,
    register_masks: [0xFF, 0b0111_1111, 0xFF],
    can_bypass: true,
    electrics: Electrics {
        volts: 230.0,
        hertz: 50.0,
        output: Output::Inverter,
        nominal: 230.0,
        window: (161.0, 253.0),
        volt_amperes: 1000.0,
        load: 27.0,
    },
    battery: Battery { volts: 48.0, minutes: 8.4, charge_hours: 2.5, warning_minutes: 2.0 },
};
