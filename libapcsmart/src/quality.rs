//! Counters that tell how good a line is.

/// What a session counted since it was made. Never reset; take differences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkQuality {
    /// Questions and instructions sent.
    pub sent: u64,
    /// Answers with the right shape, `NA` and `NO` included.
    pub answered: u64,
    /// Answers that did not come in time.
    pub timeouts: u64,
    /// Answers of the wrong shape.
    pub mismatches: u64,
    /// Answers that came sooner than the line can carry them.
    pub early: u64,
    /// Bytes and lines that nothing had asked for.
    pub unsolicited: u64,
    /// Times that smart mode was entered again to find the place.
    pub resyncs: u64,
    /// Second reads that agreed with the first.
    pub confirmed: u64,
    /// Second reads that did not.
    pub contradicted: u64,
    /// Alert bytes.
    pub alerts: u64,
    /// Writes to the UPS's EEPROM, which stands about a hundred thousand: steps, texts and saved switches that orders of
    /// this session sent. Those that the UPS refused are not counted, those of which nothing is known are.
    pub eeprom_writes: u64,
}

impl LinkQuality {
    /// Everything that an undisturbed line does not show.
    pub fn faults(&self) -> u64 {
        self.timeouts + self.mismatches + self.early + self.unsolicited
    }
}
