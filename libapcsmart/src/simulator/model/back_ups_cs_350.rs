//! A Back-UPS CS 350 on its serial port: a small command set, no `a`, and silence on everything it does not know.

use super::{Battery, CalibrationReply, Capabilities, Electrics, Output, Spec, Unknown, WakeStyle};

pub(super) static SPEC: Spec = Spec {
    name: "back-ups-cs-350",
    summary: "Back-UPS CS 350 (firmware 5.4.D): few values, silent on unknown commands, no `a` reply",
    command_set: None,
    commands: b"\x019@ABPQRSUYbdfgjmnx\x7F",
    unknown: Unknown::Silence,
    alerts: b"!$",
    constants: &[
        (0x01, b"Back-UPS CS 350     "),
        (b'b', b"5.4.D"),
        (b'm', b"02/17/04"),
        (b'n', b"BB0408012345  "),
        (b'x', b"02/17/04"),
    ],
    prefixes: &[],
    pairs: &[],
    locale: b'D',
    eeprom: &[],
    texts: &[],
    capabilities: Capabilities::Plain,
    shutdown_accepted: b"OK",
    wake: WakeStyle::WhenReady,
    calibration: CalibrationReply::AlertsOnly,
    register_masks: [0, 0, 0],
    can_bypass: false,
    electrics: Electrics {
        volts: 120.0,
        hertz: 60.0,
        output: Output::Direct,
        nominal: 120.0,
        window: (88.0, 139.0),
        volt_amperes: 350.0,
        load: 22.0,
    },
    battery: Battery { volts: 12.0, minutes: 2.9, charge_hours: 6.0, warning_minutes: 2.0 },
};
