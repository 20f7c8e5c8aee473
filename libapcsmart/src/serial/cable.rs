//! What connects the UPS to the port, and what DTR and RTS must do on it.

/// A cable, by APC's part number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Cable {
    /// 940-0024C or E, the smart cable with three wires, and the SmartSlot, which has the same three. DTR and RTS are not
    /// carried. They are held low: on a wrong, straight cable they meet the pins that switch the load off.
    #[default]
    C940_0024,
    /// 940-0095A, B or C, the dual-mode cable: smart signalling needs DTR high and RTS low.
    C940_0095,
}

impl Cable {
    /// Every cable with the names that people give it.
    pub const ALL: [(&str, Cable); 2] = [("940-0024C", Cable::C940_0024), ("940-0095B", Cable::C940_0095)];

    /// The cable of this part number; any revision letter fits.
    pub fn named(name: &str) -> Option<Cable> {
        let number = name.trim().trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let same = |(known, cable): &(&str, Cable)| (known[..known.len() - 1] == *number).then_some(*cable);
        Cable::ALL.iter().find_map(same)
    }

    /// Whether DTR is high.
    pub const fn dtr(self) -> bool {
        matches!(self, Cable::C940_0095)
    }

    /// Whether RTS is high. On no cable of the smart protocol it is.
    pub const fn rts(self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cable_is_found_by_its_part_number_with_any_revision() {
        assert_eq!(Cable::named("940-0024C"), Some(Cable::C940_0024));
        assert_eq!(Cable::named("940-0024E"), Some(Cable::C940_0024));
        assert_eq!(Cable::named("940-0095"), Some(Cable::C940_0095));
        assert_eq!(Cable::named("940-0020B"), None);
    }

    #[test]
    fn no_smart_cable_raises_rts() {
        assert!(Cable::ALL.iter().all(|(_, cable)| !cable.rts()));
        assert!(Cable::C940_0095.dtr() && !Cable::C940_0024.dtr());
    }
}
