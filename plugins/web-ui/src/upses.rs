//! What the UPSes tell, from the host's snapshots.
//!
//! The long part of each UPS is written once for each change of it, since pages and monitoring ask far more often.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use opennmc_plugin::{Availability, Device, Host, Kind, Variable};
use serde::Serialize;

use crate::problem::Problem;
use crate::time;

/// The texts of the UPSes, as they were at some generation.
#[derive(Debug, Default)]
pub(crate) struct Upses(BTreeMap<String, (u64, String)>);

/// All of a UPS but how long ago it was heard, which changes all the time.
#[derive(Serialize)]
struct Lasting<'a> {
    name: &'a str,
    description: Option<&'a str>,
    availability: &'static str,
    commands: Vec<String>,
    variables: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct VariableDocument<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// Left out where the name is, else null when the name is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Option<String>>,
    value: &'a str,
    settable: bool,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ranges: Vec<(i64, i64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longest: Option<u32>,
}

#[derive(Serialize)]
struct CommandDocument {
    name: String,
    description: Option<String>,
    danger: bool,
}

#[derive(Serialize)]
struct Simple {
    upses: Vec<SimpleUps>,
}

#[derive(Serialize)]
struct SimpleUps {
    name: String,
    status: Vec<String>,
    availability: &'static str,
    charge: Option<f64>,
    runtime: Option<f64>,
    load: Option<f64>,
    input_voltage: Option<f64>,
    on_battery: bool,
    low_battery: bool,
    age_s: Option<f64>,
}

impl Upses {
    /// Every UPS.
    pub(crate) fn all(&mut self, host: &impl Host) -> String {
        let devices = host.devices();
        self.0.retain(|name, _| devices.iter().any(|device| device.name == *name));
        let mut text = String::from("[");
        for (index, device) in devices.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            self.write(host, device, &mut text);
        }
        text.push(']');
        text
    }

    /// One.
    pub(crate) fn one(&mut self, host: &impl Host, name: &str) -> Result<String, Problem> {
        let mut text = String::new();
        self.write(host, &device(host, name)?, &mut text);
        Ok(text)
    }

    fn write(&mut self, host: &impl Host, device: &Device, text: &mut String) {
        let (generation, lasting) = self.0.entry(device.name.clone()).or_default();
        if *generation != device.generation || lasting.is_empty() {
            *generation = device.generation;
            *lasting = lasting_of(host, device);
        }
        text.push_str(lasting.strip_suffix('}').unwrap_or(lasting));
        match age(device) {
            Some(age_s) => {
                let heard_at = heard_at(host, device).unwrap_or_default();
                // Neither has anything that JSON would write otherwise.
                let _ = write!(text, r#","heard_at":"{heard_at}","age_s":{age_s}}}"#);
            }
            None => text.push_str(r#","heard_at":null,"age_s":null}"#),
        }
    }
}

fn lasting_of(host: &impl Host, device: &Device) -> String {
    let variables = host.variables(&device.name).unwrap_or_default();
    let lasting = Lasting {
        name: &device.name,
        description: Some(device.description.as_str()).filter(|text| !text.is_empty()),
        availability: availability(device),
        commands: host.commands(&device.name).unwrap_or_default(),
        variables: variables.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect(),
    };
    written(&lasting)
}

/// Every variable of a UPS with what it can be set to.
pub(crate) fn variables(host: &impl Host, ups: &str) -> Result<String, Problem> {
    #[derive(Serialize)]
    struct Document<'a> {
        ups: &'a str,
        availability: &'static str,
        heard_at: Option<String>,
        age_s: Option<f64>,
        variables: BTreeMap<&'a str, VariableDocument<'a>>,
    }
    let device = device(host, ups)?;
    let all = host.variables(&device.name).unwrap_or_default();
    let variables =
        all.iter().map(|variable| (variable.name.as_str(), shown(host, &device, variable, false)));
    Ok(written(&Document {
        ups: &device.name,
        availability: availability(&device),
        heard_at: heard_at(host, &device),
        age_s: age(&device),
        variables: variables.collect(),
    }))
}

