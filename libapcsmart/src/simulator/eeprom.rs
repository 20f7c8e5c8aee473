//! The EEPROM: what a user can set and a power cut does not lose.
//!
//! Invariant: a setting is always one of the values of its cycle. Each change counts as a write, because real cells
//! wear out and a reader that steps around the whole cycle for one change should be seen doing so.

use std::collections::BTreeMap;

use super::model::{Capabilities, Record, Spec};

/// A record's locale that stands for all.
const EVERYWHERE: u8 = b'4';
/// Texts are exactly this long.
pub(super) const TEXT_LENGTH: usize = 8;
/// External battery packs that a user may announce.
const MOST_PACKS: u16 = 255;
/// On-off switches of units with two-byte commands.
pub(super) const SWITCHES: usize = 9;

pub(super) struct Eeprom {
    spec: &'static Spec,
    /// Position in the cycle of each setting of this unit's locale.
    chosen: BTreeMap<u8, usize>,
    texts: BTreeMap<u8, [u8; TEXT_LENGTH]>,
    packs: u16,
    switches: [bool; SWITCHES],
    writes: u64,
}

impl Eeprom {
    pub(super) fn new(spec: &'static Spec) -> Eeprom {
        let mut eeprom = Eeprom {
            spec,
            chosen: BTreeMap::new(),
            texts: BTreeMap::new(),
            packs: 0,
            switches: [false; SWITCHES],
            writes: 0,
        };
        eeprom.fill_with_factory_values();
        for (command, text) in spec.texts {
            eeprom.texts.insert(*command, padded(text.as_bytes()));
        }
        eeprom
    }

    /// What a setting or text answers when it is queried.
    pub(super) fn value(&self, command: u8) -> Option<Vec<u8>> {
        if command == b'>' {
            return Some(format!("{:03}", self.packs).into_bytes());
        }
        if let Some(text) = self.texts.get(&command) {
            return Some(text.to_vec());
        }
        Some(self.cycle(command)?.values[*self.chosen.get(&command)?].as_bytes().to_vec())
    }

    /// A setting as a number; nothing for words such as `OFF`, or when this unit has no such setting.
    pub(super) fn number(&self, command: u8) -> Option<f64> {
        core::str::from_utf8(&self.value(command)?).ok()?.trim().parse().ok()
    }

    pub(super) fn is_setting(&self, command: u8) -> bool {
        self.chosen.contains_key(&command) || command == b'>'
    }

    pub(super) fn is_text(&self, command: u8) -> bool {
        self.texts.contains_key(&command)
    }

    /// `-` (backwards is false) or `+`: the next value of the cycle. False when there is nothing to step.
    pub(super) fn step(&mut self, command: u8, backwards: bool) -> bool {
        if command == b'>' {
            let stepped = if backwards { self.packs.checked_sub(1) } else { Some(self.packs + 1) };
            let Some(packs) = stepped.filter(|packs| *packs <= MOST_PACKS) else { return false };
            self.packs = packs;
            self.writes += 1;
            return true;
        }
        let Some(length) = self.cycle(command).map(|record| record.values.len()) else { return false };
        let Some(position) = self.chosen.get_mut(&command) else { return false };
        *position = if backwards { *position + length - 1 } else { *position + 1 } % length;
        self.writes += 1;
        true
    }

    /// Eight bytes as they came; a CR ends the text, what follows it is filler.
    pub(super) fn write_text(&mut self, command: u8, text: &[u8]) -> bool {
        let printable = text.split(|byte| *byte == b'\r').next().unwrap_or_default();
        if !self.is_text(command) || !printable.iter().all(|byte| (b' '..0x7F).contains(byte)) {
            return false;
        }
        self.texts.insert(command, padded(printable));
        self.writes += 1;
        true
    }

    pub(super) fn switch(&self, switch: usize) -> bool {
        self.switches[switch]
    }

    pub(super) fn set_switch(&mut self, switch: usize, on: bool) {
        self.switches[switch] = on;
        self.writes += 1;
    }

    /// `z`: the factory's settings. Texts stay, as on real units: they name the UPS, they do not set it.
    pub(super) fn reset(&mut self) {
        self.fill_with_factory_values();
        self.writes += 1;
    }

