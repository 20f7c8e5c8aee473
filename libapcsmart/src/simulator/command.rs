//! The UPS's firmware: command bytes in, behaviour and replies out.
//!
//! Invariant: one byte is one step, and every rule about pauses between bytes is kept here, as a real UPS keeps it: a
//! host that hurries does not get what it wants. Values are formatted in `reply`.

mod pairs;
mod reply;

use core::time::Duration;

use super::counters::Counters;
use super::eeprom::{Eeprom, TEXT_LENGTH};
use super::measure::Measure;
use super::model::{CalibrationReply, Spec, Unknown};
use super::state::{Activity, Bypass, Settings, Ups};
use crate::Time;
use pairs::SwitchWrite;

/// The second `K`, `Z` or `^N` counts from here.
const REPEAT_AFTER: Duration = Duration::from_millis(1500);
/// Later it is a first one again.
const REPEAT_BEFORE: Duration = Duration::from_secs(10);
/// Bytes of an argument that come closer than this are lost, and the command with them. Readers leave 50 ms.
const ARGUMENT_GAP: Duration = Duration::from_millis(25);
/// The UPS stops waiting for the rest of an argument.
const ARGUMENT_PATIENCE: Duration = Duration::from_secs(5);
/// The second `1` of the service sequence.
const SERVICE_WINDOW: Duration = Duration::from_secs(6);
/// `|` follows a change of the EEPROM by this.
const EEPROM_ALERT_AFTER: Duration = Duration::from_secs(5);
/// Digits of the `@` argument.
const HIBERNATE_DIGITS: usize = 3;

const ESCAPE: u8 = 0x1B;
const DELETE: u8 = 0x7F;
const TURN_ON: u8 = 0x0E;
const CAPABILITIES: u8 = 0x1A;
const EEPROM_DUMP: u8 = 0x10;
const EEPROM_ERASE: u8 = 0x19;
const MODEL_CODE: u8 = 0x02;

/// A half-given command.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pending {
    None,
    Repeat { command: u8, since: Time },
    Hibernate { digits: Vec<u8>, last: Time },
    Text { command: u8, bytes: Vec<u8>, last: Time },
    Pair { prefix: u8 },
}

pub(super) struct Firmware {
    pub(super) spec: &'static Spec,
    pub(super) ups: Ups,
    pub(super) eeprom: Eeprom,
    pub(super) measure: Measure,
    /// How much closer together bytes may come than the rules say, for hosts behind a busy operating system.
    slack: Duration,
    smart: bool,
    service: bool,
    service_knock: Option<Time>,
    pending: Pending,
    last_query: Option<u8>,
    eeprom_alert: Option<Time>,
    switch_write: SwitchWrite,
}

impl Firmware {
    pub(super) fn new(spec: &'static Spec, eeprom: Eeprom, measure_ups: bool, slack: Duration) -> Firmware {
        let ups = Ups::new(spec, Settings::read(spec, &eeprom));
        Firmware {
            spec,
            ups,
            eeprom,
            measure: Measure::new(measure_ups),
            slack,
            smart: false,
            service: false,
            service_knock: None,
            pending: Pending::None,
            last_query: None,
            eeprom_alert: None,
            switch_write: SwitchWrite::Idle,
        }
    }

    pub(super) fn load_eeprom(&mut self, image: &str) -> Result<(), String> {
        self.eeprom.load(image)?;
        self.ups.set_settings(Settings::read(self.spec, &self.eeprom));
        Ok(())
    }

    pub(super) fn is_smart(&self) -> bool {
        self.smart
    }

    /// Lets time pass. Alerts are then ready in [`Firmware::take_alerts`].
    pub(super) fn advance(&mut self, now: Time) {
        self.ups.advance(now);
        if self.eeprom_alert.is_some_and(|due| due <= now) {
            self.eeprom_alert = None;
            self.ups.raise(b'|');
        }
        if self.measure.advance(now) {
            self.ups.raise(b'&');
        }
        if !self.ups.is_alive() {
            // What the processor only remembers is gone when it starts again.
            self.smart = false;
            self.service = false;
            self.pending = Pending::None;
        }
    }

    /// Alert bytes that go out now. In dumb mode they are lost.
    pub(super) fn take_alerts(&mut self) -> Vec<u8> {
        let alerts = self.ups.take_alerts();
        if self.smart { alerts } else { Vec::new() }
    }

    pub(super) fn next_deadline(&self) -> Time {
        self.ups.next_tick().min(self.eeprom_alert.unwrap_or(Time::NEVER)).min(self.measure.next_deadline())
    }

