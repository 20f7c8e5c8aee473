//! `opennmc get`: variables by their NUT names.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::connect::{Connect, split_ups};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::terminal::{Tone, clean};
use super::words;
use crate::control::protocol::Request;
use crate::control::report::{StatusReport, UpsReport, VariableReport};

#[derive(Debug, Args)]
pub(super) struct GetArguments {
    /// The UPS (may be left out when there is one), and variables by NUT name; without a variable, all
    #[arg(value_name = "[UPS] VARIABLE")]
    words: Vec<String>,

    /// The UPS, where its name could be taken for a variable's
    #[arg(long, short, value_name = "NAME")]
    ups: Option<String>,

    /// Only variables that can be set, with what they take
    #[arg(long)]
    settable: bool,

    #[command(flatten)]
    connect: Connect,
}

#[derive(Serialize)]
struct Document<'a> {
    ups: &'a str,
    availability: &'a str,
    heard_at: Option<&'a str>,
    age_s: Option<f64>,
    variables: BTreeMap<&'a str, &'a VariableReport>,
}

pub(super) fn get(arguments: &GetArguments, output: Output) -> Result<Exit, Failure> {
    let mut client = arguments.connect.open()?;
    let (ups, names) = split_ups(&client, arguments.ups.as_deref(), &arguments.words, usize::MAX)?;
    let report: StatusReport = client.ask(Request::Status { ups: Some(ups) })?;
    let Some(ups) = report.upses.first() else {
        return Err(Failure::new(Exit::NotFound, "the UPS is not configured any more"));
    };
    let mut wanted: BTreeMap<&str, &VariableReport> = BTreeMap::new();
    if names.is_empty() {
        wanted.extend(ups.variables.iter().map(|(name, variable)| (name.as_str(), variable)));
    }
    for name in names {
        let (name, variable) = ups
            .variables
            .get_key_value(name.as_str())
            .or_else(|| ups.variables.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)))
            .ok_or_else(|| unknown(ups, name))?;
        wanted.insert(name, variable);
    }
    wanted.retain(|_, variable| variable.settable || !arguments.settable);
    if output.json {
        output.document(&Document {
            ups: &ups.name,
            availability: &ups.availability,
            heard_at: ups.heard_at.as_deref(),
            age_s: ups.age_s,
            variables: wanted,
        })?;
    } else if let ([_], Some(only), false) = (names, wanted.values().next(), arguments.settable) {
        output.text(&format!("{}\n", clean(&only.value)))?;
    } else {
        output.text(&list(&wanted, arguments.settable, output))?;
    }
    if ups.is_live() {
        return Ok(Exit::Done);
    }
    let age = ups.age_s.map_or_else(String::new, |age| format!(", last heard {} ago", words::duration(age)));
    let message = format!("{} can't be reached{age}: what was printed is as old as that", ups.name);
    Err(Failure::new(Exit::Stale, message))
}

fn list(variables: &BTreeMap<&str, &VariableReport>, with_domain: bool, output: Output) -> String {
    let screen = output.screen();
    let mut out = String::new();
    for (name, variable) in variables {
        out.push_str(&format!("{}: {}", screen.paint(Tone::Bold, name), clean(&variable.value)));
        if with_domain {
            out.push_str(&screen.paint(Tone::Faint, &format!("  ({})", domain(variable))));
        }
        out.push('\n');
    }
    out
}

/// What a variable takes, in words.
fn domain(variable: &VariableReport) -> String {
    match variable.kind.as_str() {
        "choice" => format!("one of {}", variable.choices.join(", ")),
        "range" => {
            let ranges = variable.ranges.iter().map(|(least, most)| format!("{least} to {most}"));
            ranges.collect::<Vec<_>>().join(", or ")
        }
        "text" => match variable.longest {
            Some(longest) => format!("text of at most {longest} bytes"),
            None => "text".to_owned(),
        },
        kind => format!("a {kind}"),
    }
}

fn unknown(ups: &UpsReport, name: &str) -> Failure {
    let nearest = ups.variables.keys().min_by_key(|known| strsim::damerau_levenshtein(known, name));
    let hint = match nearest {
        Some(nearest) => format!("did you mean {nearest}? `opennmc get {}` lists all", ups.name),
        None => "nothing is known of it yet".to_owned(),
    };
    Failure::new(Exit::NotFound, format!("{} has no variable `{}`; {hint}", ups.name, clean(name)))
}