    /// Cells written since the factory.
    pub(super) fn writes(&self) -> u64 {
        self.writes
    }

    /// The reply to `^Z`, without CR LF.
    pub(super) fn capabilities(&self) -> Vec<u8> {
        let mut reply = Vec::new();
        if self.spec.capabilities != Capabilities::Doubled {
            reply.push(b'#');
        }
        for record in self.spec.eeprom {
            if self.spec.capabilities == Capabilities::Doubled {
                reply.extend_from_slice(b"##");
            }
            // Counts and lengths are digits that go on past 9 with the characters that follow it.
            reply.extend([record.command, record.locale, b'0' + record.values.len() as u8]);
            reply.push(b'0' + record.values[0].len() as u8);
            reply.extend(record.values.iter().flat_map(|value| value.bytes()));
        }
        if self.spec.capabilities == Capabilities::Damaged {
            const LESS_THAN_NONE: u8 = b'0' - 1;
            reply.extend([b'o', b'J', LESS_THAN_NONE, b'3']);
            reply.extend_from_slice(b"uM43229234");
        }
        reply
    }

    /// A text image for a file, read back by [`Eeprom::load`].
    pub(super) fn image(&self) -> String {
        let mut image = format!("model {}\nwrites {}\npacks {}\n", self.spec.name, self.writes, self.packs);
        for (switch, on) in self.switches.iter().enumerate() {
            image += &format!("switch {switch} {on}\n");
        }
        for (command, position) in &self.chosen {
            image += &format!("setting {command:02x} {position}\n");
        }
        for (command, text) in &self.texts {
            image += &format!("text {command:02x} {}\n", String::from_utf8_lossy(text));
        }
        image
    }

    /// Takes over an image; lines that do not fit this model are an error that names them.
    pub(super) fn load(&mut self, image: &str) -> Result<(), String> {
        for line in image.lines().filter(|line| !line.trim().is_empty()) {
            self.load_line(line).ok_or_else(|| {
                format!("the EEPROM image does not fit a {}: `{line}` is not possible", self.spec.name)
            })?;
        }
        Ok(())
    }

    fn load_line(&mut self, line: &str) -> Option<()> {
        let (kind, rest) = line.split_once(' ')?;
        match kind {
            "model" => (rest == self.spec.name).then_some(())?,
            "writes" => self.writes = rest.parse().ok()?,
            "packs" => self.packs = rest.parse().ok().filter(|packs| *packs <= MOST_PACKS)?,
            "switch" => {
                let (switch, on) = rest.split_once(' ')?;
                *self.switches.get_mut(switch.parse::<usize>().ok()?)? = on.parse().ok()?;
            }
            "setting" => {
                let (command, position) = rest.split_once(' ')?;
                let command = u8::from_str_radix(command, 16).ok()?;
                let position: usize = position.parse().ok()?;
                (position < self.cycle(command)?.values.len()).then_some(())?;
                self.chosen.insert(command, position);
            }
            "text" => {
                let (command, text) = rest.split_at_checked(2)?;
                let command = u8::from_str_radix(command, 16).ok()?;
                let text = text.strip_prefix(' ')?.as_bytes();
                (self.is_text(command) && text.len() <= TEXT_LENGTH).then_some(())?;
                self.texts.insert(command, padded(text));
            }
            _ => return None,
        }
        Some(())
    }

    fn fill_with_factory_values(&mut self) {
        self.packs = 0;
        self.switches = [false; SWITCHES];
        self.chosen = self.records().map(|record| (record.command, record.factory)).collect();
    }

    /// The records that hold for this unit's locale.
    fn records(&self) -> impl Iterator<Item = &'static Record> + use<> {
        let locale = self.spec.locale;
        self.spec.eeprom.iter().filter(move |record| record.locale == EVERYWHERE || record.locale == locale)
    }

    fn cycle(&self, command: u8) -> Option<&'static Record> {
        self.records().find(|record| record.command == command)
    }
}

fn padded(text: &[u8]) -> [u8; TEXT_LENGTH] {
    let mut cells = [b' '; TEXT_LENGTH];
    let length = text.len().min(TEXT_LENGTH);
    cells[..length].copy_from_slice(&text[..length]);
    cells
}
