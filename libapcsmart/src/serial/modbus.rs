//! Recognising a UPS that speaks Modbus RTU, by two questions. Pure; nothing else of Modbus belongs here.

/// The speed at which APC delivers units that can speak Modbus.
pub(super) const BAUD: u32 = 9600;
/// The address of a unit as delivered.
const UNIT: u8 = 1;
/// Read holding registers.
const READ: u8 = 0x03;
/// Set in the function of an answer that refuses.
const REFUSED: u8 = 0x80;
/// A question: which registers of two bytes each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    register: u16,
    count: u8,
}

/// The first question. Any answer will do, a refusal too; what matters is how it sounds to a smart UPS that was silent for
/// another reason: at 2400 baud its receiver takes the eight bytes for two others, and this register (battery faults in
/// APC's map) was chosen because neither can be a command that acts.
pub(super) const PROBE: Question = Question { register: 22, count: 1 };
/// The model's name. For units that are known to speak Modbus: to a smart UPS it may sound like an EEPROM dump.
pub(super) const MODEL: Question = Question { register: 532, count: 16 };

impl Question {
    pub(super) fn frame(self) -> Vec<u8> {
        let mut frame = vec![UNIT, READ];
        frame.extend(self.register.to_be_bytes());
        frame.extend([0, self.count]);
        let sum = check_sum(&frame);
        frame.extend(sum);
        frame
    }

    /// Looks for the answer in what came, which may begin with noise: the registers' bytes, none of them when the unit
    /// refuses.
    pub(super) fn answer(self, heard: &[u8]) -> Option<&[u8]> {
        let length = usize::from(self.count) * 2;
        (0..heard.len()).find_map(|start| match &heard[start..] {
            frame @ [UNIT, READ, count, data @ ..] if usize::from(*count) == length => {
                let data = data.get(..length)?;
                has_check_sum(frame, 3 + length).then_some(data)
            }
            frame @ [UNIT, function, _, ..] if *function == READ | REFUSED => {
                has_check_sum(frame, 3).then_some(&[][..])
            }
            _ => None,
        })
    }
}

/// The text in registers, without its padding; none when there is none.
pub(super) fn text(registers: &[u8]) -> Option<String> {
    let text: String = registers.iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Whether the check sum after `length` bytes is right.
fn has_check_sum(frame: &[u8], length: usize) -> bool {
    frame.get(length..length + 2).is_some_and(|sum| sum == check_sum(&frame[..length]))
}

/// Modbus RTU's CRC-16, low byte first.
fn check_sum(bytes: &[u8]) -> [u8; 2] {
    let mut sum = 0xFFFF_u16;
    for byte in bytes {
        sum ^= u16::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xA001 } else { sum >> 1 };
        }
    }
    sum.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::tests::heard_at;
    use crate::table::{Code, Hazard, command};

    fn told(text: &[u8; 32]) -> Vec<u8> {
        let mut frame = [[UNIT, READ, 32].as_slice(), text].concat();
        frame.extend(check_sum(&frame));
        frame
    }

    #[test]
    fn the_check_sum_is_that_of_the_published_example() {
        // Read one register at 0 of unit 1: 01 03 00 00 00 01 84 0A, in every text on Modbus.
        assert_eq!(check_sum(&[0x01, 0x03, 0x00, 0x00, 0x00, 0x01]), [0x84, 0x0A]);
    }

    #[test]
    fn an_answer_gives_the_registers_also_behind_noise() {
        let frame = told(b"Smart-UPS 1500\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(MODEL.answer(&frame).and_then(text).as_deref(), Some("Smart-UPS 1500"));
        let late = [&[0x00, 0xFF, UNIT], frame.as_slice()].concat();
        assert_eq!(MODEL.answer(&late).and_then(text).as_deref(), Some("Smart-UPS 1500"));
        assert_eq!(PROBE.answer(&frame), None, "an answer to another question");
    }

    #[test]
    fn a_refusal_is_an_answer_without_registers() {
        let mut frame = vec![UNIT, READ | REFUSED, 2];
        frame.extend(check_sum(&frame));
        assert_eq!(PROBE.answer(&frame), Some(&[][..]));
        assert_eq!(text(&[]), None);
    }

    #[test]
    fn an_echo_a_broken_and_a_damaged_answer_are_none() {
        for question in [PROBE, MODEL] {
            assert_eq!(question.answer(&question.frame()), None);
            assert_eq!(question.answer(b""), None);
        }
        let mut frame = told(&[b'A'; 32]);
        assert_eq!(MODEL.answer(&frame[..frame.len() - 1]), None);
        frame[9] ^= 1;
        assert_eq!(MODEL.answer(&frame), None);
    }

    #[test]
    fn a_smart_ups_hears_no_command_that_acts_in_the_first_question() {
        // Clocks of receivers are off by two percent at most.
        for read in (2352..=2448).step_by(4) {
            let heard = heard_at(&PROBE.frame(), BAUD, read);
            assert!(!heard.is_empty());
            for byte in heard {
                let row = command::command(Code::one(byte));
                assert!(row.is_none_or(|row| row.hazard <= Hazard::Harmless), "{byte:#04x} is {row:?}");
            }
        }
    }
}
