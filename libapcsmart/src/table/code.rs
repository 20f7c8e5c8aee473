//! The name of a command on the wire: one byte, or a prefix and a second byte.

use alloc::vec::Vec;
use core::fmt;

/// A command's bytes. Most are one byte; SPM and RT units have two-byte commands behind the prefixes 0x9F and 0x81.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u16);

impl Code {
    /// A one-byte command.
    pub const fn one(byte: u8) -> Code {
        Code(byte as u16)
    }

    /// A two-byte command: `prefix`, then `sub`, sent back to back.
    pub const fn two(prefix: u8, sub: u8) -> Code {
        Code((prefix as u16) << 8 | sub as u16)
    }

    /// What goes on the wire.
    pub fn bytes(self) -> Vec<u8> {
        let [prefix, last] = self.0.to_be_bytes();
        if prefix == 0 { Vec::from([last]) } else { Vec::from([prefix, last]) }
    }

    /// The single byte; none for a two-byte command.
    pub const fn byte(self) -> Option<u8> {
        if self.0 > 0xFF { None } else { Some(self.0 as u8) }
    }
}

impl fmt::Display for Code {
    /// As the manuals write it: `Q`, `^A`, `DEL`, `9F D1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            byte @ 0x21..=0x7E => write!(f, "{}", char::from(byte as u8)),
            0x1B => f.write_str("ESC"),
            0x7F => f.write_str("DEL"),
            byte @ 0x00..=0x1F => write!(f, "^{}", char::from(byte as u8 + b'@')),
            byte @ 0x20..=0xFF => write!(f, "{byte:02X}"),
            two => write!(f, "{:02X} {:02X}", two >> 8, two & 0xFF),
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({self})")
    }
}

/// A set of commands, such as those a UPS says that it knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeSet(Vec<Code>);

impl CodeSet {
    /// No command.
    pub const fn new() -> CodeSet {
        CodeSet(Vec::new())
    }

    /// The one-byte commands in `bytes`.
    pub fn from_bytes(bytes: &[u8]) -> CodeSet {
        bytes.iter().map(|byte| Code::one(*byte)).collect()
    }

    /// Whether `code` is in the set.
    pub fn contains(&self, code: Code) -> bool {
        self.0.binary_search(&code).is_ok()
    }

    /// Adds `code`.
    pub fn insert(&mut self, code: Code) {
        if let Err(place) = self.0.binary_search(&code) {
            self.0.insert(place, code);
        }
    }

    /// Takes `code` out.
    pub fn remove(&mut self, code: Code) {
        if let Ok(place) = self.0.binary_search(&code) {
            self.0.remove(place);
        }
    }

    /// In the order of their bytes.
    pub fn iter(&self) -> impl Iterator<Item = Code> + '_ {
        self.0.iter().copied()
    }

    /// Whether it holds no command.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Code> for CodeSet {
    fn from_iter<I: IntoIterator<Item = Code>>(codes: I) -> CodeSet {
        let mut set = CodeSet::new();
        codes.into_iter().for_each(|code| set.insert(code));
        set
    }
}
