//! What is on the line when no smart UPS answers, in words that a person can act on.
//!
//! The judgement is passive: it looks at what came while `Y` and ESC were sent, nothing else. What takes another speed or
//! another protocol to find out is `serial::classify`'s.

use core::fmt;

/// Why no UPS was found on an open port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Diagnosis {
    /// No byte came back. So it is too with a UPS that only knows simple signalling, and with one that speaks Modbus.
    Silent,
    /// What was sent came back.
    Echo,
    /// A stream of binary data that nobody asked for: newer Smart-UPS speak Microlink.
    Microlink,
    /// The UPS answers in Modbus. Only an active search finds that.
    Modbus,
    /// No byte came back, but something holds the signal lines up: a UPS that only knows simple signalling does so. Only an
    /// active search finds that.
    SimpleSignalling,
    /// Text comes back that is no answer: another device.
    OtherDevice,
    /// Bytes came back, but no answer in the smart protocol.
    Garbage,
    /// A unit enters smart mode and does not tell its status.
    NoStatus,
}

impl Diagnosis {
    /// A word for programs and tests: the name in lower case, with hyphens.
    pub const fn name(self) -> &'static str {
        match self {
            Diagnosis::Silent => "silent",
            Diagnosis::Echo => "echo",
            Diagnosis::Microlink => "microlink",
            Diagnosis::Modbus => "modbus",
            Diagnosis::SimpleSignalling => "simple-signalling",
            Diagnosis::OtherDevice => "other-device",
            Diagnosis::Garbage => "garbage",
            Diagnosis::NoStatus => "no-status",
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Diagnosis::Silent => {
                "nothing answers: check that the UPS is on, the cable (940-0024C or 940-0095B) and that the port is the right \
                 one; some units need a power cycle after USB was used, and some know only simple signalling or Modbus"
            }
            Diagnosis::Echo => "what is sent comes back: the line is a loop; check the cable and that no terminal echoes",
            Diagnosis::Microlink => {
                "a stream of binary data: this looks like a newer Smart-UPS (SMT, SMX, SRT, SMC) that speaks Microlink, not the \
                 smart protocol; an AP9620 card gives it a port that does"
            }
            Diagnosis::Modbus => {
                "a Modbus device answers: this looks like a newer Smart-UPS with Modbus switched on, which is not the smart \
                 protocol; an AP9620 card gives it a port that speaks it"
            }
            Diagnosis::SimpleSignalling => {
                "nothing answers, but the signal lines are up: this looks like a UPS or a cable for simple signalling only; a \
                 UPS with a smart port needs the cable 940-0024C or 940-0095B"
            }
            Diagnosis::OtherDevice => {
                "text comes back that is no answer of a UPS: another device, a modem or a login prompt is on this port; check \
                 that it is the right one"
            }
            Diagnosis::NoStatus => {
                "a UPS answers, but does not tell its status: it may be in a menu or faulty; disconnect the cable, press a key on \
                 its panel, or switch it off and on"
            }
            Diagnosis::Garbage => {
                "bytes come back that are no answers: check the speed (2400 baud, 8 data bits, no parity; on a serial server in \
                 its settings), the cable and its ground"
            }
        })
    }
}

/// Judges what arrives while no UPS has answered yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Classifier {
    bytes: u32,
    binary: u32,
    letters: u32,
    not_echo: u32,
}

impl Classifier {
    pub(crate) fn take(&mut self, byte: u8) {
        let text = matches!(byte, b'\r' | b'\n' | b'\t' | b' '..=b'~');
        // A terminal that echoes shows ESC as `^[`.
        let sent = matches!(byte, b'Y' | 0x1B | b'^' | b'[');
        count(&mut self.bytes, true);
        count(&mut self.binary, !text && byte != 0x1B);
        count(&mut self.letters, byte.is_ascii_alphanumeric());
        count(&mut self.not_echo, !sent);
    }

    /// The verdict on everything taken since the last one.
    pub(crate) fn verdict(&mut self) -> Diagnosis {
        core::mem::take(self).judge()
    }

    /// The verdict on everything taken so far.
    pub(crate) fn judge(&self) -> Diagnosis {
        // A few stray bytes prove nothing; a Microlink unit sends more than 100 bytes a second.
        const STREAM: u32 = 100;
        // Short answers at a wrong speed may happen to be printable.
        const TEXT: u32 = 8;
        match *self {
            Classifier { bytes: 0, .. } => Diagnosis::Silent,
            Classifier { not_echo: 0, .. } => Diagnosis::Echo,
            Classifier { bytes, binary, .. } if bytes >= STREAM && binary >= bytes / 4 => {
                Diagnosis::Microlink
            }
            Classifier { bytes, binary, letters, .. }
                if bytes >= TEXT && binary <= bytes / 20 && letters >= bytes / 3 =>
            {
                Diagnosis::OtherDevice
            }
            _ => Diagnosis::Garbage,
        }
    }
}

