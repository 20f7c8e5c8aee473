//! What is on the line when no smart UPS answers, in words that a person can act on.

use core::fmt;

/// Why no UPS was found on an open port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Diagnosis {
    /// No byte came back.
    Silent,
    /// What was sent came back.
    Echo,
    /// A stream of binary data that nobody asked for: newer Smart-UPS speak Microlink.
    Microlink,
    /// Bytes came back, but no answer in the smart protocol.
    Garbage,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Diagnosis::Silent => {
                "nothing answers: check that the UPS is on, the cable (940-0024C or 940-0095B) and that the port is the right \
                 one; some units need a power cycle after USB was used"
            }
            Diagnosis::Echo => "what is sent comes back: the line is a loop; check the cable and that no terminal echoes",
            Diagnosis::Microlink => {
                "a stream of binary data: this looks like a newer Smart-UPS (SMT, SMX, SRT, SMC) that speaks Microlink, not the \
                 smart protocol; an AP9620 card gives it a port that does"
            }
            Diagnosis::Garbage => "bytes come back that are no answers: check the speed (2400 baud), the cable and its ground",
        })
    }
}

/// Judges what arrives while no UPS has answered yet.
#[derive(Debug, Default)]
pub(crate) struct Classifier {
    bytes: u32,
    binary: u32,
    not_echo: u32,
}

impl Classifier {
    pub(crate) fn take(&mut self, byte: u8) {
        self.bytes = self.bytes.saturating_add(1);
        let text = matches!(byte, b'\r' | b'\n' | b' '..=b'~');
        self.binary = self.binary.saturating_add(u32::from(!text && byte != 0x1B));
        self.not_echo = self.not_echo.saturating_add(u32::from(!matches!(byte, b'Y' | 0x1B)));
    }

    /// The verdict on everything taken since the last one.
    pub(crate) fn verdict(&mut self) -> Diagnosis {
        let seen = core::mem::take(self);
        // A few stray bytes prove nothing; a Microlink unit sends more than 100 bytes a second.
        const STREAM: u32 = 100;
        match seen {
            Classifier { bytes: 0, .. } => Diagnosis::Silent,
            Classifier { not_echo: 0, .. } => Diagnosis::Echo,
            Classifier { bytes, binary, .. } if bytes >= STREAM && binary * 4 >= bytes => {
                Diagnosis::Microlink
            }
            _ => Diagnosis::Garbage,
        }
    }
}
