//! How the answer to a command must look.
//!
//! The protocol carries no echo and no check sum: the only defence against a lost or damaged byte is that an answer
//! must have the shape of the question. Every answer is checked here before anything else looks at it. Shapes are as
//! narrow as the known units allow.

/// The shape of an answer, without its CR LF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// A decimal number with this many digits behind the point at least and at most: `231.8`, `13.61`, `-05.0`.
    Decimal(u8, u8),
    /// A decimal number of four digits, one or two of them behind the point: `13.61`, `218.1`.
    FourDigits,
    /// Digits only, this many at least and at most: `020`.
    Digits(u8, u8),
    /// Digits and, on all known units, a closing colon: `0327:`.
    Minutes,
    /// Two hexadecimal digits.
    Hex2,
    /// Two pairs of hexadecimal digits with a comma: `00,08`.
    Hex2Pair,
    /// One of these words, trailing blanks aside.
    Word(&'static [&'static str]),
    /// Printable text of this many bytes at least and at most.
    Text(u8, u8),
    /// Exactly eight bytes of printable text; may itself begin with a byte that is an alert elsewhere.
    Text8,
    /// Up to four numbers with commas, where `NO` stands for a limit that is off: `72.5,,68.0`.
    Packed,
    /// Numbers with commas, all present: `02000,220,220,50.0,009,048.0,11`.
    List,
    /// Three alphanumeric characters: the old firmware.
    Firmware3,
    /// `60.11.I`: the new firmware; on some old units two hexadecimal digits instead.
    Firmware,
    /// The command set of `a`; [`crate::protocol`] reads it.
    CommandSet,
    /// The permitted values of `^Z`; [`crate::capability`] reads it.
    Capabilities,
    /// Ambient temperatures, or on other units hours of uptime: both answer `T`.
    TemperaturesOrHours,
    /// `SM`.
    SmartMode,
    /// `OK`, or `*` without a line end on older units when the flag is set.
    Accepted {
        /// Whether a lone `*` is an acceptance here.
        star: bool,
    },
    /// Anything: the answer only has to end.
    Anything,
}

/// Answers that any command may get instead of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Universal {
    /// `NA`: the command is not known or has nothing to say now.
    NotAvailable,
    /// `NO`: understood but refused.
    Refused,
    /// `SM`: meant for a `Y`, or "not ready" on some firmware.
    SmartMode,
}

/// The longest answer that is taken, in bytes. `^Z` is the longest known: about 254, more on RT units.
pub const LONGEST_REPLY: usize = 4096;

impl Grammar {
    /// Whether `reply` has this shape.
    pub fn accepts(self, reply: &[u8]) -> bool {
        let trimmed = reply.trim_ascii_end();
        match self {
            Grammar::Decimal(least, most) => {
                // No voltage, load or temperature has four digits in front of its point; a doubled one does.
                decimal_places(reply).is_some_and(|n| (least..=most).contains(&n))
                    && reply.iter().take_while(|byte| **byte != b'.').filter(|byte| **byte != b'-').count()
                        <= 3
            }
            Grammar::FourDigits => {
                decimal_places(reply).is_some_and(|n| n <= 2)
                    && reply.iter().filter(|byte| byte.is_ascii_digit()).count() == 4
            }
            Grammar::Digits(least, most) => all(trimmed, u8::is_ascii_digit) && length(trimmed, least, most),
            Grammar::Minutes => {
                let digits = reply.strip_suffix(b":").unwrap_or(reply);
                all(digits, u8::is_ascii_digit) && length(digits, 1, 5)
            }
            Grammar::Hex2 => reply.len() == 2 && all(reply, is_upper_hex),
            Grammar::Hex2Pair => {
                matches!(reply, [a, b, b',', c, d] if all(&[*a, *b, *c, *d], is_upper_hex))
            }
            Grammar::Word(words) => words.iter().any(|word| word.as_bytes() == trimmed),
            Grammar::Text(least, most) => all(reply, is_printable) && length(reply, least, most),
            Grammar::Text8 => reply.len() == 8 && all(reply, is_printable),
            Grammar::Packed => packed(reply),
            Grammar::List => reply.contains(&b',') && reply.split(|byte| *byte == b',').all(is_number),
            Grammar::Firmware3 => reply.len() == 3 && all(reply, u8::is_ascii_alphanumeric),
            Grammar::Firmware => is_firmware(trimmed) || (reply.len() == 2 && all(reply, is_upper_hex)),
            Grammar::CommandSet => crate::protocol::CommandSet::parse(reply).is_some(),
            Grammar::Capabilities => reply.first() == Some(&b'#'),
            Grammar::TemperaturesOrHours => packed(reply),
            Grammar::SmartMode => reply == b"SM",
            Grammar::Accepted { .. } => reply == b"OK" || reply == b"*",
            Grammar::Anything => true,
        }
    }