fn count(counter: &mut u32, counts: bool) {
    *counter = counter.saturating_add(u32::from(counts));
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use alloc::vec::Vec;

    const SMART: u32 = 2400;
    const NEWER: u32 = 9600;

    fn judged(bytes: &[u8]) -> Diagnosis {
        let mut classifier = Classifier::default();
        bytes.iter().for_each(|byte| classifier.take(*byte));
        classifier.verdict()
    }

    /// What a receiver at `read` baud makes of bytes that are sent without a pause at `sent` baud: 8N1, each bit sampled in
    /// its middle, as the hardware does.
    pub(crate) fn heard_at(bytes: &[u8], sent: u32, read: u32) -> Vec<u8> {
        let mut wave = alloc::vec![true; 2];
        for byte in bytes {
            wave.push(false);
            wave.extend((0..8).map(|bit| byte >> bit & 1 == 1));
            wave.push(true);
        }
        let level = |time: f64| wave.get((time * f64::from(sent)) as usize).copied().unwrap_or(true);
        let (bit, step) = (1.0 / f64::from(read), 0.02 / f64::from(sent));
        let (mut time, end) = (0.0, wave.len() as f64 / f64::from(sent));
        let mut heard = Vec::new();
        while time < end {
            if level(time) {
                time += step;
                continue;
            }
            heard.push((0..8).fold(0, |byte, place| {
                let sample = level(time + bit * (1.5 + f64::from(place)));
                byte | u8::from(sample) << place
            }));
            time += bit * 9.5;
            while time < end && !level(time) {
                time += step;
            }
        }
        heard
    }

    /// Like a Microlink unit: numbered messages of sixteen bytes of data and two of check sum, all the time.
    fn microlink_like(messages: u8) -> Vec<u8> {
        let mut stream = Vec::new();
        for message in 0..messages {
            stream.push(message);
            for place in 0..16u32 {
                let word = u32::from(message).wrapping_mul(2_654_435_761).rotate_left(place * 3);
                stream.push(if place % 3 == 0 { 0 } else { (word >> 16) as u8 });
            }
            let sum = stream.iter().rev().take(17).fold(0u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
            stream.extend(sum.to_be_bytes());
        }
        stream
    }

    #[test]
    fn no_byte_is_silence() {
        assert_eq!(judged(b""), Diagnosis::Silent);
    }

    #[test]
    fn what_was_sent_is_an_echo_also_when_a_terminal_spells_it() {
        assert_eq!(judged(b"Y\x1BY\x1BY\x1BY\x1BY"), Diagnosis::Echo);
        assert_eq!(judged(b"Y^[Y^[Y^[Y^[Y"), Diagnosis::Echo);
    }

    #[test]
    fn a_stream_of_binary_messages_is_microlink_at_its_own_speed_and_at_ours() {
        let stream = microlink_like(30);
        assert_eq!(judged(&stream), Diagnosis::Microlink);
        let heard = heard_at(&stream, NEWER, SMART);
        assert!(heard.len() > 100, "{}", heard.len());
        assert_eq!(judged(&heard), Diagnosis::Microlink);
    }

    #[test]
    fn a_smart_answer_at_a_wrong_speed_is_garbage() {
        let answers = b"SM\r\n".repeat(5);
        assert_eq!(heard_at(&answers, SMART, SMART), answers, "the receiver of this test works");
        for read in [300, 600, 1200, 4800, 9600, 19200] {
            let heard: Vec<u8> = (0..5).flat_map(|_| heard_at(b"SM\r\n", SMART, read)).collect();
            assert_eq!(judged(&heard), Diagnosis::Garbage, "{read} baud: {heard:02x?}");
        }
    }

    #[test]
    fn a_login_prompt_or_a_modem_is_another_device() {
        assert_eq!(judged(b"\r\nDebian GNU/Linux 13 ups ttyS0\r\n\r\nups login: Y"), Diagnosis::OtherDevice);
        assert_eq!(judged(b"Y\r\nERROR\r\n"), Diagnosis::OtherDevice);
    }

    #[test]
    fn a_few_stray_bytes_are_garbage_and_not_a_stream() {
        assert_eq!(judged(&[0x00, 0xFF, 0x80]), Diagnosis::Garbage);
    }

    #[test]
    fn a_verdict_starts_over() {
        let mut classifier = Classifier::default();
        classifier.take(0xFF);
        assert_eq!(classifier.verdict(), Diagnosis::Garbage);
        assert_eq!(classifier.verdict(), Diagnosis::Silent);
    }

    #[test]
    fn every_diagnosis_says_what_to_do() {
        for diagnosis in [
            Diagnosis::Silent,
            Diagnosis::Echo,
            Diagnosis::Microlink,
            Diagnosis::Modbus,
            Diagnosis::SimpleSignalling,
            Diagnosis::OtherDevice,
            Diagnosis::Garbage,
        ] {
            let said = alloc::format!("{diagnosis}");
            assert!(said.contains("check") || said.contains("card") || said.contains("cable"), "{said}");
        }
    }
}