    /// One byte has arrived. Gives the raw reply.
    pub(super) fn receive(&mut self, now: Time, byte: u8, counters: &mut Counters) -> Option<Vec<u8>> {
        if !self.ups.is_alive() || (!self.smart && byte != b'Y') {
            counters.ignored_bytes += 1;
            return None;
        }
        match core::mem::replace(&mut self.pending, Pending::None) {
            Pending::Pair { prefix } => return self.pair(now, [prefix, byte], counters),
            Pending::Repeat { command, since } if command == byte => {
                let gap = now.since(since);
                if gap + self.slack < REPEAT_AFTER {
                    counters.rushed += 1;
                    return None;
                }
                if gap <= REPEAT_BEFORE {
                    return self.repeated(command);
                }
            }
            Pending::Hibernate { digits, last } if self.waits(now, last) && byte.is_ascii_digit() => {
                return self.hibernate_digit(now, byte, digits, last, counters);
            }
            Pending::Text { command, bytes, last } if self.waits(now, last) => {
                return self.text_byte(now, byte, (command, bytes, last), counters);
            }
            _ => {}
        }
        self.command(now, byte, counters)
    }

    fn command(&mut self, now: Time, byte: u8, counters: &mut Counters) -> Option<Vec<u8>> {
        self.watch_for_hazards(byte, counters);
        if self.spec.prefixes.contains(&byte) {
            self.pending = Pending::Pair { prefix: byte };
            return None;
        }
        if byte == b'Y' {
            counters.commands += 1;
            self.smart = true;
            return line(b"SM");
        }
        if !self.spec.answers(byte) {
            return self.unknown(now, byte, counters);
        }
        counters.commands += 1;
        if !matches!(byte, b'-' | b'+') {
            self.last_query = Some(byte);
        }
        match byte {
            b'K' | b'Z' | TURN_ON => {
                self.pending = Pending::Repeat { command: byte, since: now };
                None
            }
            b'@' if self.ups.output_is_on() => {
                self.pending = Pending::Hibernate { digits: Vec::new(), last: now };
                None
            }
            b'@' => line(b"NA"),
            b'-' | b'+' => self.step(now, byte, counters),
            b'A' => line(b"OK"),
            b'D' => self.calibrate(),
            b'R' => {
                self.smart = false;
                line(b"BYE")
            }
            b'S' => line(if self.ups.hibernate_soft() { b"OK" } else { b"NA" }),
            b'U' => line(if self.ups.simulate_outage() { b"OK" } else { b"NO" }),
            b'W' => line(if self.ups.stop_self_test() || self.ups.start_self_test() { b"OK" } else { b"NO" }),
            b'^' => self.toggle_bypass(),
            DELETE => line(if self.ups.abort_shutdown() { b"OK" } else { b"NO" }),
            b'z' => {
                self.eeprom.reset();
                self.eeprom_changed(now, counters);
                line(b"CLEAR")
            }
            b'a' => line(self.spec.command_set.unwrap_or(b"NA")),
            CAPABILITIES => line(&self.eeprom.capabilities()),
            query => self.query(query),
        }
    }

    fn query(&mut self, query: u8) -> Option<Vec<u8>> {
        let reply = line(&self.value(query).unwrap_or_else(|| b"NA".to_vec()));
        match query {
            b'M' => self.ups.forget_highest_volts(),
            b'N' => self.ups.forget_lowest_volts(),
            _ => {}
        }
        reply
    }

    fn unknown(&mut self, now: Time, byte: u8, counters: &mut Counters) -> Option<Vec<u8>> {
        if byte == b'1' && self.knock(now) {
            return line(b"PROG");
        }
        if byte == ESCAPE {
            self.service = false;
        }
        counters.unknown_commands += 1;
        match self.spec.unknown {
            Unknown::NotAvailable => line(b"NA"),
            Unknown::Silence => None,
        }
    }

    /// The service sequence: two `1` with a pause.
    fn knock(&mut self, now: Time) -> bool {
        let opens = self.service_knock.take().is_some_and(|first| {
            let gap = now.since(first);
            (REPEAT_AFTER..=SERVICE_WINDOW).contains(&gap)
        });
        self.service |= opens;
        self.service_knock = (!opens).then_some(now);
        opens
    }

    fn watch_for_hazards(&self, byte: u8, counters: &mut Counters) {
        let reprograms = matches!(byte, b'-' | b'+')
            && matches!(self.last_query, Some(MODEL_CODE | b'0' | b'4' | b'5' | b'6'));
        if matches!(byte, b'1' | EEPROM_DUMP | EEPROM_ERASE) || reprograms {
            counters.hazardous_bytes += 1;
        }
    }

