//! The plugin's copy of the host's snapshot, with its reply lines ready.
//!
//! A device is copied when somebody first asks for it after it changed. Its `LIST VAR` lines are rendered then, and
//! the answer to `GET VAR` is one of those very lines. NUT compares names without regard to case and repeats the client's
//! spelling: equal but for case means equal in length, so a line in another spelling is the rendered one with the
//! names written over. Only names that need no quotes are ever mirrored, which is what makes this true.

use std::collections::HashMap;

use opennmc_plugin::{Availability, Device, Host, Kind, Variable};
use rustc_hash::FxBuildHasher;

use crate::refusal::Refusal;
use crate::reply::{Line, is_plain};

/// Longer names are not served: three of them must fit into one reply line.
const MAX_NAME: usize = 128;

/// What `ups.status` says before the UPS was first heard.
const WAITING: &str = "WAIT";

const STATUS: &str = "ups.status";
const LIST_KEYWORD: &[u8] = b"VAR ";

/// All devices as of one generation.
#[derive(Debug, Default)]
pub struct Mirror {
    generation: Option<u64>,
    devices: Vec<Mirrored>,
}

/// One device. The variables are there once somebody asked for them.
#[derive(Debug)]
pub struct Mirrored {
    device: Device,
    contents: Option<Contents>,
}

/// The variables of one device as reply lines.
#[derive(Debug)]
pub struct Contents {
    /// `VAR name variable "value"` with LF, for all variables in order.
    lines: Vec<u8>,
    entries: Vec<Entry>,
    by_name: HashMap<Box<[u8]>, usize, FxBuildHasher>,
    device_name: usize,
}

/// One variable.
#[derive(Debug, Clone)]
pub struct Entry {
    /// NUT's name in the host's spelling.
    pub name: String,
    /// What values it takes.
    pub kind: Kind,
    /// Whether it can be set at all.
    pub settable: bool,
    /// The longest text that can be set.
    pub max_length: u32,
    start: usize,
    end: usize,
}

impl Mirror {
    /// Follows the host's snapshot. Cheap when nothing changed.
    pub fn refresh(&mut self, host: &impl Host) {
        let generation = host.generation();
        if self.generation == Some(generation) {
            return;
        }
        let mut known = core::mem::take(&mut self.devices);
        for device in host.devices() {
            if !is_servable(&device.name) {
                host.warn(&format!(
                    "the UPS name '{}' can't be used in NUT's protocol; NUT clients will not see this UPS",
                    device.name
                ));
                continue;
            }
            let before = known.iter().position(|old| old.device.name == device.name);
            let contents = before
                .map(|index| known.swap_remove(index))
                .filter(|old| old.device.generation == device.generation)
                .filter(|old| old.device.availability == device.availability)
                .and_then(|old| old.contents);
            self.devices.push(Mirrored { device, contents });
        }
        self.generation = Some(generation);
    }

    /// In the order of the configuration.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter().map(|mirrored| &mirrored.device)
    }

    /// The device with this name, whether there is data of it or not.
    pub fn device(&self, name: &str) -> Result<&Device, Refusal> {
        self.devices().find(|device| device.name.eq_ignore_ascii_case(name)).ok_or(Refusal::UnknownUps)
    }

    /// The device with this name if there is data that can be trusted.
    pub fn available(&self, name: &str) -> Result<&Device, Refusal> {
        let device = self.device(name)?;
        match device.availability {
            Availability::Live | Availability::Waiting => Ok(device),
            Availability::Stale => Err(Refusal::DataStale),
            Availability::Disconnected => Err(Refusal::DriverNotConnected),
        }
    }

    /// The variables of an available device.
    pub fn contents(&mut self, host: &impl Host, name: &str) -> Result<&Contents, Refusal> {
        self.available(name)?;
        let mirrored = self
            .devices
            .iter_mut()
            .find(|mirrored| mirrored.device.name.eq_ignore_ascii_case(name))
            .ok_or(Refusal::UnknownUps)?;
        let device = &mirrored.device;
        Ok(mirrored.contents.get_or_insert_with(|| {
            Contents::render(device, host.variables(&device.name).unwrap_or_default())
        }))
    }

    /// Answers a line that is `GET VAR` in its plainest form, names in the host's own spelling. False for every other
    /// line, which then takes the long way; so the lexer's rules need no second implementation here.
    pub fn answer_plain_get_var(&self, line: &[u8], out: &mut Vec<u8>) -> bool {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(names) = line.strip_prefix(b"GET VAR ") else { return false };
        for Mirrored { device, contents } in &self.devices {
            let name = device.name.as_bytes();
            let Some(variable) = names.strip_prefix(name).and_then(|rest| rest.strip_prefix(b" ")) else {
                continue;
            };
            // Only an available device ever has contents, and a change of availability is a new generation.
            let Some(contents) = contents else { return false };
            let Some(entry) = contents.by_name.get(variable).and_then(|index| contents.entries.get(*index))
            else {
                return false;
            };
            out.extend_from_slice(contents.line(entry));
            return true;
        }
        false
    }
}

