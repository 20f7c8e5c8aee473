//! The registers of one UPS.
//!
//! Invariant: data that is not live is not known. A value that does not fit its register is not known either: a number
//! that wraps would be a lie.

use opennmc_plugin::{Availability, Device, Variable};

/// How many registers there are.
pub const REGISTERS: usize = 13;

/// Not known, in an unsigned register.
const UNKNOWN: u16 = 0xFFFF;
/// Not known, in a signed register.
const UNKNOWN_SIGNED: u16 = 0x8000;

/// `ups.status` tokens by their bit, from the lowest.
const STATUS_BITS: [&str; 12] =
    ["OL", "OB", "LB", "RB", "OVER", "OFF", "BYPASS", "CAL", "TRIM", "BOOST", "FSD", "ALARM"];

/// The registers as of now.
pub fn registers(device: &Device, variables: &[Variable]) -> [u16; REGISTERS] {
    let live = device.availability == Availability::Live;
    let value = |name: &str| {
        let found = variables.iter().find(|variable| live && variable.name == name);
        found.map(|variable| variable.value.as_str())
    };
    let tenths = |name: &str| value(name).and_then(|text| scaled(text, 1)).map_or(UNKNOWN, unsigned);
    let runtime = value("battery.runtime").and_then(|text| scaled(text, 0));
    let runtime = runtime.and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(u32::MAX);
    let temperature = value("ups.temperature").and_then(|text| scaled(text, 1));
    let temperature = temperature.and_then(|tenths| i16::try_from(tenths).ok());
    [
        availability(device.availability),
        value("ups.status").map_or(0, status_bits),
        tenths("battery.charge"),
        (runtime >> 16) as u16,
        runtime as u16,
        tenths("ups.load"),
        tenths("input.voltage"),
        tenths("output.voltage"),
        tenths("battery.voltage"),
        temperature.map_or(UNKNOWN_SIGNED, |tenths| tenths as u16),
        value("input.frequency").and_then(|text| scaled(text, 2)).map_or(UNKNOWN, unsigned),
        tenths("output.current"),
        u16::try_from(device.age_ms / 1_000).unwrap_or(UNKNOWN).min(UNKNOWN - 1),
    ]
}

fn availability(availability: Availability) -> u16 {
    match availability {
        Availability::Waiting => 0,
        Availability::Live => 1,
        Availability::Stale => 2,
        Availability::Disconnected => 3,
    }
}

fn status_bits(status: &str) -> u16 {
    let bit = |token: &str| STATUS_BITS.iter().position(|known| *known == token).map_or(0, |bit| 1 << bit);
    status.split(' ').map(bit).fold(0, |bits, bit| bits | bit)
}

fn unsigned(number: i64) -> u16 {
    u16::try_from(number).unwrap_or(UNKNOWN)
}

/// A decimal number times ten to the power of `digits`, the rest cut off. Without floating point, whose reader is larger
/// than this plugin.
fn scaled(text: &str, digits: usize) -> Option<i64> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || !(whole.bytes().chain(fraction.bytes())).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = fraction.bytes().chain(core::iter::repeat(b'0')).take(digits);
    let number = whole
        .bytes()
        .chain(fraction)
        .try_fold(0_i64, |number, digit| number.checked_mul(10)?.checked_add(i64::from(digit - b'0')))?;
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_scaled_without_rounding_up() {
        assert_eq!(scaled("230.48", 1), Some(2_304));
        assert_eq!(scaled("100", 1), Some(1_000));
        assert_eq!(scaled("-3.5", 1), Some(-35));
        assert_eq!(scaled("50.00", 2), Some(5_000));
        for nonsense in ["", ".", "-", "1.2.3", "NA", "1e5", "99999999999999999999"] {
            assert_eq!(scaled(nonsense, 1), None, "{nonsense}");
        }
    }

    #[test]
    fn status_tokens_are_bits_and_unknown_ones_are_none() {
        assert_eq!(status_bits("OL"), 1);
        assert_eq!(status_bits("OB LB"), 0b110);
        assert_eq!(status_bits("OL CHRG"), 1);
        assert_eq!(status_bits("ALARM"), 1 << 11);
    }
}
