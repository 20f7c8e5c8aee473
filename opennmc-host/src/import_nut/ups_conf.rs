//! `ups.conf`: which UPSes there are.
//!
//! Sections are gathered first, because a driver that OpenNMC does not replace takes its whole section out, wherever its
//! line stands. Every statement gets exactly one judgement.

use apcsmart::serial::Cable;
use apcsmart::table::VARIABLES;

use super::draft::{Draft, DraftUps, quoted, would_be_accepted};
use super::lexer::{Statement, ascii};
use super::report::Judgement;
use crate::config::{DeviceName, Port};

/// NUT's drivers for the protocol that OpenNMC speaks.
const DRIVERS: [&str; 2] = ["apcsmart", "apcsmart-old"];

/// What NUT's driver controller and its drivers' common part know, in front of the sections or in them.
const COMMON: [(&str, &str); 16] = [
    ("chroot", "OpenNMC keeps what can be attacked in sandboxes instead"),
    ("debug_min", "how much is logged is said by `[log] level`"),
    ("driverpath", "the driver is built in"),
    ("group", "the service's unit file says which user the daemon runs as"),
    ("maxretry", "a port that can't be opened is tried until it can"),
    ("maxstartdelay", "starting does not wait for the UPS"),
    ("nolock", "the port is opened for OpenNMC alone; no lock file is needed"),
    ("nowait", "starting does not wait for the UPS"),
    ("pollinterval", "the status is read as often as the line carries, and alerts are taken at once"),
    ("reconnect_max_tries", "a lost port is looked for until it is back"),
    ("retrydelay", "a port that can't be opened is tried after 0.5, 1, 2, 4, 8 and then every 10 seconds"),
    ("statepath", "there is no socket between driver and server"),
    ("synchronous", "there is no socket between driver and server"),
    ("user", "the service's unit file says which user the daemon runs as"),
    ("usb_set_altinterface", "the UPS is on a serial line"),
    ("allow_killpower", "shutdown commands are a matter of the user's role"),
];

/// Judges all statements, in their order.
pub(super) fn read(statements: &[Statement], draft: &mut Draft) -> Vec<Judgement> {
    let sections = gather(statements);
    let mut judgements: Vec<Option<Judgement>> = statements.iter().map(|_| None).collect();
    for section in &sections {
        for (index, judgement) in section.judge(statements, draft) {
            judgements[index] = Some(judgement);
        }
    }
    let unclaimed = || Judgement::not_carried("this belongs to no section");
    judgements.into_iter().map(|judgement| judgement.unwrap_or_else(unclaimed)).collect()
}

/// One UPS, or what stands in front of the first.
struct Section<'t> {
    name: Option<&'t str>,
    /// Positions of its statements, its headers included.
    members: Vec<usize>,
}

/// A name that appears again goes on where it was, as in NUT.
fn gather(statements: &[Statement]) -> Vec<Section<'_>> {
    let mut sections = vec![Section { name: None, members: Vec::new() }];
    let mut current = 0;
    for (index, statement) in statements.iter().enumerate() {
        if let Some(name) = statement.section().filter(|_| statement.fault.is_none()) {
            current =
                sections.iter().position(|section| section.name == Some(name)).unwrap_or(sections.len());
            if current == sections.len() {
                sections.push(Section { name: Some(name), members: Vec::new() });
            }
        }
        sections[current].members.push(index);
    }
    sections
}

