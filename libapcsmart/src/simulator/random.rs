//! The simulator's random numbers: SplitMix64.
//!
//! Invariant: the same seed gives the same numbers on every machine and in every version, because a fault campaign is
//! reported by its seed. Nothing here may look at a clock or at the operating system.

/// A seeded sequence of numbers.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end`, without `end` itself; 0 when `end` is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        // The multiplication maps the 64-bit range evenly enough for faults; there is no rejection loop to vary.
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// True with probability `rate`. A rate of zero draws no number, so that a fault that is off does not change
    /// where the others strike.
    pub(super) fn strikes(&mut self, rate: f64) -> bool {
        const BITS: u32 = 53; // what a double holds exactly
        rate > 0.0 && ((self.next() >> (64 - BITS)) as f64) < rate * (1u64 << BITS) as f64
    }
}
