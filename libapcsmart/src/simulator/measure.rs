//! The Measure-UPS accessory: a probe for temperature and humidity, four contacts, limits and their alarm.
//!
//! What the bits of `I` and `J` mean is not published. This unit uses bit 0 for temperature, bit 1 for humidity, and the
//! contacts' own bits; a reader must not depend on that.

use core::time::Duration;

use crate::Time;

/// `&` comes again while a limit is exceeded.
const ALARM_AGAIN: Duration = Duration::from_secs(120);
/// Steps of a temperature limit, in degrees Celsius, and then `NO`.
const TEMPERATURES: &[&str] = &["55", "50", "45", "40", "35", "30", "25", "20", "15", "10", "05", "NO"];
/// Steps of a humidity limit, in per cent, and then `NO`.
const HUMIDITIES: &[&str] = &["90", "80", "70", "60", "50", "40", "30", "20", "10", "NO"];

pub(super) struct Measure {
    pub(super) attached: bool,
    pub(super) temperature: f64,
    pub(super) humidity: f64,
    /// Bits 4 to 7 are the contacts 1 to 4.
    pub(super) contacts: u8,
    /// Positions in the cycles: `[` `]` `{` `}`, left and right half.
    limits: [[usize; 2]; 4],
    again: Option<Time>,
    alarmed: u8,
}

const LIMITS: [u8; 4] = *b"[]{}";

impl Measure {
    pub(super) fn new(attached: bool) -> Measure {
        const TEMPERATURE_OFF: usize = TEMPERATURES.len() - 1;
        const HUMIDITY_OFF: usize = HUMIDITIES.len() - 1;
        Measure {
            attached,
            temperature: 24.5,
            humidity: 43.0,
            contacts: 0,
            limits: [[0, TEMPERATURE_OFF], [10, TEMPERATURE_OFF], [0, HUMIDITY_OFF], [8, HUMIDITY_OFF]],
            again: None,
            alarmed: 0,
        }
    }

    /// The reply to a command of the accessory; nothing when it is not attached, or the command is not its own.
    pub(super) fn value(&self, command: u8) -> Option<Vec<u8>> {
        if !self.attached {
            return None;
        }
        let text = match command {
            b'h' => format!("{:05.1}", self.humidity),
            b't' => format!("{:05.2}", self.temperature),
            b'H' => format!("{:04.1}", self.humidity),
            b'T' => format!("{:05.2}", self.temperature),
            b'i' => format!("{:02X}", self.contacts),
            b'v' => "4Kx".to_owned(),
            b'I' => "FF".to_owned(),
            b'J' => format!("{:02X},00", self.exceeded()),
            _ => {
                let [left, right] = self.limits[limit_index(command)?];
                format!("{},{}", cycle(command)[left], cycle(command)[right])
            }
        };
        Some(text.into_bytes())
    }

    pub(super) fn is_limit(&self, command: u8) -> bool {
        self.attached && limit_index(command).is_some()
    }

    /// `-` steps the left half of a packed limit, `+` the right one.
    pub(super) fn step(&mut self, command: u8, left: bool) {
        if let Some(index) = limit_index(command) {
            let half = &mut self.limits[index][usize::from(!left)];
            *half = (*half + 1) % cycle(command).len();
        }
    }

    /// True when `&` is due.
    pub(super) fn advance(&mut self, now: Time) -> bool {
        let exceeded = if self.attached { self.exceeded() } else { 0 };
        let risen = exceeded & !self.alarmed != 0;
        let again = exceeded != 0 && self.again.is_some_and(|again| again <= now);
        self.alarmed = exceeded;
        if risen || again {
            self.again = Some(now + ALARM_AGAIN);
        } else if exceeded == 0 {
            self.again = None;
        }
        risen || again
    }

    pub(super) fn next_deadline(&self) -> Time {
        self.again.unwrap_or(Time::NEVER)
    }

    fn exceeded(&self) -> u8 {
        let limit = |index: usize, command: u8| -> Option<f64> {
            cycle(command)[self.limits[index][0]].parse().ok() // nothing for `NO`
        };
        let outside = |value: f64, high: Option<f64>, low: Option<f64>| {
            high.is_some_and(|high| value > high) || low.is_some_and(|low| value < low)
        };
        let temperature = outside(self.temperature, limit(0, b'['), limit(1, b']'));
        let humidity = outside(self.humidity, limit(2, b'{'), limit(3, b'}'));
        u8::from(temperature) | u8::from(humidity) << 1 | self.contacts
    }
}

fn limit_index(command: u8) -> Option<usize> {
    LIMITS.iter().position(|limit| *limit == command)
}

fn cycle(command: u8) -> &'static [&'static str] {
    if matches!(command, b'[' | b']') { TEMPERATURES } else { HUMIDITIES }
}