impl Section<'_> {
    fn judge(&self, statements: &[Statement], draft: &mut Draft) -> Vec<(usize, Judgement)> {
        let Some(name) = self.name else {
            return self.each(|index| judge_global(&statements[index]));
        };
        let header = match self.check(name, statements, draft) {
            Ok(port) => port,
            Err(reason) => {
                return self.each(|index| {
                    faulty(&statements[index]).unwrap_or_else(|| Judgement::not_carried(&reason))
                });
            }
        };
        let mut ups = DraftUps { name: name.to_owned(), port: header, ..DraftUps::default() };
        let wanted = Wanted::of(self, statements);
        let judgements = self.each(|index| {
            let statement = &statements[index];
            let repeated = self.members.iter().any(|later| {
                *later > index
                    && statements[*later].word(0) == statement.word(0)
                    && statement.section().is_none()
            });
            match faulty(statement) {
                Some(judgement) => judgement,
                None if repeated => {
                    Judgement::not_needed("a later line of this section says it again, and that one counts")
                }
                None => judge_field(statement, &wanted, &mut ups),
            }
        });
        draft.upses.push(ups);
        judgements
    }

    fn each(&self, mut judge: impl FnMut(usize) -> Judgement) -> Vec<(usize, Judgement)> {
        self.members.iter().map(|index| (*index, judge(*index))).collect()
    }

    /// The UPS's port, or why the section can't be carried over.
    fn check(&self, name: &str, statements: &[Statement], draft: &Draft) -> Result<String, String> {
        let driver =
            self.last(statements, "driver").ok_or("the section names no driver, which NUT requires")?;
        if !DRIVERS.contains(&driver.as_str()) {
            return Err(foreign_driver(name, &driver));
        }
        DeviceName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
        if let Some(twin) = draft.upses.iter().find(|other| other.name.eq_ignore_ascii_case(name)) {
            return Err(format!("NUT clients can't tell this UPS from `{}`: they ignore case", twin.name));
        }
        let port = self.last(statements, "port").ok_or("the section names no port, which NUT requires")?;
        Port::try_from(port.clone()).map_err(|error| error.to_string())?;
        if let Some(twin) = draft.upses.iter().find(|other| other.port == port && !port.starts_with("sim:")) {
            return Err(format!("`{port}` is already the port of `{}`", twin.name));
        }
        Ok(port)
    }

    fn last(&self, statements: &[Statement], key: &str) -> Option<String> {
        let of_key = self.members.iter().rev().map(|index| &statements[*index]);
        let statement =
            of_key.into_iter().find(|statement| statement.word(0) == key && statement.fault.is_none())?;
        value(statement).map(ascii)
    }
}

fn foreign_driver(name: &str, driver: &str) -> String {
    let instead = match driver {
        "dummy-ups" => "for a simulated UPS, write `port = \"sim:smart-ups-1500\"`",
        "usbhid-ups" | "apc_modbus" => {
            "OpenNMC reaches APC UPSes through their serial port or SmartSlot, not through USB; NUT can go on serving this one"
        }
        _ => "NUT can go on serving this UPS, on another address or port",
    };
    format!("`{name}` is not carried over: OpenNMC does not replace the driver {driver}; {instead}")
}

fn faulty(statement: &Statement) -> Option<Judgement> {
    let fault = statement.fault?;
    Some(Judgement::not_carried(format!("NUT skips this line: {fault}")))
}

/// What stands behind `=`.
fn value(statement: &Statement) -> Option<&str> {
    (statement.word(1) == "=").then(|| statement.words.get(2)).flatten().map(String::as_str)
}

fn judge_global(statement: &Statement) -> Judgement {
    if let Some(judgement) = faulty(statement) {
        return judgement;
    }
    match COMMON.iter().find(|(key, _)| *key == statement.word(0)) {
        Some((_, reason)) => Judgement::not_needed(*reason),
        None => Judgement::not_carried(format!(
            "NUT has no `{}` in front of the first [section] of ups.conf",
            statement.word(0)
        )),
    }
}

/// What the fields of one section want together.
struct Wanted {
    charge: Option<String>,
    runtime: Option<String>,
}

impl Wanted {
    fn of(section: &Section<'_>, statements: &[Statement]) -> Wanted {
        let limit = |name: &str| {
            let key = |prefix: &str| section.last(statements, &format!("{prefix}.{name}"));
            key("override").or_else(|| key("default"))
        };
        Wanted { charge: limit("battery.charge.low"), runtime: limit("battery.runtime.low") }
    }
}

fn judge_field(statement: &Statement, wanted: &Wanted, ups: &mut DraftUps) -> Judgement {
    let key = statement.word(0);
    let value = value(statement);
    match (key, value) {
        _ if statement.section().is_some() => Judgement::carried(format!("[ups.{}]", ups.name)),
        ("driver", _) => Judgement::carried("the driver is built in"),
        ("port", _) => Judgement::carried(format!("port = {}", quoted(&ups.port))),
        ("desc", Some(text)) => match would_be_accepted(&format!("description = {}\n", quoted(text))) {
            Ok(()) => {
                ups.description = Some(text.to_owned());
                Judgement::carried(format!("description = {}", quoted(text)))
            }
            Err(problem) => Judgement::not_carried(problem),
        },
        ("cable", Some(name)) => judge_cable(name, ups),
        ("ttymode", _) => Judgement::not_needed("the port is always used in raw mode"),
        ("sdtype" | "advorder" | "awd" | "cshdelay", Some(text)) => judge_shutdown(key, text, &ups.name),
        ("sdorder", _) => Judgement::not_carried(
            "the order in which UPSes are switched off is the shutdown script's: run `opennmc cmd NAME shutdown.return` in it in that order",
        ),
        ("sdcommands", _) => Judgement::not_carried(
            "name the command where the UPS is switched off: `opennmc cmd NAME shutdown.return`",
        ),
        ("ignorelb", _) => judge_ignored_low_battery(wanted, ups),
        _ => match key.split_once('.') {
            Some((prefix @ ("override" | "default"), name)) => judge_fixed(prefix, name, value, ups),
            _ => judge_other(key),
        },
    }
}

