//! Injected faults of the serial line: what noise, bad cables and tired converters do.
//!
//! Invariant: the same seed and the same traffic give the same faults. Bytes towards the UPS are only ever lost, never
//! changed: a changed byte could become a dangerous command, and `hazardous_bytes` must mean that the host sent one.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use super::counters::Counters;
use super::random::Random;

/// Which faults strike how often. Rates are probabilities from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct FaultSpec {
    /// A byte to the host is lost; per byte.
    pub drop: f64,
    /// A byte to the host has one wrong bit; per byte.
    pub flip: f64,
    /// A byte to the host comes twice; per byte.
    pub duplicate: f64,
    /// A reply comes in two pieces, up to 200 ms apart; per reply.
    pub split: f64,
    /// A reply comes late by [`FaultSpec::stall_for`]; per reply.
    pub stall: f64,
    /// How late a stalled reply is.
    pub stall_for: Duration,
    /// A line or an alert byte comes that nobody asked for; per reply.
    pub unsolicited: f64,
    /// A byte to the UPS is lost; per byte.
    pub deaf: f64,
    /// The port hangs up instead of replying; per reply.
    pub hang_up: f64,
    /// How long the port stays away.
    pub hang_up_for: Duration,
}

impl Default for FaultSpec {
    /// No faults.
    fn default() -> FaultSpec {
        FaultSpec {
            drop: 0.0,
            flip: 0.0,
            duplicate: 0.0,
            split: 0.0,
            stall: 0.0,
            // Longer than a reader's usual patience (NUT 3 s, apcupsd 1 s with retries), so that it has to cope.
            stall_for: Duration::from_secs(4),
            unsolicited: 0.0,
            deaf: 0.0,
            hang_up: 0.0,
            hang_up_for: Duration::from_secs(1),
        }
    }
}

impl FaultSpec {
    /// A noisy line: each byte is damaged in one of the ways with about `rate`.
    pub fn noise(rate: f64) -> FaultSpec {
        FaultSpec {
            drop: rate / 3.0,
            flip: rate / 3.0,
            duplicate: rate / 3.0,
            unsolicited: rate,
            ..FaultSpec::default()
        }
    }
}

/// The keys of a fault specification, for messages and help.
pub const FAULT_KEYS: &str =
    "drop, flip, duplicate, split, stall, unsolicited, deaf, hang-up; as drop=0.01,stall=0.02:800ms";

impl FromStr for FaultSpec {
    type Err = FaultSpecError;

    /// Reads `drop=0.01,flip=0.005,stall=0.02:800ms,hang-up=0.001:2s`; the duration is optional.
    fn from_str(text: &str) -> Result<FaultSpec, FaultSpecError> {
        let mut faults = FaultSpec::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let wrong = || FaultSpecError { part: part.to_owned() };
            let (key, value) = part.split_once('=').ok_or_else(wrong)?;
            let (rate, duration) = match value.split_once(':') {
                Some((rate, duration)) => (rate, Some(read_duration(duration).ok_or_else(wrong)?)),
                None => (value, None),
            };
            let rate: f64 = rate.parse().ok().filter(|rate| (0.0..=1.0).contains(rate)).ok_or_else(wrong)?;
            let field = match key {
                "drop" => &mut faults.drop,
                "flip" => &mut faults.flip,
                "duplicate" => &mut faults.duplicate,
                "split" => &mut faults.split,
                "stall" => {
                    faults.stall_for = duration.unwrap_or(faults.stall_for);
                    &mut faults.stall
                }
                "unsolicited" => &mut faults.unsolicited,
                "deaf" => &mut faults.deaf,
                "hang-up" => {
                    faults.hang_up_for = duration.unwrap_or(faults.hang_up_for);
                    &mut faults.hang_up
                }
                _ => return Err(wrong()),
            };
            *field = rate;
            if duration.is_some() && !matches!(key, "stall" | "hang-up") {
                return Err(wrong());
            }
        }
        Ok(faults)
    }
}

/// A fault specification cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultSpecError {
    part: String,
}

