//! How fast the line and the UPS are.
//!
//! Only times are computed here; what is sent is decided in `command`. Microseconds inside, because a character lasts
//! 4.17 ms and rounding each to a millisecond would make the line 4 % faster or 20 % slower.

use crate::Time;

/// One character at 2400 bit/s: a start bit, eight data bits, a stop bit.
pub(super) const CHARACTER_US: u64 = 10 * 1_000_000 / 2400;

/// Whether bytes take their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// As a real line at 2400 bit/s with a real UPS behind it.
    Real,
    /// As a real line, with a UPS that answers at once: what remains is the time that the bytes themselves need.
    Prompt,
    /// Replies come at once and whole.
    Instant,
}

impl Pace {
    pub(super) fn character_us(self) -> u64 {
        match self {
            Pace::Real | Pace::Prompt => CHARACTER_US,
            Pace::Instant => 0,
        }
    }

    /// How long the UPS thinks between the end of a command and the start of its reply.
    ///
    /// Chosen so that the whole exchange, transmission included, takes what logs of real units show: 50 to 110 ms for
    /// a short value (seven characters are 29 ms of that), about 100 ms for what is measured, 200 to 380 ms for the
    /// model text, 0.6 to 0.95 s for `a`.
    pub(super) fn thinking_us(self, command: u8) -> u64 {
        const STATUS: u64 = 20_000; // kept in a register, no conversion
        const STORED: u64 = 30_000;
        const MEASURED: u64 = 60_000; // one turn of the analogue converter
        const MODEL: u64 = 150_000;
        const LONG: u64 = 220_000;
        match (self, command) {
            (Pace::Instant | Pace::Prompt, _) => 0,
            (Pace::Real, b'Q' | b'Y' | b'~' | b'\'' | b'8') => STATUS,
            (Pace::Real, b'B' | b'C' | b'L' | b'O' | b'P' | b'/' | b'\\' | b'h' | b't') => MEASURED,
            (Pace::Real, 0x01) => MODEL,
            (Pace::Real, b'a' | 0x1A) => LONG,
            (Pace::Real, _) => STORED,
        }
    }
}

/// A moment in microseconds.
pub(super) fn micros(time: Time) -> u64 {
    time.as_millis().saturating_mul(1000)
}

/// The first whole millisecond that is not before `us`.
pub(super) fn time_of(us: u64) -> Time {
    if us == u64::MAX { Time::NEVER } else { Time::from_millis(us.div_ceil(1000)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_takes_ten_bits_at_2400_bit_per_second() {
        assert_eq!(Pace::Real.character_us(), 4166);
        assert_eq!(Pace::Instant.character_us(), 0);
    }

    #[test]
    fn a_reader_can_have_its_first_status_in_300_ms() {
        let exchange = |command: u8, reply: u64| {
            Pace::Real.thinking_us(command) + (1 + reply) * Pace::Real.character_us()
        };
        assert!(exchange(b'Y', 4) + exchange(b'Q', 4) < 300_000);
    }

    #[test]
    fn exchanges_take_what_logs_of_real_units_show() {
        let exchange = |command: u8, reply: u64| {
            Pace::Real.thinking_us(command) + (1 + reply) * Pace::Real.character_us()
        };
        assert!((50_000..110_000).contains(&exchange(b'L', 7)));
        assert!((50_000..110_000).contains(&exchange(b'p', 5)));
        assert!((200_000..380_000).contains(&exchange(0x01, 20)));
        assert!((600_000..950_000).contains(&exchange(b'a', 100)));
    }

    #[test]
    fn deadlines_are_never_early() {
        assert_eq!(time_of(4166), Time::from_millis(5));
        assert_eq!(time_of(5000), Time::from_millis(5));
        assert_eq!(time_of(u64::MAX), Time::NEVER);
    }
}