fn judge_cable(name: &str, ups: &mut DraftUps) -> Judgement {
    match Cable::named(name) {
        Some(_) => {
            ups.cable = Some(name.to_owned());
            Judgement::carried(format!("cable = {}", quoted(name)))
        }
        None => Judgement::not_carried(format!(
            "OpenNMC does not know the cable {name}; the default, 940-0024C, is used"
        )),
    }
}

/// The driver's options for its own way of switching off.
fn judge_shutdown(key: &str, text: &str, ups: &str) -> Judgement {
    let chosen = "`shutdown.return` chooses among the UPS's ways to switch off and on again by itself";
    let instead = |command: &str| {
        Judgement::not_carried(format!(
            "where the UPS is switched off, run `opennmc cmd {ups} {command}` for this"
        ))
    };
    match (key, text) {
        ("sdtype", "0" | "1" | "4" | "5") | ("advorder", "no") | ("cshdelay", _) => {
            Judgement::not_needed(chosen)
        }
        ("sdtype", "2") => instead("load.off"),
        ("sdtype", "3") => instead("shutdown.stayoff"),
        ("advorder", order) if order.chars().all(|way| "014".contains(way)) => Judgement::not_needed(chosen),
        ("advorder", _) => instead("shutdown.return, shutdown.stayoff or load.off"),
        ("awd", delay) => instead(&format!("shutdown.return {}", delay.trim_start_matches('0'))),
        _ => Judgement::not_carried(format!("NUT's driver refuses this value of `{key}` too")),
    }
}

fn judge_ignored_low_battery(wanted: &Wanted, ups: &mut DraftUps) -> Judgement {
    let charge = wanted.charge.as_ref().and_then(|text| text.parse().ok());
    let runtime = wanted.runtime.as_ref().and_then(|text| text.parse().ok());
    let rule = |key: &str, value: String| {
        would_be_accepted(&format!("[ups.x.rules]\nignore-low-battery = true\n{key} = {value}\n")).is_ok()
    };
    ups.low_battery_charge = charge.filter(|charge: &u8| rule("low-battery-charge", charge.to_string()));
    ups.low_battery_runtime =
        runtime.filter(|runtime: &u64| rule("low-battery-runtime", runtime.to_string()));
    if ups.low_battery_charge.is_none() && ups.low_battery_runtime.is_none() {
        return Judgement::not_carried(
            "without a limit of its own the battery would never count as low; the UPS's word is believed. Give \
             `low-battery-charge` or `low-battery-runtime` in [ups.NAME.rules] to change that",
        );
    }
    ups.ignore_low_battery = true;
    let mut rules = vec!["ignore-low-battery = true".to_owned()];
    rules.extend(ups.low_battery_charge.map(|charge| format!("low-battery-charge = {charge}")));
    rules.extend(ups.low_battery_runtime.map(|runtime| format!("low-battery-runtime = {runtime}")));
    Judgement::carried(format!("in [ups.{}.rules]: {}", ups.name, rules.join(", ")))
}

fn judge_fixed(prefix: &str, name: &str, value: Option<&str>, ups: &mut DraftUps) -> Judgement {
    let Some(value) = value else { return Judgement::not_carried("there is no value") };
    if prefix == "default" && VARIABLES.iter().any(|variable| variable.names.contains(&name)) {
        return Judgement::not_carried(format!(
            "`{name}` is read from the UPS when it has it; if it has not, write it under [ups.{}.override]",
            ups.name
        ));
    }
    let value = ascii(value);
    let line = format!("{} = {}", quoted(name), quoted(&value));
    match would_be_accepted(&format!("[ups.x.override]\n{line}\n")) {
        Ok(()) => {
            ups.overrides.retain(|(other, _)| other != name);
            ups.overrides.push((name.to_owned(), value));
            Judgement::carried(format!("in [ups.{}.override]: {line}", ups.name))
        }
        Err(problem) => Judgement::not_carried(problem),
    }
}

fn judge_other(key: &str) -> Judgement {
    match COMMON.iter().find(|(common, _)| *common == key) {
        Some((_, reason)) => Judgement::not_needed(*reason),
        None => Judgement::not_carried(format!(
            "`{key}` is no option of NUT's driver for this UPS, and none of OpenNMC's"
        )),
    }
}
