//! What a core module imports and exports, by name: read from its own tables, without judging the rest of it.
//!
//! Only for better words about a module that can't become a plugin, and for the exports of one written in C. Whether the
//! module is valid is the encoder's business.

const HEADER: &[u8] = b"\0asm\x01\0\0\0";
/// A component, which is another layer of the same format.
const COMPONENT_HEADER: &[u8] = b"\0asm\x0d\0\x01\0";
const IMPORTS: u8 = 2;
const EXPORTS: u8 = 7;

/// Names at a module's border.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Border {
    /// Module and name of each import.
    pub(super) imports: Vec<(String, String)>,
    /// Name of each export.
    pub(super) exports: Vec<String>,
}

/// Whether these bytes are a component already.
pub(super) fn is_component(bytes: &[u8]) -> bool {
    bytes.starts_with(COMPONENT_HEADER)
}

/// What the module says it imports and exports; of one that is malformed, nothing.
pub(super) fn border(bytes: &[u8]) -> Border {
    let mut border = Border::default();
    let Some(mut rest) = bytes.strip_prefix(HEADER).map(Reader) else { return border };
    while let (Some(id), Some(size)) = (rest.byte(), rest.number()) {
        let Some(section) = rest.take(size) else { break };
        match id {
            IMPORTS => border.imports = read_imports(Reader(section)).unwrap_or_default(),
            EXPORTS => border.exports = read_exports(Reader(section)).unwrap_or_default(),
            _ => {}
        }
    }
    border
}

fn read_imports(mut section: Reader<'_>) -> Option<Vec<(String, String)>> {
    let count = section.number()?;
    let mut imports = Vec::new();
    for _ in 0..count {
        imports.push((section.name()?, section.name()?));
        match section.byte()? {
            // A function, by its type.
            0 => drop(section.number()?),
            // A table: its elements' type, then its size.
            1 => {
                section.byte()?;
                section.limits()?;
            }
            2 => section.limits()?,
            // A global: type and whether it changes.
            3 => drop(section.take(2)?),
            // A tag: attribute and type.
            4 => {
                section.byte()?;
                section.number()?;
            }
            _ => return None,
        }
    }
    Some(imports)
}

fn read_exports(mut section: Reader<'_>) -> Option<Vec<String>> {
    let count = section.number()?;
    let mut exports = Vec::new();
    for _ in 0..count {
        exports.push(section.name()?);
        section.byte()?;
        section.number()?;
    }
    Some(exports)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// An unsigned LEB128 of at most 32 bits.
    fn number(&mut self) -> Option<usize> {
        let mut number = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(number).ok();
            }
        }
        None
    }

    fn name(&mut self) -> Option<String> {
        let length = self.number()?;
        Some(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn limits(&mut self) -> Option<()> {
        let has_most = self.byte()? & 1 == 1;
        self.number()?;
        if has_most {
            self.number()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Imports `wasi:f` as a function and a memory, exports one function.
    const MODULE: &[u8] = &[
        0, b'a', b's', b'm', 1, 0, 0, 0, // header
        2, 17, 2, 4, b'w', b'a', b's', b'i', 1, b'f', 0, 0, 1, b'e', 1, b'm', 2, 0, 1, // imports
        7, 5, 1, 1, b'x', 0, 0, // exports
    ];

    #[test]
    fn names_are_read_from_a_module() {
        let border = border(MODULE);
        let imports = [("wasi", "f"), ("e", "m")].map(|(module, name)| (module.to_owned(), name.to_owned()));
        assert_eq!(border.imports, imports);
        assert_eq!(border.exports, ["x"]);
    }

    #[test]
    fn a_module_that_is_cut_anywhere_is_no_reason_to_fall() {
        for length in 0..MODULE.len() {
            border(&MODULE[..length]);
        }
    }
}
