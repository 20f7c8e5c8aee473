//! The state of the UPS: the flags of `Q` and, where the unit has them, its three registers.

use alloc::string::String;
use alloc::vec::Vec;

/// What `Q` and the registers say at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// The two hexadecimal digits of `Q`.
    pub flags: u8,
    /// Register 1, `~`: bypass and sleep. None where the unit has none.
    pub state: Option<u8>,
    /// Register 2, `'`: faults, most of them of Matrix-UPS.
    pub trip1: Option<u8>,
    /// Register 3, `8`: why the output is off, and faults.
    pub trip: Option<u8>,
}

/// Bits of `Q`.
pub(crate) mod flag {
    pub(crate) const CALIBRATION: u8 = 0x01;
    pub(crate) const TRIM: u8 = 0x02;
    pub(crate) const BOOST: u8 = 0x04;
    pub(crate) const ON_LINE: u8 = 0x08;
    pub(crate) const ON_BATTERY: u8 = 0x10;
    pub(crate) const OVERLOAD: u8 = 0x20;
    pub(crate) const LOW_BATTERY: u8 = 0x40;
    pub(crate) const REPLACE_BATTERY: u8 = 0x80;
}

/// Register 1: bypass by fault, by command or key, going there, or by switch.
const STATE_BYPASS: u8 = 0x2E;
/// Register 1: powers the load on command or when mains returns.
const STATE_WAKES: u8 = 0x80;
/// Register 3: off after low battery, asleep by `@`, shut down by `S`.
const TRIP_WAKES: u8 = 0x19;
const TRIP_OVERLOAD: u8 = 0x02;

/// A fault that a register tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The fan of the electronics failed; the unit is in bypass.
    ElectronicsFan,
    /// The fan of the isolation unit failed.
    IsolationFan,
    /// The bypass supply failed.
    BypassSupply,
    /// Output voltage selection failed; the unit is in bypass.
    OutputVoltageSelect,
    /// DC imbalance; the unit is in bypass.
    DcImbalance,
    /// No battery is attached.
    NoBattery,
    /// A relay of SmartTrim or SmartBoost failed.
    TrimBoostRelay,
    /// The output voltage is bad.
    OutputVoltage,
    /// The load is too high to go on battery.
    TransferOverload,
    /// The main relay failed; the UPS is off.
    MainRelay,
    /// The charger failed.
    Charger,
    /// The bypass relay failed.
    BypassRelay,
    /// The UPS is too hot.
    OverTemperature,
}

impl Fault {
    /// One phrase for a person, as `ups.alarm` shows it.
    pub const fn text(self) -> &'static str {
        match self {
            Fault::ElectronicsFan => "Electronics fan failed",
            Fault::IsolationFan => "Isolation unit fan failed",
            Fault::BypassSupply => "Bypass supply failed",
            Fault::OutputVoltageSelect => "Output voltage selection failed",
            Fault::DcImbalance => "DC imbalance",
            Fault::NoBattery => "No battery attached",
            Fault::TrimBoostRelay => "Trim or boost relay failed",
            Fault::OutputVoltage => "Bad output voltage",
            Fault::TransferOverload => "Load too high to run on battery",
            Fault::MainRelay => "Main relay failed",
            Fault::Charger => "Battery charger failed",
            Fault::BypassRelay => "Bypass relay failed",
            Fault::OverTemperature => "Over temperature",
        }
    }
}

impl Status {
    /// Mains powers the load.
    pub fn on_line(&self) -> bool {
        self.has(flag::ON_LINE)
    }

    /// The battery powers the load.
    pub fn on_battery(&self) -> bool {
        self.has(flag::ON_BATTERY)
    }

    /// The battery is low.
    pub fn low_battery(&self) -> bool {
        self.has(flag::LOW_BATTERY)
    }

    /// The battery should be replaced.
    pub fn replace_battery(&self) -> bool {
        self.has(flag::REPLACE_BATTERY)
    }

    /// The load is too high.
    pub fn overload(&self) -> bool {
        self.has(flag::OVERLOAD) || self.register(self.trip, TRIP_OVERLOAD)
    }

    /// SmartBoost raises the voltage.
    pub fn boost(&self) -> bool {
        self.has(flag::BOOST)
    }

    /// SmartTrim lowers the voltage.
    pub fn trim(&self) -> bool {
        self.has(flag::TRIM)
    }

    /// A runtime calibration runs.
    pub fn calibrating(&self) -> bool {
        self.has(flag::CALIBRATION)
    }

    /// The load runs from mains around the inverter.
    pub fn bypass(&self) -> bool {
        self.register(self.state, STATE_BYPASS)
    }

