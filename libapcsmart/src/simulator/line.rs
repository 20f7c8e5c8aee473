//! The serial line between host and UPS: when each byte arrives on either side.
//!
//! Invariant: bytes of one direction keep their order, except that an alert goes out before whatever has not begun to
//! leave yet, also in the middle of a reply, as on the wire. The UPS takes the next command byte only when it has
//! sent its reply to the last one.

use core::time::Duration;
use std::collections::VecDeque;

use super::pace::{Pace, micros, time_of};
use crate::Time;

/// Bytes that arrive together.
struct Chunk {
    at_us: u64,
    bytes: Vec<u8>,
}

pub(super) struct Line {
    pace: Pace,
    /// Command bytes on their way, with their arrival.
    inbound: VecDeque<(u64, u8)>,
    outbound: VecDeque<Chunk>,
    inbound_free_us: u64,
    /// The last reply is out.
    reply_done_us: u64,
    /// The sender's last character is out.
    outbound_free_us: u64,
}

impl Line {
    pub(super) fn new(pace: Pace) -> Line {
        Line {
            pace,
            inbound: VecDeque::new(),
            outbound: VecDeque::new(),
            inbound_free_us: 0,
            reply_done_us: 0,
            outbound_free_us: 0,
        }
    }

    /// The host began to send `byte`, or had it queued behind others.
    pub(super) fn receive(&mut self, now: Time, byte: u8) {
        let arrives = self.inbound_free_us.max(micros(now)) + self.pace.character_us();
        self.inbound_free_us = arrives;
        self.inbound.push_back((arrives, byte));
    }

    /// When the UPS looks at the next command byte.
    pub(super) fn next_command_byte(&self) -> Time {
        let next = self.inbound.front().map(|(arrives, _)| (*arrives).max(self.reply_done_us));
        next.map_or(Time::NEVER, time_of)
    }

    pub(super) fn take_command_byte(&mut self, now: Time) -> Option<u8> {
        if self.next_command_byte() > now {
            return None;
        }
        self.inbound.pop_front().map(|(_, byte)| byte)
    }

    /// The UPS answers `command`, after thinking and `late_us`, in pieces with a pause before each.
    pub(super) fn reply(&mut self, now: Time, command: u8, late_us: u64, pieces: &[(Duration, Vec<u8>)]) {
        let mut start = micros(now) + self.pace.thinking_us(command) + late_us;
        for (pause, bytes) in pieces {
            start = start.max(self.outbound_free_us) + pause.as_micros() as u64;
            start = self.append(start, bytes);
        }
        self.reply_done_us = start;
    }

    /// Bytes that go out ahead of whatever has not begun to leave.
    pub(super) fn send(&mut self, now: Time, late_us: u64, bytes: &[u8]) {
        let now_us = micros(now) + late_us;
        let waiting = self.outbound.iter().position(|chunk| chunk.at_us > now_us + self.pace.character_us());
        let Some(index) = waiting else {
            self.append(now_us.max(self.outbound_free_us), bytes);
            return;
        };
        let step = self.pace.character_us();
        let sending = index.checked_sub(1).map_or(now_us, |last| self.outbound[last].at_us.max(now_us));
        let needed = step * bytes.len() as u64;
        let gap = self.outbound[index].at_us.saturating_sub(sending + step);
        let shift = needed.saturating_sub(gap);
        for chunk in self.outbound.iter_mut().skip(index) {
            chunk.at_us += shift;
        }
        self.outbound_free_us += shift;
        self.reply_done_us += shift;
        for (offset, byte) in bytes.iter().enumerate() {
            let at_us = sending + step * (offset as u64 + 1);
            self.outbound.insert(index + offset, Chunk { at_us, bytes: vec![*byte] });
        }
    }

    /// The next bytes that have arrived at the host.
    pub(super) fn take_due(&mut self, now: Time) -> Option<Vec<u8>> {
        if self.next_due() > now {
            return None;
        }
        self.outbound.pop_front().map(|chunk| chunk.bytes)
    }

    pub(super) fn next_due(&self) -> Time {
        self.outbound.front().map_or(Time::NEVER, |chunk| time_of(chunk.at_us))
    }

    /// What is under way is lost.
    pub(super) fn clear(&mut self) {
        self.inbound.clear();
        self.outbound.clear();
        self.reply_done_us = 0;
        self.outbound_free_us = 0;
        self.inbound_free_us = 0;
    }

    /// Puts bytes at the end, from `start`; gives the moment when the last one is out.
    fn append(&mut self, start: u64, bytes: &[u8]) -> u64 {
        let end = match self.pace {
            Pace::Instant => {
                self.outbound.push_back(Chunk { at_us: start, bytes: bytes.to_vec() });
                start
            }
            Pace::Real | Pace::Prompt => bytes.iter().fold(start, |before, byte| {
                let at_us = before + self.pace.character_us();
                self.outbound.push_back(Chunk { at_us, bytes: vec![*byte] });
                at_us
            }),
        };
        self.outbound_free_us = end;
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(line: &mut Line, until_ms: u64) -> Vec<(u64, Vec<u8>)> {
        let mut seen = Vec::new();
        for ms in 0..=until_ms {
            while let Some(bytes) = line.take_due(Time::from_millis(ms)) {
                seen.push((ms, bytes));
            }
        }
        seen
    }

    #[test]
    fn a_paced_reply_takes_a_character_time_per_byte() {
        let mut line = Line::new(Pace::Real);
        line.receive(Time::ZERO, b'Q');
        assert_eq!(line.next_command_byte(), Time::from_millis(5));
        line.take_command_byte(Time::from_millis(5)).unwrap();
        line.reply(Time::from_millis(5), b'Q', 0, &[(Duration::ZERO, b"08\r\n".to_vec())]);
        let arrivals: Vec<u64> = drain(&mut line, 100).iter().map(|(ms, _)| *ms).collect();
        assert_eq!(arrivals, [30, 34, 38, 42]); // 25 ms, and 4.166 ms for each character
    }

    #[test]
    fn an_alert_cuts_into_a_reply_that_is_being_sent() {
        let mut line = Line::new(Pace::Real);
        line.reply(Time::ZERO, b'Q', 0, &[(Duration::ZERO, b"08\r\n".to_vec())]);
        line.send(Time::from_millis(26), 0, b"!"); // while the `8` is on the wire
        let bytes: Vec<u8> = drain(&mut line, 100).into_iter().flat_map(|(_, bytes)| bytes).collect();
        assert_eq!(bytes, b"08!\r\n");
    }

    #[test]
    fn the_next_command_waits_for_the_reply_to_the_last() {
        let mut line = Line::new(Pace::Real);
        line.receive(Time::ZERO, b'Q');
        line.receive(Time::ZERO, b'B');
        line.take_command_byte(Time::from_millis(5)).unwrap();
        line.reply(Time::from_millis(5), b'Q', 0, &[(Duration::ZERO, b"08\r\n".to_vec())]);
        assert_eq!(line.next_command_byte(), Time::from_millis(42));
    }
}
