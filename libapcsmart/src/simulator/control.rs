//! The control language: one line changes the world around the UPS, or asks for the truth.
//!
//! Invariant: a line does what it says or is refused with a message that says what is possible; there is no line that
//! does nothing. Whatever a user could do through the serial line is not repeated here.

use core::time::Duration;

use super::Simulator;
use super::fault::FaultSpec;
use super::state::{Bypass, Mains};
use crate::Time;

/// The rate of `noise on`.
const NOISE: f64 = 0.01;

/// Each line, with what it does; `help` prints it.
const LINES: &[(&str, &str)] = &[
    ("line on|off", "mains returns, or fails"),
    ("voltage VOLTS", "mains voltage, 0 to 600; outside the transfer points the UPS takes the battery"),
    ("frequency HERTZ", "mains frequency, 40 to 70"),
    ("charge PERCENT", "battery charge, 0 to 100"),
    ("load PERCENT", "connected load, 0 to 150; overload from 105"),
    ("temperature CELSIUS", "inside the UPS, -20 to 120"),
    ("low-battery", "the charge falls to just under the low battery warning"),
    ("replace on|off", "the battery is worn out, or is a new one"),
    ("overload on|off", "connect too much, or take it away"),
    ("charger fault|ok", "the battery charger"),
    ("relay fault|ok", "the relay for trim and boost"),
    ("bypass on|off|fault", "the manual bypass switch, or an inverter fault (models with bypass)"),
    ("ambient CELSIUS", "at the probe of the Measure-UPS"),
    ("humidity PERCENT", "at the probe of the Measure-UPS"),
    ("contacts HEX", "closed contacts of the Measure-UPS: 10, 20, 40, 80, or a sum"),
    ("press-test", "somebody presses the test button"),
    ("press-on", "somebody presses the power button, on"),
    ("press-off", "somebody presses the power button, off"),
    ("mute on|off", "the UPS says nothing at all, or talks again"),
    ("noise on|off|RATE", "a noisy line; `on` is a rate of 0.01 per byte"),
    ("fault SPEC|off", "injected faults, such as drop=0.01,stall=0.02:800ms"),
    ("inject HEX", "bytes that reach the host now, such as 21"),
    ("unplug SECONDS", "the port goes away and comes back"),
    ("speed FACTOR", "battery time runs so many times faster, 0 to 100000"),
    ("get NAME", "one value of the truth, or one counter"),
    ("truth", "all that a perfect reader would publish now"),
    ("counters", "what was counted: commands, faults, hazardous bytes, …"),
    ("eeprom", "the EEPROM's image"),
    ("help", "this list"),
];

/// A control line was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The first word is not in the language.
    #[error("`{word}` is not a control line; possible are: {}", possible())]
    Unknown {
        /// The word.
        word: String,
    },
    /// The argument is missing, not understood or out of range.
    #[error("`{line}`: write `{usage}` ({purpose})")]
    Usage {
        /// What was sent.
        line: String,
        /// How it is written.
        usage: &'static str,
        /// What it does.
        purpose: &'static str,
    },
    /// The line is right, but this UPS can not do it now.
    #[error("`{line}`: {reason}")]
    Impossible {
        /// What was sent.
        line: String,
        /// Why not.
        reason: String,
    },
}

fn possible() -> String {
    let usages: Vec<&str> = LINES.iter().map(|(usage, _)| *usage).collect();
    usages.join(", ")
}

/// What a line's action says when it does not go through.
enum Fault {
    Usage,
    Impossible(String),
}

type Answer = Result<String, Fault>;