    /// Whether `byte` can stand inside an answer of this shape. A byte that can't, and that is an alert, is an alert.
    pub fn admits(self, byte: u8) -> bool {
        match self {
            Grammar::Decimal(..) | Grammar::FourDigits => {
                byte.is_ascii_digit() || matches!(byte, b'.' | b'-') || universal_byte(byte)
            }
            Grammar::Digits(..) => byte.is_ascii_digit() || byte == b' ' || universal_byte(byte),
            Grammar::Minutes => byte.is_ascii_digit() || byte == b':' || universal_byte(byte),
            Grammar::Hex2 | Grammar::Hex2Pair => byte.is_ascii_alphanumeric() || byte == b',',
            Grammar::Word(_) | Grammar::Firmware3 | Grammar::SmartMode => {
                byte.is_ascii_alphanumeric() || byte == b' '
            }
            Grammar::Firmware => byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b' '),
            Grammar::Packed | Grammar::List | Grammar::TemperaturesOrHours => {
                byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'-' | b' ') || universal_byte(byte)
            }
            Grammar::Accepted { .. } => byte.is_ascii_alphanumeric(),
            // No known model or serial number has one of these.
            Grammar::Text(..) => !matches!(byte, b'!' | b'$' | b'%' | b'?' | b'=' | b'*' | b'#' | b'|'),
            Grammar::Text8 | Grammar::CommandSet | Grammar::Capabilities | Grammar::Anything => true,
        }
    }

    /// Whether an answer of this shape can begin with `byte` although it is an alert elsewhere.
    pub fn begins_with_alert_byte(self, byte: u8) -> bool {
        match self {
            Grammar::Capabilities => byte == b'#',
            Grammar::Accepted { star } => star && byte == b'*',
            Grammar::Text8 | Grammar::Anything => true,
            _ => false,
        }
    }

    /// Whether no answer can have both shapes. A stray answer is then told from the right one.
    pub fn excludes(self, other: Grammar) -> bool {
        const ANY: u8 = 0xFF;
        const DECIMAL: u8 = 0b11;
        const SMART_MODE: u8 = 1 << 3;
        // One bit for each disjoint family of answers. A text could look like anything but the answer to `Y`; that no known
        // unit has a text that looks like a decimal number is what allows telling a model or serial number from a reading.
        fn families(grammar: Grammar) -> u8 {
            match grammar {
                Grammar::Decimal(least, most) => u8::from(least <= 1) | u8::from(most >= 2) << 1,
                Grammar::FourDigits => DECIMAL,
                Grammar::Digits(..) | Grammar::Minutes | Grammar::Hex2 | Grammar::Word(_) => 1 << 2,
                Grammar::Firmware3 => 1 << 2,
                Grammar::SmartMode => SMART_MODE,
                Grammar::CommandSet => 1 << 4,
                Grammar::Capabilities => 1 << 5,
                Grammar::Firmware => 1 << 6 | 1 << 2,
                Grammar::Packed | Grammar::TemperaturesOrHours => 0b111 | 1 << 7,
                Grammar::Hex2Pair | Grammar::List => 1 << 7,
                Grammar::Text(..) | Grammar::Text8 => ANY & !DECIMAL & !SMART_MODE,
                Grammar::Accepted { .. } | Grammar::Anything => ANY,
            }
        }
        families(self) & families(other) == 0
    }

    /// The universal answer that `reply` is, where this shape does not give it a meaning of its own.
    pub fn universal(self, reply: &[u8]) -> Option<Universal> {
        let own =
            matches!(self, Grammar::Word(_) | Grammar::SmartMode | Grammar::Packed) && self.accepts(reply);
        match reply {
            _ if own => None,
            b"NA" => Some(Universal::NotAvailable),
            b"NO" => Some(Universal::Refused),
            b"SM" => Some(Universal::SmartMode),
            _ => None,
        }
    }
}

/// Digits in front of the point: no value of any unit has more, and a doubled digit makes one more.
const LONGEST_WHOLE: u8 = 3;

/// The digits behind the point of a decimal number; none when `text` is no such number.
fn decimal_places(text: &[u8]) -> Option<u8> {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let point = unsigned.iter().position(|byte| *byte == b'.')?;
    let (whole, places) = (&unsigned[..point], &unsigned[point + 1..]);
    let well_formed = all(whole, u8::is_ascii_digit)
        && length(whole, 1, LONGEST_WHOLE)
        && all(places, u8::is_ascii_digit)
        && length(places, 1, 3);
    well_formed.then_some(places.len() as u8)
}

fn is_number(text: &[u8]) -> bool {
    let digits = text.iter().filter(|byte| **byte != b'.').count();
    let points = text.iter().filter(|byte| **byte == b'.').count();
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let plain = unsigned.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    plain
        && points <= 1
        && (1..=7).contains(&digits)
        && !unsigned.starts_with(b".")
        && !unsigned.ends_with(b".")
}