impl Contents {
    fn render(device: &Device, mut variables: Vec<Variable>) -> Self {
        if device.availability == Availability::Waiting {
            announce_waiting(&mut variables);
        }
        let mut contents = Contents {
            lines: Vec::new(),
            entries: Vec::with_capacity(variables.len()),
            by_name: HashMap::with_capacity_and_hasher(variables.len(), FxBuildHasher),
            device_name: device.name.len(),
        };
        for variable in variables {
            if !is_servable(&variable.name) {
                continue;
            }
            let start = contents.lines.len();
            let line = Line::new(&mut contents.lines, "VAR").word(&device.name).word(&variable.name);
            if line.text(&variable.value).end().is_err() {
                continue;
            }
            contents.by_name.insert(variable.name.as_bytes().into(), contents.entries.len());
            contents.entries.push(Entry {
                name: variable.name,
                kind: variable.kind,
                settable: variable.settable,
                max_length: variable.max_length,
                start,
                end: contents.lines.len(),
            });
        }
        contents
    }

    /// The variable with this name.
    pub fn entry(&self, name: &str) -> Result<&Entry, Refusal> {
        self.entries
            .iter()
            .find(|entry| entry.name.eq_ignore_ascii_case(name))
            .ok_or(Refusal::VarNotSupported)
    }

    /// All variables in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Writes one `VAR` line with the client's spelling of both names.
    pub fn write_line(&self, entry: &Entry, ups: &str, variable: &str, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(self.line(entry));
        let ups_at = start + LIST_KEYWORD.len();
        overwrite(out, ups_at, ups);
        overwrite(out, ups_at + self.device_name + 1, variable);
    }

    /// Writes all `VAR` lines with the client's spelling of the UPS's name.
    pub fn write_all(&self, ups: &str, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.lines);
        for entry in &self.entries {
            overwrite(out, start + entry.start + LIST_KEYWORD.len(), ups);
        }
    }

    /// The `VAR` lines that can be set, as `RW` lines.
    pub fn write_settable(&self, ups: &str, out: &mut Vec<u8>) {
        for entry in self.entries.iter().filter(|entry| entry.settable) {
            out.extend_from_slice(b"RW ");
            let at = out.len();
            out.extend_from_slice(self.line(entry).get(LIST_KEYWORD.len()..).unwrap_or_default());
            overwrite(out, at, ups);
        }
    }

    fn line(&self, entry: &Entry) -> &[u8] {
        self.lines.get(entry.start..entry.end).unwrap_or_default()
    }
}

/// Before the first contact the only thing known is that it is under way.
fn announce_waiting(variables: &mut Vec<Variable>) {
    variables.retain(|variable| variable.name != STATUS);
    let at = variables.partition_point(|variable| variable.name.as_str() < STATUS);
    let status = Variable {
        name: STATUS.to_owned(),
        value: WAITING.to_owned(),
        settable: false,
        kind: Kind::Text,
        max_length: 0,
    };
    variables.insert(at, status);
}

/// The name is as long as what it replaces: the caller found that by comparing them without regard to case.
fn overwrite(out: &mut [u8], at: usize, name: &str) {
    if let Some(place) = out.get_mut(at..at + name.len()) {
        place.copy_from_slice(name.as_bytes());
    }
}

fn is_servable(name: &str) -> bool {
    is_plain(name) && name.len() <= MAX_NAME
}
