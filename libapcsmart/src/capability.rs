//! The answer to `^Z`: which values each setting of the EEPROM takes.
//!
//! `#`, then records of command (1), locale (1), count (1), length (1) and count × length bytes. Matrix-UPS puts `##`
//! before every record. Units send broken ones: a count below zero, a record cut short, more than is documented. What
//! can be read is kept, the rest is left out and counted; nothing here fails.

use alloc::string::String;
use alloc::vec::Vec;

use crate::table::Code;

/// The longest value taken, in bytes. Known values have up to four; more means a damaged record.
const LONGEST_VALUE: usize = 32;

/// The permitted values of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// The command that reads the setting.
    pub code: Code,
    /// In the order in which `-` steps through them, repeated ones included.
    pub cycle: Vec<String>,
}

impl Capability {
    /// Every value once, blanks trimmed, in the order of the cycle.
    pub fn choices(&self) -> Vec<String> {
        let mut choices: Vec<String> = Vec::new();
        for value in self.cycle.iter().map(|value| value.trim()) {
            if !choices.iter().any(|choice| choice == value) {
                choices.push(value.into());
            }
        }
        choices
    }
}

/// What `^Z` said, for one locale.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// In the order of the answer, without those that have no value.
    pub settings: Vec<Capability>,
    /// Records that were damaged or cut short.
    pub damaged: u32,
}

impl Capabilities {
    /// Reads the answer without its CR LF. `locale` is the last character of the firmware (`I` of `60.11.I`); records for
    /// other locales are passed over.
    pub fn parse(reply: &[u8], locale: Option<u8>) -> Capabilities {
        let mut found = Capabilities::default();
        let mut rest = reply;
        loop {
            while let [b'#', after @ ..] = rest {
                rest = after;
            }
            let [code, record_locale, count, length, after @ ..] = rest else {
                found.damaged += u32::from(!rest.is_empty());
                return found;
            };
            // Smart-UPS RT sends a record with a count of -1: it has no values.
            let count = usize::from(count.saturating_sub(b'0'));
            let length = usize::from(length.saturating_sub(b'0'));
            if length > LONGEST_VALUE || count.saturating_mul(length) > after.len() {
                found.damaged += 1;
                return found;
            }
            let (values, next) = after.split_at(count * length);
            rest = next;
            if count == 0 || length == 0 {
                continue;
            }
            let ours = *record_locale == b'4' || Some(*record_locale) == locale;
            let cycle: Option<Vec<String>> = values.chunks(length).map(printable).collect();
            match cycle {
                Some(cycle) if ours => found.settings.push(Capability { code: Code::one(*code), cycle }),
                Some(_) => {}
                None => found.damaged += 1,
            }
        }
    }

    /// The permitted values of the setting that `code` reads.
    pub fn of(&self, code: Code) -> Option<&Capability> {
        self.settings.iter().find(|setting| setting.code == code)
    }
}

fn printable(value: &[u8]) -> Option<String> {
    value.iter().map(|byte| matches!(byte, b' '..=b'~').then_some(char::from(*byte))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycle(capabilities: &Capabilities, code: u8) -> Vec<&str> {
        let found = capabilities.of(Code::one(code));
        found.map(|setting| setting.cycle.iter().map(String::as_str).collect()).unwrap_or_default()
    }

    #[test]
    fn keeps_records_of_its_own_locale_and_of_all_locales() {
        let reply = b"#uD43127130133136uI43253257261265s441HMLLp443020180300600";
        let found = Capabilities::parse(reply, Some(b'I'));
        assert_eq!(cycle(&found, b'u'), ["253", "257", "261", "265"]);
        assert_eq!(cycle(&found, b's'), ["H", "M", "L", "L"]);
        assert_eq!(found.of(Code::one(b's')).unwrap().choices(), ["H", "M", "L"]);
        assert_eq!(cycle(&found, b'p'), ["020", "180", "300", "600"]);
        assert_eq!(found.damaged, 0);
    }

    #[test]
    fn matrix_ups_marks_every_record() {
        let found = Capabilities::parse(b"##uM43229234239224##s441HMLA", Some(b'M'));
        assert_eq!(cycle(&found, b'u'), ["229", "234", "239", "224"]);
        assert_eq!(cycle(&found, b's'), ["H", "M", "L", "A"]);
    }

    #[test]
    fn a_record_with_a_count_below_zero_has_no_values_and_spoils_nothing() {
        let found = Capabilities::parse(b"#w4/3q442020507", Some(b'I'));
        assert_eq!(cycle(&found, b'w'), [""; 0]);
        assert_eq!(
            (cycle(&found, b'q').is_empty(), found.damaged),
            (true, 1),
            "then cut short: 4 values of 2"
        );
        let whole = Capabilities::parse(b"#w4/3q44202050710", Some(b'I'));
        assert_eq!(cycle(&whole, b'q'), ["02", "05", "07", "10"]);
    }

    #[test]
    fn a_cut_answer_keeps_what_was_whole() {
        let found = Capabilities::parse(b"#s441HMLLuI4325325", Some(b'I'));
        assert_eq!(cycle(&found, b's'), ["H", "M", "L", "L"]);
        assert_eq!((found.settings.len(), found.damaged), (1, 1));
    }
}