/// One variable, with its meaning.
pub(crate) fn variable(host: &impl Host, ups: &str, name: &str) -> Result<String, Problem> {
    let device = device(host, ups)?;
    let all = host.variables(&device.name).unwrap_or_default();
    let Some(variable) = all.iter().find(|variable| variable.name.eq_ignore_ascii_case(name)) else {
        return Err(Problem::not_found(format!("`{}` has no variable `{name}`", device.name)));
    };
    Ok(written(&shown(host, &device, variable, true)))
}

/// The variables that can be set, each with its meaning.
pub(crate) fn settings(host: &impl Host, ups: &str) -> Result<String, Problem> {
    let device = device(host, ups)?;
    let all = host.variables(&device.name).unwrap_or_default();
    let settable = all.iter().filter(|variable| variable.settable);
    Ok(written(&settable.map(|variable| shown(host, &device, variable, true)).collect::<Vec<_>>()))
}

/// The commands that a UPS takes.
pub(crate) fn commands(host: &impl Host, ups: &str) -> Result<String, Problem> {
    let device = device(host, ups)?;
    let commands = host.commands(&device.name).unwrap_or_default();
    let shown = commands.into_iter().map(|name| CommandDocument {
        description: host.describe_command(&name),
        danger: host.needs_confirmation(&name),
        name,
    });
    Ok(written(&shown.collect::<Vec<_>>()))
}

/// What small displays and scripts want to know.
pub(crate) fn simple(host: &impl Host) -> String {
    let upses = host.devices().into_iter().map(|device| {
        let variables = host.variables(&device.name).unwrap_or_default();
        let text = |name: &str| variables.iter().find(|it| it.name == name).map(|it| it.value.as_str());
        let number = |name| text(name)?.parse::<f64>().ok().filter(|number| number.is_finite());
        let status: Vec<String> =
            text("ups.status").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
        SimpleUps {
            availability: availability(&device),
            charge: number("battery.charge"),
            runtime: number("battery.runtime"),
            load: number("ups.load"),
            input_voltage: number("input.voltage"),
            on_battery: status.iter().any(|word| word == "OB"),
            low_battery: status.iter().any(|word| word == "LB"),
            age_s: age(&device),
            status,
            name: device.name,
        }
    });
    written(&Simple { upses: upses.collect() })
}

/// The UPS with this name, or the names that there are.
pub(crate) fn device(host: &impl Host, name: &str) -> Result<Device, Problem> {
    let devices = host.devices();
    let names: Vec<String> = devices.iter().map(|device| device.name.clone()).collect();
    devices
        .into_iter()
        .find(|device| device.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| Problem::not_found(format!("there is no UPS `{name}`; there is {}", names.join(", "))))
}

fn shown<'a>(
    host: &impl Host,
    device: &Device,
    variable: &'a Variable,
    is_named: bool,
) -> VariableDocument<'a> {
    let (name, value) = (variable.name.as_str(), variable.value.as_str());
    VariableDocument {
        name: is_named.then_some(name),
        description: is_named.then(|| host.describe_variable(name)),
        value,
        settable: variable.settable,
        kind: match variable.kind {
            Kind::Text => "text",
            Kind::Number => "number",
            Kind::Choice => "choice",
            Kind::Range => "range",
        },
        choices: match variable.kind {
            Kind::Choice => host.choices(&device.name, name),
            _ => Vec::new(),
        },
        ranges: match variable.kind {
            Kind::Range => host.ranges(&device.name, name),
            _ => Vec::new(),
        },
        longest: Some(variable.max_length).filter(|longest| *longest > 0),
    }
}

fn availability(device: &Device) -> &'static str {
    match device.availability {
        Availability::Waiting => "waiting",
        Availability::Live => "live",
        Availability::Stale => "stale",
        Availability::Disconnected => "disconnected",
    }
}

/// Seconds since it was heard; none when it never was.
fn age(device: &Device) -> Option<f64> {
    was_heard(device).then_some(device.age_ms as f64 / 1000.0)
}

fn heard_at(host: &impl Host, device: &Device) -> Option<String> {
    was_heard(device).then(|| time::shown(host.wall_ms().saturating_sub(device.age_ms)))
}

fn was_heard(device: &Device) -> bool {
    device.age_ms != u64::MAX
}

fn written(value: &impl Serialize) -> String {
    // Nothing here has a shape that JSON has not.
    serde_json::to_string(value).unwrap_or_default()
}