impl fmt::Display for FaultSpecError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` is not a fault with a rate from 0 to 1; possible are {FAULT_KEYS}", self.part)
    }
}

impl core::error::Error for FaultSpecError {}

/// What becomes of a reply on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    HangUp(Duration),
    Arrives {
        /// Bytes that nobody asked for, ahead of the reply.
        before: Vec<u8>,
        late_by: Duration,
        /// The reply, in pieces with the pause before each.
        pieces: Vec<(Duration, Vec<u8>)>,
    },
}

pub(super) struct Faults {
    spec: FaultSpec,
    random: Random,
}

impl Faults {
    pub(super) fn new(spec: FaultSpec, seed: u64) -> Faults {
        Faults { spec, random: Random::new(seed) }
    }

    pub(super) fn set(&mut self, spec: FaultSpec) {
        self.spec = spec;
    }

    pub(super) fn swallows_command_byte(&mut self, counters: &mut Counters) -> bool {
        let swallowed = self.random.strikes(self.spec.deaf);
        counters.deaf += u64::from(swallowed);
        swallowed
    }

    pub(super) fn reply(&mut self, reply: &[u8], counters: &mut Counters) -> Fate {
        if self.random.strikes(self.spec.hang_up) {
            return Fate::HangUp(self.spec.hang_up_for);
        }
        let before =
            if self.random.strikes(self.spec.unsolicited) { self.unsolicited(counters) } else { Vec::new() };
        let late_by = if self.random.strikes(self.spec.stall) {
            counters.stalled += 1;
            self.spec.stall_for
        } else {
            Duration::ZERO
        };
        let mut bytes = self.damage(reply, counters);
        let mut pieces = Vec::new();
        if bytes.len() > 1 && self.random.strikes(self.spec.split) {
            /// Longer than any gap that a serial driver makes by itself.
            const LONGEST_GAP_MS: u64 = 200;
            counters.split += 1;
            let at = 1 + self.random.below(bytes.len() as u64 - 1) as usize;
            let rest = bytes.split_off(at);
            let gap = Duration::from_millis(1 + self.random.below(LONGEST_GAP_MS));
            pieces.extend([(Duration::ZERO, bytes), (gap, rest)]);
        } else {
            pieces.push((Duration::ZERO, bytes));
        }
        Fate::Arrives { before, late_by, pieces }
    }

    pub(super) fn damage(&mut self, bytes: &[u8], counters: &mut Counters) -> Vec<u8> {
        let mut damaged = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            if self.random.strikes(self.spec.drop) {
                counters.dropped += 1;
                continue;
            }
            let byte = if self.random.strikes(self.spec.flip) {
                counters.flipped += 1;
                byte ^ (1 << self.random.below(8))
            } else {
                byte
            };
            damaged.push(byte);
            if self.random.strikes(self.spec.duplicate) {
                counters.duplicated += 1;
                damaged.push(byte);
            }
        }
        damaged
    }

    fn unsolicited(&mut self, counters: &mut Counters) -> Vec<u8> {
        /// What was seen on real lines: alerts without a cause, `NA`, stray values, a late `SM`, a half line.
        const SEEN: &[&[u8]] = &[
            b"!",
            b"$",
            b"%",
            b"?",
            b"|",
            b"NA\r\n",
            b"SM\r\n",
            b"231.8\r\n",
            b"08\r\n",
            b"OK\r\n",
            b"02",
            b"\n",
        ];
        counters.unsolicited += 1;
        SEEN[self.random.below(SEEN.len() as u64) as usize].to_vec()
    }
}

fn read_duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s')?, 1000),
    };
    Some(Duration::from_millis(number.parse::<u32>().ok()?.checked_mul(unit)?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specification_is_read_with_its_durations() {
        let faults: FaultSpec = "drop=0.01, stall=0.5:800ms,hang-up=0.001:2s".parse().unwrap();
        assert_eq!((faults.drop, faults.stall, faults.hang_up), (0.01, 0.5, 0.001));
        assert_eq!(faults.stall_for, Duration::from_millis(800));
        assert_eq!(faults.hang_up_for, Duration::from_secs(2));
        assert_eq!("".parse::<FaultSpec>().unwrap(), FaultSpec::default());
    }

    #[test]
    fn a_wrong_specification_names_its_part_and_what_is_possible() {
        for wrong in ["drop", "drop=2", "drip=0.1", "drop=0.1:5s", "stall=0.1:5"] {
            let message = wrong.parse::<FaultSpec>().unwrap_err().to_string();
            assert!(message.contains(wrong) && message.contains("hang-up"), "{message}");
        }
    }

    #[test]
    fn the_same_seed_damages_the_same_bytes() {
        let campaign = |seed| {
            let mut counters = Counters::default();
            let mut faults = Faults::new(
                FaultSpec { split: 0.1, stall: 0.1, hang_up: 0.05, ..FaultSpec::noise(0.2) },
                seed,
            );
            let fates: Vec<Fate> = (0..200).map(|_| faults.reply(b"231.8\r\n", &mut counters)).collect();
            (fates, counters)
        };
        assert_eq!(campaign(7), campaign(7));
        assert_ne!(campaign(7).0, campaign(8).0);
        let counters = campaign(7).1;
        assert!(counters.dropped > 0 && counters.flipped > 0 && counters.duplicated > 0);
        assert!(counters.split > 0 && counters.stalled > 0 && counters.unsolicited > 0);
    }

    #[test]
    fn without_faults_a_reply_arrives_as_it_is() {
        let mut counters = Counters::default();
        let fate = Faults::new(FaultSpec::default(), 1).reply(b"OK\r\n", &mut counters);
        let whole = Fate::Arrives {
            before: Vec::new(),
            late_by: Duration::ZERO,
            pieces: vec![(Duration::ZERO, b"OK\r\n".to_vec())],
        };
        assert_eq!(fate, whole);
        assert_eq!(counters, Counters::default());
    }
}
