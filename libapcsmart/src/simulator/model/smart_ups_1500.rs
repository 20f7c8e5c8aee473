//! A Smart-UPS 1500 of the SUA1500I kind: the fullest and most common speaker of this protocol.
//!
//! It answers `/` although its `a` reply does not list it, as rack units of this line do.

use super::{Battery, CalibrationReply, Capabilities, Electrics, Output, Record, Spec, Unknown, WakeStyle};

pub(super) static SPEC: Spec = Spec {
    name: "smart-ups-1500",
    summary: "Smart-UPS 1500 (SUA1500I kind), 230 V, every value and alert of its generation",
    command_set: Some(
        b"3.!$%+?=#&|.\x01\x0E\x1A')+-789<>@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]abcdefghijklmnopqrstuvxyz{}~\x7F",
    ),
    commands: b"\x01\x02\x0E\x1A'+-/0456789<>@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]abcdefghijklmnopqrstuvxyz{}~\x7F",
    unknown: Unknown::NotAvailable,
    alerts: b"!$%+?=#&|", // this generation has no `*`
    constants: &[
        (0x01, b"SMART-UPS 1500     "),
        (0x02, b"A7"),
        (b'V', b"FWI"),
        (b'b', b"653.18.I"),
        (b'm', b"03/14/07"),
        (b'n', b"AS0711234567  "),
        (b'y', b"(C) APCC"),
        (b'7', b"00"),
        (b'0', b"A1"),
        (b'4', b"35"),
        (b'5', b"EF"),
        (b'6', b"F9"),
        (b'<', b"000"),
    ],
    prefixes: &[],
    pairs: &[],
    locale: b'I',
    eeprom: &[
        Record { command: b'u', locale: b'D', values: &["127", "130", "133", "136"], factory: 0 },
        Record { command: b'u', locale: b'M', values: &["229", "234", "239", "224"], factory: 0 },
        Record { command: b'u', locale: b'A', values: &["108", "110", "112", "114"], factory: 0 },
        Record { command: b'u', locale: b'I', values: &["253", "257", "261", "265"], factory: 0 },
        Record { command: b'l', locale: b'D', values: &["106", "103", "100", "097"], factory: 0 },
        Record { command: b'l', locale: b'M', values: &["177", "172", "168", "182"], factory: 0 },
        Record { command: b'l', locale: b'A', values: &["092", "090", "088", "086"], factory: 0 },
        Record { command: b'l', locale: b'I', values: &["208", "204", "200", "196"], factory: 0 },
        Record { command: b'e', locale: b'4', values: &["00", "15", "50", "90"], factory: 0 },
        Record { command: b'o', locale: b'D', values: &["115"], factory: 0 },
        Record { command: b'o', locale: b'J', values: &["100"], factory: 0 },
        Record { command: b'o', locale: b'I', values: &["230", "240", "220", "225"], factory: 0 },
        Record { command: b'o', locale: b'M', values: &["208"], factory: 0 },
        Record { command: b's', locale: b'4', values: &["H", "M", "L", "L"], factory: 0 },
        Record { command: b'q', locale: b'4', values: &["02", "05", "07", "10"], factory: 0 },
        Record { command: b'p', locale: b'4', values: &["020", "180", "300", "600"], factory: 0 },
        Record { command: b'k', locale: b'4', values: &["0", "T", "L", "N"], factory: 0 },
        Record { command: b'r', locale: b'4', values: &["000", "060", "180", "300"], factory: 0 },
        Record { command: b'E', locale: b'4', values: &["336", "168", "ON ", "OFF"], factory: 0 },
    ],
    texts: &[(b'c', "UPS_IDEN"), (b'x', "03/14/07")],
    capabilities: Capabilities::Plain,
    shutdown_accepted: b"OK",
    wake: WakeStyle::WhenReady,
    calibration: CalibrationReply::Lines,
    // State: only "waits for the user" and "waits for the user or mains". Trip 1: DC imbalance, relay fault.
    register_masks: [0b1100_0000, 0b0101_0000, 0xFF],
    can_bypass: false,
    electrics: Electrics {
        volts: 231.8,
        hertz: 50.0,
        output: Output::BoostAndTrim,
        nominal: 230.0,
        window: (208.0, 253.0),
        volt_amperes: 1500.0,
        load: 27.3,
    },
    battery: Battery { volts: 24.0, minutes: 6.7, charge_hours: 3.0, warning_minutes: 2.0 },
};