fn packed(reply: &[u8]) -> bool {
    let fields = reply.split(|byte| *byte == b',');
    reply != b"NO"
        && !reply.is_empty()
        && fields.clone().count() <= 4
        && fields.clone().any(|field| !field.is_empty())
        && fields.into_iter().all(|field| field.is_empty() || field == b"NO" || is_number(field))
}

/// `60.11.I`: three alphanumeric parts.
fn is_firmware(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'.').count() == 3
        && text
            .split(|byte| *byte == b'.')
            .all(|part| all(part, u8::is_ascii_alphanumeric) && length(part, 1, 8))
}

fn all(bytes: &[u8], test: fn(&u8) -> bool) -> bool {
    bytes.iter().all(test)
}

fn length(bytes: &[u8], least: u8, most: u8) -> bool {
    (usize::from(least)..=usize::from(most)).contains(&bytes.len())
}

fn is_upper_hex(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'F')
}

fn is_printable(byte: &u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// Bytes of `NA`, `NO` and `SM`.
fn universal_byte(byte: u8) -> bool {
    matches!(byte, b'N' | b'A' | b'O' | b'S' | b'M')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_real_units_have_the_shape_of_their_command() {
        let decimal1 = Grammar::Decimal(1, 1);
        for reply in ["231.8", "000.0", "100.0", "027.4", "-05.0"] {
            assert!(decimal1.accepts(reply.as_bytes()), "{reply}");
        }
        for reply in
            ["231.", ".8", "2318", "23a.8", "231.85", "231.8 ", "2-1.8", "", "-", "12345.6", "2221.4"]
        {
            assert!(!decimal1.accepts(reply.as_bytes()), "{reply}");
        }
        assert!(Grammar::FourDigits.accepts(b"13.61") && Grammar::FourDigits.accepts(b"218.1"));
        assert!(!Grammar::FourDigits.accepts(b"13.6") && !Grammar::FourDigits.accepts(b"198.88"));
        assert!(Grammar::Minutes.accepts(b"0327:") && Grammar::Minutes.accepts(b"0042"));
        assert!(!Grammar::Minutes.accepts(b":") && !Grammar::Minutes.accepts(b"03:7"));
        assert!(
            Grammar::Hex2.accepts(b"0C") && !Grammar::Hex2.accepts(b"0c") && !Grammar::Hex2.accepts(b"SM")
        );
        assert!(Grammar::Word(&["ON", "OFF"]).accepts(b"ON ") && !Grammar::Word(&["ON"]).accepts(b" ON"));
        assert!(Grammar::Firmware.accepts(b"112.1DL4.I") && Grammar::Firmware.accepts(b"451.2.I"));
        assert!(Grammar::Firmware.accepts(b"FD") && !Grammar::Firmware.accepts(b"60.11"));
        assert!(Grammar::Packed.accepts(b"72.5,,68.0") && Grammar::Packed.accepts(b"NO,55"));
        assert!(!Grammar::Packed.accepts(b",,,") && !Grammar::Packed.accepts(b"1,2,3,4,5"));
    }

    #[test]
    fn a_universal_answer_is_not_one_where_the_command_uses_the_word_itself() {
        let self_test = Grammar::Word(&["OK", "BT", "NG", "NO"]);
        assert_eq!(self_test.universal(b"NO"), None);
        assert_eq!(self_test.universal(b"NA"), Some(Universal::NotAvailable));
        assert_eq!(Grammar::Hex2.universal(b"SM"), Some(Universal::SmartMode));
    }

    #[test]
    fn shapes_that_exclude_each_other_share_no_answer() {
        let samples: [&[u8]; 10] =
            [b"231.8", b"13.61", b"020", b"08", b"0327:", b"SM", b"3.!$.Q", b"#uI11253", b"60.11.I", b"1,2"];
        let shapes = [
            Grammar::Decimal(1, 1),
            Grammar::Decimal(2, 2),
            Grammar::Decimal(1, 2),
            Grammar::Digits(1, 4),
            Grammar::Minutes,
            Grammar::Hex2,
            Grammar::SmartMode,
            Grammar::CommandSet,
            Grammar::Capabilities,
            Grammar::Firmware,
            Grammar::Packed,
            Grammar::List,
        ];
        for one in shapes {
            for other in shapes.into_iter().filter(|other| one.excludes(*other)) {
                for sample in samples {
                    let both = one.accepts(sample) && other.accepts(sample);
                    assert!(!both, "{one:?} and {other:?} both take {}", sample.escape_ascii());
                }
            }
        }
        assert!(Grammar::Decimal(1, 1).excludes(Grammar::Decimal(2, 2)));
        assert!(!Grammar::Decimal(1, 2).excludes(Grammar::Decimal(2, 2)));
    }
}
