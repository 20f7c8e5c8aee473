//! What a component imports and exports: read from its bytes, without compiling or running any of it.
//!
//! The names at the outermost level of a component are all that it can reach: the component model has no other way in or
//! out. Only sections with these names are looked at, and every length is checked against what is there.

use super::capability;
use super::{Grant, Manifest};

/// The interfaces of a component.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Interfaces {
    /// What it asks the host for.
    pub imports: Vec<String>,
    /// What it offers to the host.
    pub exports: Vec<String>,
}

/// `\0asm`, version 13 of the component format in layer 1.
const PREAMBLE: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
const IMPORT_SECTION: u8 = 10;
const EXPORT_SECTION: u8 = 11;

/// Reads them, or says why that is no component.
pub fn interfaces(wasm: &[u8]) -> Result<Interfaces, String> {
    let body = wasm.strip_prefix(&PREAMBLE).ok_or("is no WebAssembly component")?;
    let mut rest = Bytes(body);
    let mut found = Interfaces::default();
    while !rest.0.is_empty() {
        let id = rest.byte()?;
        let length = rest.number()?;
        let mut section = Bytes(rest.take(length)?);
        match id {
            IMPORT_SECTION => {
                for _ in 0..section.number()? {
                    let name = section.name()?;
                    section.type_of_extern()?;
                    found.imports.push(name);
                }
            }
            EXPORT_SECTION => {
                for _ in 0..section.number()? {
                    let name = section.name()?;
                    section.sort()?;
                    section.number()?;
                    // Whether a type is written down as well.
                    if section.byte()? == 1 {
                        section.type_of_extern()?;
                    }
                    found.exports.push(name);
                }
            }
            _ => continue,
        }
        if !section.0.is_empty() {
            return Err(MALFORMED.to_owned());
        }
    }
    found.imports.sort();
    found.exports.sort();
    Ok(found)
}

/// The first import that the manifest does not ask for.
pub fn misses(interfaces: &Interfaces, manifest: &Manifest) -> Option<String> {
    let grant = Grant { needs: manifest.needs.clone(), limits: manifest.limits };
    capability::first_ungranted(interfaces.imports.iter().map(String::as_str), &grant)
}

const MALFORMED: &str = "is a malformed WebAssembly component";

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> Result<u8, String> {
        let (first, rest) = self.0.split_first().ok_or(MALFORMED)?;
        self.0 = rest;
        Ok(*first)
    }

    fn take(&mut self, length: u32) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(length as usize).ok_or(MALFORMED)?;
        self.0 = rest;
        Ok(taken)
    }

    /// An unsigned LEB128 of 32 bits.
    fn number(&mut self) -> Result<u32, String> {
        let mut value: u64 = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| MALFORMED.to_owned());
            }
        }
        Err(MALFORMED.to_owned())
    }

    /// The name of an import or export: how it is written, and then the text.
    fn name(&mut self) -> Result<String, String> {
        match self.byte()? {
            0 | 1 => {}
            _ => return Err(MALFORMED.to_owned()),
        }
        let length = self.number()?;
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| MALFORMED.to_owned())?;
        Ok(text.to_owned())
    }

    /// Which kind of thing; things of a core module have a second byte.
    fn sort(&mut self) -> Result<(), String> {
        match self.byte()? {
            0 => self.byte().map(|_| ()),
            1..=5 => Ok(()),
            _ => Err(MALFORMED.to_owned()),
        }
    }

    /// A kind and the number of its type. Instances are what interfaces are; the others are read past.
    fn type_of_extern(&mut self) -> Result<(), String> {
        match self.byte()? {
            // A core module has one byte more.
            0 => {
                self.byte()?;
                self.number()?;
            }
            1 | 4 | 5 => {
                self.number()?;
            }
            // A value or a type: equal to one, or in bounds.
            2 | 3 => {
                if self.byte()? == 0 {
                    self.number()?;
                }
            }
            _ => return Err(MALFORMED.to_owned()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bytes_make_it_read_beyond_them() {
        let mut component = PREAMBLE.to_vec();
        component.extend([IMPORT_SECTION, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        for length in 0..=component.len() {
            assert!(interfaces(&component[..length]).is_err() || length == PREAMBLE.len());
        }
        assert!(interfaces(b"\0asm\x01\0\0\0").unwrap_err().contains("no WebAssembly component"));
    }
}