impl Simulator {
    /// Carries out one line of the control language at `now`; `help` lists it. The answer is `ok`, one value, or
    /// several lines.
    ///
    /// # Errors
    /// When the line is not understood or not possible; the message says what is.
    pub fn control(&mut self, now: Time, line: &str) -> Result<String, ControlError> {
        self.handle_timeout(now);
        let line = line.trim();
        let (word, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let entry = LINES.iter().find(|(usage, _)| usage.split(' ').next() == Some(word));
        let Some((usage, purpose)) = entry else {
            return Err(ControlError::Unknown { word: word.to_owned() });
        };
        let answer = self.carry_out(now, word, argument.trim());
        self.firmware.ups.settle();
        self.handle_timeout(now);
        answer.map_err(|fault| match fault {
            Fault::Usage => ControlError::Usage { line: line.to_owned(), usage, purpose },
            Fault::Impossible(reason) => ControlError::Impossible { line: line.to_owned(), reason },
        })
    }

    fn carry_out(&mut self, now: Time, word: &str, argument: &str) -> Answer {
        let ups = &mut self.firmware.ups;
        match word {
            "line" => {
                let present = switch(argument)?;
                // Mains returns as it normally is, also after an experiment with the voltage.
                let mains = match present {
                    true => {
                        Mains { present, volts: ups.spec.electrics.volts, hertz: ups.spec.electrics.hertz }
                    }
                    false => Mains { present, ..ups.mains },
                };
                ups.set_mains(mains);
            }
            "voltage" => ups.set_mains(Mains { volts: number(argument, 0.0, 600.0)?, ..ups.mains }),
            "frequency" => ups.set_mains(Mains { hertz: number(argument, 40.0, 70.0)?, ..ups.mains }),
            "charge" => ups.charge = number(argument, 0.0, 100.0)?,
            "load" => ups.connected_load = number(argument, 0.0, 150.0)?,
            "temperature" => ups.temperature = number(argument, -20.0, 120.0)?,
            "low-battery" => {
                no_argument(argument)?;
                ups.drain_to_warning();
            }
            "replace" => ups.set_replace_battery(switch(argument)?),
            "overload" => ups.set_overload(switch(argument)?),
            "charger" => ups.charger_failed = fault(argument)?,
            "relay" => ups.relay_failed = fault(argument)?,
            "bypass" => return self.bypass(argument),
            "ambient" | "humidity" | "contacts" => return self.probe(word, argument),
            "press-test" => {
                no_argument(argument)?;
                if !ups.start_self_test() {
                    return impossible("a self-test needs mains, an output that is on, and no other test");
                }
            }
            "press-on" => {
                no_argument(argument)?;
                ups.load_on();
            }
            "press-off" => {
                no_argument(argument)?;
                ups.load_off();
            }
            "mute" => self.muted = switch(argument)?,
            "noise" => {
                let rate = match argument {
                    "on" => NOISE,
                    "off" => 0.0,
                    rate => number(rate, 0.0, 1.0)?,
                };
                self.faults.set(FaultSpec::noise(rate));
            }
            "fault" if argument == "off" => self.faults.set(FaultSpec::default()),
            "fault" => {
                let spec = argument.parse().map_err(|error| Fault::Impossible(format!("{error}")))?;
                self.faults.set(spec);
            }
            "inject" => {
                let bytes = hexadecimal(argument)?;
                self.inject(now, &bytes);
            }
            "unplug" => {
                let away = Duration::from_secs_f64(number(argument, 0.0, 86_400.0)?);
                self.hang_up(now, away);
            }
            "speed" => ups.speed = number(argument, 0.0, 100_000.0)?,
            "get" => return self.get(argument),
            "truth" => {
                let lines: Vec<String> =
                    self.truth().iter().map(|(name, value)| format!("{name}: {value}")).collect();
                return Ok(lines.join("\n"));
            }
            "counters" => return Ok(self.counters().to_string().trim_end().to_owned()),
            "eeprom" => return Ok(self.eeprom_image().trim_end().to_owned()),
            _ => {
                let lines: Vec<String> =
                    LINES.iter().map(|(usage, purpose)| format!("{usage:<22} {purpose}")).collect();
                return Ok(lines.join("\n"));
            }
        }
        Ok("ok".to_owned())
    }

    fn bypass(&mut self, argument: &str) -> Answer {
        let bypass = match argument {
            "on" => Bypass::Switch,
            "off" => Bypass::None,
            "fault" => Bypass::Fault,
            _ => return Err(Fault::Usage),
        };
        if !self.firmware.spec.can_bypass {
            return impossible(&format!("a {} has no bypass", self.firmware.spec.name));
        }
        self.firmware.ups.bypass = bypass;
        Ok("ok".to_owned())
    }

    fn probe(&mut self, word: &str, argument: &str) -> Answer {
        let measure = &mut self.firmware.measure;
        if !measure.attached {
            return impossible("no Measure-UPS is attached");
        }
        match word {
            "ambient" => measure.temperature = number(argument, 0.0, 99.0)?,
            "humidity" => measure.humidity = number(argument, 0.0, 99.9)?,
            _ => {
                let bits = u8::from_str_radix(argument, 16).map_err(|_| Fault::Usage)?;
                if bits & 0x0F != 0 {
                    return Err(Fault::Usage);
                }
                measure.contacts = bits;
            }
        }
        Ok("ok".to_owned())
    }

    fn get(&self, name: &str) -> Answer {
        if name.is_empty() {
            return Err(Fault::Usage);
        }
        let counter = || self.counters().entries().find(|(counter, _)| *counter == name);
        let value = self.truth().remove(name).or_else(|| counter().map(|(_, value)| value.to_string()));
        value.map_or_else(
            || {
                impossible(&format!(
                    "this {} has no such value; see `truth` and `counters`",
                    self.model().name()
                ))
            },
            Ok,
        )
    }
}

fn impossible(reason: &str) -> Answer {
    Err(Fault::Impossible(reason.to_owned()))
}

fn switch(argument: &str) -> Result<bool, Fault> {
    match argument {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(Fault::Usage),
    }
}

fn fault(argument: &str) -> Result<bool, Fault> {
    match argument {
        "fault" => Ok(true),
        "ok" => Ok(false),
        _ => Err(Fault::Usage),
    }
}

fn no_argument(argument: &str) -> Result<(), Fault> {
    if argument.is_empty() { Ok(()) } else { Err(Fault::Usage) }
}

fn number(argument: &str, least: f64, most: f64) -> Result<f64, Fault> {
    argument.parse().ok().filter(|number| (least..=most).contains(number)).ok_or(Fault::Usage)
}

fn hexadecimal(argument: &str) -> Result<Vec<u8>, Fault> {
    let digits: Vec<u8> = argument
        .chars()
        .filter(|character| !character.is_whitespace())
        .map(|character| character.to_digit(16).map(|digit| digit as u8).ok_or(Fault::Usage))
        .collect::<Result<_, _>>()?;
    if digits.is_empty() || !digits.len().is_multiple_of(2) {
        return Err(Fault::Usage);
    }
    Ok(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
