//! A Smart-UPS v/s 420: a reduced speaker whose `a` reply calls the protocol `2)` and lists commands backwards.
//! The earlier firmware puts the fields of `a` in reverse order and lists no command at all. Both keep silent on
//! bytes that they do not know.

use super::{Battery, CalibrationReply, Capabilities, Electrics, Output, Spec, Unknown, WakeStyle};

pub(super) static SPEC: Spec = Spec {
    name: "smart-ups-vs-420",
    summary: "Smart-UPS v/s 420 (firmware 42.L.I): protocol `2)`, few values, silent on unknown commands",
    command_set: Some(b"2).?=*%+#!$.98~`\x01ynba@YXUSQKGA"),
    ..COMMON
};

pub(super) static EARLY: Spec = Spec {
    name: "smart-ups-vs-420-early",
    summary: "Smart-UPS v/s 420 (firmware 42.J.I): fields of `a` in reverse order and no command list",
    command_set: Some(b".!$?.3"),
    constants: &[
        (0x01, b"SMART-UPS V/S 420"),
        (b'b', b"42.J.I"),
        (b'n', b"NS9811001234\0\0"),
        (b'y', b"(C) APCC"),
    ],
    ..COMMON
};

const COMMON: Spec = Spec {
    name: "",
    summary: "",
    command_set: None,
    commands: b"\x01'89@AGKQRSUXYabny~`\x7F",
    unknown: Unknown::Silence,
    alerts: b"!$?",
    constants: &[
        (0x01, b"SMART-UPS V/S 420"),
        (b'b', b"42.L.I"),
        (b'n', b"NS9922004321\0\0"),
        (b'y', b"(C) APCC"),
        (b'`', b"00"),
    ],
    prefixes: &[],
    pairs: &[],
    locale: b'I',
    eeprom: &[],
    texts: &[],
    capabilities: Capabilities::Plain,
    shutdown_accepted: b"OK",
    wake: WakeStyle::WhenReady,
    calibration: CalibrationReply::AlertsOnly,
    register_masks: [0b1100_0000, 0b1101_0000, 0b0011_1111],
    can_bypass: false,
    electrics: Electrics {
        volts: 230.4,
        hertz: 50.0,
        output: Output::Boost,
        nominal: 230.0,
        window: (180.0, 266.0),
        volt_amperes: 420.0,
        load: 18.5,
    },
    battery: Battery { volts: 12.0, minutes: 4.0, charge_hours: 5.0, warning_minutes: 2.0 },
};
