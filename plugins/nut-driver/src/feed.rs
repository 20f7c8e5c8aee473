//! One UPS as those who are connected were told of it, and what is to be told when it has changed.

use std::collections::BTreeMap;

use nut_words::quote;
use opennmc_plugin::{Availability, Host, Kind, Variable};

/// What was told of one UPS.
#[derive(Debug, Default)]
pub struct Feed {
    generation: Option<u64>,
    variables: BTreeMap<String, Told>,
    commands: Vec<String>,
    fresh: bool,
}

/// One variable as it was told.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    value: String,
    /// Its other lines: whether it can be set, and to what.
    attributes: Vec<u8>,
}

impl Feed {
    /// Follows the host's snapshot, and appends what has changed to `changes`.
    pub fn follow(&mut self, host: &impl Host, ups: &str, changes: &mut Vec<u8>) {
        let Some(device) = host.devices().into_iter().find(|device| device.name == ups) else {
            return self.be_fresh(false, changes);
        };
        if self.generation != Some(device.generation) {
            self.generation = Some(device.generation);
            let now = host.variables(ups).unwrap_or_default();
            self.take_variables(host, ups, now, changes);
            self.take_commands(host.commands(ups).unwrap_or_default(), changes);
        }
        self.be_fresh(device.availability == Availability::Live, changes);
    }

    /// Everything.
    pub fn dump(&self, out: &mut Vec<u8>) {
        for (name, told) in &self.variables {
            told.write(name, out);
        }
        for command in &self.commands {
            line(out, "ADDCMD", command, None);
        }
        self.end_dump(out);
    }

    /// One variable, if there is such a one.
    pub fn dump_value(&self, name: &str, out: &mut Vec<u8>) {
        let known = self.variables.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        if let Some((known, told)) = known {
            told.write(known, out);
        }
    }

    /// How data is, and the end of a dump.
    pub fn end_dump(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.fresh { b"DATAOK\n" } else { b"DATASTALE\n" });
        out.extend_from_slice(b"DUMPDONE\n");
    }

    /// The command in the host's spelling.
    pub fn command(&self, name: &str) -> Option<&str> {
        self.commands.iter().find(|known| known.eq_ignore_ascii_case(name)).map(String::as_str)
    }

    /// The variable in the host's spelling.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.keys().find(|known| known.eq_ignore_ascii_case(name)).map(String::as_str)
    }

    fn take_variables(&mut self, host: &impl Host, ups: &str, now: Vec<Variable>, changes: &mut Vec<u8>) {
        let now: BTreeMap<String, Told> = now
            .into_iter()
            .filter(|variable| quote::is_plain(&variable.name))
            .map(|variable| {
                let attributes = attributes(host, ups, &variable);
                (variable.name, Told { value: variable.value, attributes })
            })
            .collect();
        for name in self.variables.keys().filter(|name| !now.contains_key(*name)) {
            line(changes, "DELINFO", name, None);
        }
        for (name, told) in &now {
            match self.variables.get(name) {
                Some(before) if before == told => {}
                Some(before) if before.attributes == told.attributes => told.write_value(name, changes),
                // Values that are permitted no longer have no line to take them back one by one.
                Some(_) => {
                    line(changes, "DELINFO", name, None);
                    told.write(name, changes);
                }
                None => told.write(name, changes),
            }
        }
        self.variables = now;
    }

    fn take_commands(&mut self, now: Vec<String>, changes: &mut Vec<u8>) {
        let now: Vec<String> = now.into_iter().filter(|command| quote::is_plain(command)).collect();
        for gone in self.commands.iter().filter(|command| !now.contains(command)) {
            line(changes, "DELCMD", gone, None);
        }
        for new in now.iter().filter(|command| !self.commands.contains(command)) {
            line(changes, "ADDCMD", new, None);
        }
        self.commands = now;
    }

    fn be_fresh(&mut self, fresh: bool, changes: &mut Vec<u8>) {
        if self.fresh != fresh {
            self.fresh = fresh;
            changes.extend_from_slice(if fresh { b"DATAOK\n" } else { b"DATASTALE\n" });
        }
    }
}

impl Told {
    fn write(&self, name: &str, out: &mut Vec<u8>) {
        self.write_value(name, out);
        out.extend_from_slice(&self.attributes);
    }

    fn write_value(&self, name: &str, out: &mut Vec<u8>) {
        line(out, "SETINFO", name, Some(&self.value));
    }
}

fn attributes(host: &impl Host, ups: &str, variable: &Variable) -> Vec<u8> {
    let mut out = Vec::new();
    if !variable.settable {
        return out;
    }
    let name = &variable.name;
    out.extend_from_slice(format!("SETFLAGS {name} RW").as_bytes());
    out.extend_from_slice(match variable.kind {
        Kind::Text => b" STRING\n",
        Kind::Number | Kind::Range => b" NUMBER\n",
        Kind::Choice => b"\n",
    });
    match variable.kind {
        Kind::Text => out.extend_from_slice(format!("SETAUX {name} {}\n", variable.max_length).as_bytes()),
        Kind::Choice => {
            for choice in host.choices(ups, name) {
                line(&mut out, "ADDENUM", name, Some(&choice));
            }
        }
        Kind::Range => {
            for (least, most) in host.ranges(ups, name) {
                out.extend_from_slice(format!("ADDRANGE {name} {least} {most}\n").as_bytes());
            }
        }
        Kind::Number => {}
    }
    out
}

fn line(out: &mut Vec<u8>, verb: &str, name: &str, text: Option<&str>) {
    out.extend_from_slice(verb.as_bytes());
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    if let Some(text) = text {
        out.push(b' ');
        quote::push(out, text, LONGEST_VALUE);
    }
    out.push(b'\n');
}

/// Bytes of one value. `upsd` reads words of at most 512.
const LONGEST_VALUE: usize = 480;