    fn step(&mut self, now: Time, sign: u8, counters: &mut Counters) -> Option<Vec<u8>> {
        let backwards = sign == b'-';
        let Some(command) = self.last_query else { return line(b"NO") };
        if self.eeprom.is_text(command) && backwards {
            self.pending = Pending::Text { command, bytes: Vec::new(), last: now };
            return None;
        }
        if self.measure.is_limit(command) {
            self.measure.step(command, backwards);
            return line(b"OK");
        }
        if !self.eeprom.is_setting(command) || !self.eeprom.step(command, backwards) {
            return line(b"NO");
        }
        self.eeprom_changed(now, counters);
        line(b"OK")
    }

    fn eeprom_changed(&mut self, now: Time, counters: &mut Counters) {
        counters.eeprom_writes += 1;
        self.eeprom_alert = Some(now + EEPROM_ALERT_AFTER);
        self.ups.set_settings(Settings::read(self.spec, &self.eeprom));
    }

    fn calibrate(&mut self) -> Option<Vec<u8>> {
        let started = if self.ups.activity == Activity::Calibration {
            self.ups.stop_calibration();
            false
        } else {
            self.ups.start_calibration()
        };
        match self.spec.calibration {
            CalibrationReply::Lines => line(if started { b"OK" } else { b"NO" }),
            CalibrationReply::AlertsOnly => None,
        }
    }

    fn toggle_bypass(&mut self) -> Option<Vec<u8>> {
        match self.ups.bypass {
            Bypass::None if self.ups.mains_good() && self.ups.output_is_on() => {
                self.ups.bypass = Bypass::Command;
                self.ups.settle();
                line(b"BYP")
            }
            Bypass::Command => {
                self.ups.bypass = Bypass::None;
                self.ups.settle();
                line(b"INV")
            }
            _ => line(b"ERR"),
        }
    }

    fn repeated(&mut self, command: u8) -> Option<Vec<u8>> {
        match command {
            b'K' => {
                let accepted = self.ups.shut_down_for_good();
                if accepted { self.accepted() } else { line(b"NA") }
            }
            b'Z' => {
                self.ups.load_off();
                None
            }
            _ => {
                self.ups.load_on();
                None
            }
        }
    }

    /// `OK` as a line, or the lone `*` of older units.
    fn accepted(&self) -> Option<Vec<u8>> {
        match self.spec.shutdown_accepted {
            b"*" => Some(b"*".to_vec()),
            words => line(words),
        }
    }

    fn hibernate_digit(
        &mut self,
        now: Time,
        digit: u8,
        mut digits: Vec<u8>,
        last: Time,
        counters: &mut Counters,
    ) -> Option<Vec<u8>> {
        if self.too_soon(now, last, counters) {
            return None;
        }
        digits.push(digit - b'0');
        if digits.len() < HIBERNATE_DIGITS {
            self.pending = Pending::Hibernate { digits, last: now };
            return None;
        }
        let steps = digits.iter().fold(0, |steps, digit| steps * 10 + u32::from(*digit));
        if self.ups.hibernate_hard(steps) { self.accepted() } else { line(b"NA") }
    }

    fn text_byte(
        &mut self,
        now: Time,
        byte: u8,
        (command, mut bytes, last): (u8, Vec<u8>, Time),
        counters: &mut Counters,
    ) -> Option<Vec<u8>> {
        if self.too_soon(now, last, counters) {
            return None;
        }
        bytes.push(byte);
        if bytes.len() < TEXT_LENGTH {
            self.pending = Pending::Text { command, bytes, last: now };
            return None;
        }
        if !self.eeprom.write_text(command, &bytes) {
            return line(b"NO");
        }
        self.eeprom_changed(now, counters);
        line(b"OK")
    }

    fn waits(&self, now: Time, last: Time) -> bool {
        now.since(last) <= ARGUMENT_PATIENCE
    }

    fn too_soon(&self, now: Time, last: Time, counters: &mut Counters) -> bool {
        let rushed = now.since(last) + self.slack < ARGUMENT_GAP;
        counters.rushed += u64::from(rushed);
        rushed
    }
}

#[allow(clippy::unnecessary_wraps)] // so that a reply reads the same as no reply
fn line(text: &[u8]) -> Option<Vec<u8>> {
    Some([text, b"\r\n"].concat())
}
