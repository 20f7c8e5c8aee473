//! How each value is written on the wire.
//!
//! Invariant: the widths and signs are those of real units (`231.8`, `027.3`, `0064:`), and asking changes nothing.

use super::super::state::{Activity, Bypass, OffBy, Output, Ups};
use super::Firmware;

impl Firmware {
    /// What a query answers now, without CR LF; nothing when it is not available, which becomes `NA`.
    pub(in super::super) fn value(&self, query: u8) -> Option<Vec<u8>> {
        if !self.spec.answers(query) {
            return None;
        }
        if let Some((_, constant)) = self.spec.constants.iter().find(|(command, _)| *command == query) {
            return Some(constant.to_vec());
        }
        if let Some(value) = self.measure.value(query).or_else(|| self.eeprom.value(query)) {
            return Some(value);
        }
        let ups = &self.ups;
        let text = match query {
            b'Q' => format!("{:02X}", self.status()),
            b'~' => format!("{:02X}", self.state_register()),
            b'\'' => format!("{:02X}", self.first_trip_register()),
            b'8' => format!("{:02X}", ups.trip_register() & self.spec.register_masks[2]),
            b'9' => if ups.mains_good() { "FF" } else { "00" }.to_owned(),
            b'/' => format!("{:05.2}", ups.output_current()),
            b'\\' => format!("{:06.2}", ups.load()),
            b'B' if ups.battery_volts() < 100.0 => format!("{:05.2}", ups.battery_volts()),
            b'B' => format!("{:05.1}", ups.battery_volts()),
            b'C' => format!("{:05.1}", ups.temperature),
            b'F' => format!("{:05.2}", ups.hertz()),
            b'G' => char::from(ups.transfer_cause).to_string(),
            b'L' => format!("{:05.1}", ups.mains_volts()),
            b'M' => format!("{:05.1}", ups.volts_seen.0),
            b'N' => format!("{:05.1}", ups.volts_seen.1),
            b'O' => format!("{:05.1}", ups.output_volts()),
            b'P' => format!("{:05.1}", ups.load()),
            b'T' if self.has_uptime() => format!("{:05.1}", ups.uptime_hours()),
            b'X' => ups.test_result().to_owned(),
            b'd' => format!("{:03}", ups.hours_since_test()),
            b'f' => format!("{:05.1}", ups.charge),
            b'g' => format!("{:03.0}", self.spec.battery.volts),
            // Whole minutes, cut off: a promise of runtime must not be rounded up.
            b'j' => format!("{:04}:", ups.runtime_minutes() as u32),
            b'o' => format!("{:03.0}", self.spec.electrics.nominal),
            _ => return None,
        };
        Some(text.into_bytes())
    }

    /// The status byte as `Q` tells it.
    pub(in super::super) fn status(&self) -> u8 {
        let ups = &self.ups;
        let bit = |set: bool, mask: u8| if set { mask } else { 0 };
        bit(ups.activity == Activity::Calibration, 0x01)
            | bit(ups.trimming(), 0x02)
            | bit(ups.boosting(), 0x04)
            | bit(ups.output_is_on() && !ups.on_battery(), 0x08)
            | bit(ups.on_battery(), 0x10)
            | bit(ups.overloaded(), 0x20)
            | bit(ups.battery_low() && ups.output_is_on(), 0x40)
            | bit(ups.replace_battery, 0x80)
    }

    /// Register 1.
    fn state_register(&self) -> u8 {
        let bypass = match self.ups.bypass {
            Bypass::None => 0,
            Bypass::Fault => 0x02,
            Bypass::Command => 0x08,
            Bypass::Switch => 0x20,
        };
        let waits = match self.ups.output {
            Output::On => 0,
            Output::Off { by: OffBy::User, .. } => 0x40,
            Output::Off { .. } => 0x80,
        };
        (bypass | waits) & self.spec.register_masks[0]
    }

    /// Register 2.
    fn first_trip_register(&self) -> u8 {
        let fault = |ups: &Ups| if ups.bypass == Bypass::Fault { 0x01 } else { 0 };
        let relay = if self.ups.relay_failed { 0x40 } else { 0 };
        (fault(&self.ups) | relay) & self.spec.register_masks[1]
    }

    /// `T` is uptime on units that can bypass; elsewhere it belongs to the probes.
    fn has_uptime(&self) -> bool {
        self.spec.can_bypass
    }
}
