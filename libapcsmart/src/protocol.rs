//! The answer to `a`: which alerts a UPS sends and which commands it takes.
//!
//! `<version> . <alerts> . <commands> [ . <extensions> ]`, with bytes that need not be text. Units differ: versions such
//! as `2)`, one with the fields in reverse order and no commands, RT and SPM units with two-byte commands behind a
//! prefix. All known forms are taken; a listed byte is a claim, not a proof that it is harmless.

use alloc::vec::Vec;

use crate::alert::Alert;
use crate::table::{Code, CodeSet};

/// What a UPS says of itself in answer to `a`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSet {
    /// The protocol's version: 2, 3 or 4 on known units.
    pub version: u8,
    /// The alert bytes it may send, unknown ones included.
    pub alerts: Vec<u8>,
    /// The commands that it lists, two-byte ones included.
    pub commands: CodeSet,
}

impl CommandSet {
    /// Reads the answer without its CR LF; none when it is no answer to `a`.
    pub fn parse(reply: &[u8]) -> Option<CommandSet> {
        let mut fields = reply.split(|byte| *byte == b'.');
        let first = fields.next()?;
        let rest: Vec<&[u8]> = fields.collect();
        if rest.is_empty() {
            return None;
        }
        // One SUVS420 firmware sends the fields in reverse order: `.!$?.3`.
        if first.is_empty() {
            let (version, alerts) = (version(rest.last()?)?, rest.first()?);
            if rest.len() != 2 {
                return None;
            }
            return Some(CommandSet { version, alerts: alerts.to_vec(), commands: CodeSet::new() });
        }
        let version = version(first)?;
        let alerts = rest[0];
        if !alerts.is_empty() && !alerts.iter().any(|byte| Alert::from_byte(*byte).is_some()) {
            return None;
        }
        let mut commands = CodeSet::from_bytes(rest.get(1).copied().unwrap_or_default());
        rest.iter().skip(2).for_each(|extension| read_extension(extension, &mut commands));
        Some(CommandSet { version, alerts: alerts.to_vec(), commands })
    }
}

/// `3`, `2)`: the digit counts, what follows it is a mark of unknown meaning.
fn version(field: &[u8]) -> Option<u8> {
    match field {
        [digit @ b'1'..=b'9'] | [digit @ b'1'..=b'9', _] => Some(digit - b'0'),
        _ => None,
    }
}

/// `<prefix> : <sub> <sub> …`. Only the first colon separates: a second one is a sub-command.
fn read_extension(extension: &[u8], commands: &mut CodeSet) {
    if let [prefix, b':', subs @ ..] = extension {
        subs.iter().for_each(|sub| commands.insert(Code::two(*prefix, *sub)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_known_units_send() {
        let su = CommandSet::parse(b"3.!$%+?=#|.\x01\x0e\x1aQYab\x7f").unwrap();
        assert_eq!((su.version, su.alerts.as_slice()), (3, &b"!$%+?=#|"[..]));
        assert!(su.commands.contains(Code::one(0x1A)) && su.commands.contains(Code::one(0x7F)));

        let rt = CommandSet::parse(b"4.!$\x04.\x01\x05QY\xf0.\x81:\xd0\xe2:\xff").unwrap();
        assert_eq!(rt.version, 4);
        assert!(rt.commands.contains(Code::two(0x81, 0xE2)) && rt.commands.contains(Code::two(0x81, b':')));
        assert!(rt.commands.contains(Code::one(0xF0)));

        let vs = CommandSet::parse(b"2).?=*%+#!$.98~`\x01ynba@YXUSQKGA").unwrap();
        assert_eq!(vs.version, 2);
        assert!(vs.commands.contains(Code::one(b'Q')));

        let reversed = CommandSet::parse(b".!$?.3").unwrap();
        assert_eq!((reversed.version, reversed.alerts.as_slice()), (3, &b"!$?"[..]));
        assert!(reversed.commands.is_empty());
    }

    #[test]
    fn refuses_what_is_an_answer_to_something_else() {
        for reply in [&b"231.8"[..], b"60.11.I", b"SM", b"NA", b"", b".", b"50.00", b"3", b"112.1DL4.I"] {
            assert_eq!(CommandSet::parse(reply), None, "{}", reply.escape_ascii());
        }
    }
}
