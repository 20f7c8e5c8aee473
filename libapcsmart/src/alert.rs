//! The single bytes that a UPS sends unasked.

use core::fmt;

/// What an alert byte announces. It may come at any time, also inside an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Alert {
    /// `!`: the UPS goes on battery. Repeated about every 30 s until the battery is low.
    LineFail,
    /// `$`: mains is back; only after a `!`.
    LineReturned,
    /// `%`: the battery is low.
    LowBattery,
    /// `+`: the battery is no longer low; only after a `%`.
    BatteryRecovered,
    /// `?`: something is abnormal: overload, a change of register 8, or the first ten minutes after turn-on. It says
    /// "look", not what.
    Abnormal,
    /// `=`: what `?` announced has ended.
    AbnormalEnded,
    /// `*`: the load goes off now; the UPS takes no more commands.
    LoadOff,
    /// `#`: replace the battery; repeated every 5 h.
    ReplaceBattery,
    /// `&`: a Measure-UPS limit is exceeded or a contact changed; repeated every 2 min.
    MeasureUps,
    /// `|`: a value in the EEPROM changed; about 5 s after the change.
    EepromChanged,
}

impl Alert {
    /// All of them.
    pub const ALL: [Alert; 10] = [
        Alert::LineFail,
        Alert::LineReturned,
        Alert::LowBattery,
        Alert::BatteryRecovered,
        Alert::Abnormal,
        Alert::AbnormalEnded,
        Alert::LoadOff,
        Alert::ReplaceBattery,
        Alert::MeasureUps,
        Alert::EepromChanged,
    ];

    /// The alert that `byte` is.
    pub fn from_byte(byte: u8) -> Option<Alert> {
        Alert::ALL.into_iter().find(|alert| alert.byte() == byte)
    }

    /// Its byte on the wire.
    pub const fn byte(self) -> u8 {
        match self {
            Alert::LineFail => b'!',
            Alert::LineReturned => b'$',
            Alert::LowBattery => b'%',
            Alert::BatteryRecovered => b'+',
            Alert::Abnormal => b'?',
            Alert::AbnormalEnded => b'=',
            Alert::LoadOff => b'*',
            Alert::ReplaceBattery => b'#',
            Alert::MeasureUps => b'&',
            Alert::EepromChanged => b'|',
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Alert::LineFail => "line fail",
            Alert::LineReturned => "line returned",
            Alert::LowBattery => "low battery",
            Alert::BatteryRecovered => "battery recovered",
            Alert::Abnormal => "abnormal condition",
            Alert::AbnormalEnded => "abnormal condition ended",
            Alert::LoadOff => "load goes off",
            Alert::ReplaceBattery => "replace battery",
            Alert::MeasureUps => "Measure-UPS alarm",
            Alert::EepromChanged => "EEPROM changed",
        })
    }
}
