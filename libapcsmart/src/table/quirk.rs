//! What is known of single firmwares that differ from what their kind does.
//!
//! Only what somebody saw on a unit stands here, with no guess at its relatives. Units that fall silent when they are asked
//! too fast have no row: no report names their firmware, and the session finds their pace by itself.

use super::Code;

/// What is known of a firmware.
#[derive(Debug, Clone, Copy)]
pub struct Quirk {
    /// Which firmwares: what `b` or `V` answers.
    pub firmware: Pattern,
    /// What is known, for people.
    pub note: &'static str,
    /// Commands that it answers although it does not list them.
    pub answers: &'static [Code],
    /// It says nothing at all to a command that it does not know: trying one costs a whole timeout.
    pub silent: bool,
}

/// Which firmwares a row means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// This one.
    Exact(&'static str),
    /// Every one that begins so: the model and its revision, in any country.
    Prefix(&'static str),
}

impl Pattern {
    /// Whether `firmware` is meant.
    pub fn fits(self, firmware: &str) -> bool {
        match self {
            Pattern::Exact(known) => firmware == known,
            Pattern::Prefix(start) => firmware.starts_with(start),
        }
    }
}

/// The table.
pub const QUIRKS: &[Quirk] = &[
    Quirk {
        firmware: Pattern::Exact("451.2.I"),
        note: "Smart-UPS RT: its answer to ^Z breaks off within a record; what is whole is used",
        answers: &[],
        silent: false,
    },
    Quirk {
        firmware: Pattern::Exact("FWI"),
        note: "SUA1500RM: tells its load current, and does not list the command",
        answers: &[Code::one(b'/')],
        silent: false,
    },
    Quirk {
        firmware: Pattern::Prefix("42.J."),
        note: "Smart-UPS v/s 420: answers `a` in reverse order and lists no commands",
        answers: &[],
        silent: false,
    },
    Quirk {
        firmware: Pattern::Prefix("42.L."),
        note: "Smart-UPS v/s 420: no answer to what it does not list",
        answers: &[],
        silent: true,
    },
];

/// What is known of this firmware.
pub fn by_firmware(firmware: &str) -> Option<&'static Quirk> {
    QUIRKS.iter().find(|quirk| quirk.firmware.fits(firmware))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_firmware_has_one_quirk_and_its_relatives_have_none() {
        assert!(by_firmware("42.L.I").is_some_and(|quirk| quirk.silent));
        assert!(by_firmware("42.L.D").is_some_and(|quirk| quirk.silent), "the country does not matter");
        assert!(by_firmware("42.J.I").is_some_and(|quirk| !quirk.silent));
        for other in ["451.2.D", "451.3.I", "42.K.I", "142.L.I", "FWD", ""] {
            assert!(by_firmware(other).is_none(), "{other}");
        }
    }

    #[test]
    fn only_what_may_be_read_is_sent_for_a_quirk() {
        use crate::table::{Hazard, command};
        for code in QUIRKS.iter().flat_map(|quirk| quirk.answers) {
            assert_eq!(command::command(*code).unwrap().hazard, Hazard::ReadOnly, "{code}");
        }
    }
}