    /// The load has no power from this UPS. Only `Q` tells: the registers are read after it and may be older.
    pub fn off(&self) -> bool {
        !self.on_line() && !self.on_battery() && !self.bypass()
    }

    /// The output is off and comes back by itself: with mains, or after a time. None where the unit has no register that
    /// tells.
    pub fn sleeping(&self) -> Option<bool> {
        if self.state.is_none() && self.trip.is_none() {
            return None;
        }
        Some(self.off() && (self.register(self.state, STATE_WAKES) || self.register(self.trip, TRIP_WAKES)))
    }

    /// What the registers complain of.
    pub fn faults(&self) -> impl Iterator<Item = Fault> {
        const TRIP1: [Fault; 8] = [
            Fault::ElectronicsFan,
            Fault::IsolationFan,
            Fault::BypassSupply,
            Fault::OutputVoltageSelect,
            Fault::DcImbalance,
            Fault::NoBattery,
            Fault::TrimBoostRelay,
            Fault::OutputVoltage,
        ];
        const TRIP: [(u8, Fault); 5] = [
            (1, Fault::TransferOverload),
            (2, Fault::MainRelay),
            (5, Fault::Charger),
            (6, Fault::BypassRelay),
            (7, Fault::OverTemperature),
        ];
        let (trip1, trip) = (self.trip1.unwrap_or(0), self.trip.unwrap_or(0));
        let first = TRIP1
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| trip1 >> bit & 1 == 1)
            .map(|(_, fault)| fault);
        let second = TRIP.into_iter().filter(move |(bit, _)| trip >> bit & 1 == 1).map(|(_, fault)| fault);
        first.chain(second)
    }

    /// `ups.status` as NUT clients read it: `OL`, `OB LB`, `OFF`.
    pub fn tokens(&self) -> String {
        let tokens: [(bool, &str); 10] = [
            (self.calibrating(), "CAL"),
            (self.trim(), "TRIM"),
            (self.boost(), "BOOST"),
            (self.on_line(), "OL"),
            (self.on_battery(), "OB"),
            (self.overload(), "OVER"),
            (self.low_battery(), "LB"),
            (self.replace_battery(), "RB"),
            (self.bypass(), "BYPASS"),
            (self.off(), "OFF"),
        ];
        let shown: Vec<&str> =
            tokens.into_iter().filter_map(|(shown, token)| shown.then_some(token)).collect();
        shown.join(" ")
    }

    /// `ups.alarm` as NUT clients read it; none when there is no alarm.
    pub fn alarm(&self) -> Option<String> {
        let faults: Vec<&str> = self.faults().map(Fault::text).collect();
        (!faults.is_empty()).then(|| faults.join("; "))
    }

    fn has(&self, bit: u8) -> bool {
        self.flags & bit != 0
    }

    fn register(&self, register: Option<u8>, bits: u8) -> bool {
        register.is_some_and(|value| value & bits != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_follow_the_flags_and_registers() {
        let cases: [(u8, Option<u8>, Option<u8>, &str); 10] = [
            (0x08, None, None, "OL"),
            (0x0C, None, None, "BOOST OL"),
            (0x0A, None, None, "TRIM OL"),
            (0x10, None, None, "OB"),
            (0x50, Some(0), Some(0), "OB LB"),
            (0x88, None, None, "OL RB"),
            (0x00, None, None, "OFF"),
            (0x08, Some(0x08), None, "OL BYPASS"),
            (0x00, Some(0x80), Some(0x08), "OFF"),
            (0x19, None, None, "CAL OL OB"),
        ];
        for (flags, state, trip, tokens) in cases {
            assert_eq!(
                Status { flags, state, trip, trip1: None }.tokens(),
                tokens,
                "{flags:02X} {state:?} {trip:?}"
            );
        }
    }

    #[test]
    fn a_sleeping_unit_is_told_from_one_that_is_off() {
        let asleep = Status { flags: 0, state: Some(0x80), trip: Some(0x08), trip1: None };
        assert_eq!(asleep.sleeping(), Some(true));
        assert_eq!(Status { state: Some(0x40), trip: Some(0), ..asleep }.sleeping(), Some(false));
        assert_eq!(Status { state: None, trip: None, ..asleep }.sleeping(), None);
    }

    #[test]
    fn every_fault_bit_is_told_in_the_alarm() {
        let status = Status { flags: 0x08, trip1: Some(0x10), trip: Some(0x20), state: None };
        assert_eq!(status.alarm().as_deref(), Some("DC imbalance; Battery charger failed"));
        assert_eq!(Status { flags: 0x08, ..Status::default() }.alarm(), None);
    }
}
