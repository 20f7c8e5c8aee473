//! The commands a person gives, by their NUT names.
//!
//! Wire bytes are never part of a caller's vocabulary: a name stands for a whole procedure with its checks.

use super::{Code, CodeSet};

/// One command.
#[derive(Debug, Clone, Copy)]
pub struct InstantCommand {
    /// Its NUT name.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub meaning: &'static str,
    /// What it can do to the load.
    pub danger: Danger,
    /// The procedure behind it.
    pub procedure: Procedure,
    needs: &'static [u8],
}

/// What a command can do to the load. A caller that sends something dangerous says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Danger {
    /// Nothing.
    None,
    /// It may take power from the load or run the battery down, and the caller confirms that this is wanted.
    Confirmed,
}

/// How a command is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Procedure {
    /// One byte, accepted or refused.
    Once(Code),
    /// One byte twice, with a pause that guards against accidents.
    Twice(Code),
    /// Start or stop a calibration: one toggle, so the state is read first.
    Calibration {
        /// Whether it is to run afterwards.
        start: bool,
    },
    /// Start or stop a self test: one toggle on some units.
    SelfTest {
        /// Whether it is to run afterwards.
        start: bool,
    },
    /// Go to bypass or back: one toggle.
    Bypass {
        /// Whether the load is to run from bypass afterwards.
        start: bool,
    },
    /// Off, and back when mains is good: the first of several methods that the unit accepts in its present state.
    ShutdownReturn,
    /// The same, also for a moment: by the one method that works on mains and on battery.
    ShutdownReboot,
    /// Set a variable to one of its permitted values.
    Setting {
        /// The command that reads it.
        code: Code,
        /// As the unit spells it.
        value: &'static str,
    },
    /// Forget the extremes of the input voltage that this library keeps.
    ResetExtremes,
}

impl InstantCommand {
    /// Whether a unit with these commands can carry it out.
    pub fn available(&self, commands: &CodeSet) -> bool {
        if let Procedure::Setting { code, .. } = self.procedure {
            return commands.contains(code);
        }
        self.needs.is_empty() || self.needs.iter().any(|byte| commands.contains(Code::one(*byte)))
    }
}

/// The command `name`.
pub fn instant(name: &str) -> Option<&'static InstantCommand> {
    INSTANT_COMMANDS.iter().find(|command| command.name.eq_ignore_ascii_case(name))
}

const fn row(
    name: &'static str,
    meaning: &'static str,
    danger: Danger,
    procedure: Procedure,
    needs: &'static [u8],
) -> InstantCommand {
    InstantCommand { name, meaning, danger, procedure, needs }
}

use Danger::{Confirmed, None};

/// The delay of the audible alarm, where `N` is never.
const ALARM: Code = Code::one(b'k');
/// Its value that is "never".
pub(crate) const SILENT: &str = "N";
/// The ECO switch of SPM units.
const ECO: Code = Code::two(0x9F, 0xE8);

/// The table, sorted by name.
#[rustfmt::skip]
pub const INSTANT_COMMANDS: &[InstantCommand] = &[
    row("beeper.disable", "Silence the beeper for good", None, Procedure::Setting { code: ALARM, value: SILENT }, b""),
    row("beeper.enable", "Let the beeper sound on battery", None, Procedure::Setting { code: ALARM, value: "0" }, b""),
    row("bypass.start", "Power the load around the inverter, unprotected", Confirmed, Procedure::Bypass { start: true }, b"^"),
    row("bypass.stop", "Power the load through the inverter again", Confirmed, Procedure::Bypass { start: false }, b"^"),
    row("calibrate.start", "Run the battery down to learn its runtime", Confirmed, Procedure::Calibration { start: true }, b"D"),
    row("calibrate.stop", "End a runtime calibration", None, Procedure::Calibration { start: false }, b"D"),
    row("experimental.ecomode.start", "Power the load past the inverter to save energy", Confirmed, Procedure::Setting { code: ECO, value: "ON" }, b""),
    row("experimental.ecomode.stop", "Power the load through the inverter always", None, Procedure::Setting { code: ECO, value: "OFF" }, b""),
    row("load.off", "Switch the load off at once", Confirmed, Procedure::Twice(Code::one(b'Z')), b"Z"),
    row("load.on", "Switch the load on", Confirmed, Procedure::Twice(Code::one(0x0E)), b"\x0E"),
    row("reset.input.minmax", "Forget the lowest and highest input voltage", None, Procedure::ResetExtremes, b""),
    row("shutdown.reboot", "Switch the load off after the grace delay and on again, on mains, too", Confirmed, Procedure::ShutdownReboot, b"@"),
    row("shutdown.return", "Switch the load off after the grace delay and on again when mains is good", Confirmed, Procedure::ShutdownReturn, b"S@"),
    row("shutdown.stayoff", "Switch the load off after the grace delay, until it is switched on by hand", Confirmed, Procedure::Twice(Code::one(b'K')), b"K"),
    row("shutdown.stop", "Abort a shutdown that waits for its delay", None, Procedure::Once(Code::one(0x7F)), b"\x7F"),
    row("test.battery.start", "Run a self test on battery", Confirmed, Procedure::SelfTest { start: true }, b"W"),
    row("test.battery.stop", "End a self test", None, Procedure::SelfTest { start: false }, b"W"),
    row("test.failure.start", "Simulate a power failure", Confirmed, Procedure::Once(Code::one(b'U')), b"U"),
    row("test.panel.start", "Light the panel and sound the beeper", None, Procedure::Once(Code::one(b'A')), b"A"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_each_is_found_in_any_case() {
        assert!(INSTANT_COMMANDS.is_sorted_by_key(|command| command.name));
        assert_eq!(instant("TEST.Battery.Start").map(|command| command.name), Some("test.battery.start"));
        assert!(instant("service.mode").is_none());
    }
}
